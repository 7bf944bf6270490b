"""Exact t-SNE of the bank's customers beside scikit-learn's, at as many iterations."""

import numpy as np
from sklearn import manifold
from sklearn.neighbors import NearestNeighbors

from benchmarks import Comparison, study_rows, timed
from segmentation.tsne import TSNE, joint_similarities, kl_divergence

#: Customers and dimensions: the notebooks' two maps, and half of the customers, as in the articles.
MAPS = ((10_000, 2), (4_000, 3), (20_346, 2))


def comparisons():
    """Yield the comparison of each map."""
    _, encoded = study_rows()
    drawn = np.random.default_rng(0).permutation(len(encoded))
    for n_customers, n_components in MAPS:
        yield _compare(encoded[drawn[:n_customers]], n_components)


def _compare(X, n_components):
    TSNE(n_components, max_iter=250, verbose=False).fit(X[:500])  # Compiles, or loads.
    ours, our_seconds = timed(TSNE(n_components, random_state=0, verbose=False).fit_transform, X)
    # No progress within its tolerance would end its descent early.
    library = manifold.TSNE(
        n_components, random_state=0, n_jobs=-1, min_grad_norm=0, n_iter_without_progress=1_000
    )
    theirs, library_seconds = timed(library.fit_transform, X)
    similarities = joint_similarities(X)
    divergences = [kl_divergence(similarities, points)[0] for points in (ours, theirs)]
    kept = [_neighbours_kept(X, points) for points in (ours, theirs)]
    return Comparison(
        task=f"t-SNE in {n_components} dimensions, {len(X):,} rows, {library.n_iter_ + 1} steps",
        library="scikit-learn",
        library_seconds=library_seconds,
        our_seconds=our_seconds,
        agreement=f"divergence {divergences[0]:.3f} (theirs {divergences[1]:.3f}, both over all "
        f"pairs); of the ten nearest {kept[0]:.3f} kept ({kept[1]:.3f}); compile time not counted",
    )


def _neighbours_kept(X, points, n_neighbours=10):
    """Return the share of the nearest neighbours of each row that are its nearest on the map."""
    rows, on_map = (
        NearestNeighbors(n_neighbors=n_neighbours).fit(some).kneighbors(return_distance=False)
        for some in (X, points)
    )
    return np.mean(
        [
            len(np.intersect1d(one, other)) / n_neighbours
            for one, other in zip(rows, on_map, strict=True)
        ]
    )
