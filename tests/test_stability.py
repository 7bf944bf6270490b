"""How firm segments are: against plain loops over sets and pairs, and where they are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from segmentation import stability


@pytest.fixture(scope="module")
def blobs():
    """Three groups far apart, and which row belongs to which."""
    return make_blobs([50, 70, 90], centers=[[0, 0], [20, 0], [0, 20]], random_state=0)


def kmeans(X):
    def fit(rows, k, seed):
        return KMeans(k, n_init=5, random_state=seed).fit(X[rows]).predict(X)

    return fit


def noise(n, k):
    return np.random.default_rng(1).integers(k, size=n)


def test_segments_that_are_there_are_recovered_in_every_bootstrap(blobs):
    X, truth = blobs
    recovered = stability.bootstrap_jaccard(kmeans(X), truth, 3, n_bootstraps=5)
    assert recovered.shape == (5, 3)
    assert (recovered == 1).all(axis=None)


def test_segments_that_are_not_there_dissolve(blobs):
    X, truth = blobs
    made_up = noise(len(truth), 3)
    recovered = stability.bootstrap_jaccard(kmeans(X), made_up, 3, n_bootstraps=5)
    assert (recovered.mean() < stability.DISSOLVED).all()


def test_bootstrap_jaccard_is_that_of_sets(blobs):
    X, _ = blobs
    labels = noise(len(X), 4)
    recovered = stability.bootstrap_jaccard(kmeans(X), labels, 2, n_bootstraps=2, seed=7)
    rng = np.random.default_rng(7)
    for repeat in range(2):
        rows = rng.integers(len(X), size=len(X))
        new = kmeans(X)(rows, 2, repeat)
        drawn = set(rows.tolist())
        for segment in range(4):
            old = {i for i in drawn if labels[i] == segment}
            others = [{i for i in drawn if new[i] == c} for c in range(2)]
            best = max(len(old & other) / len(old | other) for other in others)
            assert recovered.loc[repeat, segment] == pytest.approx(best)


def test_a_segment_that_was_not_drawn_is_not_recovered():
    # Of 30 rows a bootstrap leaves each out with 36 %: in ten, one row is left out at least once.
    labels = np.array([0] * 29 + [1])
    recovered = stability.bootstrap_jaccard(
        lambda rows, k, seed: labels, labels, 2, n_bootstraps=10
    )
    assert set(recovered[1]) == {0.0, 1.0}
    assert (recovered[0] == 1).all()


def test_prediction_strength_is_one_up_to_the_true_k_and_falls_beyond(blobs):
    X, _ = blobs
    strength = stability.prediction_strength(kmeans(X), len(X), [2, 3, 5], n_splits=4).mean()
    assert strength[3] == 1
    assert strength[5] < stability.STRONG_PREDICTION


@given(st.integers(0, 2**32 - 1), st.integers(4, 30))
def test_prediction_strength_counts_pairs(seed, n):
    rng = np.random.default_rng(seed)
    # Labels without rhyme or reason, other ones for every half that is asked for.
    made = []

    def fit(rows, k, split):
        made.append((rows, rng.integers(k, size=n)))
        return made[-1][1]

    strength = stability.prediction_strength(fit, n, [3], n_splits=1, seed=seed)
    (first, predicted), (second, own) = made
    assert sorted([*first, *second]) == list(range(n))
    assert abs(len(first) - len(second)) <= 1
    shares = []
    for cluster in set(own[second].tolist()):
        members = [i for i in second if own[i] == cluster]
        together = [predicted[i] == predicted[j] for i in members for j in members if i != j]
        # A cluster of one has no pair that could be torn apart.
        shares.append(np.mean(together) if together else 1)
    assert strength.loc[0, 3] == pytest.approx(min(shares))


def test_agreement_of_all_pairs(blobs):
    _, truth = blobs
    relabelled = (truth + 1) % 3
    agreement = stability.pairwise_agreement([truth, relabelled, noise(len(truth), 3)])
    assert agreement[0] == 1
    assert np.abs(agreement[1:]).max() < 0.05


def test_agreement_table_is_scikit_learns_for_every_cell():
    rng = np.random.default_rng(0)
    labelings = {name: rng.integers(k, size=40) for name, k in (("a", 2), ("b", 3), ("c", 5))}
    table = stability.agreement_table(labelings)
    assert list(table.index) == list(table.columns) == ["a", "b", "c"]
    for (row, column), value in table.stack().items():
        assert value == adjusted_rand_score(labelings[row], labelings[column])


def test_population_stability():
    then = np.array([0.5, 0.5])
    assert (stability.population_stability(then, then) == 0).all()
    now = np.array([0.6, 0.4])
    by_hand = [0.1 * np.log(0.6 / 0.5), -0.1 * np.log(0.4 / 0.5)]
    assert stability.population_stability(then, now) == pytest.approx(by_hand)
    assert stability.population_stability(now, then) == pytest.approx(by_hand)
    gone = stability.population_stability(then, np.array([1, 0])).sum()
    assert 1 < gone < np.inf


def test_blobs_are_found_again_and_a_cut_cloud_is_not():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 100)
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    blobs = pd.DataFrame(centres[groups] + rng.normal(size=(300, 2)), columns=["x", "y"])
    model = KMeans(3, n_init=3, random_state=0)
    scores = stability.found_again(model, blobs, groups, n_customers=200, n_bootstraps=5)
    assert list(scores.columns) == [0, 1, 2]
    assert scores.to_numpy().min() > 0.95
    cloud = rng.normal(size=(300, 2))
    cut = KMeans(6, n_init=1, random_state=0).fit(cloud)
    assert stability.found_again(cut, cloud, cut.labels_, n_bootstraps=5).mean().min() < 0.75
    # One that no sample has.
    few = np.where(np.arange(300) == 299, 7, groups)
    scores = stability.found_again(model, blobs, few, n_customers=20, n_bootstraps=2)
    assert list(scores.columns) == [0, 1, 2, 7]
    assert scores[7].max() == 0
