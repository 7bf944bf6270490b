"""What customers did: rates or means of a target, and what a contact brings at a rate."""

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.stats import binomtest

from segmentation.customers.numbers import to_numbers
from segmentation.customers.values import is_yes_no, to_categories, to_texts

CONTACT, DO_NOT, UNDECIDED = "contact", "do not contact", "not decided"

#: Bootstrap samples; sums over them need no more for two digits of an interval.
N_BOOTSTRAPS = 2_000
#: Beyond, the mean is normal however skewed what it is of, and the bootstrap would only cost time.
MAX_BOOTSTRAPPED = 5_000


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


def find_measure(target):
    """Turn a target that is a number into what means are told of.

    Parameters
    ----------
    target : Series or None

    Returns
    -------
    Series of float or None
        Missing where the target is. None if it is no number, or has two values: of these,
        `find_outcome` tells rates.
    """
    if target is None or find_outcome(target) is not None or is_bool_dtype(target):
        return None
    numbers = target if is_numeric_dtype(target) else to_numbers(target)
    if numbers is None or pd.Series(numbers).nunique() < 2:
        return None
    return pd.Series(numbers, target.index, dtype=float).rename(target.name)


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


def mean_of(measured, own):
    """Compute the mean of some customers, with its interval of 95 %, and their share of the sum.

    Parameters
    ----------
    measured : Series of float, shape (n_customers,)
        As `find_measure` gives it.
    own : array of bool, shape (n_customers,)
        The customers.

    Returns
    -------
    dict or None
        ``mean``, ``low``, ``high``, ``share`` of the sum of all customers (None where negative
        values leave none), and of how many ``customers``. None where nothing is known of anybody.
        Money is skewed: up to 5,000 customers the interval is that of the bootstrap (percentiles,
        Efron 1979), seeded; beyond, 1.96 standard errors.
    """
    known = measured[own].dropna().to_numpy()
    if not len(known):
        return None
    total = measured.sum()
    part = known.sum() / total if total > 0 else np.nan
    mean = known.mean()
    if len(known) > MAX_BOOTSTRAPPED:
        margin = 1.96 * known.std(ddof=1) / np.sqrt(len(known))
        low, high = mean - margin, mean + margin
    else:
        rng = np.random.default_rng(0)
        means = rng.choice(known, (N_BOOTSTRAPS, len(known))).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
    return {
        "mean": float(mean),
        "low": float(low),
        "high": float(high),
        "share": float(part) if 0 <= part <= 1 else None,
        "customers": len(known),
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
