"""Exact t-SNE of the bank's customers beside scikit-learn's and peers', at as many iterations."""

import numpy as np
from sklearn import manifold
from sklearn.neighbors import NearestNeighbors

from benchmarks import Comparison, find_peer, study_rows, timed
from segmentation.tsne import TSNE, joint_similarities, kl_divergence

#: Customers and dimensions: the notebooks' two maps, and half of the customers, as in the articles.
MAPS = ((10_000, 2), (4_000, 3), (20_346, 2))

#: Iterations, the default here and in scikit-learn; 250 of them with exaggeration.
STEPS = 1_000


def comparisons():
    """Yield the comparison of each map with each library."""
    _, encoded = study_rows()
    drawn = np.random.default_rng(0).permutation(len(encoded))
    peers = {module: find_peer(module) for module in ("openTSNE", "sklearnex.manifold")}
    for n_customers, n_components in MAPS:
        yield from _compare(encoded[drawn[:n_customers]], n_components, peers)


def _compare(X, n_components, peers):
    TSNE(n_components, max_iter=250, verbose=False).fit(X[:500])  # Compiles, or loads.
    ours, our_seconds = timed(TSNE(n_components, random_state=0, verbose=False).fit_transform, X)
    libraries = {"scikit-learn": _like_scikit_learn(manifold, n_components)}
    # Neither has three dimensions that are faster.
    if n_components == 2 and peers["sklearnex.manifold"]:
        libraries["scikit-learn-intelex"] = _like_scikit_learn(peers["sklearnex.manifold"], 2)
    if n_components == 2 and peers["openTSNE"]:
        libraries["openTSNE"] = (
            peers["openTSNE"].TSNE(n_iter=STEPS - 250, random_state=0, n_jobs=-1).fit
        )
    quality = _describe(X, ours)
    for name, fit in libraries.items():
        theirs, library_seconds = timed(fit, X)
        yield Comparison(
            task=f"t-SNE in {n_components} dimensions, {len(X):,} rows, {STEPS:,} steps",
            library=name,
            library_seconds=library_seconds,
            our_seconds=our_seconds,
            agreement=f"{quality}; theirs: {_describe(X, theirs)}; compile time not counted",
        )


def _like_scikit_learn(module, n_components):
    # No progress within its tolerance would end its descent early.
    return module.TSNE(
        n_components, random_state=0, n_jobs=-1, min_grad_norm=0, n_iter_without_progress=STEPS
    ).fit_transform


def _describe(X, points, n_neighbours=10):
    """Say in words how good a map is: its divergence over all pairs, the neighbours it keeps."""
    points = np.asarray(points, dtype=np.float32)
    divergence, _ = kl_divergence(joint_similarities(X), points)
    rows, on_map = (
        NearestNeighbors(n_neighbors=n_neighbours).fit(some).kneighbors(return_distance=False)
        for some in (X, points)
    )
    pairs = zip(rows, on_map, strict=True)
    kept = np.mean([len(np.intersect1d(one, other)) / n_neighbours for one, other in pairs])
    return f"divergence {divergence:.3f}, {kept:.3f} of the ten nearest kept"
