"""How values are written: numbers in many locales, yes and no, and what stands for a missing one.

How the numbers of a column are written is decided from all of its values, never value by value: a
convention is a decimal mark and, behind it, a thousands mark, if there is one. ``",."`` is that of
1.234,56.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

#: What stands for a missing value among numbers.
MISSING_WORDS = {
    *("na", "n/a", "#n/a", "n.a.", "nan", "null", "(null)", "none", "nil", "missing", "unknown"),
    *("not available", "not given", "(blank)", "-", "--", "\u2013", "\u2014", "?", "."),
    *("k.a.", "k. a.", "keine angabe", "unbekannt", "inconnu", "desconocido", "sconosciuto"),
}
#: Among categories these may be categories: no add-on, Namibia, a grade.
MISSING_CATEGORIES = MISSING_WORDS - {"na", "none", "nil", "nan", "-", "."}

YES_NO = (
    *(("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("x", "")),
    *(("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("ja", "nee"), ("ja", "nej")),
    *(("oui", "non"), ("o", "n"), ("vrai", "faux"), ("si", "no"), ("sí", "no"), ("s", "n")),
    *(("sim", "não"), ("sim", "nao"), ("verdadero", "falso"), ("vero", "falso")),
    *(("tak", "nie"), ("ano", "ne"), ("da", "ne"), ("igen", "nem"), ("evet", "hay\u0131r")),
    *(("kyllä", "ei"), ("да", "нет")),
)

#: A decimal mark and a thousands mark; those without the latter come first.
CONVENTIONS = (".", ",", ".,", ",.", ". ", ", ", ".'", ",'")
CURRENCIES = (
    r"€|\$|£|¥|₹|₽|zł|kr\.?|Kč|Ft|lei|Fr\.|R\$|US\$"
    r"|EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|CAD|AUD|TRY|RUB"
)
_NUMBER = re.compile(
    rf"(?P<outer>{CURRENCIES})?\s*(?P<open>\()?\s*(?P<sign>[-+])?\s*"
    rf"(?P<before>{CURRENCIES})?\s*(?P<inner>[-+])?\s*"
    rf"(?P<body>\d[\d.,' ]*(?:[eE][-+]?\d+)?|[.,]\d+)\s*(?P<after>{CURRENCIES})?\s*%?\s*"
    r"(?P<trailing>-)?\s*(?P<close>\))?"
)
_BLANKS = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-", "\u2013": "-"}
)
#: A mark and a dash stand for no cents: 25.- is 25.
_NO_CENTS = re.compile(r"(?<=\d)[.,] ?--?(?!\d)")


def _pattern(convention):
    decimal, thousands = re.escape(convention[0]), re.escape(convention[1:])
    whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+)" if thousands else r"\d+"
    exponent = "" if thousands else r"(?:[eE][-+]?\d+)?"
    return re.compile(rf"(?:{whole}(?:{decimal}\d*)?|{decimal}\d+){exponent}")


_PATTERNS = {convention: _pattern(convention) for convention in CONVENTIONS}


class Evidence(NamedTuple):
    """What the values of a column say of how its numbers are written; pieces of it add up.

    `n_values` counts the values that are given, `n_parsed` those that are numbers by each of
    `CONVENTIONS`, `n_codes` whole numbers with a leading zero; `currencies` are those named.
    """

    n_values: int
    n_parsed: list
    n_codes: int
    currencies: list

    def __add__(self, other):
        """Join the evidence of two parts of a column."""
        n_parsed = [one + two for one, two in zip(self.n_parsed, other.n_parsed, strict=True)]
        currencies = sorted({*self.currencies, *other.currencies})
        return Evidence(
            self.n_values + other.n_values, n_parsed, self.n_codes + other.n_codes, currencies
        )


def examine(column):
    """Return the evidence of a column of text on how its numbers are written.

    Parameters
    ----------
    column : Series of str

    Returns
    -------
    Evidence
    """
    distinct, counts = _distinct(column)
    plain = pd.to_numeric(pd.Series(distinct, dtype="str"), errors="coerce").notna().to_numpy()
    if plain.all():
        return _examine_plain(distinct, counts)
    n_parsed = dict.fromkeys(CONVENTIONS, 0)
    n_codes, currencies = 0, set()
    for text, count in zip(distinct, counts, strict=True):
        if (parts := _split(text)) is None:
            continue
        body, _, currency = parts
        n_codes += count * _is_code(body)
        currencies |= {currency} - {""}
        for convention, pattern in _PATTERNS.items():
            if pattern.fullmatch(body):
                n_parsed[convention] += count
    return Evidence(
        int(counts.sum()), [int(n) for n in n_parsed.values()], int(n_codes), sorted(currencies)
    )


def _examine_plain(distinct, counts):
    """Do as `examine`, for numbers that Python reads: most columns, however long."""
    texts = pd.Series(distinct, dtype="str")
    total = int(counts.sum())
    whole = int(counts[texts.str.fullmatch(r"[-+]?\d+").to_numpy(dtype=bool)].sum())
    grouped = texts.str.fullmatch(r"[-+]?[1-9]\d{0,2}(\.\d{3})+").to_numpy(dtype=bool)
    n_codes = int(counts[texts.str.fullmatch(r"0\d+").to_numpy(dtype=bool)].sum())
    n_parsed = {convention: total if convention[0] == "." else whole for convention in CONVENTIONS}
    n_parsed[",."] += int(counts[grouped].sum())
    return Evidence(total, list(n_parsed.values()), n_codes, [])


def _distinct(column):
    """Return the distinct values of a column that are no missing words, and their counts."""
    counts = column.dropna().str.strip().value_counts(sort=False)
    counts = counts[~says_missing(counts.index) & (counts.index != "")]
    return counts.index.to_numpy(dtype=object), counts.to_numpy()


def _is_code(body):
    """Whether digits are a code, such as 01067: no number is written so."""
    return len(body) > 1 and body[0] == "0" and body.isdigit()


def _split(text):
    """Return body, sign and currency of a number as people write it, or None."""
    match = _NUMBER.fullmatch(_NO_CENTS.sub("", text.translate(_BLANKS)))
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    signs = [match["sign"], match["inner"], match["trailing"], match["open"]]
    currencies = [match[place] for place in ("outer", "before", "after") if match[place]]
    if sum(sign is not None for sign in signs) > 1 or len(currencies) > 1:
        return None
    negative = any(sign in ("-", "(") for sign in signs)
    return match["body"].strip(), -1 if negative else 1, "".join(currencies)


def decide(evidence, decimal=None, separator=",", allowed=CONVENTIONS):
    """Decide how the numbers of a column are written.

    Parameters
    ----------
    evidence : Evidence
    decimal : {".", ","}, optional
        The decimal mark of the file's other columns.
    separator : str, optional
        Of the file's fields: where it is a semicolon, the comma is free to be a decimal mark.
    allowed : sequence of str, optional
        The conventions to choose from.

    Returns
    -------
    str or None
        One of `CONVENTIONS`; None if most values are no numbers, or no one number: codes with
        leading zeros, or amounts in several currencies.
    bool
        Whether something had to be assumed: all values are like 1,234 or like 1.234.
    """
    parsed = dict(zip(CONVENTIONS, evidence.n_parsed, strict=True))
    most = max(parsed[convention] for convention in allowed)
    if most <= evidence.n_values / 2 or evidence.n_codes or len(evidence.currencies) > 1:
        return None, False
    best = [convention for convention in allowed if parsed[convention] == most]
    for mark, other in (".,", ",."):
        # 1.234 is a decimal fraction, or a whole number in groups of three.
        if mark in best and other not in best and other + mark in best:
            assumed = decimal or ("," if separator == ";" and mark == "," else ".")
            return (mark if assumed == mark else other + mark), decimal is None
    return best[0], False


def parse(text, convention):
    """Return a text as a number by a convention; nan if it is none."""
    parts = _split(text)
    if parts is None or not _PATTERNS[convention].fullmatch(parts[0]):
        return np.nan
    body, sign, _ = parts
    for thousands in convention[1:]:
        body = body.replace(thousands, "")
    return sign * float(body.replace(convention[0], "."))


def to_numbers(column, convention=None, sure=False):
    """Return a column as numbers, missing where there is none; None if it holds something else.

    A column of which more than half are numbers is a column of numbers with slips; so is any
    that is surely to be one.

    Parameters
    ----------
    column : Series
    convention : str, optional
        One of `CONVENTIONS`, for text; by default what its values say.
    sure : bool, optional

    Returns
    -------
    Series of numbers, or None
    """
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind):
        return pd.Series(np.nan, index=column.index) if sure else None
    if isinstance(kind, np.dtype) and kind.kind in "iuf":
        # Beyond, neighbouring integers are one double.
        exact = kind.kind == "f" or len(column) == 0 or np.abs(column.astype(float)).max() < 2**53
        return column if exact else column.astype(float)
    if convention is None:
        texts = column.dropna().astype(str)
        convention = decide(examine(texts))[0] if len(texts) else None
        if convention is None and not sure:
            return None
    codes, distinct = pd.factorize(column)
    texts = pd.Series(distinct, dtype=object).astype("str").str.strip()
    is_text = np.array([isinstance(value, str) for value in distinct], dtype=bool)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
    # Python's own way of writing numbers is one of them, and by far the fastest to read.
    left = is_text & (np.isnan(numbers) if convention in (None, ".") else True)
    numbers[left] = [parse(text, convention or ".") for text in texts[left]]
    return pd.Series(np.append(numbers, np.nan)[codes], index=column.index)


def says_missing(values, words=MISSING_WORDS):
    """Return an array that says which values stand for a missing one."""
    return np.array([str(value).strip().lower() in words for value in values], dtype=bool)


def to_texts(column, missing=()):
    """Return a column as text, without white space around it.

    Parameters
    ----------
    column : Series
    missing : collection of str, optional
        Words, in lower case, that stand for a missing value; so does an empty text.

    Returns
    -------
    Series of str
    """
    codes, distinct = pd.factorize(column)
    # A whole number has one form, whether some of its column are missing or not.
    words = [
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in distinct
    ]
    words = ["" if word.lower() in missing else word for word in words]
    texts = np.array([*words, ""], dtype=object)[codes]
    return pd.Series(texts, index=column.index, dtype="str").replace("", np.nan)


def is_yes_no(words):
    """Whether lower-case words are a yes and a no of one language, or a cross and nothing."""
    return any(set(words) == {yes, no} - {""} for yes, no in YES_NO)


def to_categories(column, role, missing=(), cross=False):
    """Return a column as categories; of a yes/no column, ``yes`` and ``no``.

    Parameters
    ----------
    column : Series
    role : str
    missing : collection of str, optional
        As for `to_texts`.
    cross : bool, optional
        Whether yes is a cross and no an empty field.

    Returns
    -------
    Series of str
    """
    texts = to_texts(column, missing)
    if role != "yes/no":
        return texts
    if cross:
        return texts.str.lower().map({"x": "yes"}).where(texts.notna(), "no")
    return texts.str.lower().map({no: "no" for _, no in YES_NO} | {yes: "yes" for yes, _ in YES_NO})
