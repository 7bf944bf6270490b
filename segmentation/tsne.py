"""t-SNE with the exact gradient over all pairs of rows, compiled."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import xlogy
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from segmentation import _tsne_kernels as kernels
from segmentation._parameters import find_faults

#: Steps with exaggerated similarities and the lower momentum, as in scikit-learn.
EARLY_STEPS = 250
EARLY_MOMENTUM, MOMENTUM = 0.5, 0.8

#: Standard deviation of the first coordinate at the start, as in scikit-learn.
START_SPREAD = 1e-4

#: Steps between two updates of the progress bar, so that calls from Python cost nothing.
STEPS_AT_A_TIME = 10


class TSNE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """t-distributed stochastic neighbour embedding, exact in neighbours and in forces.

    Takes O(n_samples²) time per step: the sum over all pairs runs in single precision and vector
    instructions, on all cores, and each pair is computed once for both of its rows. Names, defaults
    and descent are those of scikit-learn, without its approximation. The same ``random_state``
    gives the same map, whatever the number of threads.

    Parameters
    ----------
    n_components : {1, 2, 3}, default=2
        Dimensions of the map. As in scikit-learn, similarities on it have the tails of Student's
        t-distribution with ``max(n_components - 1, 1)`` degrees of freedom.
    perplexity : float, default=30.0
        Effective number of neighbours of a row, below the number of rows. Similarities are those
        to the ``3 * perplexity + 1`` nearest rows.
    early_exaggeration : float, default=12.0
        What similarities are multiplied by in the first 250 steps, at least 1.
    learning_rate : float or "auto", default="auto"
        "auto" is ``n_samples / early_exaggeration / 4``, and 50 at least.
    max_iter : int, default=1000
        Steps, 250 at least. All of them are taken: there is no early stop.
    init : {"pca", "random"} or array of shape (n_samples, n_components), default="pca"
        Where the rows start. "pca" are the first principal components, scaled to a standard
        deviation of 1e-4 of the first; "random" is normal with that standard deviation.
    random_state : int, RandomState or None, default=None
        Seed of a random start, and of principal components where they are drawn.
    verbose : bool, default=True
        Whether a progress bar is shown, if the descent takes longer than two seconds.

    Attributes
    ----------
    embedding_ : ndarray of float32, shape (n_samples, n_components)
        The map.
    kl_divergence_ : float
        Kullback-Leibler divergence of the similarities on the map from those of the rows, over
        all pairs.
    n_iter_ : int
        Steps taken: `max_iter`.
    learning_rate_ : float
        The one that was used.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (`n_features_in_`,)
        Only if the input has column names.

    Notes
    -----
    In three dimensions scikit-learn follows a direction that is not the gradient of its
    divergence: it raises the similarity to the power of 1.5 where the derivative has none. Here
    it is the gradient, in any number of dimensions.

    Beside the similarities, memory for ``n_samples² / 512 * n_components`` numbers of 4 bytes is
    needed: 6 MB for 20,000 rows in two dimensions.

    References
    ----------
    van der Maaten and Hinton (2008), Visualizing data using t-SNE, Journal of Machine Learning
    Research 9, 2579-2605.
    van der Maaten (2009), Learning a parametric embedding by preserving local structure,
    AISTATS, Proceedings of Machine Learning Research 5, 384-391.
    """

    def __init__(
        self,
        n_components=2,
        *,
        perplexity=30.0,
        early_exaggeration=12.0,
        learning_rate="auto",
        max_iter=1000,
        init="pca",
        random_state=None,
        verbose=True,
    ):
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.init = init
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):
        """Map the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : ignored

        Returns
        -------
        TSNE
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter or the table cannot be used.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Map the rows and return their places.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : ignored

        Returns
        -------
        ndarray of float32, shape (n_samples, n_components)

        Raises
        ------
        ValueError
            If a parameter or the table cannot be used.
        """
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self._check_parameters()
        points = self._start(X)
        similarities = joint_similarities(X, self.perplexity)
        self.learning_rate_ = self.learning_rate
        if self.learning_rate == "auto":
            self.learning_rate_ = max(len(X) / self.early_exaggeration / 4, 50.0)
        self.embedding_ = self._descend(similarities, points)
        self.kl_divergence_, _ = kl_divergence(similarities, self.embedding_)
        self.n_iter_ = self.max_iter
        return self.embedding_

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    def _check_parameters(self):
        rules = {
            "n_components": (Integral, lambda value: 1 <= value <= 3, "1, 2 or 3"),
            "perplexity": (Real, lambda value: 1 <= value < np.inf, "a number of 1 or more"),
            "early_exaggeration": (Real, lambda value: 1 <= value < np.inf, "1 or more"),
            "max_iter": (Integral, lambda value: value >= EARLY_STEPS, f"{EARLY_STEPS} or more"),
        }
        if not isinstance(self.learning_rate, str):
            rules["learning_rate"] = (Real, lambda value: 0 < value < np.inf, 'above 0 or "auto"')
        faults = find_faults(self, rules)
        if isinstance(self.learning_rate, str) and self.learning_rate != "auto":
            faults.append(f'learning_rate is {self.learning_rate!r}: give a number or "auto".')
        if isinstance(self.init, str) and self.init not in ("pca", "random"):
            faults.append(f'init is {self.init!r}: give "pca", "random" or an array.')
        if faults:
            raise ValueError(" ".join(faults))

    def _start(self, X):
        shape = len(X), self.n_components
        random_state = check_random_state(self.random_state)
        if not isinstance(self.init, str):
            points = check_array(self.init, dtype=np.float32, input_name="init")
            if points.shape != shape:
                raise ValueError(f"init has the shape {points.shape}: give one of {shape}.")
            return points
        if self.init == "pca":
            if min(X.shape) < self.n_components:
                raise ValueError(
                    f"n_samples = {len(X)}, n_features = {X.shape[1]} allow no "
                    f'{self.n_components} principal components to start from: give init="random".'
                )
            pca = PCA(self.n_components, random_state=random_state).set_output(transform="default")
            # One thread, so that the last bits do not depend on how many there are.
            with threadpool_limits(1, user_api="blas"):
                points = pca.fit_transform(X)
            spread = points[:, 0].std()
            if spread > 0:
                return (points / spread * START_SPREAD).astype(np.float32)
        return (START_SPREAD * random_state.standard_normal(shape)).astype(np.float32)

    def _descend(self, similarities, points):
        layout, places, neighbours = _lay_out(similarities, points)
        state = kernels.State(
            places=np.stack([places, places]),
            steps=np.zeros_like(places),
            gains=np.ones_like(places),
            pushes=_room_for_pushes(layout),
            masses=np.zeros(layout.n_chunks),
        )
        hidden = not self.verbose
        with tqdm(total=self.max_iter, desc="t-SNE", delay=2, leave=False, disable=hidden) as bar:
            for first in range(0, self.max_iter, STEPS_AT_A_TIME):
                last = min(first + STEPS_AT_A_TIME, self.max_iter)
                early = first < EARLY_STEPS
                kernels.descend(
                    layout,
                    state,
                    neighbours,
                    first,
                    last,
                    float(self.early_exaggeration) if early else 1.0,
                    np.float32(EARLY_MOMENTUM if early else MOMENTUM),
                    np.float32(self.learning_rate_),
                )
                bar.update(last - first)
        return _gather(layout, state.places[self.max_iter % 2], self.n_components)


def joint_similarities(X, perplexity=30.0):
    """Compute the similarities of rows that t-SNE keeps, as scikit-learn does.

    A row's similarity to each of its nearest neighbours is a normal density of their distance,
    with the standard deviation at which the entropy of the row's similarities is that of
    `perplexity` equal ones. Neighbours are exact.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite numbers.
    perplexity : float, optional
        From 1 to below the number of rows.

    Returns
    -------
    csr_array of float64, shape (n_samples, n_samples)
        Symmetric, with a sum of 1: the mean of both rows' views of a pair.

    Raises
    ------
    ValueError
        If the perplexity is as large as the number of rows.
    """
    X = check_array(X, dtype=np.float64, ensure_min_samples=2)
    n_samples = len(X)
    if perplexity >= n_samples:
        raise ValueError(
            f"perplexity is {perplexity}, but X has n_samples = {n_samples}: give a lower number."
        )
    n_neighbours = min(n_samples - 1, int(3 * perplexity + 1))
    nearest = NearestNeighbors(n_neighbors=n_neighbours, n_jobs=-1).fit(X)
    distances, rows = nearest.kneighbors()
    views = kernels.conditional_similarities(distances**2, float(perplexity))
    ends = np.arange(0, views.size + 1, n_neighbours)
    views = sparse.csr_array((views.ravel(), rows.ravel(), ends), shape=(n_samples, n_samples))
    joint = views + views.T
    return joint / joint.sum()


def kl_divergence(similarities, points):
    """Compute the divergence of a map and its gradient, over all pairs of rows.

    The similarity of two rows on a map of d dimensions is in proportion to
    ``(1 + distance² / v) ** (-(v + 1) / 2)``, with v the larger of d - 1 and 1.

    Parameters
    ----------
    similarities : sparse array of shape (n_samples, n_samples)
        From `joint_similarities`.
    points : array-like of shape (n_samples, n_components)
        In up to three dimensions; taken in single precision.

    Returns
    -------
    divergence : float
    gradient : ndarray of float32, shape (n_samples, n_components)
    """
    points = check_array(points, dtype=np.float32)
    layout, places, neighbours = _lay_out(similarities, points)
    forces, mass = kernels.gradient(layout, places, neighbours, _room_for_pushes(layout))
    n_components = points.shape[1]
    freedom = max(n_components - 1, 1)
    pairs = sparse.coo_array(similarities)
    points = points.astype(np.float64)
    squared = ((points[pairs.row] - points[pairs.col]) ** 2).sum(axis=1)
    divergence = (
        xlogy(pairs.data, pairs.data).sum()
        + (freedom + 1) / 2 * (pairs.data @ np.log1p(squared / freedom))
        + pairs.data.sum() * np.log(mass)
    )
    return float(divergence), _gather(layout, forces, n_components)


def _lay_out(similarities, points):
    """Return the kernels' layout, the places in it and the neighbours."""
    n_samples, n_components = points.shape
    # A line is a plane in which nothing leaves the first axis.
    n_axes = max(n_components, 2)
    sizes = range(kernels.CHUNK, kernels.CHUNK // 2 - 1, -kernels.LANES)
    rows = next((rows for rows in sizes if -(-n_samples // rows) % 2), kernels.CHUNK)
    layout = kernels.Layout(n_samples, n_axes, rows, -(-n_samples // rows) | 1)
    table = np.full((layout.n_chunks * rows, n_axes), kernels.FAR)
    table[:n_samples, n_components:] = 0
    table[:n_samples, :n_components] = points / np.float32(np.sqrt(n_axes - 1))
    places = np.full((layout.n_chunks, n_axes, kernels.CHUNK), kernels.FAR)
    places[:, :, :rows] = table.reshape(layout.n_chunks, rows, n_axes).transpose(0, 2, 1)
    similarities = sparse.csr_array(similarities)
    chunks, within = np.divmod(similarities.indices, rows)
    neighbours = kernels.Neighbours(
        ends=similarities.indptr.astype(np.int64),
        places=(chunks * n_axes * kernels.CHUNK + within).astype(np.uint32),
        similarities=similarities.data.astype(np.float32),
    )
    return layout, places.reshape(layout.n_chunks, -1), neighbours


def _room_for_pushes(layout):
    shape = layout.n_chunks, layout.n_chunks // 2 + 1, layout.n_components * kernels.CHUNK
    return np.empty(shape, np.float32)


def _gather(layout, places, n_components):
    """Return the rows' coordinates from the kernels' layout and unit of length."""
    chunks = places.reshape(layout.n_chunks, layout.n_components, kernels.CHUNK)
    rows = chunks[:, :, : layout.rows].transpose(0, 2, 1).reshape(-1, layout.n_components)
    return rows[: layout.n_samples, :n_components] * np.float32(np.sqrt(layout.n_components - 1))
