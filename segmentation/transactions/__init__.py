"""Orders become customers: one row each at a cut-off date, in SQL that DuckDB and Spark both run.

What the columns of the customers mean; days are whole days, money is as in the orders. A purchase
is a line of an amount above 0. Lines of one order number are one order; without order numbers,
those of one customer on one day are. Everything but ``spent_next`` is of before the cut-off:

==========================  =====================================================================
``recency_days``            from the last order to the cut-off
``orders``                  how many
``spent``                   all amounts, returns taken off
``mean_order``              purchases per order
``spent_lately``            purchases in the last period, which is as long as the one held back
``tenure_days``             from the first order to the cut-off
``gap_days``                mean gap between two days with orders; missing with one such day
``gap_variation``           standard deviation of the gaps over their mean: 0 as a clock, 1 as if
                            by chance; missing with fewer than two gaps
``overdue``                 recency over the usual gap: one's own mean, or with one day of orders
                            the median of the customers who have one
``trend``                   purchases of the last period less those of the period before, over
                            their sum: from -1, nothing more, to 1, nothing before; 0 if neither
``returned``                share of the money of purchases that was returned
``items_per_order``         if the lines have a quantity
``share_...``               share of the money of purchases that went to a product group, for the
                            six that sell most, and the others together
``spent_next``              all amounts of the period that is held back: the target
==========================  =====================================================================

Amounts count to four decimals and are added up exactly, so that neither the order of the lines nor
the number of threads changes a digit; so do all other numbers.

What ``transactions.toml`` beside the orders may say; every key is optional::

    customer = "client"             # names of columns, where they are not found
    date = "bought_on"
    amount = "total"                # of a line; or that of one piece, as
    unit_price = "price"            # which counts times the quantity
    order = "invoice"               # its number; "" if a column is taken for it and is none
    group = "department"            # of the product
    quantity = "pieces"
    currency = "currency"
    date_format = "day first"       # of 03/04/2025: or "month first"
    decimal = ","                   # of the amounts, or "."
    cut_off = 2025-10-01            # customers are as they were at the start of this day
    held_back = 90                  # days after the cut-off whose money is the target; 0: none
"""

from segmentation.transactions.features import TARGET, describe_orders, make_customers
from segmentation.transactions.files import make_from, write_customers
from segmentation.transactions.orders import Orders, open_orders
from segmentation.transactions.settings import OrderSettings, read_order_settings

__all__ = [
    "TARGET",
    "OrderSettings",
    "Orders",
    "describe_orders",
    "make_customers",
    "make_from",
    "open_orders",
    "read_order_settings",
    "write_customers",
]
