"""alternatives.ipynb on the synthetic sample: streaming, weighted Ward, Dunn, the measures."""

from itertools import permutations

import numpy as np
import pytest
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from segmentation.build import NOTEBOOKS
from segmentation.customers import SAMPLE

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Variables of the notebook, run on the sample with small draws and batches."""
    return run(
        NOTEBOOKS / "further" / "alternatives.ipynb",
        tmp_path_factory.mktemp("alternatives"),
        table=SAMPLE,
        selection_sample=400,
        batch_rows=500,
        n_starts=3,
        n_micro=60,
        ward_sample=500,
    )


def test_streamed_k_means_is_k_means(notebook):
    assert len(notebook["streamed_labels"]) == len(notebook["kept"])
    assert len(notebook["ends"]) == notebook["n_starts"]
    for centres, model in zip(notebook["ends"], notebook["in_memory"], strict=True):
        assert centres == pytest.approx(model.cluster_centers_, abs=1e-6)
    least = min(model.inertia_ for model in notebook["in_memory"])
    assert notebook["inertias"].min() == pytest.approx(least)
    assert notebook["same"] == 1


@settings(max_examples=25, deadline=None)
@given(seed=seeds, k=st.integers(2, 5), n_batches=st.integers(1, 9))
def test_batches_do_not_matter(notebook, seed, k, n_batches):
    rows = np.random.default_rng(seed).normal(size=(120, 3))
    batches = np.array_split(rows, n_batches)
    centres, _ = notebook["streamed_k_means"](lambda: batches, rows[:k])
    full = KMeans(k, init=rows[:k], n_init=1, max_iter=1_000, tol=0).fit(rows)
    assert centres == pytest.approx(full.cluster_centers_, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, n=st.integers(3, 15))
def test_weights_count_like_customers(notebook, seed, n):
    draws = np.random.default_rng(seed)
    points, weights = draws.normal(size=(n, 2)), draws.integers(1, 6, size=n)
    expected = linkage(np.repeat(points, weights, axis=0), "ward")[-(n - 1) :, 2]
    assert notebook["weighted_ward"](points, weights)[:, 2] == pytest.approx(expected)


def test_every_customer_is_in_the_tree(notebook):
    assert len(notebook["ward"]) == len(notebook["kept"])
    assert notebook["tree"][-1, 3] == notebook["n_micro"]
    assert len(np.unique(notebook["leaf"])) == notebook["n_leaves"]


@settings(max_examples=25, deadline=None)
@given(seed=seeds, n=st.integers(4, 30))
def test_dunn_index_is_that_of_all_pairs(notebook, seed, n):
    draws = np.random.default_rng(seed)
    # Few distinct places, so that customers repeat; the label follows from the place.
    rows = draws.integers(0, 4, size=(n, 2)).astype(float)
    rows[0], rows[1], rows[2] = [0, 0], [9, 9], [9, 8]
    labels = (rows.sum(axis=1) > 3).astype(int)
    distance = np.sqrt(((rows[:, None] - rows) ** 2).sum(axis=2))
    other = labels[:, None] != labels
    expected = distance[other].min() / distance[~other].max()
    assert notebook["dunn_index"](rows, labels) == pytest.approx(expected)
    # The same place in two clusters.
    assert notebook["dunn_index"](np.vstack([rows, rows[:1]]), np.append(labels, 1)) == 0


def test_measures(notebook):
    measures, X = notebook["measures"], notebook["X"]
    assert measures.loc["k-means", "customers"] == len(X)
    assert measures.loc["k-means", "inertia"] == pytest.approx(notebook["plain"].inertia_)
    for name in ("k-means", "Ward on micro-clusters"):
        expected = silhouette_score(X, notebook["methods"][name])
        assert measures.loc[name, "silhouette"] == pytest.approx(expected, abs=1e-9)
    assert measures["inertia"].idxmin() != "k-means, min-max"


def test_noise_is_counted(notebook):
    density, outlier = notebook["density"], notebook["outlier"]
    for name, labels in notebook["by_density"].items():
        found, noise = density.loc[name], labels == -1
        both = found["noise among outliers"] * outlier.sum()
        assert both == pytest.approx((noise & outlier).sum())
        assert both == pytest.approx(found["outliers among noise"] * noise.sum())
        assert both + found["noise among others"] * (~outlier).sum() == pytest.approx(noise.sum())


@settings(max_examples=25, deadline=None)
@given(seed=seeds, k=st.integers(1, 4), other=st.integers(1, 4))
def test_as_many_as_possible_keep_their_segment(notebook, seed, k, other):
    draws = np.random.default_rng(seed)
    like, labels = draws.integers(1, 1 + k, size=20), draws.integers(7, 7 + other, size=20)
    numbers = np.unique(labels)
    wider = [*np.unique(like), *[0] * len(numbers)]
    most = max(
        (np.array(order)[np.searchsorted(numbers, labels)] == like).sum()
        for order in permutations(wider, len(numbers))
    )
    assert (notebook["renumber"](labels, like) == like).sum() == most
