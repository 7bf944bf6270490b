"""Rates then and now, where the customers can be put in order of time."""

import numpy as np
import pandas as pd

from segmentation.customers import is_bank_marketing
from segmentation.outcomes import CONTACT, DO_NOT, profit_of, rate_of

#: The share of customers that are the earlier ones; the others are enough for a rate of their own.
EARLIER = 0.7
#: The decision where the earlier customers ask for one and the later ones for the other.
DEPENDS = "depends on the period"


def find_later(loaded, path):
    """Find the latest customers, if it is known in which order they came.

    Parameters
    ----------
    loaded : Customers
    path : Path
        The table, as `segmentation.customers.find_table` returned it.

    Returns
    -------
    (str, array of bool, shape (n_customers,)) or None
        What the order is taken from, and who comes after the first 70 %: by the rows of the
        bank's table, which are in order of date (Moro, Cortez and Rita 2014), else by the only
        column of ISO 8601 dates. None without either, or where so many have one date that nobody
        comes later.
    """
    if is_bank_marketing(path):
        by, order = "the order of the rows", pd.Series(np.arange(len(loaded.table)))
    else:
        names = loaded.roles.index[loaded.roles["role"] == "date"]
        if len(names) != 1:
            return None
        by = str(names[0])
        texts = loaded.raw[by].astype(str)
        order = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
        if order.isna().any():
            return None
    # A date that reaches from the earlier customers into the later ones is an earlier one.
    later = order > order.quantile(EARLIER, interpolation="lower")
    return (by, later.to_numpy()) if later.any() else None


def rates_then_and_now(outcome, later, money):
    """Compute the rates of earlier and of later customers, and what each would decide.

    Parameters
    ----------
    outcome : Series of float
        As `segmentation.outcomes.find_outcome` gives it, of some customers.
    later : array of bool
        Of the same customers, as `find_later` gives it.
    money : dict or None
        As `segmentation.outcomes.money_of` gives it.

    Returns
    -------
    dict or None
        ``earlier`` and ``later``, as `segmentation.outcomes.rate_of` gives them, each with its
        ``decision``, None without money. None where one of them knows of nobody.
    """
    found = {"earlier": rate_of(outcome[~later]), "later": rate_of(outcome[later])}
    if None in found.values():
        return None
    for rate in found.values():
        profit = profit_of(rate, money)
        rate["decision"] = profit and profit["decision"]
    return found


def decide(profit, periods):
    """Return a profit with the decision that holds in both periods, if there is one.

    Parameters
    ----------
    profit : dict or None
        As `segmentation.outcomes.profit_of` gives it for all the time.
    periods : dict or None
        As `rates_then_and_now` gives them.

    Returns
    -------
    dict or None
    """
    if profit is None or periods is None:
        return profit
    if {periods["earlier"]["decision"], periods["later"]["decision"]} == {CONTACT, DO_NOT}:
        return profit | {"decision": DEPENDS}
    return profit
