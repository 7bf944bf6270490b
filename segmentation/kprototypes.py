"""K-Prototypes: clusters of rows that mix numbers and categories, point by point and compiled."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from segmentation import _kprototypes_kernels as kernels
from segmentation._kprototypes_input import (
    Table,
    as_frame,
    check_weights,
    factorize,
    lay_out,
    split_columns,
    split_gamma,
    to_numbers,
)
from segmentation._kprototypes_starts import Starts
from segmentation._parameters import find_faults


class KPrototypes(ClusterMixin, BaseEstimator):
    """K-Prototypes clustering of mixed tables (Huang 1998).

    A row is as far from a prototype as the squared Euclidean distance of its numbers plus
    ``gamma`` for each category that differs. Rows are presented one by one; a row
    that is nearer to another prototype moves there at once, and both prototypes follow.

    For the same ``random_state``, or the same given centroids, labels, centroids and iterations
    equal those of kmodes 0.12.2, up to 128 numeric columns to the last bit. It differs where
    kmodes goes wrong: `fit` changes no parameter, sample weights count in every update, and an
    unseen category is a mismatch.

    Parameters
    ----------
    n_clusters : int, default=5
        Number of clusters. If the table has fewer distinct rows, each of them is a cluster.
    gamma : float, array of shape (n_categorical,) or None, default=None
        Weight of one mismatch against squared units of the numeric columns, for all categorical
        columns or for each. None takes ``"half_std"`` of `estimate_gamma`, as kmodes does, and 1
        if there are no numbers.
    init : {"huang", "cao", "random"} or table of shape (n_clusters, n_features), default="huang"
        Categories to start from: Huang's (1998) draw by frequency, the dense and distant rows
        of Cao, Liang and Bai (2009), or rows at random; numbers are drawn from normal
        distributions with each column's mean and standard deviation. A table, such as another
        model's ``cluster_centroids_``, gives both, for a single run; if it leaves a cluster
        empty, random starts take its place.
    n_init : int, default=10
        Restarts, of which the one with the lowest cost is kept.
    max_iter : int, default=100
        Most presentations of all rows in one run; on bank customers, runs end after about 30.
    random_state : int, RandomState or None, default=None
        Seed of all restarts.
    n_jobs : int or None, default=None
        Threads that restarts are spread over. None is one per core, unlike in scikit-learn:
        the compiled loops share the table and hold no lock, so that more threads cost nothing.
        Results do not depend on it.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_samples,)
    cost_ : float
        Sum of the dissimilarities of rows and their prototypes, times the rows' weights.
    n_iter_ : int
        Presentations of all rows in the run that was kept.
    gamma_ : float, or ndarray of shape (n_categorical,)
        The weight of a mismatch that was used; an array where `gamma` was one.
    epoch_costs_ : list of float, length `n_iter_` + 1
        The cost at the start and after each presentation.
    cluster_centroids_ : DataFrame of shape (n_clusters, n_features)
        The prototypes: means and modes, in the columns and categories of the input.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Only if the input has column names.
    n_features_in_ : int

    Notes
    -----
    A table of numbers only is clustered by point-by-point k-means, one of categories only by
    k-modes. Ties go to the lowest cluster and to the category that sorts first. Among equally near
    rows, which one a "huang" start takes is left to NumPy's unstable sort, as in kmodes, and so to
    the processor (AVX2 and AVX-512 sort differently): a result that is to be the same everywhere
    needs enough restarts to find the same optimum.

    References
    ----------
    Huang (1998), Extensions to the k-means algorithm for clustering large data sets with
    categorical values, Data Mining and Knowledge Discovery 2(3), doi:10.1023/A:1009769707641.
    Cao, Liang and Bai (2009), A new initialization method for categorical data clustering,
    Expert Systems with Applications 36(7), doi:10.1016/j.eswa.2009.01.060.
    """

    def __init__(
        self,
        n_clusters=5,
        *,
        gamma=None,
        init="huang",
        n_init=10,
        max_iter=100,
        random_state=None,
        n_jobs=None,
    ):
        self.n_clusters = n_clusters
        self.gamma = gamma
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X, y=None, *, categorical=None, sample_weight=None):
        """Find the clusters.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            In the order in which rows are presented.
        y : ignored
        categorical : column or sequence of columns, optional
            The categorical columns: names of a DataFrame, indices of an array. By default those
            that hold text, booleans or categories.
        sample_weight : array-like of shape (n_samples,), optional
            A row of weight w counts w times in means, modes and cost. Equal weights change
            nothing but the scale of the cost. From given centroids, with a given gamma and as
            long as no cluster runs empty, whole weights equal so many copies of the row,
            presented one after the other. A row of weight 0 only gets a label.

        Returns
        -------
        KPrototypes
            The model itself.

        Raises
        ------
        ValueError
            If a parameter, the table or a weight cannot be used, or no start is found in which
            every cluster has a row.
        """
        self._check_parameters()
        frame = as_frame(X)
        numeric, nominal = split_columns(frame, categorical)
        numbers = to_numbers(frame, numeric)
        codes, categories = factorize(frame, nominal)
        weights, scale, kept = check_weights(sample_weight, len(frame))
        if kept.sum() < self.n_clusters:
            raise ValueError(
                f"n_clusters={self.n_clusters} is more than the {kept.sum()} rows with weight: "
                "ask for fewer clusters."
            )
        every_row = numbers, codes
        if not kept.all():
            numbers, codes, weights = numbers[:, kept], codes[:, kept], weights[kept]

        self._columns, self._numeric, self._nominal = list(frame.columns), numeric, nominal
        self._categories = categories
        gamma = self._choose_gamma(numbers)
        factor, by_column = split_gamma(gamma, len(nominal))
        self._gammas = factor * by_column
        self.gamma_ = self._gammas if np.ndim(gamma) else float(gamma)
        run = self._best_run(Table(numbers, codes, lay_out(numbers, codes, weights), self._gammas))
        self._centres, self._modes = run.centres, run.modes
        self._set_feature_names(frame)
        self.labels_ = run.labels.astype(np.int32) if kept.all() else self._label(*every_row)
        self.cost_, self.n_iter_ = run.costs[-1] * scale, len(run.costs) - 1
        self.epoch_costs_ = [cost * scale for cost in run.costs]
        return self

    def predict(self, X):
        """Find the nearest prototype of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            With the columns that `fit` saw. A category that it did not see differs from that
            of every prototype.

        Returns
        -------
        ndarray of int, shape (n_samples,)

        Raises
        ------
        ValueError
            If the columns differ from those of `fit`, or a value is missing or infinite.
        """
        check_is_fitted(self)
        return self._label(*self._encode(X))

    @property
    def cluster_centroids_(self):
        """The prototypes as a table like the input."""
        check_is_fitted(self)
        centroids = dict(zip(self._numeric, self._centres.T, strict=True))
        for name, categories, modes in zip(
            self._nominal, self._categories, self._modes.T, strict=True
        ):
            centroids[name] = categories.take(modes)
        return pd.DataFrame(centroids)[self._columns]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def _check_parameters(self):
        at_least_1 = (Integral, lambda value: value >= 1, "a whole number of 1 or more")
        rules = dict.fromkeys(("n_clusters", "n_init", "max_iter"), at_least_1)
        if self.n_jobs is not None:
            rules["n_jobs"] = (Integral, lambda value: value != 0, "a whole number but 0, or None")
        faults = find_faults(self, rules)
        if isinstance(self.init, str) and self.init not in ("huang", "cao", "random"):
            faults.append(f'init is {self.init!r}: give "huang", "cao", "random" or a table.')
        if faults:
            raise ValueError(" ".join(faults))

    def _choose_gamma(self, numbers):
        if self.gamma is not None:
            return self.gamma
        return _half_std(numbers) if len(numbers) else 1.0

    def _set_feature_names(self, frame):
        self.n_features_in_ = frame.shape[1]
        if all(isinstance(name, str) for name in frame.columns):
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _encode(self, X, role="X"):
        """Turn a table with the columns of `fit` into numbers and known codes."""
        frame = as_frame(X)
        if frame.shape[1] != len(self._columns):
            raise ValueError(
                f"{role} has {frame.shape[1]} features, but KPrototypes is expecting "
                f"{len(self._columns)} features as input: give the same columns."
            )
        if isinstance(X, pd.DataFrame) and list(frame.columns) != self._columns:
            raise ValueError(
                f"{role} has columns {list(frame.columns)}, but KPrototypes is fitted on "
                f"{self._columns}: give the same columns in the same order."
            )
        frame.columns = self._columns
        codes, _ = factorize(frame, self._nominal, self._categories)
        return to_numbers(frame, self._numeric), codes

    def _label(self, numbers, codes):
        n = numbers.shape[1]
        labels = np.empty(n, np.int64)
        rows = lay_out(numbers, codes.astype(self._modes.dtype), np.ones(n))
        kernels.assign(rows, self._centres, self._modes, self._gammas, labels)
        return labels.astype(np.int32)

    def _best_run(self, table):
        n = table.numbers.shape[1]
        distinct = kernels.find_distinct(
            table.numbers, table.codes, np.arange(n), self.n_clusters + 1
        )
        if len(distinct) <= self.n_clusters:
            return self._one_cluster_each(table, distinct)
        init, n_init = self.init, self.n_init
        if not isinstance(init, str):
            init, n_init = self._given_prototypes(table), 1
        starts = Starts(table, init, self.n_clusters)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=n_init)
        threads = min(n_init, effective_n_jobs(-1 if self.n_jobs is None else self.n_jobs))
        with ThreadPoolExecutor(threads) as pool:
            runs = list(pool.map(lambda seed: _run(table, starts, self.max_iter, seed), seeds))
        return min(runs, key=lambda run: run.costs[-1])

    def _one_cluster_each(self, table, distinct):
        if len(distinct) < self.n_clusters:
            warnings.warn(
                f"The table has {len(distinct)} distinct rows, fewer than n_clusters="
                f"{self.n_clusters}: each of them is a cluster.",
                ConvergenceWarning,
                stacklevel=4,
            )
        centres, modes = table.numbers.T[distinct].copy(), table.codes.T[distinct].copy()
        labels = np.empty(table.numbers.shape[1], np.int64)
        cost = kernels.assign(table.rows, centres, modes, table.gammas, labels)
        return _Run(labels, centres, modes, [cost])

    def _given_prototypes(self, table):
        numbers, codes = self._encode(self.init, "init")
        if numbers.shape[1] != self.n_clusters:
            raise ValueError(
                f"init has {numbers.shape[1]} rows, but n_clusters is {self.n_clusters}: give "
                "one row per cluster."
            )
        return numbers.T.copy(), codes.T.astype(table.codes.dtype, order="C")


def estimate_gamma(X, categorical=None):
    """Estimate the weight of a mismatch from how much the columns vary, in two ways.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        With at least one numeric and one categorical column.
    categorical : column or sequence of columns, optional
        As in `KPrototypes.fit`.

    Returns
    -------
    dict of str to float
        ``"half_std"``: half the mean standard deviation of the numeric columns, the default of
        kmodes. ``"variance_gini"``: their mean variance over the mean Gini concentration
        (1 minus the sum of squared shares) of the categorical columns, the default of
        ``lambdaest`` in R's clustMixType; infinite if every categorical column is constant.
        Only the second is in the squared units of the distance that it is weighed against.

    Raises
    ------
    ValueError
        If the table cannot be used or lacks one of the two kinds of column.
    """
    frame = as_frame(X)
    numeric, nominal = split_columns(frame, categorical)
    if not numeric or not nominal:
        raise ValueError(
            "gamma weighs categories against numbers, but all columns are "
            f"{'numeric' if numeric else 'categorical'}: nothing is to be estimated."
        )
    numbers = to_numbers(frame, numeric)
    codes, _ = factorize(frame, nominal)
    shares = [np.bincount(column) / len(frame) for column in codes]
    gini = np.mean([1 - np.sum(share**2) for share in shares])
    variance = numbers.var(axis=1, ddof=1).mean()
    return {
        "half_std": _half_std(numbers),
        "variance_gini": float(variance / gini) if gini > 0 else np.inf,
    }


def _half_std(numbers):
    # Over axis 0 of a column-major array: so NumPy adds up as it does in kmodes.
    return float(0.5 * np.mean(numbers.T.std(axis=0)))


class _Run(NamedTuple):
    """What one restart finds."""

    labels: np.ndarray
    centres: np.ndarray
    modes: np.ndarray
    costs: list[float]


def _run(table, starts, max_iter, seed):
    """Do one restart."""
    random_state = np.random.RandomState(seed)
    labels = starts.find(random_state)
    clusters = _empty_clusters(table, starts)
    kernels.establish(table.rows, labels, clusters)
    prototypes = clusters.centres, clusters.modes, table.gammas
    costs = [kernels.assign(table.rows, *prototypes, labels)]
    for _ in range(max_iter):
        if not _present_all(table, clusters, random_state):
            costs.append(costs[-1])
            break
        costs.append(kernels.assign(table.rows, *prototypes, labels))
        if costs[-1] >= costs[-2]:
            break
    return _Run(labels, clusters.centres, clusters.modes, costs)


def _present_all(table, clusters, random_state):
    """Present every row once; return the number of moves."""
    row, moves = 0, 0
    while row < len(clusters.members):
        moved, row = kernels.sweep(table.rows, clusters, table.gammas, row)
        moves += moved
        if not clusters.sizes.all():
            kernels.refill(table.rows, clusters, random_state.choice(clusters.sizes.max()))
    return moves


def _empty_clusters(table, starts):
    k, p = starts.n_clusters, len(table.numbers)
    m, n = table.codes.shape
    first = np.cumsum([0, *map(len, starts.counts)])
    return kernels.Clusters(
        centres=np.zeros((k, p)),
        modes=np.zeros((k, m), table.codes.dtype),
        sums=np.zeros((k, p)),
        masses=np.zeros(k),
        sizes=np.zeros(k, np.int64),
        counts=np.zeros((k, first[-1])),
        first=first,
        members=np.zeros(n, np.int64),
    )
