"""Synthetic orders: a shop whose laws are known, for when the real orders cannot be had.

Customers buy first in one of twelve weeks, and then as in the Pareto/NBD model of Schmittlein,
Morrison and Colombo (1987, "Counting your customers: who are they and what will they do next?",
Management Science 33, 1-24): while he is active, a customer orders by chance at a rate of his own;
he leaves for good by chance, at another. Both rates are gamma-distributed over the customers, with
the parameters that Fader, Hardie and Lee (2005, "'Counting your customers' the easy way",
Marketing Science 24, 275-284) estimated on a tenth of the CDNOW customers.

What the model leaves open is made up: every customer has a price level and a taste for five
product groups, an order has a line for each of one or more purchases, and of some lines all is
returned within four weeks.
"""

import numpy as np
import pandas as pd

from segmentation import files

N_CUSTOMERS, SEED = 6_000, 0
FIRST, N_DAYS, ACQUISITION_DAYS = pd.Timestamp("1997-01-01"), 546, 84
#: Shape and inverse scale of the rates of orders and of leaving, per week.
ORDERING, LEAVING = (0.553, 10.578), (0.606, 11.669)
GROUPS = ("classical", "film", "jazz", "pop", "rock")
TASTE = (0.2, 0.1, 0.2, 0.5, 0.5)
#: Of the logarithm of a price: mean, deviation between customers, deviation within one.
PRICE = (2.6, 0.3, 0.25)
MORE_LINES, MORE_PIECES, RETURNED = 0.6, 0.4, 0.03


def draw_orders(n_customers=N_CUSTOMERS, seed=SEED):
    """Draw the orders of synthetic customers.

    Parameters
    ----------
    n_customers : int, optional
    seed : int, optional

    Returns
    -------
    DataFrame, a row per line of an order or of a return, in order of customer and date
        ``customer_id``, ``date`` as YYYYMMDD, ``number_of_cds`` and ``dollar_value``, as in the
        CDNOW orders, and ``product_group``.
    """
    rng = np.random.default_rng(seed)
    customer, day = _order_days(rng, n_customers)
    lines = np.repeat(np.arange(len(customer)), 1 + rng.poisson(MORE_LINES, len(customer)))
    lines = _fill(rng, customer[lines], day[lines], n_customers)
    lines = pd.concat([lines, _returns(rng, lines)])
    lines = lines[lines["day"] < N_DAYS].sort_values(["customer", "day"], kind="stable")
    return pd.DataFrame(
        {
            "customer_id": lines["customer"].add(1).astype(str).str.zfill(5),
            "date": (FIRST + pd.to_timedelta(lines["day"], "D")).dt.strftime("%Y%m%d"),
            "number_of_cds": lines["pieces"],
            "dollar_value": lines["amount"].round(2),
            "product_group": lines["group"],
        }
    ).reset_index(drop=True)


def _order_days(rng, n_customers):
    """Return the customer and the day of every order: the first one, and those that chance adds."""
    first = rng.integers(ACQUISITION_DAYS, size=n_customers)
    rate, leaving = (
        rng.gamma(shape, 1 / scale, n_customers) for shape, scale in (ORDERING, LEAVING)
    )
    # A rate of leaving may be so small that one stays for good.
    weeks = rng.standard_exponential(n_customers) / np.maximum(leaving, 1e-12)
    weeks = np.minimum(weeks, (N_DAYS - first) / 7)
    again = np.repeat(np.arange(n_customers), rng.poisson(rate * weeks))
    later = first[again] + (7 * weeks[again] * rng.random(len(again))).astype(int)
    return np.concatenate([np.arange(n_customers), again]), np.concatenate([first, later])


def _fill(rng, customer, day, n_customers):
    """Return lines with a group, a number of pieces and an amount."""
    mean, between, within = PRICE
    taste = rng.dirichlet(TASTE, n_customers).cumsum(axis=1)[customer, :-1]
    group = (rng.random((len(customer), 1)) > taste).sum(axis=1)
    level = rng.normal(mean, between, n_customers)[customer]
    pieces = 1 + rng.poisson(MORE_PIECES, len(customer))
    amount = pieces * np.exp(rng.normal(level, within))
    record = {"customer": customer, "day": day, "pieces": pieces, "amount": amount}
    return pd.DataFrame(record | {"group": np.array(GROUPS)[group]})


def _returns(rng, lines):
    """Return the lines that take others back, one to four weeks later."""
    back = lines[rng.random(len(lines)) < RETURNED]
    later = back["day"] + rng.integers(7, 29, len(back))
    return back.assign(day=later, amount=-back["amount"], pieces=-back["pieces"])


def write_orders(path):
    """Write the synthetic orders as CSV, whole or not at all."""
    with files.written_whole(path) as beside:
        draw_orders().to_csv(beside, index=False, float_format="%.2f", lineterminator="\n")
