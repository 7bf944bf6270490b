"""What ``customers.toml`` beside a table says of it; every key is optional.

::

    encoding = "latin-1"                          # of the table, if it is not UTF-8
    columns = ["age", "city", "spent"]            # to use; by default all that can be used
    target = "churned"                            # held out: it takes no part in the segments
    labels = {spent = "money spent per year"}     # what to call a column in texts
    roles = {branch = "category"}                 # where the inferred role is not the right one
"""

import itertools
import tomllib
from pathlib import Path

#: What ``customers.toml`` may say.
SETTINGS = {"encoding": str, "columns": list, "target": str, "labels": dict, "roles": dict}


class TableError(ValueError):
    """A customer table cannot be used; the message names every cause, and the cure."""


def read_settings(path, settings=None):
    """Read what ``customers.toml`` beside a table says of it.

    Parameters
    ----------
    path : str or Path
        The table.
    settings : dict, optional
        The same keys; they come before those of the file.

    Returns
    -------
    dict
        With some of the keys encoding, columns, target, labels and roles.

    Raises
    ------
    TableError
        If the file is no TOML, or has a key that there is not or a value of another type.
    """
    file = Path(path).with_name("customers.toml")
    written = {}
    if file.is_file():
        try:
            # Windows' editor puts a byte order mark before the text.
            written = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise TableError(f"{file.name} is not written as TOML: {error}") from error
    written |= settings or {}
    unknown = written.keys() - SETTINGS.keys()
    problems = [f"no setting {key}; there are: {', '.join(SETTINGS)}" for key in sorted(unknown)]
    problems += [
        f"setting {key} is {written[key]!r}: give a {kind.__name__}"
        for key, kind in SETTINGS.items()
        if key in written and not isinstance(written[key], kind)
    ]
    if not problems:
        texts = [written.get("columns", []), written.get("labels", {}).values()]
        texts.append(written.get("roles", {}).values())
        problems = [
            f"{text!r} is not the text that was expected"
            for text in itertools.chain.from_iterable(texts)
            if not isinstance(text, str)
        ]
    if problems:
        raise TableError(f"The settings of {Path(path).name}:\n- " + "\n- ".join(problems))
    return written
