"""What each column of a table is: a number, a category, an identifier, a target, ..."""

import re

import numpy as np
import pandas as pd

from segmentation.customers.settings import TableError
from segmentation.customers.values import YES_NO, to_numbers, to_texts

#: A column of more categories keeps the most frequent ones; the rest is one category, OTHER.
MAX_CATEGORIES = 20

#: A column of numbers of which more is missing would mostly be what was filled in.
MAX_MISSING = 0.5

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

    Raises
    ------
    TableError
        If the settings give a column a role that there is not.
    """
    settings = settings or {}
    problems = [
        f"column {name} has no role {role}; there are: {', '.join(TREATMENTS)}"
        for name, role in settings.get("roles", {}).items()
        if role not in TREATMENTS
    ]
    if problems:
        raise TableError("The settings:\n- " + "\n- ".join(problems))
    columns = settings.get("columns", table.columns)
    target = settings.get("target", next((c for c in ("y", "target") if c in table), None))
    roles = {}
    for name in table.columns:
        if name in settings.get("roles", {}):
            roles[name] = settings["roles"][name], "set"
        elif name == target:
            roles[name] = "target", "set" if "target" in settings else "its name"
        elif name not in columns:
            roles[name] = "not used", "not among the columns to use"
        else:
            roles[name] = _infer_role(name, table[name])
    roles = pd.DataFrame.from_dict(roles, orient="index", columns=["role", "why"])
    roles["treatment"] = roles["role"].map(TREATMENTS)
    return roles.rename_axis("column")


def _infer_role(name, column):
    """Return a role and the reason for it."""
    numbers = to_numbers(column)
    given = (to_texts(column) if numbers is None else numbers).dropna()
    distinct = given.unique()
    # Of text, one value and nothing are two categories, such as a cross and no cross.
    if len(distinct) < 2 and (numbers is not None or len(given) in (0, len(column))):
        return "constant", "one value" if len(distinct) else "empty"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date", "its type"
    words = set(to_texts(pd.Series(distinct[:9])).str.lower())
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


def is_used(roles, name):
    """Whether a column takes part in the segments; `roles` as `infer_roles` gives them."""
    return name in roles.index and TREATMENTS[roles["role"][name]].startswith("used")
