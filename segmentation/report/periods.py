"""Rates then and now, where the customers can be put in order of time."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.customers import is_bank_marketing
from segmentation.outcomes import CONTACT, DO_NOT, profit_of, rate_of

#: The share of customers that are the earlier ones; the others are enough for a rate of their own.
EARLIER = 0.7
#: The decision where the earlier customers ask for one and the later ones for the other.
DEPENDS = "depends on the period"


class Later(NamedTuple):
    """Who came later: `by` what that is known, `since` which month, and of whom, (n_customers,)."""

    by: str
    since: str
    later: np.ndarray


def find_later(loaded, path):
    """Find the latest customers, if it is known in which order they came.

    Parameters
    ----------
    loaded : Customers
    path : Path
        The table, as `segmentation.customers.find_table` returned it.

    Returns
    -------
    Later or None
        Who comes after the first 70 %: by the rows of the bank's table, which are in order of date
        (Moro, Cortez and Rita 2014), else by the only column of ISO 8601 dates. None without
        either, or where so many have one date that nobody comes later.
    """
    if is_bank_marketing(path):
        by, dates = "the order of the rows", _months_of_the_bank(loaded.raw["month"])
        order = pd.Series(np.arange(len(dates)))
    else:
        names = loaded.roles.index[loaded.roles["role"] == "date"]
        if len(names) != 1:
            return None
        by = str(names[0])
        texts = loaded.raw[by].astype(str)
        order = dates = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
        if order.isna().any():
            return None
    # A date that reaches from the earlier customers into the later ones is an earlier one.
    later = (order > order.quantile(EARLIER, interpolation="lower")).to_numpy()
    if not later.any():
        return None
    return Later(by, f"{dates[later].min():%B %Y}", later)


def _months_of_the_bank(names):
    """Return the months of its rows as dates: they begin in 2008, and never go back."""
    months = pd.to_datetime(names.astype(str), format="%b").dt.month
    years = 2008 + (months.diff() < 0).cumsum()
    return pd.to_datetime({"year": years, "month": months, "day": 1})


def rates_then_and_now(outcome, later, money):
    """Compute the rates of earlier and of later customers, and what each would decide.

    Parameters
    ----------
    outcome : Series of float
        As `segmentation.outcomes.find_outcome` gives it, of some customers.
    later : array of bool
        Of the same customers, as `Later` has it.
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
