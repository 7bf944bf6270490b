"""K-Prototypes: clusters of rows that mix numbers and categories, point by point and compiled."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from pandas.api.types import is_bool_dtype, is_numeric_dtype, is_object_dtype, is_string_dtype
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from segmentation import _kprototypes_kernels as kernels

#: How often a start that leaves a cluster empty is drawn anew: so often by the chosen method,
#: then so often with rows at random (both as in kmodes, whose random stream is followed).
METHOD_TRIES = 20
RANDOM_TRIES = 80


class KPrototypes(ClusterMixin, BaseEstimator):
    """K-Prototypes clustering of mixed tables (Huang 1998).

    A row is as far from a prototype as the squared Euclidean distance of its numbers plus
    ``gamma`` times the number of categories that differ. Rows are presented one by one; a row
    that is nearer to another prototype moves there at once, and both prototypes follow.

    For the same ``random_state``, or the same given centroids, labels, centroids and iterations
    equal those of kmodes 0.12.2, up to 128 numeric columns to the last bit. It differs where
    kmodes goes wrong: `fit` changes no parameter, sample weights count in every update, and an
    unseen category is a mismatch.

    Parameters
    ----------
    n_clusters : int, default=5
        Number of clusters. If the table has fewer distinct rows, each of them is a cluster.
    gamma : float or None, default=None
        Weight of one mismatch against squared units of the numeric columns. None takes
        ``"half_std"`` of `estimate_gamma`, as kmodes does, and 1 if there are no numbers.
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
    gamma_ : float
        The weight of a mismatch that was used.
    epoch_costs_ : list of float, length n_iter_ + 1
        The cost at the start and after each presentation.
    cluster_centroids_ : DataFrame of shape (n_clusters, n_features)
        The prototypes: means and modes, in the columns and categories of the input.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Only if the input has column names.
    n_features_in_ : int

    Notes
    -----
    A table of numbers only is clustered by point-by-point k-means, one of categories only by
    k-modes. Ties go to the lowest cluster and to the category that sorts first.

    References
    ----------
    Huang (1998), Extensions to the k-means algorithm for clustering large data sets with
    categorical values, Data Mining and Knowledge Discovery 2(3), doi:10.1023/A:1009769707641.
    Cao, Liang and Bai (2009), A new initialization method for categorical data clustering,
    Expert Systems with Applications 36(7), doi:10.1016/j.eswa.2009.01.060.
    """

    _parameter_constraints = {  # noqa: RUF012, scikit-learn's own name and form
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, np.inf, closed="left"), None],
        "init": [StrOptions({"huang", "cao", "random"}), "array-like"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

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
        self._validate_params()
        frame = _as_frame(X)
        numeric, nominal = _roles(frame, categorical)
        numbers = _numbers(frame, numeric)
        codes, categories = _factorize(frame, nominal)
        weights, scale, kept = _weights(sample_weight, len(frame))
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
        run = self._best_run(_Table(numbers, codes, _block(numbers, codes, weights), gamma))
        self._centres, self._modes, self.gamma_ = run.centres, run.modes, gamma
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

    def _choose_gamma(self, numbers):
        if self.gamma is not None:
            return float(self.gamma)
        return _half_std(numbers) if len(numbers) else 1.0

    def _set_feature_names(self, frame):
        self.n_features_in_ = frame.shape[1]
        if all(isinstance(name, str) for name in frame.columns):
            self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _encode(self, X, role="X"):
        """Turn a table with the columns of `fit` into numbers and known codes."""
        frame = _as_frame(X)
        if frame.shape[1] != len(self._columns):
            raise ValueError(
                f"{role} has {frame.shape[1]} columns, but KPrototypes is fitted on "
                f"{len(self._columns)}: give the same columns."
            )
        if isinstance(X, pd.DataFrame) and list(frame.columns) != self._columns:
            raise ValueError(
                f"{role} has columns {list(frame.columns)}, but KPrototypes is fitted on "
                f"{self._columns}: give the same columns in the same order."
            )
        frame.columns = self._columns
        return _numbers(frame, self._numeric), _factorize(frame, self._nominal, self._categories)[0]

    def _label(self, numbers, codes):
        n = numbers.shape[1]
        labels = np.empty(n, np.int64)
        rows = _block(numbers, codes.astype(self._modes.dtype), np.ones(n))
        kernels.assign(rows, self._centres, self._modes, self.gamma_, labels)
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
        starts = _Starts(table, init, self.n_clusters)
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
        cost = kernels.assign(table.rows, centres, modes, table.gamma, labels)
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
    frame = _as_frame(X)
    numeric, nominal = _roles(frame, categorical)
    if not numeric or not nominal:
        raise ValueError(
            "gamma weighs categories against numbers, but all columns are "
            f"{'numeric' if numeric else 'categorical'}: nothing is to be estimated."
        )
    numbers = _numbers(frame, numeric)
    codes, _ = _factorize(frame, nominal)
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


class _Table(NamedTuple):
    """What all restarts share: numbers (p, n), codes (m, n), the same in blocks, and gamma."""

    numbers: np.ndarray
    codes: np.ndarray
    rows: kernels.Rows
    gamma: float


class _Run(NamedTuple):
    """What one restart finds."""

    labels: np.ndarray
    centres: np.ndarray
    modes: np.ndarray
    costs: list[float]


class _Starts:
    """Draws prototypes to start from, in the order of random numbers of kmodes."""

    def __init__(self, table, init, n_clusters):
        self.table, self.init, self.n_clusters = table, init, n_clusters
        columns = table.numbers.T
        self.mean, self.std = np.mean(columns, axis=0), np.std(columns, axis=0)
        self.counts = [np.bincount(column) for column in table.codes]
        self.cumulative = [np.cumsum(counts) for counts in self.counts]
        self.nearest_rows: dict[bytes, Any] = {}
        if isinstance(init, str) and init == "cao":
            self.cao_modes = self._cao()

    def find(self, random_state):
        """Return labels of all rows, each cluster with at least one, for a first update."""
        labels = np.empty(self.table.codes.shape[1], np.int64)
        given = not isinstance(self.init, str)
        methods = [self.init] * (1 if given else METHOD_TRIES) + ["random"] * RANDOM_TRIES
        for method in methods:
            centres, modes = self._draw(method, random_state)
            kernels.assign(self.table.rows, centres, modes, self.table.gamma, labels)
            if np.bincount(labels, minlength=self.n_clusters).all():
                return labels
        raise ValueError(
            f"{len(methods)} starts each left one of {self.n_clusters} clusters empty: ask for "
            "fewer clusters, another gamma, or give prototypes as init."
        )

    def _draw(self, method, random_state):
        if not isinstance(method, str):
            return method
        if method == "huang":
            modes = self._huang(random_state)
        elif method == "cao":
            modes = self.cao_modes
        else:
            n = self.table.codes.shape[1]
            modes = self.table.codes.T[random_state.choice(n, self.n_clusters)]
        normal = random_state.randn(self.n_clusters, len(self.mean))
        return self.mean + normal * self.std, np.ascontiguousarray(modes)

    def _huang(self, random_state):
        """Draw each category by its frequency, then take the nearest row not yet taken."""
        codes = self.table.codes
        modes = np.empty((self.n_clusters, len(codes)), codes.dtype)
        for j, cumulative in enumerate(self.cumulative):
            # Places in the sorted column.
            places = random_state.choice(codes.shape[1], self.n_clusters)
            modes[:, j] = np.searchsorted(cumulative, places, side="right")
        for c in range(self.n_clusters if len(codes) else 0):
            for row in self._nearest_to(modes[c]):
                candidate = codes[:, row]
                if not (modes == candidate).all(axis=1).any():
                    break
            modes[c] = candidate
        return modes

    def _nearest_to(self, mode):
        """Return rows of different categories, nearest first: one more than clusters, and the last.

        kmodes takes the first row in this order that equals no prototype, so that no more are
        looked at. Among equally near rows the order is that of NumPy's unstable sort, which
        therefore has to be run on the same integers.
        """
        key = mode.tobytes()
        if key not in self.nearest_rows:
            codes = self.table.codes
            order = np.argsort(kernels.count_mismatches(codes, mode))
            no_numbers = np.empty((0, codes.shape[1]))
            rows = kernels.find_distinct(no_numbers, codes, order, self.n_clusters + 1)
            self.nearest_rows[key] = [*rows, order[-1]]
        return self.nearest_rows[key]

    def _cao(self):
        """Take the densest row, then each time the row that is both dense and far from those."""
        codes = self.table.codes
        m, n = codes.shape
        density = np.zeros(n)
        for column, counts in zip(codes, self.counts, strict=True):
            density += (counts / n / m)[column]
        modes = np.empty((self.n_clusters, m), codes.dtype)
        score = density
        for c in range(self.n_clusters):
            modes[c] = codes[:, np.argmax(score)]
            far = kernels.count_mismatches(codes, modes[c]) * density
            score = far if c == 0 else np.minimum(score, far)
        return modes


def _run(table, starts, max_iter, seed):
    """Do one restart."""
    random_state = np.random.RandomState(seed)
    labels = starts.find(random_state)
    clusters = _empty_clusters(table, starts)
    kernels.found(table.rows, labels, clusters)
    prototypes = clusters.centres, clusters.modes, table.gamma
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
        moved, row = kernels.sweep(table.rows, clusters, table.gamma, row)
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


def _block(numbers, codes, weights):
    """Lay a table out in blocks, the last one filled up with zeros."""
    n = len(weights)
    blocks = -(-n // kernels.BLOCK)

    def lay_out(columns):
        padded = np.zeros((len(columns), blocks * kernels.BLOCK), columns.dtype)
        padded[:, :n] = columns
        in_blocks = padded.reshape(len(columns), blocks, kernels.BLOCK)
        return np.ascontiguousarray(in_blocks.swapaxes(0, 1))

    return kernels.Rows(lay_out(numbers), lay_out(codes), lay_out(weights[np.newaxis])[:, 0])


def _as_frame(X):
    """Return a table as a DataFrame with unique columns and at least one row."""
    if not isinstance(X, pd.DataFrame):
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X has {X.ndim} dimensions: give a table of rows and columns.")
        X = pd.DataFrame(X).infer_objects()
    if 0 in X.shape:
        raise ValueError(f"X has shape {X.shape}: give at least one row and one column.")
    if not X.columns.is_unique:
        twice = list(X.columns[X.columns.duplicated()].unique())
        raise ValueError(f"X has columns of the same name, {twice}: rename them.")
    # A new frame on the same data, whose columns may be renamed.
    return X.set_axis(X.columns, axis=1)


def _roles(frame, categorical):
    """Return the names of the numeric and of the categorical columns."""
    if categorical is None:
        nominal = [name for name in frame.columns if _is_nominal(frame[name])]
    else:
        nominal = [categorical] if np.ndim(categorical) == 0 else list(categorical)
        unknown = [name for name in nominal if name not in frame.columns]
        if unknown or len(set(nominal)) < len(nominal):
            raise ValueError(
                f"categorical={nominal} names {unknown or 'a column twice'}: name each "
                f"categorical column once, from {list(frame.columns)}."
            )
    numeric = [name for name in frame.columns if name not in nominal]
    for name in numeric:
        if not is_numeric_dtype(frame[name].dtype):
            raise ValueError(
                f"Column {name!r} of type {frame[name].dtype} is not numeric: name it in "
                "categorical, or turn it into numbers."
            )
    return numeric, nominal


def _is_nominal(column):
    kind = column.dtype
    return (
        isinstance(kind, pd.CategoricalDtype)
        or is_object_dtype(kind)
        or is_string_dtype(kind)
        or is_bool_dtype(kind)
    )


def _numbers(frame, numeric):
    """Return the numeric columns as an array of shape (n_columns, n_samples)."""
    numbers = np.empty((len(numeric), len(frame)))
    for name, column in zip(numeric, numbers, strict=True):
        try:
            column[:] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Column {name!r} is not numeric: {error}.") from error
        if not np.isfinite(column).all():
            what = "missing" if np.isnan(column).any() else "infinite"
            _refuse_values(name, what, ~np.isfinite(column))
    return numbers


def _factorize(frame, nominal, known=None):
    """Return the codes (n_columns, n_samples) and the categories of the categorical columns.

    Codes follow the sorted categories, or those known from `fit`; -1 is unknown.
    """
    codes = np.empty((len(nominal), len(frame)), np.int64)
    categories = []
    for j, name in enumerate(nominal):
        codes[j], values = pd.factorize(frame[name])
        if codes[j].min() < 0:
            _refuse_values(name, "missing", codes[j] < 0)
        objects = np.asarray(values, dtype=object)
        if known is None:
            order = _sort(name, objects)
            categories.append(pd.Index(values[order]))
            ranks = np.argsort(order)
        else:
            lookup = {value: code for code, value in enumerate(np.asarray(known[j], dtype=object))}
            ranks = np.array([lookup.get(value, -1) for value in objects])
        codes[j] = ranks[codes[j]]
    return codes.astype(_code_dtype(known or categories)), categories


def _code_dtype(categories):
    """Return the smallest type of codes that also holds -1 and the number of columns."""
    largest = max([len(categories), *map(len, categories)])
    return np.uint8 if largest < np.iinfo(np.uint8).max else np.int32


def _sort(name, categories):
    try:
        return np.argsort(categories, kind="stable")
    except TypeError as error:
        raise ValueError(
            f"The categories of column {name!r} have no order ({error}), so that ties between "
            "them cannot be broken: turn them into text."
        ) from error


def _refuse_values(name, what, where):
    raise ValueError(
        f"Column {name!r} has {where.sum()} {what} values, the first in row "
        f"{np.argmax(where)}: fill them or drop the rows."
    )


def _weights(sample_weight, n):
    """Return weights, a common factor taken out of them, and which rows count at all."""
    if sample_weight is None:
        return np.ones(n), 1.0, np.ones(n, bool)
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}: give one weight per row, {n}.")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "sample_weight has missing, infinite or negative values, or only zeros: give finite "
            "weights of at least 0."
        )
    kept = weights > 0
    first = weights[np.argmax(kept)]
    # Taken out so that equal weights change no bit of the sums.
    if (weights[kept] == first).all():
        return kept.astype(np.float64), float(first), kept
    return weights, 1.0, kept
