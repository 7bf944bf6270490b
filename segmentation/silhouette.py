"""Exact silhouettes of many labelings in one pass, Euclidean or of mixed columns.

The silhouette of a row is (b - a) / max(a, b): a is its mean distance to the other members of its
cluster, b the smallest of its mean distances to another cluster. What it costs is the sum of the
distances from every row to every cluster. Distances do not depend on the labels, so here they are
computed once for all labelings; and where the sums have a closed form, not at all.

Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster
analysis", J. Comput. Appl. Math. 20, 53-65.
"""

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segmentation._kprototypes_input import split_gamma
from segmentation._silhouette_kernels import sum_distances

#: With more features, squared distances come from matrix products. Measured on 10,000 rows, both
#: ways take the same time with 16 features; with 8, differences take 0.8 of the time of products,
#: with 32, 1.3 times.
DIFFERENCES_UP_TO = 16

#: Rows that share all their labels are summed in one run of the inner loop; labelings go into
#: one pass as long as such runs have about this many rows.
ROWS_PER_RUN = 64

#: With more rows, `sampled_silhouettes` takes so many, in so many parts: under a second for eight
#: columns, two for 384, where a million rows would take minutes and hours. How much the means of
#: the parts differ gives the standard error.
MAX_ROWS = 50_000
PARTS = 10

#: Sums held at a time: 2 ** 25 numbers are 268 MB.
MAX_SUMS = 2**25

#: Squares of larger numbers may overflow.
LARGEST = 1e150


def silhouette_samples(X, labelings):
    """Compute the Euclidean silhouette of every row in every labeling, exactly.

    Takes O(n_samples² n_features) time for as many labelings as share their boundaries, such as
    those of K-Means with several k: all distances are computed once, each for both of its rows.
    Labelings that have nothing to do with each other take further passes. Beyond the input it
    needs 8 bytes for each row and cluster, at most 268 MB or what one labeling needs.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers. Computed in float64; a float32 matrix with over 16 features is converted
        block by block and never copied as a whole.
    labelings : array-like of int, of shape (n_labelings, n_samples)
        One row of cluster labels per labeling, any integers, with 2 to n_samples - 1 clusters.
        A single labeling of shape (n_samples,) counts as one row.

    Returns
    -------
    ndarray of float64, of shape (n_labelings, n_samples)
        Always two-dimensional. Its ``mean(axis=1)`` are the silhouette scores. The only row in
        its cluster gets 0, as in Rousseeuw (1987) and scikit-learn, and so does a row whose
        distances to its own and to the nearest other cluster are all 0.

    Raises
    ------
    ValueError
        If the rows are empty or not finite, or if a labeling has another length, labels that are
        not integers, fewer than 2 clusters or as many clusters as rows.
    """
    X = _check_numbers(X, "X")
    n_samples, n_features = X.shape
    if n_features == 0:
        raise ValueError("X has no features: give at least one column.")
    by_products = n_features > DIFFERENCES_UP_TO
    X = np.ascontiguousarray(X, dtype=None if by_products else np.float64)
    labelings = _check_labelings(labelings, n_samples)
    result = []
    for group, joint, columns in _groups(labelings, n_samples):
        order = np.argsort(joint, kind="stable")
        n_columns = sum(len(counts) for _, counts in group)
        # The pairs of blocks are parallel already: more threads in each product only wait.
        with threadpool_limits(1, user_api="blas"):
            sums = sum_distances(X, order, joint[order], columns, n_columns, by_products)
        for (codes, counts), first in zip(group, columns.min(axis=0), strict=True):
            silhouettes = np.empty(n_samples)
            own_sums = sums[:, first : first + len(counts)]
            silhouettes[order] = _silhouettes(own_sums, codes[order], counts)
            result.append(silhouettes)
    return np.array(result)


def sampled_silhouettes(X, labelings, max_rows=MAX_ROWS, seed=0):
    """Compute Euclidean silhouettes of all rows, or of a stratified sample where they are many.

    The time for all rows grows with their square. A sample comes in ten parts, and a row's
    silhouette is that among the rows of its part. Every part holds the same share of each cluster
    of the finest labeling, so that the mean over parts estimates that over all rows; the standard
    error comes from the spread of the parts, as it has to count that not only the rows but those
    whom they are compared with are drawn.

    Parameters
    ----------
    X, labelings : array-like
        As for `silhouette_samples`.
    max_rows : int, optional
        Rows up to which all are taken, and the size of a sample of more.
    seed : int, optional
        For the draw.

    Returns
    -------
    silhouettes : ndarray of shape (n_labelings, n_rows)
        0 in a part that has rows of one cluster alone.
    rows : ndarray of int, shape (n_rows,)
        The rows of `X` that they belong to.
    errors : ndarray of shape (n_labelings,)
        Standard errors of the means; 0 if all rows were taken.

    Raises
    ------
    ValueError
        As `silhouette_samples`.
    """
    X, labelings = np.asarray(X), np.atleast_2d(labelings)
    if len(X) <= max_rows:
        return silhouette_samples(X, labelings), np.arange(len(X)), np.zeros(len(labelings))
    finest = max(labelings, key=lambda labels: len(np.unique(labels)))
    order = np.random.default_rng(seed).permutation(len(X))
    order = order[np.argsort(finest[order], kind="stable")]
    # Rows at equal steps through the clusters: the same share of each. So is every tenth of them.
    rows = order[np.linspace(0, len(X) - 1, max_rows // PARTS * PARTS).astype(int)]
    parts = rows.reshape(-1, PARTS).T
    silhouettes = np.zeros((len(labelings), PARTS, parts.shape[1]))
    for i, part in enumerate(parts):
        split = [len(np.unique(labels[part])) > 1 for labels in labelings]
        if any(split):
            silhouettes[split, i] = silhouette_samples(X[part], labelings[split][:, part])
    errors = silhouettes.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(PARTS)
    errors *= np.sqrt(1 - len(rows) / len(X))
    return silhouettes.reshape(len(labelings), -1), parts.ravel(), errors


def mixed_silhouette_samples(numbers, categories, labelings, gamma):
    """Compute silhouettes under the dissimilarity of K-Prototypes, exactly.

    The dissimilarity of two rows is the squared Euclidean distance of their numbers plus `gamma`
    for each category in which they differ (Huang 1998, "Extensions to the k-means
    algorithm for clustering large data sets with categorical values", Data Min. Knowl. Discov.
    2, 283-304). Summed over a cluster it depends on the cluster's mean, its scatter and its
    counts of each category alone, so no pair of rows is visited: the time is
    O(n_samples n_clusters n_columns) per labeling, and a million rows are a matter of seconds.

    Parameters
    ----------
    numbers : array-like of shape (n_samples, n_numbers)
        Finite numbers, on the scale on which the clusters were made. May have no columns.
    categories : array-like of shape (n_samples, n_categories)
        Integer codes or text, none missing. May have no columns.
    labelings : array-like of int, of shape (n_labelings, n_samples)
        As in `silhouette_samples`.
    gamma : float or array-like of shape (n_categories,)
        Weight of one differing category, at least 0, in all columns or in each: that of the
        fitted K-Prototypes.

    Returns
    -------
    ndarray of float64, of shape (n_labelings, n_samples)
        As in `silhouette_samples`.

    Raises
    ------
    ValueError
        As `silhouette_samples`; also if a category is missing, if the two tables differ in
        length or are both without columns, or if `gamma` is negative or not finite.
    """
    numbers, levels = _check_mixed(numbers, categories)
    factor, by_column = split_gamma(gamma, levels.shape[1])
    labelings = _check_labelings(labelings, len(numbers))
    return np.array(
        [
            _silhouettes(
                _squared_sums(numbers, codes, counts)
                + factor * _mismatch_sums(levels, codes, counts, by_column),
                codes,
                counts,
            )
            for codes, counts in labelings
        ]
    )


def gower_silhouette_samples(numbers, categories, labelings):
    """Compute silhouettes under the Gower distance, exactly.

    The distance of two rows is the mean over all columns: of the absolute difference divided by
    the column's range for a number (0 if the column is constant), of 0 or 1 for an equal or a
    different category (Gower 1971, "A general coefficient of similarity and some of its
    properties", Biometrics 27, 857-871). With the rows in the order of a column, its sums over a
    cluster follow from one row to the next, so no pair of rows is visited: the time is
    O(n_samples n_clusters n_columns) per labeling, after one sort of each column.

    Parameters
    ----------
    numbers : array-like of shape (n_samples, n_numbers)
        Finite numbers on any scale. May have no columns.
    categories : array-like of shape (n_samples, n_categories)
        Integer codes or text, none missing. May have no columns.
    labelings : array-like of int, of shape (n_labelings, n_samples)
        As in `silhouette_samples`.

    Returns
    -------
    ndarray of float64, of shape (n_labelings, n_samples)
        As in `silhouette_samples`.

    Raises
    ------
    ValueError
        As `mixed_silhouette_samples`.
    """
    numbers, levels = _check_mixed(numbers, categories)
    labelings = _check_labelings(labelings, len(numbers))
    equally = np.ones(levels.shape[1])
    order = np.argsort(numbers, axis=0)
    gaps = np.diff(np.take_along_axis(numbers, order, axis=0), axis=0)
    ranges = np.ptp(numbers, axis=0)
    gaps /= np.where(ranges > 0, ranges, 1)
    return np.array(
        [
            _silhouettes(
                _scaled_sums(order, gaps, codes, counts)
                + _mismatch_sums(levels, codes, counts, equally),
                codes,
                counts,
            )
            for codes, counts in labelings
        ]
    )


def _silhouettes(sums, codes, counts):
    """Return silhouettes from the sums of dissimilarities of every row to every cluster."""
    rows = np.arange(len(codes))
    alone = counts[codes] == 1
    within = sums[rows, codes] / np.where(alone, 1, counts[codes] - 1)
    means = sums / counts
    means[rows, codes] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(within, nearest)
    defined = ~alone & (larger > 0)
    return np.divide(nearest - within, larger, out=np.zeros(len(codes)), where=defined)


def _squared_sums(numbers, codes, counts):
    """Sum the squared Euclidean distances from every row to every cluster."""
    sums = np.empty((len(numbers), len(counts)))
    for cluster, count in enumerate(counts):
        members = numbers[codes == cluster]
        # The mean is kept as a member and a difference: a cluster far from the origin, or a tight
        # one beside a wide one, keeps all its digits. Nothing is subtracted after squaring.
        offset = (members - members[0]).mean(axis=0)
        scatter = np.sum((members - members[0] - offset) ** 2)
        sums[:, cluster] = scatter + count * np.sum((numbers - members[0] - offset) ** 2, axis=1)
    return sums


def _scaled_sums(order, gaps, codes, counts):
    """Sum the range-scaled absolute differences from every row to every cluster.

    From one row to the next in a column's order, the distance to every member passed grows by
    the gap between the two. Adding up gaps, instead of subtracting sums of values, keeps all
    digits.
    """
    sums = np.zeros((len(order), len(counts)))
    for rows, gap in zip(order.T, gaps.T, strict=True):
        for cluster, count in enumerate(counts):
            passed = np.cumsum(codes[rows] == cluster)[:-1]
            sums[rows[1:], cluster] += np.cumsum(passed * gap)
            sums[rows[:-1], cluster] += np.cumsum(((count - passed) * gap)[::-1])[::-1]
    return sums


def _mismatch_sums(levels, codes, counts, weights):
    """Sum the weights of differing categories from every row to every cluster."""
    n_clusters = len(counts)
    sums = np.zeros((len(levels), n_clusters))
    for column, weight in zip(levels.T, weights, strict=True):
        tally = np.bincount(column * n_clusters + codes, minlength=(column.max() + 1) * n_clusters)
        sums += weight * (counts - tally.reshape(-1, n_clusters))[column]
    return sums


def _groups(labelings, n_samples):
    """Yield the labelings that go into one pass, with their joint labels.

    Yields
    ------
    group : list of (codes, counts)
        As many labelings as `ROWS_PER_RUN` and `MAX_SUMS` allow, one at least.
    joint : ndarray of shape (n_samples,)
        A number for each combination of labels that a row has in the group.
    columns : ndarray of shape (n_combinations, n_labelings_of_the_group)
        Where the clusters of a combination are, among the clusters of all labelings side by side.
    """
    most_joint = max(n_samples // ROWS_PER_RUN, ROWS_PER_RUN)
    group, n_columns = [], 0
    joint, columns = np.zeros(n_samples, dtype=np.int64), np.empty((1, 0), dtype=np.int64)
    for codes, counts in labelings:
        joined, wider = _join(joint, columns, codes, counts, n_columns)
        n_sums = n_samples * (n_columns + len(counts))
        if group and (len(wider) > most_joint or n_sums > MAX_SUMS):
            yield group, joint, columns
            group, n_columns = [], 0
            joined, wider = codes, np.arange(len(counts))[:, None]
        group.append((codes, counts))
        joint, columns, n_columns = joined, wider, n_columns + len(counts)
    yield group, joint, columns


def _join(joint, columns, codes, counts, n_columns):
    """Add a labeling to joint labels and to their columns, of which there are `n_columns`."""
    joined, combinations = pd.factorize(joint * len(counts) + codes)
    before, cluster = np.divmod(combinations, len(counts))
    return joined, np.column_stack([columns[before], n_columns + cluster])


def _check_numbers(values, name):
    """Return a matrix of finite floats, or say what is wrong with it."""
    try:
        values = np.asarray(values)
        if values.dtype != np.float32:
            values = values.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers only, encode the rest: {error}") from error
    if values.ndim != 2:
        raise ValueError(
            f"{name} must be a table of rows and columns, but has {values.ndim} dimensions."
        )
    if len(values) == 0:
        raise ValueError(f"{name} has no rows.")
    # Minimum and maximum are NaN if any value is, and need no second table.
    largest = float(max(-values.min(initial=0), values.max(initial=0)))
    if not np.isfinite(largest):
        raise ValueError(f"{name} has values that are NaN or infinite: fill them or drop the rows.")
    if largest > LARGEST:
        raise ValueError(
            f"{name} has values beyond {LARGEST:g}, which overflow when squared: rescale it."
        )
    return values


def _check_mixed(numbers, categories):
    """Return a float64 matrix of numbers and an int64 one of codes 0, 1, 2, ... per column."""
    numbers = _check_numbers(numbers, "numbers").astype(np.float64, copy=False)
    table = pd.DataFrame(categories)
    if len(table) != len(numbers):
        raise ValueError(
            f"numbers has {len(numbers)} rows and categories {len(table)}: give the same rows."
        )
    if numbers.shape[1] + table.shape[1] == 0:
        raise ValueError("numbers and categories have no columns: give at least one.")
    levels = np.empty(table.shape, dtype=np.int64)
    for column in range(table.shape[1]):
        levels[:, column] = pd.factorize(table.iloc[:, column])[0]
    if (levels < 0).any():
        raise ValueError("categories has missing values: give them a category or drop the rows.")
    return numbers, levels


def _check_labelings(labelings, n_samples):
    """Return codes 0, 1, 2, ... and the size of each cluster for every labeling."""
    try:
        labelings = np.atleast_2d(np.asarray(labelings))
    except ValueError as error:
        raise ValueError("labelings differ in length: give each one label per row.") from error
    if labelings.ndim != 2 or labelings.size == 0:
        raise ValueError("labelings must be one or more rows of labels, one label per sample.")
    if labelings.shape[1] != n_samples:
        raise ValueError(
            f"labelings have {labelings.shape[1]} labels for {n_samples} rows: "
            "give each labeling one label per row."
        )
    if labelings.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, not {labelings.dtype}: encode or cast them.")
    coded = []
    for number, labels in enumerate(labelings):
        codes, _ = pd.factorize(labels)
        counts = np.bincount(codes)
        if not 2 <= len(counts) < n_samples:
            raise ValueError(
                f"labeling {number} has {len(counts)} clusters for {n_samples} rows: "
                f"a silhouette needs 2 to {n_samples - 1}."
            )
        coded.append((codes, counts))
    return coded
