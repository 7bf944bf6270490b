"""Compiled loops of `segmentation.silhouette`: Euclidean distances, summed per cluster."""

import math

import numpy as np
from numba import njit, prange

#: Measured on 8 and on 384 features: smaller blocks are slower in both (512: 1.2 and 1.1 times
#: the time), larger ones are no faster and leave less to do in parallel.
BLOCK_ROWS = 768

#: Features that one sweep of the inner loop subtracts and squares, all in registers.
CHUNK = 8

#: Below this share of the squared norms, a squared distance from a matrix product has lost too
#: many digits to cancellation and is computed again from the differences. What is left keeps
#: a relative error under n_features * 1.1e-16 / 1e-5, so 4e-9 with 384 features.
CANCELLED = 1e-5

# Sums may be reordered, so that they run in vector registers; NaN and infinity never get here.
FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, parallel=True)
def sum_distances(X, order, joint, columns, n_columns, by_products):
    """Sum the Euclidean distances from every row to every cluster of several labelings.

    The rows are cut into an odd number of blocks, and every pair of blocks is visited once, for
    both of its sides. The pairs whose block numbers add up to the same value, modulo the number
    of blocks, have no block in common: they run in parallel without locks or copies of the sums,
    and the result is the same whatever the number of threads.

    Parameters
    ----------
    X : float32 or float64 array of shape (n_samples, n_features), C-contiguous
    order : int64 array of shape (n_samples,)
        The rows, sorted by their joint label.
    joint : int64 array of shape (n_samples,)
        The joint label of each row in that order: one number for its labels in all labelings.
    columns : int64 array of shape (n_joint_labels, n_labelings)
        The columns of the result to which a joint label belongs, one in each labeling.
    n_columns : int
        Number of clusters of all labelings together.
    by_products : bool
        Whether squared distances come from matrix products, as pays with many features, or from
        the differences.

    Returns
    -------
    float64 array of shape (n_samples, n_columns)
        In the order of `order`.
    """
    n_samples = X.shape[0]
    sums = np.zeros((n_samples, n_columns))
    n_blocks = n_samples // BLOCK_ROWS | 1
    for middle in range(n_blocks):
        for away in prange(n_blocks // 2 + 1):
            a = (middle + away) % n_blocks
            b = (middle - away) % n_blocks
            _add_pair(
                X,
                order,
                joint,
                columns,
                sums,
                (a * n_samples // n_blocks, (a + 1) * n_samples // n_blocks),
                (b * n_samples // n_blocks, (b + 1) * n_samples // n_blocks),
                by_products,
            )
    return sums


@njit(cache=True)
def _add_pair(X, order, joint, columns, sums, a, b, by_products):
    """Add the distances between the rows of blocks `a` and `b` to the sums of both."""
    n_rows, width = a[1] - a[0], b[1] - b[0]
    A, B = _gather(X, order[a[0] : a[1]], order[b[0] : b[1]], by_products)
    n_features = A.shape[1]
    if by_products:
        products = np.dot(A, B)
        A_norms = np.sum(A * A, axis=1)
        B_norms = np.sum(B * B, axis=0)
    starts = _starts_of_runs(joint[b[0] : b[1]])
    distances = np.zeros(width)
    to_column = np.zeros(width)
    for i in range(n_rows):
        if by_products:
            distances = products[i]
            if _square(distances, A_norms[i], B_norms):
                _repair(X, order[a[0] + i], order[b[0] : b[1]], distances, A_norms[i], B_norms)
            _root(distances, to_column)
        else:
            last = n_features - CHUNK
            distances[:] = 0
            for feature in range(0, last, CHUNK):
                _add_squares(A[i, feature:], B[feature:], distances)
            _add_squares_and_root(A[i, last:], B[last:], distances, to_column)
        for run in range(starts.shape[0] - 1):
            total = _total(distances, starts[run], starts[run + 1])
            for column in columns[joint[b[0] + starts[run]]]:
                sums[a[0] + i, column] += total
        if i + 1 == n_rows or joint[a[0] + i + 1] != joint[a[0] + i]:
            # A block beside itself has every pair in its rows already, both ways round.
            if a[0] != b[0]:
                clusters = columns[joint[a[0] + i]]
                for j in range(width):
                    for column in clusters:
                        sums[b[0] + j, column] += to_column[j]
            to_column[:] = 0


@njit(cache=True)
def _gather(X, a, b, centred):
    """Copy the rows `a`, and the rows `b` as columns, in float64.

    For matrix products both are centred on the mean of `a`, which keeps their norms small;
    for chunks of differences both are padded with features that are zero everywhere.
    """
    n_features = X.shape[1]
    padded = n_features if centred else -(-n_features // CHUNK) * CHUNK
    A = np.zeros((a.shape[0], padded))
    B = np.zeros((padded, b.shape[0]))
    centre = np.zeros(n_features)
    if centred:
        for i in a:
            for feature in range(n_features):
                centre[feature] += X[i, feature] / a.shape[0]
    for i in range(a.shape[0]):
        for feature in range(n_features):
            A[i, feature] = X[a[i], feature] - centre[feature]
    for j in range(b.shape[0]):
        for feature in range(n_features):
            B[feature, j] = X[b[j], feature] - centre[feature]
    return A, B


@njit(cache=True)
def _starts_of_runs(joint):
    """Return where each run of equal joint labels starts, and the end of the last."""
    starts = np.empty(joint.shape[0] + 1, dtype=np.uintp)
    n_runs = 0
    for j in range(joint.shape[0]):
        if j == 0 or joint[j] != joint[j - 1]:
            starts[n_runs] = j
            n_runs += 1
    starts[n_runs] = joint.shape[0]
    return starts[: n_runs + 1]


@njit(cache=True, fastmath=FAST)
def _square(squared, norm, norms):
    """Turn products into squared distances; return whether any has lost its digits."""
    lost = 0
    for j in range(squared.shape[0]):
        both = norm + norms[j]
        squared[j] = both - 2 * squared[j]
        lost += squared[j] < CANCELLED * both
    return lost > 0


@njit(cache=True, fastmath=FAST)
def _repair(X, i, rows, squared, norm, norms):
    """Compute the squared distances that have lost their digits from the rows themselves."""
    for j in range(squared.shape[0]):
        if squared[j] < CANCELLED * (norm + norms[j]):
            total = 0.0
            for feature in range(X.shape[1]):
                total += (np.float64(X[i, feature]) - np.float64(X[rows[j], feature])) ** 2
            squared[j] = total


@njit(cache=True, fastmath=FAST)
def _squares(point, B, j):
    return (
        (point[0] - B[0, j]) ** 2
        + (point[1] - B[1, j]) ** 2
        + (point[2] - B[2, j]) ** 2
        + (point[3] - B[3, j]) ** 2
        + (point[4] - B[4, j]) ** 2
        + (point[5] - B[5, j]) ** 2
        + (point[6] - B[6, j]) ** 2
        + (point[7] - B[7, j]) ** 2
    )


@njit(cache=True, fastmath=FAST)
def _add_squares(point, B, squared):
    for j in range(squared.shape[0]):
        squared[j] += _squares(point, B, j)


@njit(cache=True, fastmath=FAST)
def _add_squares_and_root(point, B, squared, to_column):
    """Finish squared distances, turn them into distances and add these to `to_column`."""
    for j in range(squared.shape[0]):
        squared[j] = math.sqrt(squared[j] + _squares(point, B, j))
        to_column[j] += squared[j]


@njit(cache=True, fastmath=FAST)
def _root(squared, to_column):
    """Turn squared distances into distances and add these to `to_column`."""
    for j in range(squared.shape[0]):
        squared[j] = math.sqrt(squared[j])
        to_column[j] += squared[j]


@njit(cache=True, fastmath=FAST)
def _total(distances, start, stop):
    total = 0.0
    for j in range(start, stop):
        total += distances[j]
    return total
