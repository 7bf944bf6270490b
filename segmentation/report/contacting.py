"""What the segments are worth for contacting, held out: who is reached first, at what profit."""

from itertools import combinations
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold

from segmentation.outcomes import find_outcome
from segmentation.surrogates import features_of

#: Parts in turn, and the least customers with each value of the target.
N_FOLDS = 5
#: Of larger tables, as many customers are drawn: the intervals are narrow, and LightGBM is slow.
MAX_CUSTOMERS = 50_000
#: The share of the customers that a campaign can afford to contact, for one number per curve.
FIRST = 0.2
CONTACTED = np.linspace(0, 1, 101)
MODEL = "LightGBM"


class Curve(NamedTuple):
    """What contacting customers in one order brings, judged on customers it was not chosen on.

    Sought are the customers with the target's value whose rate is told. `reached` (101,) is the
    share of them that is reached when 0 %, 1 %, ... of the customers are contacted. `first` says
    it of the first fifth, with an interval of 95 %. With money, `profit` is that per customer when
    those are contacted who are expected to pay, `gained` what it is more than when everybody is,
    each with an interval, and `contacted` the share of the customers who are.
    """

    reached: np.ndarray
    first: dict
    profit: dict | None
    gained: dict | None
    contacted: float | None


class Comparison(NamedTuple):
    """The curves of the methods by name, and what they are compared with.

    `customers` and `positives` are of those that the orders are judged on, and `in_time` says that
    these came later than those that the orders were chosen on. `as_good` are the methods whose
    profit is not clearly below that of the best one: the interval of 95 % of the difference,
    customer by customer, holds 0.
    """

    curves: dict
    customers: int
    positives: int
    everybody: dict | None
    as_good: list
    in_time: bool

    @property
    def rate(self):
        """The share of those sought among all customers."""
        return self.positives / self.customers


def agreement(scored):
    """Compute the adjusted Rand index of every two methods.

    Parameters
    ----------
    scored : dict of str to DataFrame
        By method, ``segment`` and ``outlier`` of every customer of the table.

    Returns
    -------
    dict of (str, str) to float
        On the customers that neither of the two sets aside; NaN where there are none.
    """
    found = {}
    for one, other in combinations(scored, 2):
        both = ~(scored[one]["outlier"].to_numpy() | scored[other]["outlier"].to_numpy())
        labels = [scored[name]["segment"].to_numpy()[both] for name in (one, other)]
        found[one, other] = adjusted_rand_score(*labels) if both.any() else np.nan
    return found


def compare(loaded, scored, money=None, later=None):
    """Compare orders of contact: segment by segment, by a model made for the target, at random.

    Where it is known who came later, the order is chosen on the earlier customers and judged on
    the later ones: what a list would have brought that was made before they came. Else it is
    chosen on four fifths of the customers and judged on the last, in turn.

    Parameters
    ----------
    loaded : Customers
    scored : dict of str to DataFrame
        By method, ``segment`` and ``outlier`` of every customer of the table. Those set aside are
        a group of their own.
    money : dict or None, optional
        As `segmentation.outcomes.money_of` gives it.
    later : array of bool or None, optional
        As `segmentation.report.periods.Later` has it.

    Returns
    -------
    Comparison or None
        None without a target of two values, each of which is held by five customers or more.
    """
    outcome = find_outcome(loaded.target)
    if outcome is None:
        return None
    known = outcome.dropna().astype(int)
    if len(known) > MAX_CUSTOMERS:
        known = known.sample(MAX_CUSTOMERS, random_state=0).sort_index()
    if not _enough(known):
        return None
    in_time = later is not None and all(_enough(known[later[known.index] == i]) for i in (0, 1))
    folds = _in_time(later[known.index]) if in_time else _at_random(known)
    chances = {
        name: _by_segment(_groups(table).set_axis(outcome.index)[known.index], known, folds)
        for name, table in scored.items()
    }
    chances[MODEL] = _by_model(features_of(loaded.table).loc[known.index], known, folds)
    judged = np.concatenate([test for _, test in folds])
    sought = known.to_numpy()[judged]
    return Comparison(
        {name: _curve(found, known.to_numpy(), folds, money) for name, found in chances.items()},
        len(judged),
        int(sought.sum()),
        money and _mean(money["value"] * sought - money["cost"]),
        _as_good_as_best(chances, known.to_numpy(), judged, money) if money else [],
        in_time,
    )


def _groups(scored):
    return scored["segment"].mask(scored["outlier"], 0)


def _enough(known):
    """Whether both values of a target are held often enough to learn from and to judge by."""
    return known.nunique() == 2 and known.value_counts().min() >= N_FOLDS


def _in_time(later):
    return [(np.flatnonzero(~later), np.flatnonzero(later))]


def _at_random(known):
    return list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(known, known))


def _as_good_as_best(chances, known, judged, money):
    profits = {
        name: (money["value"] * known - money["cost"])[judged]
        * (found[judged] > money["break_even"])
        for name, found in chances.items()
        if name != MODEL
    }
    best = max(profits, key=lambda name: profits[name].mean())
    behind = {name: _mean(profits[best] - profit) for name, profit in profits.items()}
    return [name for name, found in behind.items() if name != best and found["low"] <= 0]


def _by_segment(segments, known, folds):
    """Return for each customer who is judged the rate of the segment among the others."""
    chances = np.full(len(known), np.nan)
    for train, test in folds:
        rates = known.iloc[train].groupby(segments.iloc[train]).mean()
        chances[test] = segments.iloc[test].map(rates).fillna(known.iloc[train].mean())
    return chances


def _by_model(features, known, folds):
    chances = np.full(len(known), np.nan)
    for train, test in folds:
        # One thread: that of several differs in the last digits from machine to machine.
        model = lgb.LGBMClassifier(random_state=0, n_jobs=1, deterministic=True, verbose=-1)
        model.fit(features.iloc[train], known.iloc[train])
        chances[test] = model.predict_proba(features.iloc[test])[:, 1]
    return chances


def _curve(chances, known, folds, money):
    tests = [test for _, test in folds]
    reached = np.mean([_reached(chances[test], known[test]) for test in tests], axis=0)
    judged = np.concatenate(tests)
    chances, known = chances[judged], known[judged]
    positives = int(known.sum())
    share = float(np.interp(FIRST, CONTACTED, reached))
    interval = binomtest(round(share * positives), positives).proportion_ci(method="wilson")
    first = {"share": share, "low": float(interval.low), "high": float(interval.high)}
    if money is None:
        return Curve(reached, first, None, None, None)
    pays = chances > money["break_even"]
    profit = money["value"] * known - money["cost"]
    return Curve(
        reached, first, _mean(profit * pays), _mean(profit * pays - profit), float(pays.mean())
    )


def _reached(chances, known):
    """Return the share reached of those sought by share contacted, equal chances in any order."""
    _, ranks, sizes = np.unique(-chances, return_inverse=True, return_counts=True)
    sought = np.bincount(ranks, weights=known)
    contacted = np.append(0, sizes.cumsum() / len(known))
    return np.interp(CONTACTED, contacted, np.append(0, sought.cumsum() / known.sum()))


def _mean(values):
    """Return a mean with its interval of 95 %."""
    mean, margin = values.mean(), 1.96 * values.std() / np.sqrt(len(values))
    return {"mean": float(mean), "low": float(mean - margin), "high": float(mean + margin)}
