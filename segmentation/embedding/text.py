"""Each row of a table as one line of text."""

import math
import numbers

import numpy as np
import pandas as pd

#: The source article's fields, in its order.
BANK_FIELDS = {
    "age": "Age",
    "housing": "Housing loan",
    "job": "Job",
    "marital": "Marital",
    "education": "Education",
    "default": "Default",
    "balance": "Balance",
    "loan": "Personal loan",
}
MISSING = "not given"


class EmbeddingError(ValueError):
    """An embedding cannot be made or used; the message names the cause, and the cure."""


def rows_to_text(frame, columns=None):
    """Write every row of a table as one line of text.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    columns : sequence of str, optional
        The columns to write, in this order. By default the article's eight if the table has
        them, else all.

    Returns
    -------
    list of str
        For the article's columns its fields in its order ("Age: 58, Housing loan: yes, ..."),
        for others ``column: value``. A number has one form whatever its dtype: 58 and 58.0 are
        "58", a fraction is its shortest decimal form. White space inside a value becomes one
        space, a missing value "not given".
    """
    columns = choose_columns(frame, columns)
    fields = [f"{_label(name, columns)}: " + _column_to_text(frame[name]) for name in columns]
    return [", ".join(row) for row in zip(*fields, strict=True)]


def choose_columns(frame, columns=None):
    """Return the columns to write, as `rows_to_text` takes them.

    Raises
    ------
    EmbeddingError
        If a column is not there, or if the table has but one and it is not named.
    """
    names = list(frame.columns)
    if columns is None:
        if len(names) == 1:
            raise EmbeddingError(
                f"the table has one column, {names[0]}. Is its separator one of ; , tab |? If the "
                "column is meant, name it as the columns to embed."
            )
        columns = BANK_FIELDS if set(BANK_FIELDS) <= set(names) else names
    absent = [name for name in columns if name not in names]
    if absent:
        raise EmbeddingError(
            f"no column {', '.join(absent)}; the table has: {', '.join(map(str, names))}."
        )
    return list(BANK_FIELDS if set(columns) == set(BANK_FIELDS) else columns)


def text_template(columns):
    """Show the line that `rows_to_text` writes, with a name in braces for each value."""
    return ", ".join(f"{_label(name, columns)}: {{{name}}}" for name in columns)


def _label(name, columns):
    return BANK_FIELDS[name] if list(columns) == list(BANK_FIELDS) else _one_line(name)


def _column_to_text(column):
    """Return an array of str objects, formatting each distinct value once."""
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    words = [_value_to_text(value) for value in distinct]
    # The code of a missing value is -1, the last word.
    return np.array([*words, MISSING], dtype=object)[codes]


def _value_to_text(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        value = float(str(value))  # Through str: float32 0.1 is 0.1, not 0.10000000149011612.
        # Beyond 2 ** 63 no integer column could hold it.
        whole = math.isfinite(value) and value.is_integer() and abs(value) < 2**63
        return str(int(value)) if whole else repr(value)
    return _one_line(value) or MISSING


def _one_line(value):
    return " ".join(str(value).split())
