"""One row per customer from orders: the columns that `segmentation.transactions` defines."""

from segmentation.customers import TableError
from segmentation.transactions.orders import EPOCH
from segmentation.transactions.settings import as_column

#: Groups with a column of their own; what goes to the others is added up.
MAX_GROUPS = 6
TARGET = "spent_next"
DECIMALS = 4

#: The columns that every table has, and what to call them.
FEATURES = {
    "recency_days": "days since last order",
    "orders": "orders",
    "spent": "money spent",
    "mean_order": "order value",
    "spent_lately": "money spent lately",
    "tenure_days": "days since first order",
    "gap_days": "days between orders",
    "gap_variation": "irregularity of orders",
    "overdue": "overdue factor",
    "trend": "spending trend",
    "returned": "share returned",
}

_ORDERS_SQL = """
SELECT customer, {key} AS number, MIN(day) AS day, SUM(amount) AS amount, SUM(quantity) AS items
FROM line WHERE amount > 0 AND day < {cut_off}
GROUP BY customer, {key}
"""

_SQL = """
WITH gap AS (
    SELECT customer, day - LAG(day) OVER (PARTITION BY customer ORDER BY day) AS days
    FROM {days}
), rhythm AS (
    SELECT customer, COUNT(days) AS gaps, SUM(CAST(days AS DECIMAL(18, 0))) AS total,
        SUM(CAST(days AS DECIMAL(18, 0)) * days) AS squares
    FROM gap WHERE days IS NOT NULL GROUP BY customer
), usual AS (
    SELECT MEDIAN(CAST(total AS DOUBLE) / gaps) AS days FROM rhythm
), buyer AS (
    SELECT customer, MIN(day) AS first, MAX(day) AS last, COUNT(*) AS orders,
        SUM(amount) AS bought, SUM(items) AS items,
        SUM(CASE WHEN day >= {cut_off} - {period} THEN amount ELSE 0 END) AS lately,
        SUM(CASE WHEN day >= {cut_off} - 2 * {period} AND day < {cut_off} - {period}
            THEN amount ELSE 0 END) AS before
    FROM one_order GROUP BY customer
), back AS (
    SELECT customer, -SUM(amount) AS amount
    FROM line WHERE amount < 0 AND day < {cut_off} GROUP BY customer
), next_period AS (
    SELECT customer, SUM(amount) AS amount
    FROM line WHERE day >= {cut_off} AND day < {end} GROUP BY customer
){grouped}
SELECT buyer.customer,
    {cut_off} - last AS recency_days,
    orders,
    CAST(bought - COALESCE(back.amount, 0) AS DOUBLE) AS spent,
    CAST(bought AS DOUBLE) / orders AS mean_order,
    CAST(lately AS DOUBLE) AS spent_lately,
    {cut_off} - first AS tenure_days,
    CAST(total AS DOUBLE) / gaps AS gap_days,
    CASE WHEN gaps > 1 THEN
        sqrt((CAST(squares AS DOUBLE) - CAST(total AS DOUBLE) * CAST(total AS DOUBLE) / gaps)
            / (gaps - 1)) / (CAST(total AS DOUBLE) / gaps)
    END AS gap_variation,
    ({cut_off} - last) / COALESCE(CAST(total AS DOUBLE) / gaps, usual.days) AS overdue,
    CASE WHEN lately + before > 0
        THEN CAST(lately - before AS DOUBLE) / CAST(lately + before AS DOUBLE) ELSE 0
    END AS trend,
    COALESCE(CAST(back.amount AS DOUBLE), 0) / CAST(bought AS DOUBLE) AS returned{others}
FROM buyer
LEFT JOIN rhythm ON rhythm.customer = buyer.customer
LEFT JOIN back ON back.customer = buyer.customer
LEFT JOIN next_period ON next_period.customer = buyer.customer{joined}
CROSS JOIN usual
ORDER BY buyer.customer
"""


def make_customers(orders):
    """Compute the table of customers at the cut-off.

    Parameters
    ----------
    orders : Orders
        As `segmentation.transactions.read_orders` gives them.

    Returns
    -------
    table : DataFrame, a row per customer with a purchase before the cut-off, in order of customer
        ``customer`` and the columns that `segmentation.transactions` defines, missing where they
        are not defined.
    labels : dict of str to str
        What to call the columns.

    Raises
    ------
    TableError
        If nobody has a purchase before the cut-off.
    """
    groups, n_others = _largest_groups(orders)
    has_items = "quantity" in orders.settings.columns
    holds_back = orders.end > orders.cut_off
    shares = _share_columns(groups, n_others)
    others = [
        *(["CAST(items AS DOUBLE) / orders AS items_per_order"] * has_items),
        *(f"CAST({column} AS DOUBLE) / CAST(bought AS DOUBLE) AS {column}" for column in shares),
        *([f"COALESCE(CAST(next_period.amount AS DOUBLE), 0) AS {TARGET}"] * holds_back),
    ]
    cut_off = (orders.cut_off - EPOCH).days
    key = "number" if "order" in orders.settings.columns else "day"
    orders.engine.make_table("one_order", _ORDERS_SQL.format(key=key, cut_off=cut_off))
    by_day = "(SELECT customer, day FROM one_order GROUP BY customer, day) AS days"
    query = _SQL.format(
        days="one_order" if key == "day" else by_day,
        cut_off=cut_off,
        end=(orders.end - EPOCH).days,
        period=orders.period,
        grouped=_grouped(shares, cut_off) if shares else "",
        joined="\nLEFT JOIN grouped ON grouped.customer = buyer.customer" * bool(shares),
        others="".join(f",\n    {some}" for some in others),
    )
    table = orders.engine.fetch(query).round(DECIMALS)
    if table.empty:
        raise TableError(
            f"nobody has a purchase before the cut-off, {orders.cut_off:%Y-%m-%d}: choose a later "
            "one in transactions.toml."
        )
    labels = FEATURES | {"items_per_order": "pieces per order", TARGET: "money of the next period"}
    labels |= {column: f"share of {name}" for column, (name, _) in shares.items()}
    return table, {name: label for name, label in labels.items() if name in table}


def _largest_groups(orders):
    """Return the groups that sell most before the cut-off, and how many others there are."""
    if "group" not in orders.settings.columns:
        return [], 0
    found = orders.engine.fetch(
        "SELECT product_group, SUM(amount) AS amount FROM line "
        f"WHERE amount > 0 AND day < {(orders.cut_off - EPOCH).days} "
        "AND product_group IS NOT NULL GROUP BY product_group "
        "ORDER BY amount DESC, product_group"
    )["product_group"].tolist()
    # One other group is a group.
    n_own = MAX_GROUPS if len(found) > MAX_GROUPS + 1 else len(found)
    return found[:n_own], len(found) - n_own


def _share_columns(groups, n_others):
    """Return the names of the columns of shares, with what they are of and the SQL of that."""
    quoted = ["'" + group.replace("'", "''") + "'" for group in groups]
    parts = [(group, f"product_group = {text}") for group, text in zip(groups, quoted, strict=True)]
    if n_others:
        parts.append(("other groups", f"product_group NOT IN ({', '.join(quoted)})"))
    columns = {}
    for group, condition in parts:
        column, again = f"share_{as_column(group)}", 2
        while column in columns:
            column, again = f"share_{as_column(group)}_{again}", again + 1
        columns[column] = group, condition
    return columns


def _grouped(shares, cut_off):
    sums = ", ".join(
        f"SUM(CASE WHEN {condition} THEN amount ELSE 0 END) AS {column}"
        for column, (_, condition) in shares.items()
    )
    return (
        f", grouped AS (\n    SELECT customer, {sums}\n    FROM line "
        f"WHERE amount > 0 AND day < {cut_off} GROUP BY customer\n)"
    )


def describe_orders(orders, table):
    """Say in sentences what became of the orders, what was left out, and what was assumed.

    Parameters
    ----------
    orders : Orders
    table : DataFrame
        As `make_customers` gives it.

    Returns
    -------
    list of str
    """
    held_back = (orders.end - orders.cut_off).days
    said = [
        f"{orders.n_lines:,} lines became {len(table):,} customers as of "
        f"{orders.cut_off:%Y-%m-%d}.",
    ]
    if held_back:
        later = orders.engine.fetch(
            "SELECT COUNT(*) AS n FROM (SELECT customer FROM line GROUP BY customer HAVING "
            f"MIN(CASE WHEN amount > 0 THEN day END) >= {(orders.cut_off - EPOCH).days} "
            "OR MAX(amount) <= 0) AS later"
        )["n"][0]
        said.append(
            f"What they spent in the {held_back} days since then is held back as the target; "
            f"{int(later):,} customers have no purchase before and are not in the table."
        )
    return said + orders.remarks
