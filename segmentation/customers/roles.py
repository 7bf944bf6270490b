"""What each column of a table is: a number, a category, an identifier, a target, ..."""

import re

import numpy as np
import pandas as pd

from segmentation.customers.names import (
    is_code_name,
    is_id_name,
    is_time_name,
    special_word,
    target_stem,
    target_word,
)
from segmentation.customers.numbers import to_numbers
from segmentation.customers.settings import TableError
from segmentation.customers.table import convention_of, is_nested
from segmentation.customers.values import (
    CROSSES,
    MISSING_CATEGORIES,
    MISSING_WORDS,
    is_yes_no,
    to_texts,
)

#: A column of more categories keeps the most frequent ones; the rest is one category.
MAX_CATEGORIES = 20
#: A column of numbers of which more is missing would mostly be what was filled in.
MAX_MISSING = 0.5

#: The roles that a column may have, and what is done with it.
TREATMENTS = {
    "number": "used",
    "category": "used",
    "yes/no": "used, as yes and no",
    "target": "held out",
    "outcome": "held out",
    "identifier": "carried along, not used",
    "special category": "left out",
    "constant": "left out",
    "date": "left out",
    "free text": "left out",
    "not used": "left out",
}


#: Of the numbers that a column called an identifier gives, how many must be distinct: customers
#: are listed twice by mistake.
NEARLY_ALL = 0.95

_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mrz|mai|okt|dez|fév|fev|avr|juin|juil"
    r"|aoû|aou|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|out)[^\W\d_]*\.?"
)
_ANY_MONTH = r"(?:de[ ])?[^\W\d_]{3,12}\.?(?:[ ]de)?"
DATE = re.compile(
    rf"""
    \d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}([T ].*)?      # 2019-07-23, with or without a time
    | \d{{4}}-\d{{2}} | \d{{1,2}}/\d{{4}}             # 2019-07, 7/2019
    | \d{{4}}[- ]?[QW]\d{{1,2}} | \d{{8}}T\d{{4,6}}Z?  # 2019-Q3, 20190723T1030
    | \d{{1,2}}([./-])\d{{1,2}}\3\d{{2,4}}([ ].*)?     # 23.7.2019
    | \d{{1,2}}[-./ ]+{_MONTH}[-./, ]+\d{{2,4}}([ ].*)?
    | ([^\W\d_]{{2,9}}\.?,?[ ])?\d{{1,2}}\.?(st|nd|rd|th)?[ ]{_ANY_MONTH},?[ ]\d{{4}}([ ].*)?
    | {_MONTH}[ ]\d{{1,2}}(st|nd|rd|th)?,?[ ]\d{{4}}([ ].*)?
    | {_MONTH}[-/ ']+\d{{2,4}}
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: Beside dates there may be other words, such as never.
MOSTLY = 0.8


def infer_roles(table, settings=None, *, missing_words=True):
    """Find what each column of a table is, from its values and its name.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
        As `segmentation.customers.load_table` reads it.
    settings : dict, optional
        As `read_settings` returns them: columns to use, the id, the target, and roles, which come
        before what is inferred.
    missing_words : bool, optional
        Whether words such as unknown are missing among categories too.

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
    named = {settings[key]: role for key, role in SINGLES.items() if key in settings}
    if "target" not in settings:
        # Beside x, y is a place.
        usual = ["target", *["y"] * ("x" not in table)]
        named |= {name: "target" for name in usual if name in table}
    roles = {}
    for name in table.columns:
        if name in settings.get("roles", {}):
            roles[name] = settings["roles"][name], "set"
        elif name in named:
            roles[name] = named[name], "set" if name in settings.values() else "its name"
        else:
            convention = convention_of(table, name)
            missing = MISSING_CATEGORIES if missing_words else ()
            roles[name] = _role_of(name, table[name], settings, convention, missing)
    _hold_out_by_name(roles, settings, table)
    frame = pd.DataFrame.from_dict(roles, orient="index", columns=["role", "why"])
    frame["treatment"] = frame["role"].map(TREATMENTS)
    return frame.rename_axis("column")


#: Settings that name one column of a role.
SINGLES = {"id": "identifier", "target": "target"}


def _role_of(name, column, settings, convention, missing):
    """Return a role and the reason, for a column that the settings give none."""
    asked = name in settings.get("columns", ())
    if not asked and (word := special_word(name)):
        return "special category", f"{word}: Article 9 of the GDPR"
    # What is to be used is said; what is to be explained may be set, and others be known with it.
    known = asked or {"columns", "target"} <= settings.keys()
    if not known and target_word(name) and _has_two_values(name, column, convention, missing):
        return "target", "its name, and two values"
    role, why = _infer_role(name, column, convention, missing)
    # An identifier is carried along, whatever is used.
    if "columns" in settings and not asked and role != "identifier":
        return "not used", "not among the columns to use"
    return role, why


def _has_two_values(name, column, convention, missing):
    if is_nested(column):
        return False
    texts = to_texts(column, MISSING_WORDS).str.lower()
    return texts.nunique() == 2 or _infer_role(name, column, convention, missing)[0] == "yes/no"


def _hold_out_by_name(roles, settings, table):
    """Leave one target, and hold out with it what is named as a target is: Churn Reason."""
    likely = [name for name, (role, _) in roles.items() if role == "target"]
    if not likely:
        return
    # Of several, yes and no say it: the others are reasons and kinds of it.
    plain = [name for name in likely if role_by_values(name, table) == "yes/no"]
    target = settings.get("target") or [*plain, *likely][0]
    for name in likely:
        if name != target:
            roles[name] = "outcome", f"its name, and two values; {target} is the target"
    stem = target_stem(target)
    for name, (role, why) in roles.items():
        said = why == "set" or name in settings.get("columns", ())
        if stem and target_stem(name) == stem and TREATMENTS[role].startswith("used") and not said:
            roles[name] = "outcome", f"named as the target {target} is"


def role_by_values(name, table):
    """Return the role that a column has by its values, whatever its name or the settings say."""
    convention = convention_of(table, name)
    return _infer_role(name, table[name], convention, MISSING_CATEGORIES)[0]


def is_used(roles, name):
    """Whether a column takes part in the segments; `roles` as `infer_roles` gives them."""
    return name in roles.index and TREATMENTS[roles["role"][name]].startswith("used")


def _infer_role(name, column, convention, missing):
    """Return a role and the reason for it."""
    if is_nested(column):
        return "not used", "lists, records or bytes"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date", "its type"
    numbers = None if _has_many_digits(column) else to_numbers(column, convention)
    texts = to_texts(column, missing if numbers is None else ())
    given = (texts if numbers is None else numbers).dropna()
    distinct = given.unique()
    words = sorted({*to_texts(pd.Series(distinct[:9])).str.lower()})
    if is_yes_no(words):
        return "yes/no", f"only {' and '.join(words)}"
    if len(words) == 1 and words[0] in CROSSES and len(given) < len(column):
        return "yes/no", f"only {words[0]} or nothing"
    # Of text, one value and nothing are two categories, such as gold and not gold.
    if len(distinct) < 2 and (numbers is not None or len(given) in (0, len(column))):
        return "constant", "one value" if len(distinct) else "empty"
    if numbers is not None:
        if (missing := numbers.isna().mean()) > MAX_MISSING:
            return "not used", f"{missing:.0%} missing"
        if why := _counts_time(name, given):
            return "date", why
        if why := _tells_apart(name, numbers, column):
            return "identifier", why
        if not (is_code_name(name, given.nunique()) and (given % 1 == 0).all()):
            return "number", "numbers"
        texts, distinct = to_texts(column), pd.Series(distinct).map(str)
    if np.mean([DATE.fullmatch(text) is not None for text in distinct]) > MOSTLY:
        return "date", f"such as {distinct[0]}"
    if len(distinct) > max(MAX_CATEGORIES, len(given) / 2):
        if np.mean([len(text.split()) for text in distinct]) >= 4:
            return "free text", f"{len(distinct):,} distinct texts"
        said = f"{len(distinct):,} distinct values of {len(given):,}"
        # What many customers share tells none of them apart, and few have the same of it.
        return ("identifier" if len(distinct) > NEARLY_ALL * len(given) else "not used"), said
    named = "its name: a number that stands for something; " * (numbers is not None)
    return "category", f"{named}{len(distinct):,} categories"


def _has_many_digits(column):
    """Whether texts are whole numbers of so many digits that a double would lose some."""
    if not isinstance(column.dtype, pd.StringDtype):
        return False
    return bool(column.str.fullmatch(r"\d{16,}").any())


def _counts_time(name, numbers):
    """Say why whole numbers are dates: 20190723 whatever it is called, others by the name."""
    if (numbers % 1 != 0).any() or numbers.nunique() < 2:
        return None
    example = f"such as {numbers.iloc[0]:.0f}"
    # With the time of day, with the day, with the month.
    for digits, least in ((1e6, 19_000_101_000_000), (1, 19_000_101), (0.01, 190_001)):
        days = numbers // digits if digits >= 1 else numbers * 100 + 1
        is_day = (days // 100 % 100).between(1, 12) & (days % 100).between(1, 31)
        most = 99_991_231 if digits >= 1 else 20_991_231
        if is_day.all() and days.between(19_000_101, most).all() and (numbers >= least).all():
            return example
    if not is_time_name(name):
        return None
    # From 2001 to 2033, in seconds or thousandths of them; days as Excel counts them, from 1954.
    if numbers.between(1e9, 2e9).all() or numbers.between(1e12, 2e12).all():
        return f"its name, and seconds since 1970, {example}"
    if numbers.between(20_000, 60_000).all():
        return f"its name, and days since 1900, {example}"
    return None


def _tells_apart(name, numbers, column):
    """Say why whole numbers, distinct, count customers or reach them; None if they do not."""
    given = numbers.dropna()
    if not np.isfinite(given).all() or (given % 1 != 0).any():
        return None
    if is_id_name(name) and column.nunique() > NEARLY_ALL * len(given):
        return "its name, and another whole number for every customer"
    if len(given) < len(numbers) or not column.is_unique:
        return None
    steps = np.diff(np.sort(numbers))
    if (steps == steps[0]).all():
        return f"whole numbers in steps of {steps[0]:.0f}"
    # As a database counts, some having left since.
    if (np.diff(numbers) > 0).all() and np.ptp(numbers) < 3 * len(numbers):
        return "whole numbers that grow from row to row"
    return None
