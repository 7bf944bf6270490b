"""Have the shares of groups changed by more than chance, and which change would be found?"""

import numpy as np
from scipy.optimize import bisect

from segmentation.stability import population_stability

#: How often the test says that there is a change where there is none.
LEVEL = 0.05
#: A change is one that the test finds if it does so this often: Cohen's (1988) convention.
POWER = 0.8


def share_test(then, now, n_then, n_now, level=LEVEL, n_draws=9_999, seed=0):
    """Test whether the shares of groups in two samples differ by more than chance.

    Where nothing has changed, both samples come from one population. Its shares are estimated by
    those of the two samples together, and both are drawn anew from it: so the sampling error of
    either counts (the parametric bootstrap).

    Parameters
    ----------
    then, now : array of shape (n_groups,)
        Shares in the two samples.
    n_then, n_now : int
        Customers in the two samples.
    level : float, optional
        Rate of false alarms that `threshold` is to have.
    n_draws : int, optional
    seed : int, optional

    Returns
    -------
    dict
        ``psi``, the population stability index of the two; ``threshold``; and ``p``, the rank of
        ``psi`` among the drawn indices, (1 + how many reach it) / (1 + n_draws).

    References
    ----------
    Yurdakul and Naranjo (2020), "Statistical properties of the population stability index",
    J. Risk Model Valid. 14(4), 89-100, derive its distribution for large samples, a multiple of
    chi-squared; small segments need the bootstrap. Davison and Hinkley (1997), "Bootstrap Methods
    and their Application", chapter 4: p.
    """
    then, now = np.asarray(then), np.asarray(now)
    psi = float(population_stability(then, now).sum())
    pooled = (n_then * then + n_now * now) / (n_then + n_now)
    drawn = _draw(np.random.default_rng(seed), pooled, pooled, n_then, n_now, n_draws)
    # Equal samples have indices that are equal up to rounding.
    reached = np.count_nonzero(drawn >= psi - 1e-12)
    return {
        "psi": psi,
        "threshold": float(_threshold(drawn, level)),
        "p": float(1 + reached) / (1 + n_draws),
    }


def smallest_change(shares, n_then, n_now, level=LEVEL, n_draws=9_999, seed=0):
    """Find the smallest change that `share_test` finds four times in five.

    Parameters
    ----------
    shares : array of shape (n_groups,)
        Shares in the population then.
    n_then, n_now, level, n_draws, seed
        As for `share_test`.

    Returns
    -------
    float
        Share of all customers, from 0 to 1, that moves from the largest group to the smallest;
        to within 0.0001, and missing if the test does not even find that all of it moves.
    """
    shares = np.asarray(shares, dtype=float)
    *_, largest = order = np.argsort(shares, kind="stable")

    def excess_power(moved):
        now = shares.copy()
        now[largest] -= moved
        now[order[0]] += moved
        pooled = (n_then * shares + n_now * now) / (n_then + n_now)
        # The same seed for every change, so that power rises with it.
        rng = np.random.default_rng(seed)
        threshold = _threshold(_draw(rng, pooled, pooled, n_then, n_now, n_draws), level)
        return np.mean(_draw(rng, shares, now, n_then, n_now, n_draws) > threshold) - POWER

    if excess_power(shares[largest]) < 0:
        return np.nan
    return bisect(excess_power, 0, shares[largest], xtol=1e-4)


def _draw(rng, then, now, n_then, n_now, n_draws):
    """Draw two samples again and again, and return the index of each pair."""
    samples = [
        rng.multinomial(n, shares / shares.sum(), size=n_draws) / n
        for n, shares in ((n_then, then), (n_now, now))
    ]
    return population_stability(*samples).sum(axis=1)


def _threshold(drawn, level):
    """Return the index above which p is at most a level."""
    return np.quantile(drawn, 1 - level, method="higher")
