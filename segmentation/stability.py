"""Are the segments the same again: from other samples, other starts, later customers?

A method is asked through one interface, a function ``fit(rows, k, seed)``. It clusters the rows
of its table that are numbered in `rows` (a row may come twice, as in a bootstrap) and returns a
label for every row of the table; those left out go where the method puts new rows.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.spatial.distance import squareform
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

#: Hennig (2007): from here on a segment is stable; below DISSOLVED it is not there to be found.
STABLE, DISSOLVED = 0.75, 0.6
#: Tibshirani and Walther (2005) take the largest k at or above this.
STRONG_PREDICTION = 0.8
#: Share that stands for none at all where a logarithm is taken.
LEAST_SHARE = 1e-4


def bootstrap_jaccard(fit, labels, k, n_bootstraps=50, seed=0):
    """Measure how well each segment is found again in bootstrap samples.

    Each bootstrap sample is clustered anew; a segment's score is the largest Jaccard
    coefficient between it and a new cluster, both cut down to the rows that were drawn.

    Parameters
    ----------
    fit : callable
        As in the module's description.
    labels : array-like of int, shape (n_rows,)
        The segments to find again.
    k : int
        Number of clusters in each bootstrap sample.
    n_bootstraps : int, optional
        Hennig takes 50 to 100.
    seed : int, optional

    Returns
    -------
    DataFrame of shape (n_bootstraps, n_segments)
        Columns are the labels in sorted order. The mean of a column is the segment's stability.

    References
    ----------
    Hennig (2007), "Cluster-wise assessment of cluster stability", Comput. Stat. Data Anal. 52,
    258-271.
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    scores = []
    for repeat in range(n_bootstraps):
        rows = rng.integers(len(labels), size=len(labels))
        drawn = np.unique(rows)
        common = contingency_matrix(labels[drawn], fit(rows, k, repeat)[drawn])
        union = common.sum(axis=1, keepdims=True) + common.sum(axis=0) - common
        best = pd.Series((common / union).max(axis=1), index=np.unique(labels[drawn]))
        # A segment of which no row was drawn cannot be found again.
        scores.append(best.reindex(np.unique(labels), fill_value=0.0))
    return pd.DataFrame(scores).reset_index(drop=True)


def found_again(model, X, labels, n_customers=5_000, n_bootstraps=20, seed=0):
    """Measure how well a model finds the segments of a sample again in its bootstrap samples.

    Parameters
    ----------
    model : scikit-learn clusterer
        With ``n_clusters`` and ``random_state``; a copy is fitted.
    X : DataFrame or array of shape (n_rows, n_features)
    labels : array of int, shape (n_rows,)
        The segments to find again.
    n_customers : int, optional
        Drawn at random where there are more: a coefficient hardly hangs on it.
    n_bootstraps : int, optional
        20 tell a stable segment from one that is not; the ends of intervals are rough.
    seed : int, optional

    Returns
    -------
    DataFrame of shape (n_bootstraps, n_segments)
        As `bootstrap_jaccard`.
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(labels), min(n_customers, len(labels)), replace=False))
    sample = (X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)).iloc[drawn]

    def fit(rows, k, repeat):
        again = clone(model).set_params(n_clusters=k, random_state=repeat)
        return again.fit(sample.iloc[rows]).predict(sample)

    segments = np.unique(labels)
    scores = bootstrap_jaccard(fit, labels[drawn], len(segments), n_bootstraps, seed)
    # One so small that nobody of it was drawn is not found.
    return scores.reindex(columns=segments, fill_value=0.0)


def prediction_strength(fit, n_rows, ks, n_splits=5, seed=0):
    """Measure for each k how well one half of the rows predicts the clusters of the other.

    Both halves are clustered. In each cluster of the second half, the share of pairs of rows
    that the clusters of the first half put together is taken; the lowest share counts.

    Parameters
    ----------
    fit : callable
        As in the module's description.
    n_rows : int
        Rows of the table.
    ks : iterable of int
    n_splits : int, optional
    seed : int, optional

    Returns
    -------
    DataFrame of shape (n_splits, n_ks)
        The authors take the largest k whose mean is at least 0.8.

    References
    ----------
    Tibshirani and Walther (2005), "Cluster validation by prediction strength", J. Comput. Graph.
    Stat. 14, 511-528.
    """
    rng = np.random.default_rng(seed)
    strengths = []
    for split in range(n_splits):
        order = rng.permutation(n_rows)
        first, second = np.sort(order[: n_rows // 2]), np.sort(order[n_rows // 2 :])
        strength = {}
        for k in ks:
            predicted, own = (fit(half, k, split)[second] for half in (first, second))
            strength[k] = _lowest_share(own, predicted)
        strengths.append(strength)
    return pd.DataFrame(strengths)


def _lowest_share(labels, predicted):
    """Return the lowest share over clusters of pairs of members that are predicted together."""
    common = contingency_matrix(labels, predicted).astype(float)
    sizes = common.sum(axis=1)
    together = (common * (common - 1)).sum(axis=1)
    # A cluster of one has no pair that could be torn apart.
    return np.divide(together, sizes * (sizes - 1), out=np.ones(len(sizes)), where=sizes > 1).min()


def pairwise_agreement(labelings):
    """Compute the adjusted Rand index of every two labelings.

    Parameters
    ----------
    labelings : sequence of array-like of shape (n_rows,)
        For example one per seed.

    Returns
    -------
    ndarray of shape (n_labelings * (n_labelings - 1) / 2,)
        1: the same segments, 0: as by chance (Hubert and Arabie 1985, J. Classif. 2, 193-218).
    """
    return np.array([adjusted_rand_score(*pair) for pair in combinations(labelings, 2)])


def agreement_table(labelings):
    """Put the adjusted Rand index of every two labelings into a square table.

    Parameters
    ----------
    labelings : dict of str to array-like of shape (n_rows,)
        By name, for example of the method.

    Returns
    -------
    DataFrame of shape (n_labelings, n_labelings)
        Symmetric, 1 on the diagonal.
    """
    table = squareform(pairwise_agreement(labelings.values())) + np.eye(len(labelings))
    return pd.DataFrame(table, list(labelings), list(labelings))


def population_stability(then, now):
    """Measure how far the shares of segments have moved.

    Parameters
    ----------
    then, now : array-like of shape (n_segments,)
        Shares of the customers, segment by segment.

    Returns
    -------
    ndarray of shape (n_segments,)
        (now - then) log(now / then) of each segment. The sum is the population stability index,
        which is Jeffreys' divergence: below 0.1 is customarily called stable, above 0.25 a shift
        (Siddiqi 2006, "Credit Risk Scorecards").
    """
    then, now = (np.maximum(shares, LEAST_SHARE) for shares in (then, now))
    return (now - then) * np.log(now / then)
