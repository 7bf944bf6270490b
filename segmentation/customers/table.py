"""Read a table as it is, whatever wrote it: separators, encodings, numbers, Parquet, Excel."""

import csv
import zipfile
import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from segmentation.customers.delimited import OLD_EXCEL, read_delimited, with_header
from segmentation.customers.numbers import CONVENTIONS, decide, examine, parse, to_numbers
from segmentation.customers.settings import TableError, read_settings

#: What the libraries raise where a file is damaged or none of its kind.
UNREADABLE = (
    *(pd.errors.ParserWarning, csv.Error, ValueError, OSError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)


def load_table(path, encoding=None, *, settings=None, conventions=None):
    """Read a customer table as it is, without checking its values.

    Parameters
    ----------
    path : str or Path
        ``.parquet``, ``.xlsx``, or delimited text with one header line, ``.csv``, ``.tsv`` or
        ``.csv.gz``. The separator is whichever of semicolon, comma, tab and bar splits the header
        into most fields.
    encoding : str, optional
        Of delimited text; by default what ``customers.toml`` beside it says, else UTF-8, else
        UTF-16 with a byte order mark, else Windows-1252.
    settings : dict, optional
        As for `read_settings`.
    conventions : dict of str to str, optional
        How the numbers of some columns are written (see `segmentation.customers.numbers`), None
        for a column that stays text; by default what ``customers.toml`` says, else what the
        values of the file say.

    Returns
    -------
    DataFrame of shape (n_customers, n_columns)
        Rows in the file's order, numbered from 0. An empty field is missing. Columns whose values
        are all numbers hold numbers, others text. ``attrs`` says how the file was read:
        ``encoding``, ``conventions`` of its columns, ``examples`` of those that Python would read
        otherwise, and those that had to be ``assumed``.

    Raises
    ------
    TableError
        If there is no such file, or if it cannot be read as a table.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path}: no such file. Give the path of a customer table.")
    settings = read_settings(path, settings)
    encoding = encoding or settings.get("encoding")
    try:
        if path.suffix.lower() == ".parquet":
            table, read = _with_index(pd.read_parquet(path)), {}
        elif path.suffix.lower() == ".xlsx":
            table, read = _read_excel(path, settings.get("sheet", 0))
        else:
            table, read = read_delimited(path, encoding)
    except UnicodeError as error:
        raise TableError(
            f"{path.name} is not {encoding or 'UTF-8'} ({error}). Save it as UTF-8, or name its "
            'encoding in customers.toml beside it, such as: encoding = "latin-1"'
        ) from error
    except LookupError as error:
        if isinstance(error, KeyError):
            raise TableError(f"{path.name} cannot be read as a table: no {error} in it") from error
        raise TableError(f"{path.name}: {error}. Give a name that Python knows.") from error
    except pd.errors.ParserError as error:
        raise TableError(
            f"{path.name} cannot be read as a table: {error}. Is there a title above the header, "
            "a value with a separator and no quotes, or a separator at the ends of lines?"
        ) from error
    except UNREADABLE as error:
        raise TableError(f"{path.name} cannot be read as a table: {error}") from error
    table = _with_clean_header(path, table.reset_index(drop=True))
    table = pd.DataFrame({name: _plain(table[name]) for name in table}, index=table.index)
    return _with_numbers(table, conventions, settings, {"path": str(path)} | read)


def _with_index(table):
    """Return a table whose index, where it has a name, is its first columns."""
    named = any(name is not None for name in table.index.names)
    named = named and not set(table.index.names) & set(table.columns)
    return table.reset_index(drop=not named)


def _read_excel(path, sheet):
    """Read cells as they are: a text of digits, such as a post code, stays a text."""
    with path.open("rb") as file:
        if file.read(8) == OLD_EXCEL:
            raise ValueError(
                "it is an old or a protected Excel file. Save it as .xlsx, unprotected."
            )
    sheet = pd.read_excel(
        path, sheet_name=sheet, header=None, dtype=object, keep_default_na=False, na_values=[""]
    )
    if not (filled := np.flatnonzero(sheet.notna().any(axis=1))).size:
        raise ValueError("the sheet is empty.")
    header = filled[0]
    return with_header(sheet.iloc[header:]).infer_objects(), {"first_row": int(header) + 2}


def _with_clean_header(path, table):
    table = table.set_axis([" ".join(str(name).split()) for name in table.columns], axis=1)
    table = table.loc[:, (table.columns != "") | table.notna().any().to_numpy()]
    if (n_unnamed := int((table.columns == "").sum())) > table.shape[1] / 2:
        raise TableError(
            f"{path.name}: {n_unnamed} of the columns have no name in the first line. Is it a "
            "title? Delete what stands above the header."
        )
    names = [name or f"column {i}" for i, name in enumerate(table.columns, 1)]
    table = table.set_axis(names, axis=1)
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise TableError(f"{path.name} has two columns {', '.join(twice)}. Name them apart.")
    return table


# --- Types --------------------------------------------------------------------------------------


def _plain(column):
    """Return a column as numbers, text, booleans, dates, or objects that are nothing of these."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return _plain(column.astype(kind.categories.dtype if column.notna().all() else object))
    if pd.api.types.is_timedelta64_dtype(kind):
        return column.dt.total_seconds()
    if isinstance(kind, np.dtype) and kind.kind != "O":
        return column
    if pd.api.types.is_bool_dtype(kind):
        return column.astype(object).where(column.notna(), None)
    if pd.api.types.is_numeric_dtype(kind):
        exact = column.notna().all() and pd.api.types.is_integer_dtype(kind)
        plain = kind.numpy_dtype if exact else float
        return pd.Series(column.to_numpy(plain, na_value=np.nan))
    given = column.dropna()
    if len(given) and all(isinstance(value, Decimal) for value in given):
        return pd.to_numeric(column.astype(float))
    return column


def is_nested(column):
    """Whether a column holds lists, records or bytes, which are neither numbers nor categories."""
    if column.dtype != object:
        return False
    nested = (list, tuple, dict, set, bytes, np.ndarray)
    return any(isinstance(value, nested) for value in column)


def convention_of(table, name):
    """Return how the numbers of a column of a table that was read are written; None if unsaid."""
    return table.attrs.get("conventions", {}).get(name)


def decide_conventions(evidence, settings=None, separator=","):
    """Decide how the numbers of each column of a file are written.

    Parameters
    ----------
    evidence : dict of str to Evidence
        What the values of each column say (`segmentation.customers.numbers.examine`).
    settings : dict, optional
        As `read_settings` gives them; ``decimal`` and ``thousands`` narrow the choice.
    separator : str, optional
        Of the file's fields.

    Returns
    -------
    dict of str to str
        The convention of each column of numbers.
    list of str
        The columns for which something had to be assumed.
    """
    decimal, thousands = (settings or {}).get("decimal"), (settings or {}).get("thousands")
    allowed = [
        convention
        for convention in CONVENTIONS
        if decimal in (None, convention[0]) and thousands in (None, convention[1:])
    ]
    marks = set()
    for written in evidence.values():
        convention, assumed = decide(written, (), separator, allowed)
        if convention and not assumed and written.says_marks:
            marks.add(convention[0])
    decided = {name: decide(some, marks, separator, allowed) for name, some in evidence.items()}
    conventions = {name: convention for name, (convention, _) in decided.items() if convention}
    return conventions, [name for name, (_, assumed) in decided.items() if assumed]


def examine_columns(table):
    """Return the texts of each column of a table, and what they say of how numbers are written.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    dict of str to Series of str
    dict of str to Evidence
        Of the columns that have texts.
    """
    texts = {name: _texts_of(table[name]) for name in table}
    return texts, {name: examine(column) for name, column in texts.items() if len(column)}


def _with_numbers(table, conventions, settings, read):
    """Return a table whose columns of numbers are numbers, and how they were written."""
    texts, evidence = examine_columns(table)
    decided, assumed = decide_conventions(evidence, settings, read.get("separator", ","))
    given = {name: conventions[name] for name in evidence if name in (conventions or ())}
    decided = {name: some for name, some in (decided | given).items() if some}
    examples = {}
    for name, convention in decided.items():
        if example := _example(texts[name], convention):
            examples[name] = example
        numbers = to_numbers(table[name], convention, sure=True)
        # Of so many digits, as numbers of accounts have, a double would lose some.
        exact = not texts[name].str.fullmatch(r"[-+]?\d{16,}").any()
        if exact and numbers.notna().sum() == table[name].notna().sum():
            table[name] = _whole(numbers)
    assumed = [name for name in assumed if name not in given]
    # What says nothing of marks leaves other files free.
    said = {
        name: some for name, some in decided.items() if name in given or evidence[name].says_marks
    }
    table.attrs = read | {"conventions": said, "assumed": assumed, "examples": examples}
    return table


def _example(texts, convention):
    """Show how a number is read that Python would read otherwise, or not at all."""
    some = list(texts.unique()[:1000])
    read = {
        text: number
        for text, number in zip(some, parse(some, convention), strict=True)
        if number == number and not _is_plain(text, number)
    }
    text = max(read, key=len, default=None)
    return text and f"{text} read as {read[text]:.15g}"


def _is_plain(text, number):
    return pd.to_numeric(text, errors="coerce") == number


def _texts_of(column):
    """Return those values of a column that are text."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.dropna()
    if column.dtype != object or is_nested(column):
        return column.head(0)
    return column[[isinstance(value, str) for value in column]].astype("str")


def _whole(numbers):
    """Return numbers as integers if they all are, and none is missing."""
    whole = len(numbers) and np.isfinite(numbers).all() and (numbers % 1 == 0).all()
    return numbers.astype("int64") if whole else numbers
