"""Why a table cannot be used: every cause in a sentence, with the cure."""

import json

import numpy as np
import pandas as pd

from segmentation.customers.delimited import lines_of
from segmentation.customers.numbers import to_numbers
from segmentation.customers.table import convention_of, is_nested
from segmentation.customers.values import MISSING_CATEGORIES, YES_NO, says_missing, to_texts

#: With fewer, the largest number of clusters tried leaves under ten customers in each.
MIN_ROWS = 100
#: With fewer usable columns there is no picture in three dimensions, and little to segment by.
MIN_COLUMNS = 3
#: With fewer distinct customers, clusters are a list of them.
MIN_DISTINCT = 50

#: What the first field of a last row says that adds up the others.
TOTALS = (
    *("total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "somme", "suma"),
    *("totale", "totaal", "totalt", "итого"),
)

#: Beyond, squares and powers of a number overflow.
LARGEST = 1e100


def named_problems(table, settings, used):
    """Yield a sentence for the columns that the settings name and the table has not."""
    keys = ("columns", "roles", "labels", "weights")
    named = [name for key in keys for name in settings.get(key, ())]
    named += [settings[key] for key in ("target", "id") if key in settings]
    absent = [name for name in dict.fromkeys(named) if name not in table]
    if absent:
        yield f"no column {', '.join(absent)}; the header has: {', '.join(table.columns)}."
    if unused := [
        name for name in settings.get("weights", ()) if name in table.columns.difference(used)
    ]:
        yield f"weights name {', '.join(unused)}, which cannot be used or are not to be."
    titles = pd.Series([settings.get("labels", {}).get(name, name) for name in table.columns])
    if titles.duplicated().any():
        yield f"labels give two columns the name {titles[titles.duplicated()].iloc[0]}."


def size_problems(table, used):
    if len(table) < MIN_ROWS:
        yield f"{len(table)} rows; at least {MIN_ROWS} are needed for segments to mean anything."
    if len(used) < MIN_COLUMNS:
        hint = " Is the separator one of ; , tab |?" if table.shape[1] == 1 else ""
        yield (
            f"{len(used)} columns can be used ({', '.join(used)}), of {table.shape[1]} in the "
            f"table; at least {MIN_COLUMNS} are needed.{hint}"
        )


def distinct_problems(cleaned):
    if (distinct := len(cleaned.drop_duplicates())) < MIN_DISTINCT:
        yield (
            f"{distinct} distinct customers in the columns {', '.join(cleaned)}; at least "
            f"{MIN_DISTINCT} are needed for segments to mean anything."
        )


def total_problems(table):
    """Yield a sentence if the last row is the sum of the others, as reports have it."""
    last = table.iloc[-1] if len(table) else pd.Series(dtype=object)
    for name, value in last.items():
        said = isinstance(value, str) and value.lower().strip(" :") in TOTALS
        if said and last.isna().any() and (table[name] == value).sum() == 1:
            yield f"{lines_of(table, [len(table) - 1])} says {value}: delete it, it is no customer."


def column_problems(name, table, role):
    """Yield a sentence for each kind of value that a column of a role cannot hold."""
    if is_nested(table[name]):
        yield f"column {name} holds lists, records or bytes: leave it out."
    elif role == "number":
        numbers = to_numbers(table[name], convention_of(table, name), sure=True)
        yield from value_problems(name, table, numbers)
    elif role == "yes/no":
        words = to_texts(table[name], MISSING_CATEGORIES).dropna().str.lower()
        if other := sorted({*words} - {word for pair in YES_NO for word in pair})[:3]:
            yield (
                f"column {name} is to be yes/no and holds {', '.join(other)}: say category in "
                "roles of customers.toml."
            )


def value_problems(name, table, numbers):
    """Yield a sentence for each kind of value that a column of numbers cannot hold."""
    column = table[name]

    def where(mask):
        return lines_of(table, table.index[mask.to_numpy()])

    infinite = np.abs(numbers) > LARGEST
    if infinite.any():
        yield f"column {name}: infinite or beyond {LARGEST:g} in {where(infinite)}: correct it."
    slips = column.notna() & numbers.isna()
    if slips.any():
        slips[slips] = ~says_missing(column[slips]) & (column[slips].astype(str).str.strip() != "")
    if slips.any():
        yield (
            f"column {name}: {slips.sum()} of its numbers are not written as numbers, in "
            f"{where(slips)} ({column[slips].iloc[0]!r}): correct them, or say in customers.toml "
            f"that they are none, such as: roles = {{{json.dumps(name, ensure_ascii=False)} = "
            '"category"}.'
        )
