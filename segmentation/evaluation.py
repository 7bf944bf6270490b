"""What a segmentation is worth: is it beyond chance, of use, and what does it say?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.metrics import mutual_info_score, roc_auc_score
from sklearn.metrics.cluster import expected_mutual_information
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from segmentation.nulls import fit_one_cloud

#: Numbers are cut at their deciles wherever a measure needs categories.
N_BINS = 10


# --- Chance -------------------------------------------------------------------------------------


class ClustersTest(NamedTuple):
    """Result of `clusters_test`: the table's score, its twins' (n_twins,), and the p-value."""

    score: float
    twins: np.ndarray
    p: float


def clusters_test(fit, score, table, n_twins=99, seed=0):
    """Test whether a table has groups beyond the shape and the association of its columns.

    Parameters
    ----------
    fit : callable
        ``fit(table) -> labels``: clusters a table as it would be used, with its best of several
        starts by its own objective. Called on the table and on every twin.
    score : callable
        ``score(table, labels) -> float``; higher is better.
    table : DataFrame of shape (n_rows, n_columns)
        As for `segmentation.nulls.one_cloud_twin`.
    n_twins : int, optional
        With 99, the smallest p is 0.01.
    seed : int, optional
        For the twins; `fit` seeds itself.

    Returns
    -------
    ClustersTest
        p is the share of the table and its twins whose score is at least the table's:
        (1 + twins at least as high) / (1 + twins).

    Raises
    ------
    ValueError
        As `segmentation.nulls.one_cloud_twin`; also if `n_twins` is less than 1.

    Notes
    -----
    The null is one normal cloud, not every table without groups. Do not read a small p as groups
    where several numbers have heavy joint tails or fill a box evenly: of 40 numeric tables each,
    9 from a t distribution with 4 degrees of freedom and 16 from mixtures of even columns had
    p <= 0.05, though neither has groups (`benchmarks.calibration` draws such tables).

    References
    ----------
    As in `segmentation.nulls.one_cloud_twin`.
    """
    if n_twins < 1:
        raise ValueError(f"n_twins is {n_twins}: draw at least one.")
    cloud = fit_one_cloud(table, seed)
    real = score(table, fit(table))
    twins = np.empty(n_twins)
    # A short test needs no bar, and a study of many tests has its own.
    for i in tqdm(range(n_twins), "twins", delay=2, leave=False):
        twin = cloud.draw([seed, i])
        twins[i] = score(twin, fit(twin))
    return ClustersTest(float(real), twins, float((1 + np.sum(twins >= real)) / (1 + n_twins)))


def adjust_for_many(tests):
    """Adjust p-values of several methods, of which the luckiest would be believed.

    Parameters
    ----------
    tests : dict of str to ClustersTest
        Of one table, with the same twins: the same number and seed.

    Returns
    -------
    Series of float, indexed by method
        The share of the table and its twins in which any method, each on the scale of its own
        scores, is as far above them as this one is: Westfall and Young's single-step maximum
        (1993, "Resampling-Based Multiple Testing", section 2.3). Never below the method's own p.
    """
    scores = pd.DataFrame({name: [test.score, *test.twins] for name, test in tests.items()})
    scale = scores.std(ddof=0)
    heights = (scores - scores.mean()) / scale.where(scale > 0, 1)
    highest = heights.max(axis=1).to_numpy()
    # The same sum in another order differs in the last bits.
    return heights.iloc[0].map(lambda height: float((highest >= height - 1e-9).mean()))


def shuffle_columns(table, seed):
    """Shuffle each column of a table by itself: every column is kept, what links them is gone.

    A method that scores higher on the table shows that its columns are linked, not that there are
    groups: for that, see `clusters_test`.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    seed : int or sequence of int

    Returns
    -------
    DataFrame of the same shape, index and dtypes
    """
    rng = np.random.default_rng(seed)
    return table.apply(lambda column: column.array[rng.permutation(len(column))])


def gower_dispersion(numbers, categories, labels):
    """Sum the Gower distances within clusters, each cluster's over twice its size.

    That is W of the gap statistic for any method, under the distance of
    `segmentation.silhouette.gower_silhouette_samples`. Sorted numbers and counted categories give
    the sums exactly, with no pair of rows visited.

    Parameters
    ----------
    numbers : array-like of shape (n_rows, n_numbers)
        On any scale; each is divided by its range.
    categories : array-like of shape (n_rows, n_categories)
    labels : array-like of int, shape (n_rows,)

    Returns
    -------
    float
    """
    numbers = np.asarray(numbers, dtype=float)
    ranges = np.ptp(numbers, axis=0)
    numbers = numbers / np.where(ranges > 0, ranges, 1)
    codes = [pd.factorize(column)[0] for _, column in pd.DataFrame(categories).items()]
    n_columns = numbers.shape[1] + len(codes)
    labels = np.asarray(labels)
    total = 0.0
    for cluster in np.unique(labels):
        members = labels == cluster
        n = members.sum()
        # The r-th smallest of n values is the larger one of r pairs, the smaller of n - 1 - r.
        weights = 2 * np.arange(n) - (n - 1)
        pairs = (weights[:, None] * np.sort(numbers[members], axis=0)).sum()
        for column in codes:
            pairs += (n**2 - (np.bincount(column[members]).astype(float) ** 2).sum()) / 2
        total += pairs / n / n_columns
    return float(total)


def gap_statistic(log_dispersions, shuffled):
    """Compare dispersions within clusters with those of tables that have no joint structure.

    Parameters
    ----------
    log_dispersions : Series of shape (n_ks,)
        Logarithm of the dispersion within clusters, indexed by k in increasing order.
    shuffled : DataFrame of shape (n_tables, n_ks)
        The same for tables with shuffled columns (`shuffle_columns`), a reference that keeps the
        margins; Tibshirani and others draw from a uniform box instead.

    Returns
    -------
    DataFrame, indexed by k
        ``gap`` and its ``error``.
    k : int
        The smallest whose gap is at least that of the next k minus the error there; the largest k
        if there is none.

    References
    ----------
    Tibshirani, Walther and Hastie (2001), "Estimating the number of clusters in a data set via
    the gap statistic", J. R. Stat. Soc. B 63, 411-423.
    """
    gap = shuffled.mean() - log_dispersions
    error = shuffled.std(ddof=0) * np.sqrt(1 + 1 / len(shuffled))
    enough = gap.to_numpy()[:-1] >= (gap - error).to_numpy()[1:]
    k = gap.index[np.argmax(enough)] if enough.any() else gap.index[-1]
    return pd.DataFrame({"gap": gap, "error": error}), int(k)


# --- Use ----------------------------------------------------------------------------------------


def profile_folds(table, n_splits=5, seed=0):
    """Split rows into folds such that rows with the same values are in the same fold.

    Where whole profiles repeat, a model could otherwise learn a held-out row by heart.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    n_splits : int, optional
    seed : int, optional

    Returns
    -------
    list of (ndarray, ndarray)
        Row numbers to train on and to test on.
    """
    profile = table.groupby(list(table.columns), sort=False, dropna=False).ngroup()
    folds = GroupKFold(n_splits, shuffle=True, random_state=seed)
    return list(folds.split(table, groups=profile))


def rates(groups, target, train, test):
    """Predict a target by the rate of each group, learnt on some rows and given to others.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Segments, or the categories of one column.
    target : array-like of bool, shape (n_rows,)
    train, test : array-like of int
        Row numbers.

    Returns
    -------
    ndarray of shape (n_test_rows,)
        A group that is not among the training rows gets the rate of all of them.
    """
    groups, target = pd.Series(np.asarray(groups)), pd.Series(np.asarray(target, dtype=float))
    known = target.iloc[train].groupby(groups.iloc[train].to_numpy()).mean()
    return groups.iloc[test].map(known).fillna(target.iloc[train].mean()).to_numpy(dtype=float)


def lift(scores, target, share=0.2):
    """Compute how many times the overall rate is reached among those with the highest scores.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
    target : array-like of bool, shape (n_rows,)
    share : float, optional
        Of the rows, the part that is chosen. Among equal scores the choice is at random, and the
        expected value is returned: segments give many rows the same score.

    Returns
    -------
    float
        1 is no better than choosing at random.

    Raises
    ------
    ValueError
        If no row has the target.
    """
    target = np.asarray(target, dtype=float)
    if not target.any():
        raise ValueError("no row has the target: there is no rate to lift.")
    table = pd.DataFrame({"score": scores, "target": target})
    tied = table.groupby("score")["target"].agg(["size", "mean"]).sort_index(ascending=False)
    before = tied["size"].cumsum() - tied["size"]
    chosen = np.clip(share * len(target) - before, 0, tied["size"])
    return float((chosen * tied["mean"]).sum() / chosen.sum() / target.mean())


def usefulness(predict, target, folds):
    """Judge predictions of a target on rows that they were not learnt from.

    Parameters
    ----------
    predict : callable
        ``predict(train, test)`` learns on some rows and returns scores of others; `rates` with
        two arguments bound, or a model.
    target : array-like of bool, shape (n_rows,)
    folds : iterable of (ndarray, ndarray)
        As `profile_folds` returns them, or one split in time.

    Returns
    -------
    DataFrame of shape (n_folds, 2)
        ``AUC``, the area under the ROC curve, and the ``lift`` of the best fifth.
    """
    target = np.asarray(target, dtype=bool)
    judged = []
    for train, test in folds:
        scores = predict(train, test)
        judged.append(
            {"AUC": roc_auc_score(target[test], scores), "lift": lift(scores, target[test])}
        )
    return pd.DataFrame(judged)


def gain_over_folds(ours, theirs, level=0.95):
    """Compare two scores that were measured on the same folds of a cross-validation.

    Parameters
    ----------
    ours, theirs : array-like of shape (n_folds,)
    level : float, optional
        Of the interval.

    Returns
    -------
    tuple of float
        The mean difference, and the ends of its interval; nan for a single fold. The folds share
        their training rows, so the variance of the mean is taken as that of the differences times
        1 / n_folds + 1 / (n_folds - 1), the second part being a test fold over its training rows.

    References
    ----------
    Nadeau and Bengio (2003), "Inference for the generalization error", Machine Learning 52,
    239-281.
    """
    differences = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    n, mean = len(differences), differences.mean()
    if n < 2:
        return float(mean), np.nan, np.nan
    error = differences.std(ddof=1) * np.sqrt(1 / n + 1 / (n - 1))
    reach = t.ppf((1 + level) / 2, n - 1) * error
    return float(mean), float(mean - reach), float(mean + reach)


# --- Meaning ------------------------------------------------------------------------------------


def explained_entropy(table, segments):
    """Compute how much of each column the segments tell.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Numbers are cut at their deciles.
    segments : array-like of shape (n_rows,)

    Returns
    -------
    Series, indexed by column
        The share of the column's entropy that is gone once the segment is known: Theil's (1970)
        uncertainty coefficient, corrected for chance by the expectation of Vinh, Epps and Bailey
        (2010, J. Mach. Learn. Res. 11, 2837-2854). 1 if every segment has one value of it, 0 as
        by chance. Unlike adjusted mutual information, it reaches 1 however fine the segments are.
    """
    return pd.Series(
        {
            name: _explained(column.astype(str), segments)
            for name, column in bin_numbers(table).items()
        }
    )


def _explained(column, segments):
    entropy = mutual_info_score(column, column)
    counts = pd.crosstab(column.to_numpy(), np.asarray(segments)).to_numpy()
    by_chance = expected_mutual_information(counts, counts.sum())
    if entropy - by_chance <= np.finfo(float).eps:
        return 0.0
    return (mutual_info_score(column, segments) - by_chance) / (entropy - by_chance)


def bin_numbers(table):
    """Cut the numbers of a table at their deciles; equal deciles become one.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    DataFrame of the same shape
    """
    numbers = table.select_dtypes("number")
    cut = {name: pd.qcut(numbers[name], N_BINS, duplicates="drop") for name in numbers}
    return table.assign(**cut)
