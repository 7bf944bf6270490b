"""What a segmentation is worth: is it beyond chance, and of use?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from segmentation.nulls import fit_one_cloud
from segmentation.selection import gap_statistic

#: Customary for p-values.
SIGNIFICANT = 0.05


# --- Chance -------------------------------------------------------------------------------------


class ClustersTest(NamedTuple):
    """Result of `clusters_test`: the table's score, its twins' (n_twins,), and the p-value."""

    score: float
    twins: np.ndarray
    p: float


def score_twins(measure, table, n_twins=99, seed=0):
    """Score a table, and tables with the same columns and associations but without groups.

    Parameters
    ----------
    measure : callable
        ``measure(table) -> dict of float``: clusters a table as it would be used, with its best
        of several starts by its own objective, and scores the outcome; a score for each of
        several methods or numbers of clusters. Called on the table and on every twin.
    table : DataFrame of shape (n_rows, n_columns)
        As for `segmentation.nulls.one_cloud_twin`.
    n_twins : int, optional
        With 99, the smallest p is 0.01.
    seed : int, optional
        For the twins; `measure` seeds itself.

    Returns
    -------
    DataFrame of shape (1 + n_twins, n_scores)
        The table's scores in the row ``table``, those of each twin in another.

    Raises
    ------
    ValueError
        As `segmentation.nulls.one_cloud_twin`; also if `n_twins` is less than 1.
    """
    if n_twins < 1:
        raise ValueError(f"n_twins is {n_twins}: draw at least one.")
    cloud = fit_one_cloud(table, seed)
    scores = {"table": measure(table)}
    # A short test needs no bar, and a study of many tests has its own.
    for i in tqdm(range(n_twins), "twins", delay=2, leave=False):
        scores[i] = measure(cloud.draw([seed, i]))
    return pd.DataFrame.from_dict(scores, orient="index")


def clusters_test(fit, score, table, n_twins=99, seed=0):
    """Test whether a table has groups beyond the shape and the association of its columns.

    Parameters
    ----------
    fit : callable
        ``fit(table) -> labels``: as for `score_twins`.
    score : callable
        ``score(table, labels) -> float``; higher is better.
    table, n_twins, seed
        As for `score_twins`.

    Returns
    -------
    ClustersTest

    Raises
    ------
    ValueError
        As `score_twins`.

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
    scores = score_twins(lambda some: {"score": score(some, fit(some))}, table, n_twins, seed)
    return test_of(scores["score"])


def test_of(scores):
    """Compare the score of a table with those of its twins.

    Parameters
    ----------
    scores : Series of shape (1 + n_twins,)
        A column of `score_twins`.

    Returns
    -------
    ClustersTest
        p is the share of the table and its twins whose score is at least the table's:
        (1 + twins at least as high) / (1 + twins).
    """
    real, twins = scores.iloc[0], scores.iloc[1:].to_numpy()
    return ClustersTest(float(real), twins, float((scores >= real).mean()))


def adjust_for_many(scores):
    """Adjust p-values of several methods, of which the luckiest would be believed.

    Parameters
    ----------
    scores : DataFrame of shape (1 + n_twins, n_methods)
        As `score_twins` gives them.

    Returns
    -------
    Series of float, indexed by method
        The share of the table and its twins in which any method, each on the scale of its own
        scores, is as far above them as this one is: Westfall and Young's single-step maximum
        (1993, "Resampling-Based Multiple Testing", section 2.3). Never below the method's own p.
    """
    scale = scores.std(ddof=0)
    heights = (scores - scores.mean()) / scale.where(scale > 0, 1)
    highest = heights.max(axis=1).to_numpy()
    # The same sum in another order differs in the last bits.
    return heights.iloc[0].map(lambda height: float((highest >= height - 1e-9).mean()))


class Suggestion(NamedTuple):
    """Result of `suggest_k`.

    ``k`` is the number of groups, 1 if there is no sign of more than one. ``p`` has a value for
    each number of clusters from 2, adjusted for their number. ``silhouettes``, of shape
    (1 + n_twins, n_ks), are those of the table and its twins. ``gap`` is indexed by k from 1:
    by how much the logarithm of the dispersion lies below the twins', and its ``error``.
    """

    k: int
    p: pd.Series
    silhouettes: pd.DataFrame
    gap: pd.DataFrame


def suggest_k(cut, table, ks, n_twins=19, seed=0):
    """Suggest into how many groups a table falls; one is an answer.

    Whether there are groups is what the silhouettes say: for some k it must be higher than those
    of tables without groups by more than the luckiest k in 19 of 20 such tables. How many is what
    the dispersions say: the gap statistic, the same tables being its reference, from the first
    such k on.

    Parameters
    ----------
    cut : callable
        ``cut(table, ks) -> (silhouettes, dispersions)``: clusters a table into each of several
        numbers of clusters as for `score_twins`, and measures what the method minimises, such as
        the sum of squared distances to the centres. The first number is 1, which has no
        silhouette; the mean silhouettes are those of the others. All at once, so that what they
        share is computed once: the distances, and how the table is prepared.
    table, seed
        As for `score_twins`. The rule was tried on tables of 150 to 800 rows.
    ks : iterable of int
        Numbers of clusters to try, from 2; 1 is tried in any case.
    n_twins : int, optional
        19 are the fewest for a p of 0.05.

    Returns
    -------
    Suggestion

    Raises
    ------
    ValueError
        As `score_twins`.

    Notes
    -----
    ``notebooks/further/how_many.ipynb`` compares it with other rules where the number is known.

    References
    ----------
    As in `segmentation.nulls.one_cloud_twin` and `segmentation.selection.gap_statistic`.
    """
    ks = list(ks)

    def measure(some):
        silhouettes, dispersions = cut(some, [1, *ks])
        scores = {("silhouette", k): score for k, score in zip(ks, silhouettes, strict=True)}
        both = zip([1, *ks], dispersions, strict=True)
        return scores | {("dispersion", k): dispersion for k, dispersion in both}

    scores = score_twins(measure, table, n_twins, seed)
    scores.columns = pd.MultiIndex.from_tuples(scores.columns)
    p = adjust_for_many(scores["silhouette"])
    # A dispersion of 0 cannot fall further.
    logs = np.log(scores["dispersion"].clip(lower=np.finfo(float).tiny))
    gap = gap_statistic(logs.iloc[0], logs.iloc[1:])[0]
    k = 1
    if (p <= SIGNIFICANT).any():
        # Fewer groups than the fewest that show are none.
        left = logs.loc[:, p.index[p <= SIGNIFICANT][0] :]
        k = gap_statistic(left.iloc[0], left.iloc[1:])[1]
    return Suggestion(k, p, scores["silhouette"], gap)


def beside_twins(suggestion):
    """Put the silhouettes of a table beside those of its twins.

    Parameters
    ----------
    suggestion : Suggestion
        As `suggest_k` gives it.

    Returns
    -------
    DataFrame, indexed by k
        The silhouette of the table, the lowest and the highest of its twins, and ``p``.
    """
    twins = suggestion.silhouettes.iloc[1:]
    return pd.DataFrame(
        {
            "these customers": suggestion.silhouettes.iloc[0],
            f"lowest of {len(twins)} twins": twins.min(),
            f"highest of {len(twins)} twins": twins.max(),
            "p": suggestion.p,
        }
    ).rename_axis("k")


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
