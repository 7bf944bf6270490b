"""From a table to customers that can be segmented: learn from one table, treat others alike."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.customers.names import is_flagged
from segmentation.customers.numbers import to_numbers
from segmentation.customers.problems import (
    column_problems,
    distinct_problems,
    named_problems,
    size_problems,
    total_problems,
    value_problems,
)
from segmentation.customers.redundancy import find_outcomes, find_redundant
from segmentation.customers.roles import (
    MAX_CATEGORIES,
    TREATMENTS,
    infer_roles,
    is_used,
)
from segmentation.customers.settings import TableError, read_settings
from segmentation.customers.table import convention_of, load_table
from segmentation.customers.values import MISSING_CATEGORIES, says_missing, to_categories

#: The columns that the source articles use, in their order.
BANK_COLUMNS = ("age", "job", "marital", "education", "default", "balance", "housing", "loan")

#: What the bank's columns mean where their names do not say it.
BANK_LABELS = {"default": "credit default", "housing": "housing loan", "loan": "personal loan"}

#: The number of segments that the source articles keep.
BANK_SEGMENTS = 5

#: What a subscription is worth to the bank and a call costs it, in euros: an example, which the
#: study does not give.
BANK_MONEY = {"value": 60.0, "cost": 5.0}

#: The category of those that are too many to be kept apart.
OTHER = "other"
#: The category of a missing value.
NOT_GIVEN = "not given"


class Customers(NamedTuple):
    """A table that is ready to be segmented.

    `table` (n_customers, n_columns) holds numbers, and categories as text, none missing; `raw` is
    the table as it was read; `target` is the column held out, or None; `roles` says of every
    column of the file what it is and what was done with it; `schema` is what `clean` needs to
    treat other customers alike; `settings` is what customers.toml says, with the defaults of the
    study's table (there, ``example`` says that nobody set value and cost); `redundant` says in
    sentences which columns say the same.
    """

    table: pd.DataFrame
    raw: pd.DataFrame
    target: pd.Series | None
    roles: pd.DataFrame
    schema: list
    settings: dict
    redundant: list

    @property
    def numbers(self):
        """Names of the columns of numbers."""
        return list(self.table.select_dtypes("number"))

    @property
    def categories(self):
        """Names of the other columns."""
        return list(self.table.select_dtypes(exclude="number"))

    @property
    def labels(self):
        """What to call a column in texts, by its name."""
        return self.settings.get("labels", {})

    @property
    def weights(self):
        """How much each column of `table` counts in squared distances: 1, or as it is set."""
        weights = self.settings.get("weights", {})
        return pd.Series({name: float(weights.get(name, 1)) for name in self.table})

    @property
    def ids(self):
        """The identifier columns, which come first in every output, the one that is named first."""
        names = list(self.roles.index[self.roles["role"] == "identifier"])
        return self.raw[sorted(names, key=lambda name: name != self.settings.get("id"))]

    @property
    def watched(self):
        """Names of the columns whose shares per segment show whether one stands for a group."""
        roles = self.roles["role"]
        return [
            name
            for name in roles.index
            if roles[name] == "special category" or (is_used(self.roles, name) and is_flagged(name))
        ]


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
    return prepare_customers(load_table(path, settings=settings), path.name, settings)


def prepare_customers(table, name, settings=None):
    """Find the roles of the columns of a table that was read, and clean it.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
        As `load_table` gives it.
    name : str
        What to call it in messages.
    settings : dict, optional
        As `read_settings` gives them.

    Returns
    -------
    Customers

    Raises
    ------
    TableError
        As `load_customers`.
    """
    settings = dict(settings or {})
    is_study = set(BANK_COLUMNS) <= set(table.columns)
    if is_study:
        defaults = {"columns": list(BANK_COLUMNS), "labels": BANK_LABELS, "segments": BANK_SEGMENTS}
        if "y" in table:
            defaults["target"] = "y"
            if not BANK_MONEY.keys() & settings.keys():
                defaults |= BANK_MONEY | {"example": True}
        settings = defaults | settings
    roles = infer_roles(table, settings, missing_words=not is_study)
    named = dict.fromkeys(settings.get("columns", table.columns))
    used = [name for name in named if is_used(roles, name)]
    problems = [
        *named_problems(table, settings, used),
        *size_problems(table, used),
        *total_problems(table),
    ]
    for column in used:
        problems += column_problems(column, table, roles["role"][column])
    if problems:
        raise _unusable(name, problems)
    # In the study, "unknown" is an answer like others.
    schema = [_learn(column, table, roles["role"][column], not is_study) for column in used]
    cleaned, _ = clean(table, schema)
    target = next((table[name] for name in roles.index[roles["role"] == "target"]), None)
    if target is not None:
        _hold_out_by_values(cleaned, target, roles, settings.get("columns", ()))
    schema = [column for column in schema if is_used(roles, column["name"])]
    cleaned = cleaned[[column["name"] for column in schema]]
    if problems := [*size_problems(table, list(cleaned)), *distinct_problems(cleaned)]:
        raise _unusable(name, problems)
    for column in schema:
        roles.loc[column["name"], "treatment"] = _treatment(column, table)
    return Customers(cleaned, table, target, roles, schema, settings, find_redundant(cleaned))


def _unusable(name, problems):
    return TableError(f"{name} cannot be used:\n- " + "\n- ".join(problems))


def _hold_out_by_values(cleaned, target, roles, asked):
    """Hold out, in `roles`, what tells the target, unless the settings say that it is used."""
    free = [name for name in cleaned if name not in asked and roles["why"][name] != "set"]
    for name, share in find_outcomes(cleaned[free], target).items():
        why = f"it tells {share:.0%} of the target {target.name}"
        roles.loc[name] = "outcome", why, TREATMENTS["outcome"]


def _learn(name, table, role, missing_words):
    """Return what `clean` has to know of a column, in values that JSON can hold."""
    if role == "number":
        convention = convention_of(table, name)
        numbers = to_numbers(table[name], convention, sure=True)
        fill = float(numbers.median())
        return {"name": name, "role": role, "fill": fill, "convention": convention}
    column = {"name": name, "role": role, "missing_words": missing_words, "cross": False}
    texts = _categories(table[name], column)
    if role == "yes/no" and texts.isna().any() and set(texts.dropna()) == {"yes"}:
        column["cross"] = True
        texts = _categories(table[name], column)
    counts = texts.value_counts()
    # By frequency, ties by alphabet, whatever the order of the rows.
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    categories = list(counts.index)
    if len(categories) > MAX_CATEGORIES:
        kept = [category for category in categories if category != OTHER][: MAX_CATEGORIES - 1]
        categories = [*kept, OTHER]
    fill = NOT_GIVEN if texts.isna().any() else categories[0]
    return column | {"fill": fill, "categories": sorted({*categories, fill})}


def _categories(values, column):
    missing = MISSING_CATEGORIES if column["missing_words"] else ()
    return to_categories(values, column["role"], missing, column["cross"])


def _treatment(column, table):
    """Say in words what `clean` does with a column."""
    done, name = TREATMENTS[column["role"]], column["name"]
    values = table[name]
    if column["role"] == "number":
        if example := table.attrs.get("examples", {}).get(name):
            done += f"; {example}"
        if name in table.attrs.get("assumed", ()):
            mark = column["convention"][0]
            done += (
                f"; that {mark} is its decimal mark is assumed: customers.toml may say otherwise"
            )
        n_missing = int(to_numbers(values, column["convention"], sure=True).isna().sum())
        return done + (
            f"; {n_missing:,} missing, taken as the median, {column['fill']:g}" if n_missing else ""
        )
    texts = _categories(values, column)
    grouped = texts.nunique() - len(set(column["categories"]) & set(texts.unique()))
    if grouped:
        done += f"; more than {MAX_CATEGORIES} categories: the {grouped:,} rarest are one, {OTHER}"
    if column["cross"]:
        done += "; an empty field is a no"
    if texts.isna().any():
        said = values.dropna().astype(str).str.strip()
        words = sorted({*said[says_missing(said, MISSING_CATEGORIES)]} - {""})
        as_word = (
            f" (or {', '.join(map(repr, words))})" if words and column["missing_words"] else ""
        )
        done += f"; {texts.isna().sum():,} missing{as_word}: a category of their own, {NOT_GIVEN}"
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
    absent = [column["name"] for column in schema if column["name"] not in table]
    known_table = table.assign(**dict.fromkeys(absent, np.nan)) if absent else table
    unknown = np.zeros(len(table), dtype=int)
    for column in schema:
        name = column["name"]
        values = known_table[name]
        if column["role"] == "number":
            numbers = to_numbers(values, column["convention"], sure=True)
            problems += value_problems(name, known_table, numbers)
            cleaned[name] = numbers.fillna(column["fill"]) if numbers.isna().any() else numbers
            unknown += numbers.isna().to_numpy()
        else:
            known = column["categories"]
            texts = _categories(values, column)
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

    The study's eight columns keep their names: `segmentation.embedding` has its labels for them.
    """
    return table if set(table.columns) == set(BANK_COLUMNS) else table.rename(columns=labels)
