"""Means of a target that is a number, such as the money of the next period, per segment."""

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from segmentation.customers.numbers import to_numbers
from segmentation.outcomes import find_outcome

#: Bootstrap samples; sums over them need no more for two digits of an interval.
N_BOOTSTRAPS = 2_000
#: Beyond, the mean is normal however skewed what it is of, and the bootstrap would only cost time.
MAX_BOOTSTRAPPED = 5_000


def find_measure(target):
    """Turn a target that is a number into what means are told of.

    Parameters
    ----------
    target : Series or None

    Returns
    -------
    Series of float or None
        Missing where the target is. None if it is no number, or has two values: of these,
        `segmentation.outcomes.find_outcome` tells rates.
    """
    if target is None or find_outcome(target) is not None or is_bool_dtype(target):
        return None
    numbers = target if is_numeric_dtype(target) else to_numbers(target)
    if numbers is None or pd.Series(numbers).nunique() < 2:
        return None
    return pd.Series(numbers, target.index, dtype=float).rename(target.name)


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
        means = [rng.choice(known, len(known)).mean() for _ in range(N_BOOTSTRAPS)]
        low, high = np.quantile(means, [0.025, 0.975])
    return {
        "mean": float(mean),
        "low": float(low),
        "high": float(high),
        "share": float(part) if 0 <= part <= 1 else None,
        "customers": len(known),
    }
