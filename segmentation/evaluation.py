"""What a segmentation is worth: is it beyond chance, of use, and what does it say?"""

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_mutual_info_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier, export_text

#: Numbers are cut at their deciles wherever a measure needs categories.
N_BINS = 10


# --- Chance -------------------------------------------------------------------------------------


def shuffle_columns(table, seed):
    """Shuffle each column of a table by itself: every column is kept, what links them is gone.

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


# --- Meaning ------------------------------------------------------------------------------------


def mutual_information(table, segments):
    """Compute how much of each column the segments hold.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Numbers are cut at their deciles.
    segments : array-like of shape (n_rows,)

    Returns
    -------
    Series, indexed by column
        Adjusted mutual information (Vinh, Epps and Bailey 2010, J. Mach. Learn. Res. 11,
        2837-2854): 1 if the segments are that column, 0 as by chance.
    """
    return pd.Series(
        {
            name: adjusted_mutual_info_score(column.astype(str), segments)
            for name, column in bin_numbers(table).items()
        }
    )


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


def tree_fidelity(table, segments, depths=range(2, 7), n_splits=5, seed=0):
    """Measure how well a decision tree of each depth names the segment of a held-out row.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        A category becomes one column of 0 and 1 per value.
    segments : array-like of shape (n_rows,)
    depths : iterable of int, optional
    n_splits, seed : int, optional
        Of `profile_folds`.

    Returns
    -------
    DataFrame of shape (n_splits, n_depths)
        Accuracy. What few questions can tell is a segment that people can be told.
    """
    features, folds = pd.get_dummies(table), profile_folds(table, n_splits, seed)
    return pd.DataFrame(
        {
            depth: cross_val_score(
                DecisionTreeClassifier(max_depth=depth, random_state=seed),
                features,
                segments,
                cv=folds,
            )
            for depth in depths
        }
    )


def tree_rules(table, segments, depth, seed=0):
    """Write the decision tree of a depth, learnt on all rows, as indented text.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    segments : array-like of shape (n_rows,)
    depth : int
    seed : int, optional

    Returns
    -------
    str
    """
    features = pd.get_dummies(table, prefix_sep=" = ")
    tree = DecisionTreeClassifier(max_depth=depth, random_state=seed).fit(features, segments)
    text = export_text(tree, feature_names=list(features.columns), decimals=0)
    # A column of 0 and 1 is asked a question, not compared with a half.
    return _as_questions(text, set(features.columns) - set(table.columns))


def _as_questions(text, yes_no):
    lines = []
    for line in text.splitlines():
        stem, _, name = line.partition("--- ")
        question, _, _ = name.partition(" <= ") if " <= " in name else name.partition(" >  ")
        if question in yes_no:
            line = f"{stem}--- {question}: {'no' if ' <= ' in name else 'yes'}"
        lines.append(line.replace("class: ", "segment "))
    return "\n".join(lines)
