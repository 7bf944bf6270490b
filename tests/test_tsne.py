"""t-SNE: its gradient beside a plain float64 loop, its similarities beside a bisection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import set_num_threads
from scipy.optimize import brentq
from sklearn.datasets import make_blobs
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from segmentation.tsne import TSNE, joint_similarities, kl_divergence


def loop(similarities, points):
    """Return divergence and gradient by the definition, pair by pair, in float64."""
    P, Y = similarities.toarray(), points.astype(float)
    d = Y.shape[1]
    freedom = max(d - 1, 1)
    squares = ((Y[:, None] - Y) ** 2).sum(axis=-1)
    weights = (1 + squares / freedom) ** (-(freedom + 1) / 2)
    np.fill_diagonal(weights, 0)
    Q = weights / weights.sum()
    near = P > 0
    pull = (P - Q) / (1 + squares / freedom)
    gradient = 2 * (freedom + 1) / freedom * (pull.sum(axis=1)[:, None] * Y - pull @ Y)
    return (P[near] * np.log(P[near] / Q[near])).sum(), gradient


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    st.integers(40, 600),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1e-4, 0.1, 1.0, 20.0]),
    st.integers(0, 2**32 - 1),
)
def test_gradient_and_divergence_by_a_loop(n, d, spread, seed):
    rng = np.random.default_rng(seed)
    similarities = joint_similarities(rng.normal(size=(n, 5)), 12.0)
    points = (rng.normal(size=(n, d)) * spread).astype(np.float32)
    divergence, gradient = kl_divergence(similarities, points)
    expected, by_loop = loop(similarities, points)
    assert divergence == pytest.approx(expected, rel=1e-5)
    assert np.abs(gradient - by_loop).max() <= 1e-5 * np.abs(by_loop).max()


def test_similarities_by_bisection():
    X, perplexity = np.random.default_rng(0).normal(size=(80, 4)), 10.0
    n_neighbours = int(3 * perplexity + 1)
    distances, nearest = NearestNeighbors(n_neighbors=n_neighbours).fit(X).kneighbors()
    conditional = np.zeros((80, 80))
    for i in range(80):
        squares = distances[i] ** 2

        def shares(log_beta, squares=squares):
            weights = np.exp(-np.exp(log_beta) * (squares - squares.min()))
            return weights / weights.sum()

        def surplus(log_beta, shares=shares):
            p = shares(log_beta)
            return -(p * np.log(np.maximum(p, 1e-300))).sum() - np.log(perplexity)

        conditional[i, nearest[i]] = shares(brentq(surplus, -20, 20, xtol=1e-12))
    expected = conditional + conditional.T
    similarities = joint_similarities(X, perplexity).toarray()
    np.testing.assert_allclose(similarities, expected / expected.sum(), atol=1e-7)


def test_planted_groups_stay_apart():
    X, group = make_blobs(300, n_features=6, centers=4, cluster_std=1.0, random_state=0)
    model = TSNE(random_state=0, verbose=False)
    points = model.fit_transform(X)
    nearest = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(return_distance=False)[:, 0]
    assert (group == group[nearest]).mean() > 0.98
    expected, _ = loop(joint_similarities(X, 30.0), points)
    assert model.kl_divergence_ == pytest.approx(expected, rel=1e-5)
    assert model.n_iter_ == 1000
    assert np.array_equal(points, model.embedding_)


@pytest.mark.parametrize("n_components", [2, 3])
def test_threads_leave_no_trace(n_components):
    X = np.random.default_rng(1).normal(size=(700, 8))
    maps = []
    for n_threads in (1, 2):
        set_num_threads(n_threads)
        model = TSNE(n_components, max_iter=260, random_state=0, verbose=False)
        maps.append(model.fit_transform(X))
    assert np.array_equal(*maps)


def test_it_works_in_a_pipeline_and_with_set_output():
    X = np.random.default_rng(2).normal(size=(120, 5))
    steps = make_pipeline(StandardScaler(), TSNE(max_iter=250, random_state=0, verbose=False))
    points = steps.set_output(transform="pandas").fit_transform(X)
    assert list(points.columns) == ["tsne0", "tsne1"]
    assert points.shape == (120, 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 4},
        {"perplexity": 200.0},
        {"perplexity": 0.0},
        {"max_iter": 10},
        {"init": "middle"},
        {"early_exaggeration": 0.5},
        {"learning_rate": -1.0},
    ],
)
def test_bad_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        TSNE(verbose=False, **parameters).fit(np.zeros((100, 3)))
