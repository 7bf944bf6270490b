"""From a table to customers that can be segmented: learn from one table, treat others alike."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.customers.roles import MAX_CATEGORIES, TREATMENTS, infer_roles, is_used
from segmentation.customers.settings import TableError, read_settings
from segmentation.customers.table import load_table
from segmentation.customers.values import says_missing, to_categories, to_numbers

#: The columns that the source articles use, in their order.
BANK_COLUMNS = ("age", "job", "marital", "education", "default", "balance", "housing", "loan")

#: What the bank's columns mean where their names do not say it.
BANK_LABELS = {"default": "credit default", "housing": "housing loan", "loan": "personal loan"}

#: With fewer, the largest number of clusters tried leaves under ten customers in each.
MIN_ROWS = 100

#: With fewer usable columns there is no picture in three dimensions, and little to segment by.
MIN_COLUMNS = 3

#: With fewer distinct customers, clusters are a list of them.
MIN_DISTINCT = 50
OTHER = "other"

#: The category of a missing value.
NOT_GIVEN = "not given"

#: Beyond, squares and powers of a number overflow.
LARGEST = 1e100


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

    @property
    def numbers(self):
        """Names of the columns of numbers."""
        return list(self.table.select_dtypes("number"))

    @property
    def categories(self):
        """Names of the other columns."""
        return list(self.table.select_dtypes(exclude="number"))


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
    used = [name for name in named if is_used(roles, name)]
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


def describe_roles(customers):
    """Say in Markdown what was left out, filled in or grouped, a sentence each.

    Parameters
    ----------
    customers : Customers

    Returns
    -------
    str
    """
    lines = []
    for name, (role, why, treatment) in customers.roles.iterrows():
        if treatment == "held out":
            lines.append(f"`{name}` is the target and held out: it takes no part in the segments.")
        elif role in ("identifier", "constant", "date", "free text"):
            lines.append(f"`{name}` is left out: {role} ({why}).")
        elif "; " in treatment:
            lines.append(f"`{name}`: {treatment.partition('; ')[2]}.")
    roles = customers.roles["role"]
    passed = [f"`{name}`" for name in roles.index[roles == "not used"]]
    if passed:
        lines.append(f"Not used: {', '.join(passed)}.")
    return "\n".join(f"- {line}" for line in lines)


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
    numbers = to_numbers(column, sure=True)
    infinite = np.abs(numbers) > LARGEST
    if infinite.any():
        yield f"column {name}: infinite or beyond {LARGEST:g} in {_lines(infinite)}: correct it."
    slips = column.notna() & numbers.isna()
    slips[slips] = ~says_missing(column[slips])
    if slips.any():
        yield (
            f"column {name}: {slips.sum()} of its numbers are not written as numbers, in "
            f"{_lines(slips)} ({column[slips].iloc[0]!r}): correct them."
        )


def _lines(mask):
    """Name the lines of a file, header included, in which a mask holds: the first five."""
    lines = np.flatnonzero(mask) + 2
    named = ", ".join(map(str, lines[:5])) + (
        f" and {len(lines) - 5:,} more" if lines[5:].size else ""
    )
    return f"line{'s' if len(lines) > 1 else ''} {named}"


def _learn(name, column, role):
    """Return what `clean` has to know of a column, in values that JSON can hold."""
    if role == "number":
        return {"name": name, "role": role, "fill": float(to_numbers(column, sure=True).median())}
    texts = to_categories(column, role)
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


def _treatment(column, values):
    """Say in words what `clean` does with a column."""
    done = TREATMENTS[column["role"]]
    if column["role"] == "number":
        n_missing = int(to_numbers(values, sure=True).isna().sum())
        return done + (
            f"; {n_missing:,} missing, taken as the median, {column['fill']:g}" if n_missing else ""
        )
    texts = to_categories(values, column["role"])
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
            numbers = to_numbers(values, sure=True)
            cleaned[name] = numbers.fillna(column["fill"]) if numbers.isna().any() else numbers
            unknown += numbers.isna().to_numpy()
        else:
            known = column["categories"]
            texts = to_categories(values, column["role"])
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
