"""A customer table in: find it, download it, check it, find the roles of its columns, clean it.

The order in which a table is looked for, the first that is there:

1. the path given, or the environment variable ``CUSTOMERS``;
2. ``data/train.csv``;
3. the Bank Marketing table from the UCI repository, stored as ``data/train.csv``;
4. with no network, ``data/sample.csv``: synthetic customers, and every reader is told so.

A file ``customers.toml`` beside a table may say what cannot be inferred from it; every key is
optional::

    encoding = "latin-1"                          # of the table, if it is not UTF-8
    columns = ["age", "city", "spent"]            # to use; by default all that can be used
    target = "churned"                            # held out: it takes no part in the segments
    labels = {spent = "money spent per year"}     # what to call a column in texts
    roles = {branch = "category"}                 # where the inferred role is not the right one
"""

import codecs
import csv
import hashlib
import io
import os
import re
import tempfile
import tomllib
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

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

#: What the bank's columns mean where their names do not say it.
BANK_LABELS = {"default": "credit default", "housing": "housing loan", "loan": "personal loan"}

#: Seconds without an answer after which there is no network to speak of.
TIMEOUT = 15

SEPARATORS = ";,\t|"

#: With fewer, the largest number of clusters tried leaves under ten customers in each.
MIN_ROWS = 100
#: With fewer usable columns there is no picture in three dimensions, and little to segment by.
MIN_COLUMNS = 3
#: With fewer distinct customers, clusters are a list of them.
MIN_DISTINCT = 50

#: A column of more categories keeps the most frequent ones; the rest is one category, OTHER.
MAX_CATEGORIES = 20
OTHER = "other"
#: The category of a missing value.
NOT_GIVEN = "not given"
#: A column of numbers of which more is missing would mostly be what was filled in.
MAX_MISSING = 0.5

#: What stands for a missing value in a column that otherwise holds numbers.
MISSING_WORDS = {"na", "n/a", "null", "none", "missing", "unknown", "-", "?", "."}
YES_NO = {"yes": "no", "y": "n", "true": "false", "t": "f", "1": "0"}
#: Last words of the name of a column that numbers customers.
ID_WORDS = {"id", "key", "uuid", "guid", "nr", "number", "index"}
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}([./-])\d{1,2}\2\d{2,4}( .*)?")

#: The roles that a column may have, and what is done with it.
TREATMENTS = {
    "number": "used",
    "category": "used",
    "yes/no": "used, as yes and no",
    "target": "held out",
    "identifier": "left out",
    "constant": "left out",
    "date": "left out",
    "free text": "left out",
    "not used": "left out",
}
#: What ``customers.toml`` may say.
SETTINGS = {"encoding": str, "columns": list, "target": str, "labels": dict, "roles": dict}

#: Beyond, squares and powers of a number overflow.
LARGEST = 1e100


class TableError(ValueError):
    """A customer table cannot be used; the message names every cause, and the cure."""


class DownloadError(RuntimeError):
    """A download broke off or is damaged; nothing of it was kept."""


class NotApplicable(Exception):  # noqa: N818, it is no error
    """A notebook's method makes no sense for a table; its verdict says so, and it ends there."""

    def _render_traceback_(self):
        """Tell IPython what to show of it: nothing."""
        return []


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


def read_table(path, columns=None):
    """Read a customer table and check it, before any long work starts.

    Parameters
    ----------
    path : str or Path
        As for `load_table`.
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
            f"column {name}: {missing.sum()} missing, in {_lines(missing)}: "
            "fill them or drop the rows."
        )
    if column.nunique() == 1:
        yield f"column {name} is constant ({column.dropna().iloc[0]}): leave it out."
    if _numbers(column) is not None:
        yield from _value_problems(name, column)


def _lines(mask):
    """Name the lines of a file, header included, in which a mask holds: the first five."""
    lines = np.flatnonzero(mask) + 2
    named = ", ".join(map(str, lines[:5])) + (
        f" and {len(lines) - 5:,} more" if lines[5:].size else ""
    )
    return f"line{'s' if len(lines) > 1 else ''} {named}"


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
        If the file is no TOML, or has a key or a role that there is not.
    """
    file = Path(path).with_name("customers.toml")
    found = {}
    if file.is_file():
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TableError(f"{file.name} is not written as TOML: {error}") from error
    found |= settings or {}
    unknown = found.keys() - SETTINGS.keys()
    problems = [f"no setting {key}; there are: {', '.join(SETTINGS)}" for key in sorted(unknown)]
    problems += [
        f"setting {key} is {found[key]!r}: give a {kind.__name__}"
        for key, kind in SETTINGS.items()
        if key in found and not isinstance(found[key], kind)
    ]
    if not problems:
        problems = [
            f"column {name} has no role {role}; there are: {', '.join(TREATMENTS)}"
            for name, role in found.get("roles", {}).items()
            if str(role) not in TREATMENTS
        ]
        texts = [*found.get("columns", []), *found.get("labels", {}).values()]
        problems += [
            f"{text!r} is not the text that was expected"
            for text in texts
            if not isinstance(text, str)
        ]
    if problems:
        raise TableError(f"The settings of {Path(path).name}:\n- " + "\n- ".join(problems))
    return found


class Customers(NamedTuple):
    """A table that is ready to be segmented.

    `table` (n_customers, n_columns) holds numbers, and categories as text, none missing; `raw` is
    the table as it was read; `target` is the column held out, or None; `roles` says of every
    column of the file what it is and what was done with it; `schema` is what `clean` needs to
    treat other customers alike; `labels` is what to call columns in texts.
    """

    table: pd.DataFrame
    raw: pd.DataFrame
    target: pd.Series | None
    roles: pd.DataFrame
    schema: list
    labels: dict


def load_customers(path, settings=None):
    """Read any customer table, find the roles of its columns, and clean it.

    Of a table with the columns of the Bank Marketing study, those eight are used and ``y`` is
    held out, unless the settings say otherwise.

    Parameters
    ----------
    path : str or Path
        As for `load_table`.
    settings : dict, optional
        As for `read_settings`.

    Returns
    -------
    Customers
        One row per row of the file, in its order.

    Raises
    ------
    TableError
        With every problem of the table at once, before any long work.
    """
    path = Path(path)
    settings = read_settings(path, settings)
    table = load_table(path, settings.get("encoding"))
    if set(BANK_COLUMNS) <= set(table.columns):
        defaults = {"columns": list(BANK_COLUMNS), "labels": BANK_LABELS}
        settings = defaults | ({"target": "y"} if "y" in table else {}) | settings
    roles = infer_roles(table, settings)
    named = dict.fromkeys(settings.get("columns", table.columns))
    used = [name for name in named if _is_used(roles, name)]
    problems = [*_named_problems(table, settings), *_size_problems(table, used)]
    for name in used:
        if roles["role"][name] == "number":
            problems += _value_problems(name, table[name])
    if problems:
        raise TableError(f"{path.name} cannot be used:\n- " + "\n- ".join(problems))
    schema = [_learn(name, table[name], roles["role"][name]) for name in used]
    for column in schema:
        roles.loc[column["name"], "treatment"] = _treatment(column, table[column["name"]])
    cleaned, _ = clean(table, schema)
    if (distinct := len(cleaned.drop_duplicates())) < MIN_DISTINCT:
        raise TableError(
            f"{path.name} cannot be used:\n- {distinct} distinct customers in the columns "
            f"{', '.join(used)}; at least {MIN_DISTINCT} are needed for segments to mean anything."
        )
    target = next((table[name] for name in roles.index[roles["role"] == "target"]), None)
    return Customers(cleaned, table, target, roles, schema, settings.get("labels", {}))


def infer_roles(table, settings=None):
    """Find what each column of a table is, from its values and its name.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
    settings : dict, optional
        As `read_settings` returns them: columns to use, the target, and roles, which come before
        what is inferred.

    Returns
    -------
    DataFrame, indexed by column, in the order of the table
        ``role`` is one of `TREATMENTS`, ``why`` says how it is known, ``treatment`` what is done.
    """
    settings = settings or {}
    columns = settings.get("columns", table.columns)
    target = settings.get("target", next((c for c in ("y", "target") if c in table), None))
    found = {}
    for name in table.columns:
        if name in settings.get("roles", {}):
            found[name] = settings["roles"][name], "set"
        elif name == target:
            found[name] = "target", "set" if "target" in settings else "its name"
        elif name not in columns:
            found[name] = "not used", "not among the columns to use"
        else:
            found[name] = _infer_role(name, table[name])
    roles = pd.DataFrame.from_dict(found, orient="index", columns=["role", "why"])
    roles["treatment"] = roles["role"].map(TREATMENTS)
    return roles.rename_axis("column")


def describe_roles(found):
    """Say in Markdown what was left out, filled in or grouped, a sentence each.

    Parameters
    ----------
    found : Customers

    Returns
    -------
    str
    """
    lines = []
    for name, (role, why, treatment) in found.roles.iterrows():
        if treatment == "held out":
            lines.append(f"`{name}` is the target and held out: it takes no part in the segments.")
        elif role in ("identifier", "constant", "date", "free text"):
            lines.append(f"`{name}` is left out: {role} ({why}).")
        elif "; " in treatment:
            lines.append(f"`{name}`: {treatment.partition('; ')[2]}.")
    passed = [f"`{name}`" for name in found.roles.index[found.roles["role"] == "not used"]]
    if passed:
        lines.append(f"Not used: {', '.join(passed)}.")
    return "\n".join(f"- {line}" for line in lines)


def _is_used(roles, name):
    return name in roles.index and TREATMENTS[roles["role"][name]].startswith("used")


def _infer_role(name, column):
    """Return a role and the reason for it."""
    numbers = _numbers(column)
    given = (_texts(column) if numbers is None else numbers).dropna()
    distinct = given.unique()
    # Of text, one value and nothing are two categories, such as a cross and no cross.
    if len(distinct) < 2 and (numbers is not None or len(given) in (0, len(column))):
        return "constant", "one value" if len(distinct) else "empty"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date", "its type"
    words = set(_texts(pd.Series(distinct[:9])).str.lower())
    if any(words == {yes, no} for yes, no in YES_NO.items()):
        return "yes/no", f"only {' and '.join(sorted(words))}"
    if numbers is not None:
        if (missing := numbers.isna().mean()) > MAX_MISSING:
            return "not used", f"{missing:.0%} missing"
        if _counts_customers(name, numbers):
            return "identifier", "another whole number for every customer"
        return "number", "numbers"
    if np.mean([DATE.fullmatch(text) is not None for text in distinct]) > 0.95:
        return "date", f"such as {distinct[0]}"
    if len(distinct) > max(MAX_CATEGORIES, len(given) / 2):
        if np.mean([len(text.split()) for text in distinct]) >= 4:
            return "free text", f"{len(distinct):,} distinct texts"
        return "identifier", f"{len(distinct):,} distinct values of {len(given):,}"
    return "category", f"{len(distinct):,} categories"


def _counts_customers(name, numbers):
    """Whether whole numbers, all distinct, follow each other or are called an id."""
    if not np.isfinite(numbers).all() or (numbers % 1 != 0).any() or not numbers.is_unique:
        return False
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
    in_a_row = numbers.max() - numbers.min() + 1 == len(numbers)
    return in_a_row or bool(words and words[-1].lower() in ID_WORDS)


def _numbers(column, sure=False):
    """Return a column as numbers, missing where there is none; None if it holds something else.

    A column of which more than half are numbers is a column of numbers with slips; so is any
    that is surely to be one.
    """
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind):
        return pd.Series(np.nan, index=column.index) if sure else None
    if isinstance(kind, np.dtype) and kind.kind in "iuf":
        # Beyond, neighbouring integers are one double.
        exact = kind.kind == "f" or len(column) == 0 or np.abs(column.astype(float)).max() < 2**53
        return column if exact else column.astype(float)
    codes, distinct = pd.factorize(column)
    if len(distinct) == 0 and not sure:
        return None
    numbers = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce").astype(float)
    is_text = np.bincount(codes[codes >= 0], minlength=len(distinct)) * ~_says_missing(distinct)
    mostly = is_text[numbers.notna()].sum() > is_text.sum() / 2
    if not mostly and not sure:
        return None
    return pd.Series(np.append(numbers, np.nan)[codes], index=column.index)


def _says_missing(values):
    return np.array([str(value).strip().lower() in MISSING_WORDS for value in values], dtype=bool)


def _texts(column):
    """Return a column as text, without white space around it; an empty text is missing."""
    codes, distinct = pd.factorize(column)
    # A whole number has one form, whether some of its column are missing or not.
    words = [
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in distinct
    ]
    texts = np.array([*words, ""], dtype=object)[codes]
    return pd.Series(texts, index=column.index, dtype="str").replace("", np.nan)


def _named_problems(table, settings):
    """Yield a sentence for each column that the settings name and the table has not."""
    named = [*settings.get("columns", []), *settings.get("roles", {}), *settings.get("labels", {})]
    named += [settings["target"]] if "target" in settings else []
    absent = [name for name in dict.fromkeys(named) if name not in table]
    if absent:
        yield f"no column {', '.join(absent)}; the header has: {', '.join(table.columns)}."
    titles = pd.Series([settings.get("labels", {}).get(name, name) for name in table.columns])
    if titles.duplicated().any():
        yield f"labels give two columns the name {titles[titles.duplicated()].iloc[0]}."


def _size_problems(table, used):
    if len(table) < MIN_ROWS:
        yield f"{len(table)} rows; at least {MIN_ROWS} are needed for segments to mean anything."
    if len(used) < MIN_COLUMNS:
        hint = " Is the separator one of ; , tab |?" if table.shape[1] == 1 else ""
        yield (
            f"{len(used)} columns can be used ({', '.join(used)}), of {table.shape[1]} in the "
            f"table; at least {MIN_COLUMNS} are needed.{hint}"
        )


def _value_problems(name, column):
    """Yield a sentence for each kind of value that a column of numbers cannot hold."""
    numbers = _numbers(column, sure=True)
    infinite = np.abs(numbers) > LARGEST
    if infinite.any():
        yield f"column {name}: infinite or beyond {LARGEST:g} in {_lines(infinite)}: correct it."
    slips = column.notna() & numbers.isna()
    slips[slips] = ~_says_missing(column[slips])
    if slips.any():
        yield (
            f"column {name}: {slips.sum()} of its numbers are not written as numbers, in "
            f"{_lines(slips)} ({column[slips].iloc[0]!r}): correct them."
        )


def _learn(name, column, role):
    """Return what `clean` has to know of a column, in values that JSON can hold."""
    if role == "number":
        return {"name": name, "role": role, "fill": float(_numbers(column, sure=True).median())}
    texts = _categories(column, role)
    counts = texts.value_counts()
    # By frequency, ties by alphabet, whatever the order of the rows.
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    categories = list(counts.index)
    if len(categories) > MAX_CATEGORIES:
        kept = [category for category in categories if category != OTHER][: MAX_CATEGORIES - 1]
        categories = [*kept, OTHER]
    fill = NOT_GIVEN if texts.isna().any() else categories[0]
    categories = sorted({*categories, fill})
    return {"name": name, "role": role, "fill": fill, "categories": categories}


def _categories(column, role):
    if role != "yes/no":
        return _texts(column)
    return (
        _texts(column)
        .str.lower()
        .map(dict.fromkeys(YES_NO, "yes") | dict.fromkeys(YES_NO.values(), "no"))
    )


def _treatment(column, values):
    """Say in words what `clean` does with a column."""
    done = TREATMENTS[column["role"]]
    if column["role"] == "number":
        n_missing = int(_numbers(values, sure=True).isna().sum())
        return done + (
            f"; {n_missing:,} missing, taken as the median, {column['fill']:g}" if n_missing else ""
        )
    texts = _categories(values, column["role"])
    grouped = texts.nunique() - len(set(column["categories"]) & set(texts.unique()))
    if grouped:
        done += f"; more than {MAX_CATEGORIES} categories: the {grouped:,} rarest are one, {OTHER}"
    if texts.isna().any():
        done += f"; {texts.isna().sum():,} missing: a category of their own, {NOT_GIVEN}"
    return done


def clean(table, schema):
    """Treat a table as the one that a schema comes from.

    A missing number becomes the median of the table that the schema comes from. A missing
    category becomes "not given" if one was missing there, else the most frequent one. A category
    that was not there becomes "other" if some were grouped there, else it is as if missing. A
    missing column is a column of missing values; other columns are passed over.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
    schema : list of dict
        As in `Customers`.

    Returns
    -------
    DataFrame of shape (n_customers, len(schema))
    ndarray of int, shape (n_customers,)
        How many values of each row had to be guessed: missing numbers, and categories that are
        missing or new where the schema has no category for that.

    Raises
    ------
    TableError
        If no column of the schema is there, or if numbers are infinite or not numbers.
    """
    if not any(column["name"] in table for column in schema):
        names = ", ".join(column["name"] for column in schema)
        raise TableError(f"none of the columns is there that are needed: {names}.")
    problems, cleaned = [], {}
    unknown = np.zeros(len(table), dtype=int)
    for column in schema:
        name = column["name"]
        values = table[name] if name in table else pd.Series(np.nan, index=table.index)
        if column["role"] == "number":
            problems += _value_problems(name, values)
            numbers = _numbers(values, sure=True)
            cleaned[name] = numbers.fillna(column["fill"]) if numbers.isna().any() else numbers
            unknown += numbers.isna().to_numpy()
        else:
            known = column["categories"]
            texts = _categories(values, column["role"])
            rest = OTHER if OTHER in known else column["fill"]
            filled = texts.where(texts.isin(known) | texts.isna(), rest).fillna(column["fill"])
            cleaned[name] = filled.astype("str")
            lost = texts.isna() & (column["fill"] != NOT_GIVEN)
            unknown += (lost | (texts.notna() & ~texts.isin(known) & (rest != OTHER))).to_numpy()
    if problems:
        raise TableError("the table cannot be used:\n- " + "\n- ".join(problems))
    return pd.DataFrame(cleaned, index=table.index), unknown


def labelled(table, labels):
    """Return a table under the labels of its columns, as it is written as text.

    The study's eight columns keep their names: `embedding_creation` has its labels for them.
    """
    return table if set(table.columns) == set(BANK_COLUMNS) else table.rename(columns=labels)
