"""How many segments: measures on groups that are plain to see."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_samples, silhouette_score
from yellowbrick.cluster import KElbowVisualizer

from segmentation.evaluation import shuffle_columns
from segmentation.selection import (
    STRUCTURE,
    best_k,
    choose_k,
    find_elbow,
    gap_statistic,
    gower_dispersion,
    keep_k,
    ks_to_try,
    measure,
    structure,
)
from segmentation.silhouette import gower_silhouette_samples


def test_plain_groups_are_counted_by_every_measure():
    X, _ = make_blobs(300, centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    labelings = np.array([KMeans(k, n_init=5, random_state=0).fit_predict(X) for k in (2, 3, 4)])
    silhouettes = [silhouette_score(X, labels) for labels in labelings]
    measures = measure(X, labelings, silhouettes)
    assert list(measures.index) == [2, 3, 4]
    assert measures["silhouette"].tolist() == silhouettes
    assert set(best_k(measures, elbow=3).values()) == {3}


@pytest.mark.parametrize("k_max", [3, 9])
def test_the_elbow_is_that_of_the_visualizer(k_max):
    X, _ = make_blobs(300, centers=4, cluster_std=2, random_state=1)
    visualizer = KElbowVisualizer(
        KMeans(n_init=3, random_state=0), k=(2, k_max + 1), timings=False, force_model=True
    )
    with warnings.catch_warnings(action="ignore"):
        visualizer.fit(X)
    ks = range(2, k_max + 1)
    found = find_elbow(ks, (KMeans(k, n_init=3, random_state=0).fit(X).inertia_ for k in ks))
    assert found.k == visualizer.elbow_value_
    assert found.ks == visualizer.k_values_
    assert found.distortions == pytest.approx(visualizer.k_scores_)


def test_a_measure_without_an_answer_is_left_out():
    measures = pd.DataFrame(
        {"silhouette": [0.3, 0.2], "Davies-Bouldin": [1.0, 0.5], "Calinski-Harabasz": [1, 2]},
        index=[2, 3],
    )
    assert list(best_k(measures, elbow=None).values()) == [2, 3, 3]
    assert list(best_k(measures, elbow=2).values()) == [2, 2, 3, 3]


@given(st.floats(-1, 1))
def test_structure_follows_the_scale(silhouette):
    least = max([least for least in STRUCTURE if least <= silhouette], default=0.0)
    assert structure(silhouette) == STRUCTURE[least]


@pytest.mark.parametrize("at", [0.25, 0.5, 0.7])
def test_structure_changes_where_the_scale_does(at):
    assert structure(at) != structure(at - 1e-9)


def three_blobs(n=300, small=None):
    """Return three groups that are plain to see, and labelings for k = 2 to 5."""
    sizes = [n // 3] * 3 if small is None else [n, n, small]
    X, _ = make_blobs(sizes, centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    labelings = np.array([KMeans(k, n_init=5, random_state=0).fit_predict(X) for k in range(2, 6)])
    silhouettes = [silhouette_score(X, labels) for labels in labelings]
    return measure(X, labelings, silhouettes), labelings


def test_plain_groups_are_chosen():
    measures, labelings = three_blobs()
    assert choose_k(measures, labelings) == 3
    assert choose_k(measures, labelings, elbow=3) == 3
    assert choose_k(measures[["silhouette", "Calinski-Harabasz"]], labelings) == 3


def test_no_segment_is_too_small():
    measures, labelings = three_blobs(small=20)
    # Of 620 customers, 20 are a group of their own, but too few to be one.
    assert choose_k(measures, labelings) == 2
    measures, labelings = three_blobs(small=60)
    assert choose_k(measures, labelings) == 3
    assert choose_k(measures, labelings, min_segment=0.1) == 2


def test_what_is_asked_comes_before_what_is_set_and_that_before_what_is_suggested():
    measures, labelings = three_blobs()
    assert keep_k(4, {"segments": 2}, measures, labelings, 5).k == 4
    assert keep_k(None, {"segments": 2}, measures, labelings, 5).k == 2
    choice = keep_k(None, {}, measures, labelings, 2, elbow=3)
    assert choice.k == 2
    assert set(choice.best.values()) == {3}


def test_one_group_is_cut_where_the_measures_meet():
    measures, labelings = three_blobs()
    assert keep_k(None, {}, measures, labelings, 1, elbow=3).k == 3


def test_no_suggested_segment_is_too_small():
    measures, labelings = three_blobs(small=20)
    assert keep_k(None, {}, measures, labelings, 3).k == 2
    measures, labelings = three_blobs(small=60)
    assert keep_k(None, {}, measures, labelings, 3).k == 3
    assert keep_k(None, {"min_segment": 0.1}, measures, labelings, 3).k == 2


def test_what_is_asked_is_tried():
    assert list(ks_to_try(2, 4, None, {})) == [2, 3, 4]
    assert list(ks_to_try(2, 4, 6, {"segments": 3})) == [2, 3, 4, 5, 6]
    assert list(ks_to_try(2, 4, None, {"segments": 5})) == [2, 3, 4, 5]


# --- The gap statistic ---------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(-5, 5), st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 2)
        ),
        min_size=2,
        max_size=25,
    )
)
def test_gower_dispersion_is_that_of_all_pairs(rows):
    numbers, one, two, labels = map(np.array, zip(*rows, strict=True))
    extent = np.ptp(numbers) or 1
    distance = (
        np.abs(numbers[:, None] - numbers) / extent + (one[:, None] != one) + (two[:, None] != two)
    ) / 3
    expected = sum(
        distance[np.ix_(labels == c, labels == c)].sum() / 2 / (labels == c).sum()
        for c in np.unique(labels)
    )
    categories = pd.DataFrame({"one": one, "two": two})
    assert gower_dispersion(numbers[:, None], categories, labels) == pytest.approx(expected)


def test_gap_is_the_formula_by_hand():
    ks = pd.Index([1, 2, 3])
    real = pd.Series([4.0, 2.0, 1.9], index=ks)
    shuffled = pd.DataFrame([[4.0, 3.5, 3.4], [4.2, 3.7, 3.4]], columns=ks)
    table, k = gap_statistic(real, shuffled)
    assert table["gap"].tolist() == pytest.approx([0.1, 1.6, 1.5])
    assert table["error"].tolist() == pytest.approx([0.1 * 1.5**0.5, 0.1 * 1.5**0.5, 0])
    assert k == 2


def test_gap_finds_the_blobs_and_the_largest_k_where_none_is_enough():
    X, _ = make_blobs([50, 70, 90], centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    table = pd.DataFrame(X)

    def dispersions(frame):
        return pd.Series(
            {
                k: np.log(KMeans(k, n_init=5, random_state=0).fit(frame).inertia_)
                for k in range(1, 6)
            }
        )

    shuffled = pd.DataFrame([dispersions(shuffle_columns(table, seed)) for seed in range(8)])
    # Shuffling keeps each column's two heaps, so the reference has four.
    assert gap_statistic(dispersions(table), shuffled)[1] == 3
    rising = pd.Series([3.0, 2.0, 1.0], index=[1, 2, 3])
    flat = pd.DataFrame([[3.0, 3.0, 3.0]] * 2, columns=[1, 2, 3])
    assert gap_statistic(rising, flat)[1] == 3


def test_distance_of_the_reference_is_gower_of_the_silhouette():
    """One yardstick: the dispersion is that of the distance of the silhouettes."""
    rng = np.random.default_rng(0)
    numbers, labels = rng.normal(size=(40, 2)), rng.integers(3, size=40)
    distance = squareform(pdist(numbers / np.ptp(numbers, axis=0), "cityblock")) / 2
    dispersion = sum(
        distance[np.ix_(labels == c, labels == c)].sum() / 2 / (labels == c).sum() for c in range(3)
    )
    none = np.empty((40, 0))
    assert gower_dispersion(numbers, none, labels) == pytest.approx(dispersion)
    ours = gower_silhouette_samples(numbers, none, labels)[0]
    assert ours == pytest.approx(silhouette_samples(distance, labels, metric="precomputed"))
