"""How numbers are written: decimal and thousands marks, currencies and units, and how to read them.

It is decided from all values of a column, never value by value: a convention is a decimal mark
and, behind it, a thousands mark, if there is one. ``",."`` is that of 1.234,56.
"""

import re
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.customers.units import CURRENCIES, SCALES, UNIT_OF
from segmentation.customers.values import says_missing

#: A decimal mark and a thousands mark; those without the latter come first.
CONVENTIONS = (".", ",", ".,", ",.", ". ", ", ", ".'", ",'")


def _one_of(spellings):
    longest_first = sorted(spellings, key=len, reverse=True)
    return "|".join(re.escape(spelling) for spelling in longest_first)


_CURRENCY = f"(?i:{_one_of(sum(CURRENCIES.values(), ()))})"
_UNIT = f"(?i:{_one_of(UNIT_OF)})"
_NUMBER = re.compile(
    rf"%?\s*(?P<outer>{_CURRENCY})?\s*(?P<open>\()?\s*(?P<sign>[-+])?\s*"
    rf"(?P<before>{_CURRENCY})?\s*(?P<inner>[-+])?\s*"
    r"(?P<body>\d[\d.,' ]*(?:[eE][-+]?\d+)?|[.,]\d+)\+?\s*"
    rf"(?:(?P<scale>{_one_of(SCALES)})(?![^\W\d_]))?\s*(?P<after>{_UNIT})?\s*%?\s*"
    r"(?P<trailing>-)?\s*(?P<close>\))?"
)
#: In accounts, a currency and a dash are nothing.
_NOTHING = re.compile(rf"(?P<before>{_CURRENCY})\s*-|-\s*(?P<after>{_CURRENCY})")
_BLANKS = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2019": "'",
        "\u2212": "-",
        "\u2013": "-",
        "\u2014": "-",
    }
)
#: A mark and a dash stand for no cents: 25.- is 25, and so is 25/-.
_NO_CENTS = re.compile(r"(?<=\d)[.,:/] ?--?(?!\d)")


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
    are no numbers, `n_short`, `n_four` and `n_long` whole numbers without marks, of up to three, of
    four and of more digits, `n_low` numbers with one digit before a mark and three behind it;
    `units` and `scales` are those named.
    """

    n_values: int = 0
    n_parsed: tuple = (0,) * len(CONVENTIONS)
    n_codes: int = 0
    n_odd: int = 0
    n_short: int = 0
    n_four: int = 0
    n_long: int = 0
    n_low: int = 0
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
    counted = dict.fromkeys(("n_codes", "n_odd", "n_short", "n_four", "n_long", "n_low"), 0)
    units, scales = set(), set()
    codes, shapes = _shapes(distinct)
    for shape, count in zip(shapes, np.bincount(codes, counts), strict=True):
        parts = _split(shape)
        fitting = [] if parts is None else _conventions_of(parts.body)
        for convention in fitting:
            n_parsed[convention] += count
        if fitting:
            units |= {parts.unit} - {None}
            scales |= {parts.scale} - {None}
        if kind := _kind_of(parts.body) if fitting else _ODD.search(shape) and "n_odd":
            counted[kind] += count
    return Evidence(
        int(counts.sum()),
        [int(n) for n in n_parsed.values()],
        **{kind: int(count) for kind, count in counted.items()},
        units=sorted(units),
        scales=sorted(scales),
    )


#: Numbers are written alike where they differ in their digits alone, but for zeros in front.
_SHAPE = str.maketrans("12345678", "99999999")
_ODD = re.compile(r"\d")
_LOW = re.compile(r"[1-9][.,]\d{3}")


def _shapes(texts):
    """Return how texts are written, as codes of distinct shapes: there are far fewer of them."""
    return pd.factorize(np.array([text.translate(_SHAPE) for text in texts], dtype=object))


def _kind_of(body):
    """Return which count of the evidence a number adds to, if any."""
    if not body.isdigit():
        return "n_low" if _LOW.fullmatch(body) else None
    if body[0] == "0" and len(body) > 1:  # No number is written so.
        return "n_codes"
    return "n_short" if len(body) < 4 else "n_four" if len(body) == 4 else "n_long"


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
    n_codes, n_short, n_four = count(r"0\d+"), count(r"[-+]?\d{1,3}"), count(r"[-+]?\d{4}")
    return Evidence(
        total,
        list(n_parsed.values()),
        n_codes,
        n_short=n_short,
        n_four=n_four,
        n_long=whole - n_short - n_four,
        n_low=count(r"[-+]?[1-9]\.\d{3}"),
    )


def _distinct(column):
    """Return the distinct values of a column that are no missing words, and their counts."""
    counts = column.dropna().str.strip().value_counts(sort=False)
    counts = counts[~says_missing(counts.index) & (counts.index != "")]
    return counts.index.to_numpy(dtype=object), counts.to_numpy()


class _Parts(NamedTuple):
    """A number as people write it: its digits and marks, where they begin, 1 or -1, its unit and
    scale, or None.
    """

    body: str
    start: int
    sign: int
    unit: str | None
    scale: str | None


def _split(text):
    """Return the parts of a number as people write it, or None."""
    text = _NO_CENTS.sub("", text.translate(_BLANKS))
    if nothing := _NOTHING.fullmatch(text):
        return _Parts("0", -1, 1, UNIT_OF[(nothing["before"] or nothing["after"]).lower()], None)
    match = _NUMBER.fullmatch(text)
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    signs = [match["sign"], match["inner"], match["trailing"], match["open"]]
    units = [match[place].lower() for place in ("outer", "before", "after") if match[place]]
    if sum(sign is not None for sign in signs) > 1 or len(units) > 1:
        return None
    negative = any(sign in ("-", "(") for sign in signs)
    unit = UNIT_OF[units[0]] if units else None
    sign = -1 if negative else 1
    return _Parts(match["body"].strip(), match.start("body"), sign, unit, match["scale"])


#: With more values that have a leading zero, or have digits and are no numbers, such as 12b, the
#: others are codes too.
MAX_ODD = 0.02
#: So many numbers in groups of three are no decimal fractions of three digits: those of fewer
#: would be among them.
MANY_GROUPS = 5


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
            n_marked = most - evidence.n_short - evidence.n_four - evidence.n_long
            # Some groups begin at 10.000 only.
            if evidence.n_long or (evidence.n_four and evidence.n_low):
                return mark, False
            if evidence.n_short or evidence.n_four:
                return other + mark, n_marked < MANY_GROUPS
            # Beside semicolons or commas, points may be those of coordinates alone.
            german = separator == ";" and (mark == "," or "," in decimals)
            likely = next(iter(decimals)) if len(decimals) == 1 else "," if german else "."
            sure = len(decimals) == 1 and (separator, mark, likely) != (";", ".", ".")
            return (mark if likely == mark else other + mark), not sure
    return best[0], False


def _are_codes(evidence):
    """Whether numbers are codes, or of several units, or of one that may be months or millions."""
    ambiguous = list(evidence.scales) == ["M"] and not evidence.units and not evidence.says_marks
    odd = max(evidence.n_codes, evidence.n_odd) > MAX_ODD * evidence.n_values
    return odd or len(evidence.units) > 1 or ambiguous


def parse(texts, convention):
    """Return texts as numbers by a convention.

    Parameters
    ----------
    texts : sequence of str
    convention : str
        One of `CONVENTIONS`.

    Returns
    -------
    ndarray of float, shape (n_texts,)
        nan where there is no number.
    """
    codes, shapes = _shapes(texts)
    readers = [_reader(shape, convention) for shape in shapes]
    read = [readers[code](text) for code, text in zip(codes, texts, strict=True)]
    return np.array(read, dtype=float)


def _reader(shape, convention):
    """Return a function that reads any text of a shape."""
    parts = _split(shape)
    if parts is None or not _PATTERNS[convention].fullmatch(parts.body):
        return lambda text: np.nan
    if parts.start < 0:
        return lambda text: 0.0
    place = slice(parts.start, parts.start + len(parts.body))
    marks = str.maketrans({convention[0]: ".", **dict.fromkeys(convention[1:])})
    if parts.scale:
        # 1.1 times a million is 1100000.0000000001 in binary fractions.
        scale = parts.sign * SCALES[parts.scale]
        return lambda text: float(Decimal(text[place].translate(_BLANKS).translate(marks)) * scale)
    return lambda text: parts.sign * float(text[place].translate(_BLANKS).translate(marks))


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
    distinct = np.asarray(distinct, dtype=object)
    texts = pd.Series(distinct).astype("str").str.strip()
    is_text = np.array([isinstance(value, str) for value in distinct], dtype=bool)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float, na_value=np.nan).copy()
    # Python's own way of writing numbers is one of them, and by far the fastest to read.
    left = is_text & (np.isnan(numbers) if convention in (None, ".") else True)
    numbers[left] = parse(texts.to_numpy(dtype=object)[left], convention or ".")
    return pd.Series(np.append(numbers, np.nan)[codes], index=column.index)
