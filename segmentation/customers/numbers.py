"""How numbers are written: decimal and thousands marks, currencies and units, and how to read them.

It is decided from all values of a column, never value by value: a convention is a decimal mark
and, behind it, a thousands mark, if there is one. ``",."`` is that of 1.234,56.
"""

import re
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.customers.values import says_missing

#: A decimal mark and a thousands mark; those without the latter come first.
CONVENTIONS = (".", ",", ".,", ",.", ". ", ", ", ".'", ",'")
#: What numbers are amounts of, and how that is written, in any case.
CURRENCIES = {
    **{"$": ("$", "US$", "USD"), "€": ("€", "EUR"), "£": ("£", "GBP"), "¥": ("¥", "JPY")},
    **{"₹": ("₹", "Rs", "Rs.", "INR"), "₽": ("₽", "RUB"), "zł": ("zł", "PLN"), "Kč": ("Kč", "CZK")},
    **{"Ft": ("Ft", "HUF"), "lei": ("lei", "RON"), "CHF": ("CHF", "Fr."), "R$": ("R$", "BRL")},
    **{"₺": ("₺", "TL", "TRY"), "kr": ("kr", "kr."), "SEK": ("SEK",), "NOK": ("NOK",)},
    **{"DKK": ("DKK",), "CAD": ("CAD",), "AUD": ("AUD",), "CNY": ("CNY",)},
}
MEASURES = {
    "year": [
        "year",
        "years",
        "yr",
        "yrs",
        "jahr",
        "jahre",
        "an",
        "ans",
        "año",
        "años",
        "anno",
        "anni",
        "ano",
        "anos",
    ],
    "month": ["month", "months", "monat", "monate", "mois", "mes", "meses", "mese", "mesi", "mês"],
    "week": ["week", "weeks", "woche", "wochen", "semaine", "semaines", "semana", "semanas"],
    "day": [
        "day",
        "days",
        "tag",
        "tage",
        "jour",
        "jours",
        "día",
        "días",
        "giorno",
        "giorni",
        "dia",
        "dias",
    ],
    "hour": ["hour", "hours", "hr", "hrs", "h", "std", "std.", "stunde", "stunden"],
    "minute": ["minute", "minutes", "min", "min.", "mins", "minuten"],
    **{"kg": ["kg"], "lb": ["lb", "lbs"], "km": ["km"], "mile": ["mi", "mile", "miles"]},
    **{"m²": ["m²", "m2", "sqm", "qm"], "cm": ["cm"], "GB": ["gb"], "MB": ["mb"]},
}
#: Behind a number, what it is multiplied by. M may be months where it stands alone.
SCALES = {
    **dict.fromkeys(("K", "k", "Tsd.", "Tsd"), 1_000),
    **dict.fromkeys(("M", "Mio.", "Mio"), 1_000_000),
    **dict.fromkeys(("bn", "Mrd.", "Mrd"), 1_000_000_000),
}
_UNIT_OF = {
    spelling.lower(): unit
    for unit, spellings in (CURRENCIES | MEASURES).items()
    for spelling in spellings
}


def _one_of(spellings):
    longest_first = sorted(spellings, key=len, reverse=True)
    return "|".join(re.escape(spelling) for spelling in longest_first)


_CURRENCY = f"(?i:{_one_of(sum(CURRENCIES.values(), ()))})"
_UNIT = f"(?i:{_one_of(_UNIT_OF)})"
_NUMBER = re.compile(
    rf"%?\s*(?P<outer>{_CURRENCY})?\s*(?P<open>\()?\s*(?P<sign>[-+])?\s*"
    rf"(?P<before>{_CURRENCY})?\s*(?P<inner>[-+])?\s*"
    r"(?P<body>\d[\d.,' ]*(?:[eE][-+]?\d+)?|[.,]\d+)\s*"
    rf"(?:(?P<scale>{_one_of(SCALES)})(?![^\W\d_]))?\s*(?P<after>{_UNIT})?\s*%?\s*"
    r"(?P<trailing>-)?\s*(?P<close>\))?"
)
#: In accounts, a currency and a dash are nothing.
_NOTHING = re.compile(rf"(?P<before>{_CURRENCY})\s*-|-\s*(?P<after>{_CURRENCY})")
_BLANKS = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-", "\u2013": "-"}
)
#: A mark and a dash stand for no cents: 25.- is 25.
_NO_CENTS = re.compile(r"(?<=\d)[.,] ?--?(?!\d)")


def _pattern(convention):
    decimal, thousands = re.escape(convention[0]), re.escape(convention[1:])
    groups = rf"[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+"
    if convention == ".,":  # In India, behind the thousands, groups are of two.
        groups += r"|[1-9]\d?(?:,\d\d)+,\d{3}"
    whole = rf"(?:\d+|{groups})" if thousands else r"\d+"
    exponent = "" if thousands else r"(?:[eE][-+]?\d+)?"
    return re.compile(rf"(?:{whole}(?:{decimal}\d*)?|{decimal}\d+){exponent}")


_PATTERNS = {convention: _pattern(convention) for convention in CONVENTIONS}


class Evidence(NamedTuple):
    """What the values of a column say of how its numbers are written; pieces of it add up.

    `n_values` counts the values that are given, `n_parsed` those that are numbers by each of
    `CONVENTIONS`, `n_codes` whole numbers with a leading zero, `n_odd` values that have digits and
    are no numbers, `n_short` and `n_long` whole numbers without marks below and from 1,000 on;
    `units` and `scales` are those named.
    """

    n_values: int = 0
    n_parsed: tuple = (0,) * len(CONVENTIONS)
    n_codes: int = 0
    n_odd: int = 0
    n_short: int = 0
    n_long: int = 0
    units: tuple = ()
    scales: tuple = ()

    def __add__(self, other):
        """Join the evidence of two parts of a column."""
        joined = {
            "n_parsed": [one + two for one, two in zip(self.n_parsed, other.n_parsed, strict=True)],
            "units": sorted({*self.units, *other.units}),
            "scales": sorted({*self.scales, *other.scales}),
        }
        counts = [name for name in self._fields if name not in joined]
        sums = {name: getattr(self, name) + getattr(other, name) for name in counts}
        return Evidence(**joined, **sums)

    @property
    def says_marks(self):
        """Whether it tells one convention from another: whole numbers without marks do not."""
        return min(self.n_parsed) < max(self.n_parsed)


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
    n_codes = n_odd = n_short = n_long = 0
    units, scales = set(), set()
    for text, count in zip(distinct, counts, strict=True):
        parts = _split(text)
        fitting = [] if parts is None else _conventions_of(parts.body)
        n_odd += count * (not fitting and any(character.isdigit() for character in text))
        if not fitting:
            continue
        for convention in fitting:
            n_parsed[convention] += count
        n_codes += count * _is_code(parts.body)
        n_short += count * (parts.body.isdigit() and len(parts.body) < 4)
        n_long += count * (parts.body.isdigit() and len(parts.body) > 3)
        units |= {parts.unit} - {None}
        scales |= {parts.scale} - {None}
    return Evidence(
        int(counts.sum()),
        [int(n) for n in n_parsed.values()],
        *(int(n) for n in (n_codes, n_odd, n_short, n_long)),
        sorted(units),
        sorted(scales),
    )


def _conventions_of(body):
    return [convention for convention, pattern in _PATTERNS.items() if pattern.fullmatch(body)]


def _examine_plain(distinct, counts):
    """Do as `examine`, for numbers that Python reads: most columns, however long."""
    texts = pd.Series(distinct, dtype="str")

    def count(pattern):
        return int(counts[texts.str.fullmatch(pattern).to_numpy(dtype=bool)].sum())

    total, whole = int(counts.sum()), count(r"[-+]?\d+")
    n_parsed = {convention: total if convention[0] == "." else whole for convention in CONVENTIONS}
    n_parsed[",."] += count(r"[-+]?[1-9]\d{0,2}(\.\d{3})+")
    n_short = count(r"[-+]?\d{1,3}")
    return Evidence(
        total, list(n_parsed.values()), count(r"0\d+"), n_short=n_short, n_long=whole - n_short
    )


def _distinct(column):
    """Return the distinct values of a column that are no missing words, and their counts."""
    counts = column.dropna().str.strip().value_counts(sort=False)
    counts = counts[~says_missing(counts.index) & (counts.index != "")]
    return counts.index.to_numpy(dtype=object), counts.to_numpy()


def _is_code(body):
    """Whether digits are a code, such as 01067: no number is written so."""
    return len(body) > 1 and body[0] == "0" and body.isdigit()


class _Parts(NamedTuple):
    """A number as people write it: digits and marks, 1 or -1, its unit and scale, or None."""

    body: str
    sign: int
    unit: str | None
    scale: str | None


def _split(text):
    """Return the parts of a number as people write it, or None."""
    text = _NO_CENTS.sub("", text.translate(_BLANKS))
    if nothing := _NOTHING.fullmatch(text):
        return _Parts("0", 1, _UNIT_OF[(nothing["before"] or nothing["after"]).lower()], None)
    match = _NUMBER.fullmatch(text)
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    signs = [match["sign"], match["inner"], match["trailing"], match["open"]]
    units = [match[place].lower() for place in ("outer", "before", "after") if match[place]]
    if sum(sign is not None for sign in signs) > 1 or len(units) > 1:
        return None
    negative = any(sign in ("-", "(") for sign in signs)
    unit = _UNIT_OF[units[0]] if units else None
    return _Parts(match["body"].strip(), -1 if negative else 1, unit, match["scale"])


#: With more values of digits that are no numbers, such as 12b, the others are codes too.
MAX_ODD = 0.02
#: So many numbers in groups of three are no decimal fractions of three digits: of these, one in
#: ten would end in a 0 that is not written where whole numbers have no mark.
MANY_GROUPS = 30


def decide(evidence, decimals=(), separator=",", allowed=CONVENTIONS):
    """Decide how the numbers of a column are written.

    Parameters
    ----------
    evidence : Evidence
    decimals : collection of {".", ","}, optional
        The decimal marks of the file's other columns.
    separator : str, optional
        Of the file's fields: where it is a semicolon, the comma is free to be a decimal mark.
    allowed : sequence of str, optional
        The conventions to choose from.

    Returns
    -------
    str or None
        One of `CONVENTIONS`; None if most values are no numbers, or no one number: codes such as
        01067 or 12b, or amounts in several units.
    bool
        Whether something had to be assumed: all values are like 1,234 or like 1.234.
    """
    parsed = dict(zip(CONVENTIONS, evidence.n_parsed, strict=True))
    most = max(parsed[convention] for convention in allowed)
    if most <= evidence.n_values / 2 or _are_codes(evidence):
        return None, False
    best = [convention for convention in allowed if parsed[convention] == most]
    for mark, other in (".,", ",."):
        # 1.234 is a decimal fraction, or a whole number in groups of three.
        if mark in best and other not in best and other + mark in best:
            n_marked = most - evidence.n_short - evidence.n_long
            if evidence.n_long:
                return mark, False
            if evidence.n_short and n_marked >= MANY_GROUPS:
                return other + mark, False
            # Beside semicolons or commas, points may be those of coordinates alone.
            german = separator == ";" and (mark == "," or "," in decimals)
            likely = next(iter(decimals)) if len(decimals) == 1 else "," if german else "."
            sure = len(decimals) == 1 and (separator, mark, likely) != (";", ".", ".")
            return (mark if likely == mark else other + mark), not sure
    return best[0], False


def _are_codes(evidence):
    """Whether numbers are codes, or of several units, or of one that may be months or millions."""
    ambiguous = list(evidence.scales) == ["M"] and not evidence.units and not evidence.says_marks
    odd = evidence.n_odd > MAX_ODD * evidence.n_values
    return evidence.n_codes or odd or len(evidence.units) > 1 or ambiguous


def parse(text, convention):
    """Return a text as a number by a convention; nan if it is none."""
    parts = _split(text)
    if parts is None or not _PATTERNS[convention].fullmatch(parts.body):
        return np.nan
    body = parts.body
    for thousands in convention[1:]:
        body = body.replace(thousands, "")
    number = body.replace(convention[0], ".")
    # 1.1 times a million is 1100000.0000000001 in binary fractions.
    scaled = Decimal(number) * SCALES[parts.scale] if parts.scale else number
    return parts.sign * float(scaled)


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
