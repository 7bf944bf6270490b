"""What customers did: rates of a target of two values, and what a contact brings at a rate."""

import pandas as pd
from scipy.stats import binomtest

from segmentation.customers.values import is_yes_no, to_categories, to_texts

CONTACT, DO_NOT, UNDECIDED = "contact", "do not contact", "not decided"


def find_outcome(target):
    """Turn a target of two values into what rates are told of.

    Parameters
    ----------
    target : Series or None

    Returns
    -------
    Series of float or None
        1 where the target has the value that is yes, or else the rarer one, 0 where it has the
        other, missing where it is; under the name of that value. None without two values.
    """
    if target is None:
        return None
    texts = to_texts(target)
    counts = texts.value_counts().sort_index()
    if len(counts) != 2:
        return None
    positive = counts.idxmin()
    if is_yes_no([text.lower() for text in counts.index]):
        answers = to_categories(pd.Series(counts.index), "yes/no")
        positive = counts.index[answers.tolist().index("yes")]
    return texts.eq(positive).astype(float).where(texts.notna()).rename(str(positive))


def rate_of(outcome):
    """Compute the share of ones, with Wilson's (1927) interval of 95 %.

    Parameters
    ----------
    outcome : Series of float
        0, 1 or missing.

    Returns
    -------
    dict or None
        None where nothing is known.
    """
    known = outcome.dropna()
    if known.empty:
        return None
    positives = int(known.sum())
    interval = binomtest(positives, len(known)).proportion_ci(method="wilson")
    return {
        "share": positives / len(known),
        "low": float(interval.low),
        "high": float(interval.high),
        "customers": len(known),
        "positives": positives,
    }


def money_of(settings):
    """Return what a success is worth and a contact costs.

    Parameters
    ----------
    settings : dict
        As in `segmentation.customers.Customers`.

    Returns
    -------
    dict or None
        ``value``, ``cost``, the rate ``break_even`` from which on a contact pays, and whether
        they are an ``example``. None unless both are set.
    """
    if not {"value", "cost"} <= settings.keys():
        return None
    value, cost = float(settings["value"]), float(settings["cost"])
    example = bool(settings.get("example", False))
    return {"value": value, "cost": cost, "break_even": cost / value, "example": example}


def profit_of(found, money):
    """Compute what a contact is expected to bring.

    Parameters
    ----------
    found : dict or None
        As `rate_of` gives it.
    money : dict or None
        As `money_of` gives it.

    Returns
    -------
    dict or None
        ``mean``, and the interval from ``low`` to ``high`` that that of the rate leads to; the
        ``decision`` is to contact if all of it is above 0, not to if all of it is below.
    """
    if found is None or money is None:
        return None
    profit = {
        name: found[part] * money["value"] - money["cost"]
        for name, part in (("mean", "share"), ("low", "low"), ("high", "high"))
    }
    decision = CONTACT if profit["low"] > 0 else DO_NOT if profit["high"] < 0 else UNDECIDED
    return profit | {"decision": decision}
