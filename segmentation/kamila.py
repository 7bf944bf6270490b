"""KAMILA: k-means for numbers and categories whose weights the data find."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist

#: Cells of the histogram from which the density of the distances is made.
N_CELLS = 400
#: Nearer than this share of the customers, the density is taken to be level: divided by a volume
#: that shrinks to nothing, an estimate of it would grow without bound.
LEVEL_SHARE = 0.05
#: Customers that are added to each category of a cluster, so that no probability is 0.
SMOOTHING = 0.025
#: A start ends when no more than this share of the labels changes: the rest wanders on borders.
STILL = 0.001


class Kamila(NamedTuple):
    """Clusters found by `fit_kamila`; ``predict`` gives rows to them."""

    centres: np.ndarray
    log_shares: list
    radii: np.ndarray
    log_density: np.ndarray
    labels: np.ndarray
    objective: float
    n_iter: int

    def predict(self, numbers, codes):
        """Return the likeliest cluster of each row; arguments as for `fit_kamila`."""
        return self.log_likelihoods(numbers, codes).argmax(axis=1)

    def log_likelihoods(self, numbers, codes):
        """Return an array of shape (n_rows, n_clusters), up to a constant."""
        return _log_likelihoods(
            cdist(numbers, self.centres), codes, self.log_shares, self.radii, self.log_density
        )


def fit_kamila(numbers, codes, k, *, n_levels=None, n_init=3, max_iter=100, random_state=0):
    """Cluster numbers and categories with no weight between them to choose.

    As in k-means, customers go to clusters and clusters are averages; but what counts is a
    likelihood. For the numbers it is a density around the centre that depends on the distance
    alone and is estimated from the distances at hand, whatever its shape; for the categories the
    product of their shares in the cluster. So no column of either kind needs a weight.

    Parameters
    ----------
    numbers : array of shape (n_rows, n_numbers)
        Standardised, one column at least.
    codes : array of int, shape (n_rows, n_categories)
        Categories of each column numbered from 0.
    k : int
        Number of clusters.
    n_levels : array-like of int, shape (n_categories,), optional
        Categories of each column; by default those up to the highest code. More are needed to
        predict rows with categories that none of these has.
    n_init : int, optional
        Starts, of which the likeliest outcome is kept.
    max_iter : int, optional
        Most iterations of a start; it ends when at most 1 in 1,000 labels changes.
    random_state : int, optional
        For the starts.

    Returns
    -------
    Kamila

    References
    ----------
    Foss, Markatou, Ray and Heching (2016), "A semiparametric method for clustering mixed data",
    Machine Learning 105, 419-458. The density is smoothed here with a normal kernel of Silverman's
    width, reflected at 0, and starts are customers drawn at random.
    """
    numbers, codes = np.asarray(numbers, dtype=float), np.asarray(codes)
    n_levels = codes.max(axis=0) + 1 if n_levels is None else n_levels
    rng = np.random.default_rng(random_state)
    starts = [_run(numbers, codes, n_levels, k, max_iter, rng) for _ in range(n_init)]
    return max(starts, key=lambda found: found.objective)


def _run(numbers, codes, n_levels, k, max_iter, rng):
    drawn = rng.choice(len(numbers), k, replace=False)
    centres = numbers[drawn]
    shares = [np.full((k, n), SMOOTHING) for n in n_levels]
    for own, column in zip(shares, codes[drawn].T, strict=True):
        own[np.arange(k), column] += 1
    # A start is one customer; half of its shares are those of a coin of all sides.
    log_shares = [
        np.log(own / own.sum(axis=1, keepdims=True) / 2 + 0.5 / n)
        for own, n in zip(shares, n_levels, strict=True)
    ]
    labels = None
    for n_iter in range(1, max_iter + 1):
        distances = cdist(numbers, centres)
        radii, log_density = _radial_density(distances.min(axis=1), numbers.shape[1])
        likelihoods = _log_likelihoods(distances, codes, log_shares, radii, log_density)
        new = likelihoods.argmax(axis=1)
        objective = float(likelihoods.max(axis=1).sum())
        found = Kamila(centres, log_shares, radii, log_density, new, objective, n_iter)
        if labels is not None and np.mean(new != labels) <= STILL:
            break
        labels = new
        centres, log_shares = _update(numbers, codes, n_levels, labels, centres)
    return found


def _radial_density(nearest, n_dimensions):
    """Estimate the logarithm of a spherical density from distances to the nearest centre."""
    width = 0.9 * min(nearest.std(), np.subtract(*np.quantile(nearest, [0.75, 0.25])) / 1.34)
    width = max(width * len(nearest) ** -0.2, 1e-6)
    top = nearest.max() + 4 * width
    counts, edges = np.histogram(nearest, N_CELLS, (0, top))
    smooth = gaussian_filter1d(counts.astype(float), width / (top / N_CELLS), mode="reflect")
    radii = (edges[1:] + edges[:-1]) / 2
    level = np.quantile(nearest, LEVEL_SHARE)
    volume = (n_dimensions - 1) * np.log(np.maximum(radii, level))
    log_density = np.log(np.maximum(smooth, 1e-9)) - volume
    # Level to the centre, and falling from there on, as what is far has to be unlikely.
    near = radii < level
    log_density[near] = log_density[~near].max(initial=log_density.min())
    return radii, np.minimum.accumulate(log_density)


def _log_likelihoods(distances, codes, log_shares, radii, log_density):
    # Beyond the last distance seen, it falls as a normal density does.
    beyond = np.maximum(distances - radii[-1], 0)
    total = np.interp(distances, radii, log_density) - beyond - beyond**2 / 2
    for column, shares in zip(codes.T, log_shares, strict=True):
        total += shares[:, column].T
    return total


def _update(numbers, codes, n_levels, labels, centres):
    """Return means and logarithms of shares; a cluster without rows keeps its centre."""
    k = len(centres)
    sizes = np.bincount(labels, minlength=k)
    sums = np.stack([np.bincount(labels, column, minlength=k) for column in numbers.T], axis=1)
    means = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    log_shares = []
    for column, n in zip(codes.T, n_levels, strict=True):
        counts = np.bincount(labels * n + column, minlength=k * n).reshape(k, n) + SMOOTHING
        log_shares.append(np.log(counts / counts.sum(axis=1, keepdims=True)))
    return means, log_shares
