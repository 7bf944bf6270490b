"""How values are written: numbers, texts, yes and no, and what stands for a missing one."""

import numpy as np
import pandas as pd

#: What stands for a missing value in a column that otherwise holds numbers.
MISSING_WORDS = {"na", "n/a", "null", "none", "missing", "unknown", "-", "?", "."}
YES_NO = {"yes": "no", "y": "n", "true": "false", "t": "f", "1": "0"}


def to_numbers(column, sure=False):
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
    is_text = np.bincount(codes[codes >= 0], minlength=len(distinct)) * ~says_missing(distinct)
    mostly = is_text[numbers.notna()].sum() > is_text.sum() / 2
    if not mostly and not sure:
        return None
    return pd.Series(np.append(numbers, np.nan)[codes], index=column.index)


def says_missing(values):
    return np.array([str(value).strip().lower() in MISSING_WORDS for value in values], dtype=bool)


def to_texts(column):
    """Return a column as text, without white space around it; an empty text is missing."""
    codes, distinct = pd.factorize(column)
    # A whole number has one form, whether some of its column are missing or not.
    words = [
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in distinct
    ]
    texts = np.array([*words, ""], dtype=object)[codes]
    return pd.Series(texts, index=column.index, dtype="str").replace("", np.nan)


def to_categories(column, role):
    if role != "yes/no":
        return to_texts(column)
    return (
        to_texts(column)
        .str.lower()
        .map(dict.fromkeys(YES_NO, "yes") | dict.fromkeys(YES_NO.values(), "no"))
    )
