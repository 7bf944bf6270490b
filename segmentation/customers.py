"""A customer table in: find it, download it, check it, say where it is from.

The order in which a table is looked for, the first that is there:

1. the path given, or the environment variable ``CUSTOMERS``;
2. ``data/train.csv``;
3. the Bank Marketing table from the UCI repository, stored as ``data/train.csv``;
4. with no network, ``data/sample.csv``: synthetic customers, and every reader is told so.
"""

import csv
import hashlib
import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parent.parent / "data"
BANK_MARKETING = DATA / "train.csv"
SAMPLE = DATA / "sample.csv"

#: The columns that the source articles use, in their order.
BANK_COLUMNS = ("age", "job", "marital", "education", "default", "balance", "housing", "loan")

#: Moro, Rita and Cortez (2014), doi:10.24432/C5K306: a zip in which a zip holds the table.
UCI_URL = "https://archive.ics.uci.edu/static/public/222/bank+marketing.zip"
BANK_MARKETING_SHA256 = "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d"

#: Seconds without an answer after which there is no network to speak of.
TIMEOUT = 15

SEPARATORS = ";,\t|"

#: With fewer, the largest number of clusters tried leaves under ten customers in each.
MIN_ROWS = 100


class TableError(ValueError):
    """A customer table cannot be used; the message names every cause, and the cure."""


class DownloadError(RuntimeError):
    """A download broke off or is damaged; nothing of it was kept."""


def find_table(path=None):
    """Find the customer table; download the public one if there is none.

    Parameters
    ----------
    path : str or Path, optional
        A table of one's own. By default the environment variable ``CUSTOMERS``, then
        ``data/train.csv``, then the download, then the synthetic sample.

    Returns
    -------
    Path
        A file that exists.

    Raises
    ------
    TableError
        If the table named by `path` or ``CUSTOMERS`` is not there.
    DownloadError
        If the download broke off or is not the file it should be.
    """
    named = path or os.environ.get("CUSTOMERS")
    if named:
        if not Path(named).is_file():
            raise TableError(f"{named}: no such file. Give the path of a customer table.")
        return Path(named)
    if not BANK_MARKETING.exists():
        try:
            download_bank_marketing(BANK_MARKETING)
        except ConnectionError:
            return SAMPLE
    return BANK_MARKETING


def download_bank_marketing(target):
    """Download the Bank Marketing table, check its SHA-256 and store it.

    Parameters
    ----------
    target : Path
        Written beside and renamed, so that it is either whole or not there.

    Raises
    ------
    ConnectionError
        If the server is out of reach or has no such file.
    DownloadError
        If the download broke off, or what came is not the table.
    """
    with tempfile.TemporaryDirectory() as folder:
        content = _unpack(_fetch(folder))
    if hashlib.sha256(content).hexdigest() != BANK_MARKETING_SHA256:
        raise DownloadError(
            f"The table from {UCI_URL} has another SHA-256 than the published one, so it was "
            f"thrown away. Put your copy of bank-full.csv in {target}, or set CUSTOMERS."
        )
    beside = target.with_name(target.name + ".part")
    beside.write_bytes(content)
    os.replace(beside, target)


def _fetch(folder):
    """Download the archive into a folder and return its path."""
    # Imported here: with a table at hand, nothing of this is needed.
    import pooch
    import requests

    try:
        # Tells "no network" from "broke off": requests reports both as a ConnectionError.
        with requests.get(UCI_URL, stream=True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
    except requests.RequestException as error:
        raise ConnectionError(f"{UCI_URL} cannot be reached: {error}") from error
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT)
    try:
        return pooch.retrieve(
            UCI_URL, known_hash=None, fname="bank.zip", path=folder, downloader=downloader
        )
    except requests.RequestException as error:
        raise DownloadError(
            f"The download from {UCI_URL} broke off ({type(error).__name__}); nothing was kept. "
            "Run it again, or go on without it with CUSTOMERS=data/sample.csv."
        ) from error


def _unpack(archive):
    """Return the bytes of bank-full.csv, which lies in a zip in a zip."""
    try:
        with zipfile.ZipFile(archive) as outer:
            inner = io.BytesIO(outer.read("bank.zip"))
        with zipfile.ZipFile(inner) as bank:
            return bank.read("bank-full.csv")
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(
            f"What came from {UCI_URL} is damaged ({error}); nothing was kept. Run it again."
        ) from error


def is_bank_marketing(path):
    """Whether a file is the published Bank Marketing table, by its SHA-256."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() == BANK_MARKETING_SHA256


def is_sample(path):
    """Whether a file is the synthetic sample of this repository."""
    return Path(path).resolve() == SAMPLE


def describe_source(path):
    """Say in one Markdown paragraph which table this is, as every notebook shows it.

    Parameters
    ----------
    path : Path
        The table, as `find_table` returned it.

    Returns
    -------
    str
    """
    path = Path(path)
    if is_sample(path):
        return (
            "> **This is a synthetic sample.** No Bank Marketing table was at hand, so the "
            f"customers come from `data/{path.name}`: drawn from models of the real table, no "
            "person in it exists, and its numbers are not the published ones. With a network, "
            "`make` fetches the real table; `make CUSTOMERS=path.csv` takes yours."
        )
    if is_bank_marketing(path):
        return (
            "The customers are those of the **Bank Marketing** table (Moro, Rita and Cortez 2014, "
            "[doi:10.24432/C5K306](https://doi.org/10.24432/C5K306), CC BY 4.0), checked by its "
            "SHA-256."
        )
    return f"The customers are those of `{path.name}`."


def load_table(path):
    """Read a customer table as it is, without checking its values.

    Parameters
    ----------
    path : str or Path
        As for `read_table`.

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
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
        separator = max(SEPARATORS, key=lambda s: len(next(csv.reader([header], delimiter=s), [])))
        # Text such as "None" or "NA" is a category until an empty field says otherwise.
        return pd.read_csv(
            path,
            sep=separator,
            encoding="utf-8-sig",
            index_col=False,
            keep_default_na=False,
            na_values=["", "NaN", "nan"],
        )
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name} is not UTF-8 ({error.reason}). Save it as UTF-8.") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise TableError(f"{path.name} cannot be read as a table: {error}") from error


def read_table(path, columns=None):
    """Read a customer table and check it, before any long work starts.

    Parameters
    ----------
    path : str or Path
        A delimited text file in UTF-8 with one header line. The separator is whichever of
        semicolon, comma, tab and bar splits the header into most fields.
    columns : sequence of str, optional
        The columns to keep, in this order; by default all. Only these are checked.

    Returns
    -------
    DataFrame of shape (n_customers, n_columns)
        Rows in the file's order, numbered from 0. A column of text is a column of categories.

    Raises
    ------
    TableError
        With every problem of the table at once: a column that is missing, empty or constant;
        missing, infinite or ill-written numbers, with the line of the first; too few rows.
    """
    table = load_table(path)
    columns = list(table.columns if columns is None else columns)
    problems = list(_problems(table, columns))
    if problems:
        raise TableError(f"{Path(path).name} cannot be used:\n- " + "\n- ".join(problems))
    return table[columns]


def _problems(table, columns):
    """Yield a sentence for each thing that is wrong with the columns of a table."""
    absent = [name for name in columns if name not in table]
    if absent:
        found = ", ".join(map(str, table.columns))
        hint = " Is the separator one of ; , tab |?" if table.shape[1] == 1 else ""
        yield f"no column {', '.join(absent)}; the header has: {found}.{hint}"
    if len(table) < MIN_ROWS:
        yield f"{len(table)} rows; at least {MIN_ROWS} are needed for segments to mean anything."
        return
    for name in columns:
        if name in table:
            yield from _column_problems(name, table[name])


def _column_problems(name, column):
    missing = column.isna()
    if missing.all():
        yield f"column {name} is empty: leave it out."
        return
    if missing.any():
        yield (
            f"column {name}: {missing.sum()} missing, the first in line {_line(missing)}: "
            "fill them or drop the rows."
        )
    if column.nunique() == 1:
        yield f"column {name} is constant ({column.dropna().iloc[0]}): leave it out."
    if pd.api.types.is_numeric_dtype(column):
        infinite = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
        if infinite.any():
            yield f"column {name}: infinite in line {_line(infinite)}: replace it."
    else:
        text = column[~missing]
        not_number = pd.to_numeric(text, errors="coerce").isna()
        # Mostly numbers is a column of numbers with slips, not one of categories.
        if not_number.mean() < 0.5:
            first = not_number.idxmax()
            yield (
                f"column {name}: {not_number.sum()} of its numbers are not written as numbers, "
                f"the first in line {first + 2} ({text[first]!r}): correct them."
            )


def _line(mask):
    """Return the line of a file, header included, in which a mask first holds."""
    return int(np.argmax(mask)) + 2
