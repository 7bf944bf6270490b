"""What ``customers.toml`` beside a table says of it; every key is optional.

::

    encoding = "latin-1"                          # of the table, if it is not UTF-8
    decimal = ","                                 # how numbers are written, if it is read wrong
    thousands = "."
    sheet = "Customers"                           # of an Excel file, if it is not the first
    id = "customer_no"                            # comes first in every output
    columns = ["age", "city", "spent"]            # to use; by default all that can be used
    target = "churned"                            # held out: it takes no part in the segments
    labels = {spent = "money spent per year"}     # what to call a column in texts
    roles = {branch = "category"}                 # where the inferred role is not the right one
    segments = 4                                  # how many; by default what the measures say
    min_segment = 0.02                            # the smallest share that is a segment
    weights = {spent = 2, age = 0.5}              # how much a column counts, others 1
    value = 60.0                                  # what a success is worth, in money
    cost = 5.0                                    # what it costs to contact a customer
"""

import itertools
import math
import os
import tomllib
from pathlib import Path

#: The keys, and the types of their values.
SETTINGS = {
    "encoding": str,
    "decimal": str,
    "thousands": str,
    "sheet": str | int,
    "id": str,
    "columns": list,
    "target": str,
    "labels": dict,
    "roles": dict,
    "segments": int,
    "min_segment": float,
    "weights": dict,
    "value": float,
    "cost": float,
}

DECIMALS = (".", ",")
THOUSANDS = (".", ",", " ", "'", "")


class TableError(ValueError):
    """A customer table cannot be used; the message names every cause, and the cure."""


def read_settings(path, settings=None):
    """Read what ``customers.toml`` beside a table says of it.

    Parameters
    ----------
    path : str or Path
        The table.
    settings : dict, optional
        The same keys; they come before those of the file. The environment variable ``SEGMENTS``
        comes between the two: ``make SEGMENTS=4``.

    Returns
    -------
    dict
        With some of the keys of `SETTINGS`.

    Raises
    ------
    TableError
        With every problem at once: the file is no TOML, or has a key that there is not or a value
        that it cannot have.
    """
    written = read_toml(Path(path).with_name("customers.toml"))
    if wanted := os.environ.get("SEGMENTS"):
        written["segments"] = int(wanted) if wanted.isdecimal() else wanted
    written |= settings or {}
    if problems := [*_problems(written)]:
        raise TableError(f"The settings of {Path(path).name}:\n- " + "\n- ".join(problems))
    return written


def read_toml(path):
    """Return what a file of settings says: nothing, if it is not there.

    Raises
    ------
    TableError
        If it is no TOML.
    """
    if not path.is_file():
        return {}
    try:
        # Windows' editor puts a byte order mark before the text.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise TableError(f"{path.name} is not written as TOML: {error}") from error


def _problems(written):
    for key in sorted(written.keys() - SETTINGS.keys()):
        yield f"no setting {key}; there are: {', '.join(SETTINGS)}"
    known = {key: value for key, value in written.items() if key in SETTINGS}
    wrong = {key for key, value in known.items() if not _is_a(value, SETTINGS[key])}
    for key in known.keys() & wrong:
        yield f"setting {key} is {known[key]!r}: give {_kind(SETTINGS[key])}"
    right = {key: value for key, value in known.items() if key not in wrong}
    texts = [
        right.get("columns", []),
        *(right.get(key, {}).values() for key in ("labels", "roles")),
    ]
    for text in itertools.chain.from_iterable(texts):
        if not isinstance(text, str):
            yield f"{text!r} is not the text that was expected"
    for name, weight in right.get("weights", {}).items():
        if not _is_a(weight, float) or not 0 < weight < math.inf:
            yield (
                f"weights give {name} {weight!r}: give a number above 0; what is not to count at "
                "all is left out of columns"
            )
    yield from _values_out_of_range(right)


def _is_a(value, kind):
    # Python takes True for a number; a whole number is a fraction too.
    return not isinstance(value, bool) and isinstance(value, kind | int if kind is float else kind)


def _kind(kind):
    names = {str: "a text", list: "a list", dict: "a table", int: "a whole number"}
    return names.get(kind, "a number" if kind is not (str | int) else "a text or a whole number")


def _values_out_of_range(right):
    ranges = {
        "decimal": lambda mark: mark in DECIMALS,
        "thousands": lambda mark: mark in THOUSANDS,
        "segments": lambda number: number >= 2,
        "min_segment": lambda share: 0 <= share < 0.5,
        "value": lambda money: 0 < money < math.inf,
        "cost": lambda money: 0 <= money < math.inf,
    }
    for key, is_in in ranges.items():
        if key in right and not is_in(right[key]):
            yield f"setting {key} is {right[key]!r}, which it cannot be"
    if right.get("decimal", ".") == right.get("thousands"):
        yield "settings decimal and thousands are the same mark"
