"""Read a table as it is, whatever wrote it."""

import codecs
import csv
import warnings
from pathlib import Path

import pandas as pd

from segmentation.customers.settings import TableError, read_settings

SEPARATORS = ";,\t|"


def load_table(path, encoding=None):
    """Read a customer table as it is, without checking its values.

    Parameters
    ----------
    path : str or Path
        A ``.parquet`` file, or delimited text with one header line. The separator is whichever
        of semicolon, comma, tab and bar splits the header into most fields.
    encoding : str, optional
        Of delimited text; by default what ``customers.toml`` beside it says, else UTF-8. A byte
        order mark is no matter.

    Returns
    -------
    DataFrame of shape (n_customers, n_columns)
        Rows in the file's order, numbered from 0. An empty field is missing.

    Raises
    ------
    TableError
        If there is no such file, or if it cannot be read as a table.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"{path}: no such file. Give the path of a customer table.")
    encoding = encoding or read_settings(path).get("encoding", "UTF-8")
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = _read_delimited(path, "utf-8-sig" if _is_utf8(encoding) else encoding)
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path.name} is not {encoding} ({error.reason}). Save it as UTF-8, or name its "
            f'encoding in customers.toml beside it, such as: encoding = "latin-1"'
        ) from error
    except LookupError as error:
        raise TableError(f"{path.name}: {error}. Give a name that Python knows.") from error
    except (pd.errors.ParserWarning, csv.Error, ValueError, OSError) as error:
        raise TableError(f"{path.name} cannot be read as a table: {error}") from error
    return table.reset_index(drop=True).rename(columns=str)


def _is_utf8(encoding):
    return codecs.lookup(encoding).name == "utf-8"


def _read_delimited(path, encoding):
    with path.open(encoding=encoding, newline="") as lines:
        header = lines.readline()
    separator = max(SEPARATORS, key=lambda s: len(next(csv.reader([header], delimiter=s), [])))
    with warnings.catch_warnings():
        # Fields beyond those of the header would be lost.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # Text such as "None" or "NA" is a category until an empty field says otherwise. In one
        # piece: else a column may be of numbers in one part of the file and of text in another.
        return pd.read_csv(
            path,
            sep=separator,
            encoding=encoding,
            index_col=False,
            keep_default_na=False,
            na_values=["", "NaN", "nan"],
            low_memory=False,
        )
