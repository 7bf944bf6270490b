"""Orders as lines of customer, day and amount; what cannot be used is counted and named.

The SQL is what DuckDB and Spark have in common; what only one of them can do lies in `engines`.
"""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pandas as pd

from segmentation.customers import TableError
from segmentation.customers.numbers import decide, examine
from segmentation.customers.units import CURRENCIES
from segmentation.customers.values import MISSING_WORDS
from segmentation.transactions.engines import duckdb_on, spark_on
from segmentation.transactions.settings import OrderSettings, read_order_settings

EPOCH = date(1970, 1, 1)
#: Distinct amounts that are looked at to find out how they are written.
MAX_LOOKED_AT = 100_000

#: How the texts of dates may look, with a digit as 9 and a mark as a dash; the SQL of their parts.
_ISO = "TRY_CAST(substr(date_text, 1, 10) AS DATE)"
_COMPACT = (
    "TRY_CAST(concat(substr(date_text, 1, 4), '-', substr(date_text, 5, 2), '-', "
    "substr(date_text, 7, 2)) AS DATE)"
)
_YEAR_FIRST = "^([0-9]{4})[-./ ]([0-9]{1,2})[-./ ]([0-9]{1,2})([^0-9].*)?$"
_YEAR_LAST = "^([0-9]{1,2})[-./ ]([0-9]{1,2})[-./ ]([0-9]{4}|[0-9]{2})([^0-9].*)?$"
_DAY_MONTH = "^([0-9]{1,2})[-./ ]+([A-Za-z]{3})[A-Za-z]*[-./, ]+([0-9]{4})([^0-9].*)?$"
_MONTH_DAY = "^([A-Za-z]{3})[A-Za-z]*[-./ ]+([0-9]{1,2})[, ]+([0-9]{4})([^0-9].*)?$"
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"


class Orders(NamedTuple):
    """Orders that can be used, as the table ``line`` of an engine, and what was left out.

    `line` has ``customer``, ``day`` (since 1970), ``amount``, ``number`` of the order,
    ``product_group`` and ``quantity``, those that are not there missing. `n_lines` counts what was
    read; `remarks` are sentences on what was left out or assumed. `cut_off` and `end` are days.
    """

    engine: object
    settings: OrderSettings
    n_lines: int
    remarks: list
    cut_off: date
    end: date

    @property
    def period(self):
        """Days of a period: those held back, or a quarter of the time if none are."""
        return (self.end - self.cut_off).days or self._quarter

    @property
    def _quarter(self):
        first = self.engine.fetch("SELECT MIN(day) AS day FROM line")["day"][0]
        return max(((self.end - EPOCH).days - int(first)) // 4, 1)


@contextmanager
def open_orders(path, settings=None, today=None, engine="duckdb"):
    """Open orders in DuckDB or in Spark, which keep them until the end.

    Parameters
    ----------
    path : str or Path
        A CSV file, with or without gzip, a Parquet file, or a folder of either.
    settings : dict, optional
        As ``transactions.toml`` has them; they come before it.
    today : date, optional
        Later orders are none; by default this day.
    engine : {"duckdb", "spark"}, optional
        DuckDB needs one machine and as much of its disk as the orders take.

    Yields
    ------
    Orders

    Raises
    ------
    TableError
        If nothing can be read, and as `read_order_settings` and `read_orders`.
    """
    with {"duckdb": duckdb_on, "spark": spark_on}[engine](path) as started:
        read = read_order_settings(path, list(started.types), settings)
        yield read_orders(started, read, today)


def read_orders(engine, settings, today=None):
    """Read orders, and leave out what cannot be used.

    Parameters
    ----------
    engine : Engine
        That holds the orders; see `segmentation.transactions.engines`.
    settings : OrderSettings
    today : date, optional
        Later orders are none; by default this day.

    Returns
    -------
    Orders

    Raises
    ------
    TableError
        With every problem at once: dates or amounts that are none, dates that may be day or month
        first, several currencies, nobody with an order before the cut-off.
    """
    today = today or datetime.now(UTC).date()
    engine.name_columns(settings.columns)
    dates, date_problems = _read_dates(engine, settings)
    amounts, convention, amount_problems = _read_amounts(engine, settings)
    problems = date_problems + amount_problems + _currency_problems(engine, settings)
    _stop(problems)
    engine.make_table("checked", _checked(settings, dates, amounts, convention))
    remarks, n_lines = _remarks(engine, today)
    days_to_today = (today - EPOCH).days
    engine.make_view(
        "line",
        "SELECT customer, day, amount, number, product_group, quantity FROM checked "
        f"WHERE customer IS NOT NULL AND day <= {days_to_today} AND amount IS NOT NULL",
    )
    span = engine.fetch("SELECT MIN(day) AS low, MAX(day) AS high, COUNT(*) AS n FROM line")
    if not span["n"][0]:
        _stop([f"none of its {n_lines:,} lines has a customer, a date and an amount", *remarks])
    first, last = (EPOCH + timedelta(int(span[name][0])) for name in ("low", "high"))
    cut_off, end = _periods(settings, first, last)
    return Orders(engine, settings, n_lines, remarks + _repeated(engine), cut_off, end)


def _stop(problems):
    if problems:
        raise TableError("The orders cannot be used:\n- " + "\n- ".join(problems))


# --- Dates --------------------------------------------------------------------------------------


def _read_dates(engine, settings):
    """Return the SQL that reads dates, and what stands against it."""
    if engine.is_date(settings.columns["date"]):
        return "date_value", []
    shapes = engine.fetch(
        "SELECT shape, COUNT(*) AS n FROM (SELECT translate(substr(date_text, 1, 12), "
        "'0123456789', '9999999999') AS shape FROM raw WHERE date_text IS NOT NULL) AS shapes "
        "GROUP BY shape ORDER BY n DESC, shape LIMIT 1000"
    )["shape"]
    cases = []
    if shapes.str.fullmatch("9999-99-99(?:[^9].*)?").any():
        cases.append(("date_text LIKE '____-__-__%'", _ISO))
    if shapes.str.fullmatch("9{8}|9{12}").any():
        cases.append((_matches("^([0-9]{8}|[0-9]{14})$"), _COMPACT))
    if shapes.str.fullmatch("9999[-./ ]9{1,2}[-./ ]9{1,2}(?:[^9].*)?").any():
        cases.append((_matches(_YEAR_FIRST), _as_date(_YEAR_FIRST, "123")))
    problems = []
    if shapes.str.fullmatch("9{1,2}[-./ ]9{1,2}[-./ ]99(?:99)?(?:[^9].*)?").any():
        order, problems = _day_or_month_first(engine, settings)
        cases.append((_matches(_YEAR_LAST), _as_date(_YEAR_LAST, order)))
    if shapes.str.contains("9.*[A-Za-z]{3}|[A-Za-z]{3}.*9").any():
        cases.append((_matches(_DAY_MONTH), _as_date(_DAY_MONTH, "321", month="2")))
        cases.append((_matches(_MONTH_DAY), _as_date(_MONTH_DAY, "312", month="1")))
    if not cases:
        examples = engine.examples("date_text")
        return "NULL", [f"column {settings.columns['date']} holds no dates, such as {examples}"]
    whens = " ".join(f"WHEN {condition} THEN {parsed}" for condition, parsed in cases)
    return f"CASE {whens} END", problems


def _matches(pattern):
    return f"regexp_extract(date_text, '{pattern}', 0) <> ''"


def _as_date(pattern, order, month=None):
    """Return the SQL of a date whose year, month and day are the groups named in `order`."""
    parts = [f"regexp_extract(date_text, '{pattern}', {group})" for group in order]
    year, month_text, day = parts
    if month:
        # The name of a month lies at its number, three letters each.
        place = f"position(lower({month_text}) IN '{_MONTHS}')"
        month_text = f"CAST(CASE WHEN {place} % 3 = 1 THEN ({place} + 2) / 3 END AS INT)"
    month_text = f"lpad(CAST({month_text} AS STRING), 2, '0')"
    # Of two digits: shops of this century have them.
    year = f"CASE WHEN length({year}) = 2 THEN concat('20', {year}) ELSE {year} END"
    return f"TRY_CAST(concat({year}, '-', {month_text}, '-', lpad({day}, 2, '0')) AS DATE)"


def _day_or_month_first(engine, settings):
    """Return in which groups year, month and day are, or why it cannot be known."""
    if settings.date_format:
        return ("321" if settings.date_format == "day first" else "312"), []
    first, second = (
        f"MAX(CAST(regexp_extract(date_text, '{_YEAR_LAST}', {group}) AS INT))" for group in (1, 2)
    )
    most = engine.fetch(
        f"SELECT {first} AS first, {second} AS second FROM raw WHERE {_matches(_YEAR_LAST)}"
    )
    first, second = most["first"][0] > 12, most["second"][0] > 12
    if first != second:
        return ("321" if first else "312"), []
    why = "some can only be the one, some the other" if first else "all of them can be either"
    return "321", [
        f"in column {settings.columns['date']} days or months come first, such as in "
        f"{engine.examples('date_text')}: {why}. Say in transactions.toml beside the file "
        'date_format = "day first", or "month first"'
    ]


# --- Amounts ------------------------------------------------------------------------------------


def _read_amounts(engine, settings):
    """Return the SQL that reads amounts, the convention of numbers, and what stands against it."""
    if engine.is_number(settings.columns["amount"]):
        return "amount_value", ".", []
    given = f"SELECT DISTINCT {_residue('amount_text')} AS residue FROM raw"
    residues = engine.fetch(f"{given} ORDER BY residue LIMIT 1000")["residue"].dropna()
    spelled = {spelling.lower(): name for name, some in CURRENCIES.items() for spelling in some}
    currencies = {spelled[residue] for residue in residues if residue in spelled}
    symbols = ["", *(residue for residue in residues if residue in spelled)]
    problems = []
    if len(currencies) > 1:
        problems.append(
            f"amounts are in several currencies, {', '.join(sorted(currencies))}: convert them to "
            "one, or keep the orders in one"
        )
    column = settings.columns["amount"]
    texts = engine.fetch(
        f"SELECT DISTINCT amount_text FROM raw WHERE amount_text IS NOT NULL "
        f"ORDER BY amount_text LIMIT {MAX_LOOKED_AT}"
    )["amount_text"]
    allowed = {".": (".", ".,", ". ", ".'"), ",": (",", ",.", ", ", ",'")}.get(settings.decimal)
    evidence = examine(texts.astype("str")) if len(texts) else None
    if evidence is None or not evidence.n_values:
        return "NULL", ".", [*problems, f"column {column} holds no amounts"]
    found, assumed = decide(evidence, **({"allowed": allowed} if allowed else {}))
    if found is None and len(currencies) < 2:
        examples = engine.examples("amount_text")
        problems.append(f"column {column} holds no amounts, such as {examples}")
    if assumed and not settings.decimal:
        problems.append(
            f"amounts such as {engine.examples('amount_text')} may be thousands or fractions: say "
            'decimal = "." or decimal = "," in transactions.toml beside the file'
        )
    listed = ", ".join("'" + symbol.replace("'", "''") + "'" for symbol in symbols)
    amount = _number("amount_text", found or ".")
    return (
        f"CASE WHEN {_residue('amount_text')} IN ({listed}) THEN {amount} END",
        found or ".",
        problems,
    )


def _residue(column):
    """Return the SQL of what a text holds beside a number."""
    return f"lower(translate({column}, '0123456789.,()+- ''', ''))"


def _number(column, convention):
    body = f"translate({column}, '{convention[1:].replace(chr(39), chr(39) * 2)} ', '')"
    if convention[0] == ",":
        body = f"translate({body}, ',', '.')"
    digits = f"regexp_extract({body}, '[0-9]*[.]?[0-9]+', 0)"
    sign = f"CASE WHEN {column} LIKE '%-%' OR {column} LIKE '%(%' THEN -1 ELSE 1 END"
    return f"{sign} * TRY_CAST({digits} AS DECIMAL(18, 4))"


def _currency_problems(engine, settings):
    if "currency" not in settings.columns:
        return []
    found = engine.fetch(
        "SELECT currency_text AS currency, COUNT(*) AS n FROM raw "
        "WHERE currency_text IS NOT NULL GROUP BY currency_text ORDER BY n DESC, currency LIMIT 9"
    )
    if len(found) < 2:
        return []
    listed = ", ".join(f"{row.currency} ({row.n:,} lines)" for row in found.itertuples())
    return [
        f"column {settings.columns['currency']} has several currencies, {listed}: convert the "
        "amounts to one, or keep the orders in one"
    ]


# --- Lines --------------------------------------------------------------------------------------


def _checked(settings, dates, amounts, convention):
    """Return the SQL of all lines, with nothing where something cannot be read."""
    missing = ", ".join(f"'{word}'" for word in sorted(MISSING_WORDS) if word and "'" not in word)
    # A column of whole numbers with gaps is exported as 17850.0.
    customer = (
        "CASE WHEN customer_text LIKE '%.0' THEN substr(customer_text, 1, "
        "length(customer_text) - 2) ELSE customer_text END"
    )
    quantity = _number("quantity_text", convention) if "quantity" in settings.columns else "NULL"
    if "unit_price" in settings.columns:
        amounts = f"CAST({amounts} * ({quantity}) AS DECIMAL(18, 4))"
    zoned = "date_text LIKE '%T%+%' OR date_text LIKE '%T%Z' OR date_text LIKE '% %+__%'"
    # Texts are kept only where they are to be shown.
    return (
        "SELECT customer, day, amount, number, product_group, quantity, zoned, "
        "CASE WHEN day IS NULL THEN date_text END AS date_text, "
        "CASE WHEN amount IS NULL THEN amount_text END AS amount_text FROM (SELECT "
        f"CASE WHEN lower(customer_text) NOT IN ({missing}) THEN {customer} END AS customer, "
        f"unix_date({dates}) AS day, {amounts} AS amount, order_text AS number, "
        f"group_text AS product_group, CAST({quantity} AS DECIMAL(18, 4)) AS quantity, "
        f"{'FALSE' if dates == 'date_value' else zoned} AS zoned, date_text, amount_text "
        "FROM raw) AS lines"
    )


def _remarks(engine, today):
    """Return sentences on what is left out, and the number of lines."""
    day = (today - EPOCH).days
    faults = {
        "no_customer": "customer IS NULL",
        "no_date": "customer IS NOT NULL AND day IS NULL",
        "future": f"customer IS NOT NULL AND day > {day}",
        "no_amount": f"customer IS NOT NULL AND day <= {day} AND amount IS NULL",
        "zero": f"customer IS NOT NULL AND day <= {day} AND amount = 0",
        "negative": f"customer IS NOT NULL AND day <= {day} AND amount < 0",
        "zoned": "zoned",
    }
    sums = ", ".join(
        f"SUM(CASE WHEN {test} THEN 1 ELSE 0 END) AS {name}" for name, test in faults.items()
    )
    n = engine.fetch(f"SELECT COUNT(*) AS lines, {sums} FROM checked").iloc[0].fillna(0).astype(int)

    def examples(column, name):
        return engine.examples(column, "checked", faults[name])

    sentences = [
        (n.no_customer, "{} lines have no customer and are left out."),
        (
            n.no_date,
            "{} lines have no date that can be read and are left out"
            + (f", such as {examples('date_text', 'no_date')}." if n.no_date else "."),
        ),
        (n.future, f"{{}} lines are of after {today:%Y-%m-%d} and are left out."),
        (
            n.no_amount,
            "{} lines have no amount that can be read and are left out"
            + (f", such as {examples('amount_text', 'no_amount')}." if n.no_amount else "."),
        ),
        (n.zero, "{} lines have the amount 0: they are no orders."),
        (n.negative, "{} lines have an amount below 0: they are returns."),
        (n.zoned, "{} lines tell a time zone: their day is the one that is written."),
    ]
    said = [
        text.format(f"{count:,}").replace("1 lines have", "1 line has")
        if count == 1
        else text.format(f"{count:,}")
        for count, text in sentences
        if count
    ]
    return said, int(n.lines)


def _repeated(engine):
    columns = "customer, day, amount, number, product_group, quantity"
    found = engine.fetch(
        f"SELECT SUM(n - 1) AS lines, SUM((n - 1) * amount) AS money FROM (SELECT {columns}, "
        f"COUNT(*) AS n FROM line GROUP BY {columns} HAVING COUNT(*) > 1) AS repeated"
    )
    if pd.isna(found["lines"][0]):
        return []
    return [
        f"{int(found['lines'][0]):,} lines, of {float(found['money'][0]):,.2f} in all, equal "
        "another one in all that is used. They are counted, as one may buy the same twice: if the "
        "export holds lines twice, take them out."
    ]


def _periods(settings, first, last):
    """Return the cut-off, and the day after the period that is held back."""
    end = last + timedelta(1)
    held_back = settings.held_back
    if settings.cut_off:
        cut_off = settings.cut_off
        if held_back is not None:
            end = min(end, cut_off + timedelta(held_back))
        end = max(end, cut_off)
    else:
        if held_back is None:
            held_back = (end - first).days // 4
        cut_off = end - timedelta(held_back)
    if cut_off <= first:
        _stop(
            [
                f"the first order is of {first:%Y-%m-%d}, and the cut-off is {cut_off:%Y-%m-%d}: "
                "choose a later cut_off, or hold fewer days back, in transactions.toml"
            ]
        )
    return cut_off, end
