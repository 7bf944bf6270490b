"""Silhouettes beside a plain loop, scikit-learn, and what must not change them."""

import math

import numba
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyod.models.ecod import ECOD
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples as sklearn_silhouette_samples
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PowerTransformer

from segmentation import silhouette
from segmentation.customers import load_customers
from segmentation.silhouette import (
    gower_silhouette_samples,
    mixed_silhouette_samples,
    sampled_silhouettes,
    silhouette_samples,
)


def plain_silhouettes(distance, labels):
    """Rousseeuw's definition, with exactly rounded sums; `distance(i, j)` of two rows."""
    labels = list(labels)
    members = {c: [i for i, label in enumerate(labels) if label == c] for c in labels}
    result = []
    for i, own in enumerate(labels):
        if len(members[own]) == 1:
            result.append(0.0)
            continue
        total = {c: math.fsum(distance(i, j) for j in rows) for c, rows in members.items()}
        a = total[own] / (len(members[own]) - 1)
        b = min(total[c] / len(members[c]) for c in members if c != own)
        result.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return result


def euclidean(X):
    X = np.asarray(X, dtype=float).tolist()
    return lambda i, j: math.dist(X[i], X[j])


def kprototypes(numbers, categories, gamma):
    x, c = np.asarray(numbers, dtype=float).tolist(), np.asarray(categories).tolist()
    gammas = np.broadcast_to(gamma, len(c[0])).tolist()
    return lambda i, j: math.fsum(
        [(s - t) ** 2 for s, t in zip(x[i], x[j], strict=True)]
        + [weight * (s != t) for weight, s, t in zip(gammas, c[i], c[j], strict=True)]
    )


def gower(numbers, categories):
    x, c = np.asarray(numbers, dtype=float).tolist(), np.asarray(categories).tolist()
    ranges = [max(column) - min(column) for column in zip(*x, strict=True)]
    return lambda i, j: (
        math.fsum(
            [abs(s - t) / r for s, t, r in zip(x[i], x[j], ranges, strict=True) if r > 0]
            + [s != t for s, t in zip(c[i], c[j], strict=True)]
        )
        / (len(x[i]) + len(c[i]))
    )


def assert_plain(result, distance, labelings, tolerance):
    expected = [plain_silhouettes(distance, labels) for labels in labelings]
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


def matrix(n_samples, n_features, kind, seed=0):
    """Rows that are hard in one way, for tests of every distance."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) + 3 * rng.integers(3, size=(n_samples, 1))
    if kind == "duplicates":
        X = X[rng.integers(n_samples // 5, size=n_samples)]
    elif kind == "near duplicates":
        X = X[rng.integers(n_samples // 5, size=n_samples)]
        X += 1e-9 * rng.normal(size=X.shape)
    elif kind == "far from the origin":
        X += 1e9
    elif kind == "scales of rows":
        X *= 10.0 ** rng.integers(-12, 7, size=(n_samples, 1))
    elif kind == "scales of columns":
        X *= 10.0 ** rng.integers(-12, 7, size=n_features)
    elif kind == "tight clusters":
        X = 1e6 * rng.integers(2, size=(n_samples, 1)) + 1e-3 * rng.integers(3, size=X.shape)
        X += 1e-9 * rng.normal(size=X.shape)
    elif kind == "one row far away":
        X[n_samples // 2] = 1e12
    elif kind == "constant":
        X[:] = X[0]
    return X


KINDS = [
    "plain",
    "duplicates",
    "near duplicates",
    "far from the origin",
    "scales of rows",
    "scales of columns",
    "tight clusters",
    "one row far away",
    "constant",
]


def labelings_of(X, seed=1):
    """One labeling by the first column, one at random with a cluster of one row, one uneven."""
    n_samples = len(X)
    rng = np.random.default_rng(seed)
    halves = (X[:, 0] > np.median(X[:, 0])).astype(int)
    halves[0], halves[1] = 0, 1
    chance = rng.integers(5, size=n_samples)
    chance[n_samples // 3] = -7
    uneven = np.where(np.arange(n_samples) < 3, 10**12, 4)
    return np.array([halves, chance, uneven])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n_samples", "n_features", "tolerance"),
    [(70, 1, 1e-9), (70, 8, 1e-9), (70, 11, 1e-9), (70, 17, 1e-7), (60, 384, 1e-7)],
)
def test_euclidean_equals_the_plain_loop(kind, n_samples, n_features, tolerance):
    X = matrix(n_samples, n_features, kind)
    labelings = labelings_of(X)
    assert_plain(silhouette_samples(X, labelings), euclidean(X), labelings, tolerance)


@pytest.mark.parametrize("n_features", [3, 40])
def test_euclidean_over_many_blocks_and_passes_equals_scikit_learn(n_features):
    # 4,000 rows are five blocks; ten random labelings share too few labels for one pass.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, n_features))
    X[900:1000] = X[:100]
    labelings = rng.integers(np.arange(2, 12)[:, None], size=(10, 4000))
    assert len(list(silhouette._groups(silhouette._check_labelings(labelings, 4000), 4000))) > 1
    result = silhouette_samples(X, labelings)
    for samples, labels in zip(result, labelings, strict=True):
        expected = sklearn_silhouette_samples(X, labels)
        np.testing.assert_allclose(samples, expected, rtol=0, atol=1e-9)


def test_the_published_silhouette(bank_marketing):
    table = load_customers(bank_marketing).table
    X = make_pipeline(OrdinalEncoder(), PowerTransformer()).fit_transform(table)
    X = X[ECOD().fit(X).labels_ == 0]
    labels = KMeans(5, n_init=10, max_iter=100, random_state=42).fit_predict(X)
    assert silhouette_samples(X, labels).mean() == pytest.approx(0.2013600389183821, rel=1e-7)


def test_exact_duplicates_are_at_distance_zero_in_matrix_products():
    # Beside the large distances, anything but 0 between equal rows would show.
    rng = np.random.default_rng(0)
    centres = np.array([0, 1e-7, 1e4])[:, None] * np.ones(50)
    X = (1 / 3 + centres)[rng.permuted(np.repeat([0, 1, 2], 20))]
    labels = np.unique(X[:, 0], return_inverse=True)[1]
    np.testing.assert_array_equal(silhouette_samples(X, labels), np.ones((1, 60)))


def test_the_two_ways_to_distances_agree(monkeypatch):
    X = matrix(1500, 30, "near duplicates")
    labelings = labelings_of(X)
    products = silhouette_samples(X, labelings)
    monkeypatch.setattr(silhouette, "DIFFERENCES_UP_TO", 30)
    differences = silhouette_samples(X, labelings)
    assert not np.array_equal(products, differences)
    np.testing.assert_allclose(products, differences, rtol=0, atol=1e-7)


@pytest.mark.parametrize("n_features", [5, 64])
def test_float32_is_computed_in_float64(n_features):
    X = matrix(200, n_features, "far from the origin").astype(np.float32)
    labelings = labelings_of(matrix(200, n_features, "plain"))
    expected = silhouette_samples(X.astype(np.float64), labelings)
    np.testing.assert_array_equal(silhouette_samples(X, labelings), expected)


@pytest.mark.parametrize("n_features", [6, 48])
def test_the_number_of_threads_changes_nothing(n_features):
    X = matrix(3000, n_features, "plain")
    labelings = labelings_of(X)
    result = silhouette_samples(X, labelings)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(silhouette_samples(X, labelings), result)
    finally:
        numba.set_num_threads(threads)


def test_layout_and_container_change_nothing():
    X = matrix(90, 8, "plain")
    labelings = labelings_of(X)
    expected = silhouette_samples(X, labelings)
    for same in (np.asfortranarray(X), pd.DataFrame(X), X.tolist(), np.repeat(X, 2, axis=0)[::2]):
        np.testing.assert_array_equal(silhouette_samples(same, labelings), expected)
    before = X.copy(), labelings.copy()
    silhouette_samples(X, labelings)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(labelings, before[1])


# Quarters are exact in binary, so that values of the plain loop are exact as well.
values = st.integers(-8, 8).map(lambda quarters: quarters / 4)


@st.composite
def tables(draw, min_columns=0):
    n_samples = draw(st.integers(3, 14))
    n_numbers = draw(st.integers(min_columns, 4))
    n_categories = draw(st.integers(0 if n_numbers else 1, 3))
    cells = st.lists(values, min_size=n_samples * n_numbers, max_size=n_samples * n_numbers)
    numbers = np.array(draw(cells), dtype=float).reshape(n_samples, n_numbers)
    numbers *= 10.0 ** draw(st.integers(-9, 9))
    size = n_samples * n_categories
    codes = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    categories = np.array(codes, dtype=int).reshape(n_samples, n_categories)
    labels = st.lists(st.integers(-2, 4), min_size=n_samples, max_size=n_samples)
    refused = st.lists(labels, min_size=1, max_size=4).filter(
        lambda rows: all(2 <= len(set(row)) < n_samples for row in rows)
    )
    return numbers, categories, np.array(draw(refused))


@settings(deadline=None, derandomize=True)
@given(tables(min_columns=1))
def test_euclidean_on_random_tables(table):
    X, _, labelings = table
    assert_plain(silhouette_samples(X, labelings), euclidean(X), labelings, 1e-9)


@settings(deadline=None, derandomize=True)
@given(tables(), st.floats(0, 10))
def test_mixed_on_random_tables(table, gamma):
    numbers, categories, labelings = table
    assert_plain(
        mixed_silhouette_samples(numbers, categories, labelings, gamma),
        kprototypes(numbers, categories, gamma),
        labelings,
        1e-9,
    )


@settings(deadline=None, derandomize=True)
@given(tables(), st.data())
def test_mixed_with_a_gamma_per_column(table, data):
    numbers, categories, labelings = table
    gammas = [data.draw(st.floats(0, 9)) for _ in range(np.shape(categories)[1])]
    assert_plain(
        mixed_silhouette_samples(numbers, categories, labelings, gammas),
        kprototypes(numbers, categories, gammas),
        labelings,
        1e-9,
    )


@settings(deadline=None, derandomize=True)
@given(tables())
def test_gower_on_random_tables(table):
    numbers, categories, labelings = table
    assert_plain(
        gower_silhouette_samples(numbers, categories, labelings),
        gower(numbers, categories),
        labelings,
        1e-9,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_numbers", "n_categories"), [(1, 0), (3, 2), (0, 3)])
def test_closed_forms_equal_the_plain_loop(kind, n_numbers, n_categories):
    numbers = matrix(80, 3, kind)
    labelings = labelings_of(numbers)
    numbers = numbers[:, :n_numbers]
    categories = np.random.default_rng(2).integers(4, size=(80, n_categories))
    assert_plain(
        mixed_silhouette_samples(numbers, categories, labelings, 0.3),
        kprototypes(numbers, categories, 0.3),
        labelings,
        1e-9,
    )
    assert_plain(
        gower_silhouette_samples(numbers, categories, labelings),
        gower(numbers, categories),
        labelings,
        1e-9,
    )


def test_closed_forms_equal_scikit_learn_on_given_distances():
    rng = np.random.default_rng(0)
    numbers = 1e6 + rng.normal(size=(700, 3)) * [1, 10, 1000]
    categories = rng.integers(5, size=(700, 4))
    labelings = labelings_of(numbers)
    mismatches = (categories[:, None] != categories).sum(axis=2)
    differences = np.abs(numbers[:, None] - numbers)
    squared = (differences**2).sum(axis=2) + 7 * mismatches
    scaled = ((differences / np.ptp(numbers, axis=0)).sum(axis=2) + mismatches) / 7
    mixed = mixed_silhouette_samples(numbers, categories, labelings, 7)
    of_gower = gower_silhouette_samples(numbers, categories, labelings)
    for row, labels in enumerate(labelings):
        for result, distances in ((mixed, squared), (of_gower, scaled)):
            expected = sklearn_silhouette_samples(distances, labels, metric="precomputed")
            np.testing.assert_allclose(result[row], expected, rtol=0, atol=1e-9)


def test_gower_ignores_units_and_mixed_with_gamma_zero_ignores_categories():
    numbers = matrix(60, 3, "plain")
    categories = np.random.default_rng(2).integers(4, size=(60, 2))
    labelings = labelings_of(numbers)
    np.testing.assert_allclose(
        gower_silhouette_samples(numbers * [1000, -2, 0.1] + 5, categories, labelings),
        gower_silhouette_samples(numbers, categories, labelings),
        atol=1e-12,
    )
    np.testing.assert_array_equal(
        mixed_silhouette_samples(numbers, categories, labelings, 0),
        mixed_silhouette_samples(numbers, categories[:, :0], labelings, 5),
    )


def test_categories_are_codes_or_text():
    numbers = matrix(60, 2, "plain")
    codes = np.random.default_rng(2).integers(3, size=(60, 2))
    text = pd.DataFrame(np.array(["b", "a", "c"])[codes], columns=["job", "job"])
    labelings = labelings_of(numbers)
    for samples in (
        lambda categories: mixed_silhouette_samples(numbers, categories, labelings, 0.5),
        lambda categories: gower_silhouette_samples(numbers, categories, labelings),
    ):
        expected = samples(codes)
        np.testing.assert_array_equal(samples(text), expected)
        np.testing.assert_array_equal(samples(text.astype("category")), expected)
        np.testing.assert_array_equal(samples(7 - 3 * codes), expected)


METRICS = {
    "euclidean": silhouette_samples,
    "mixed": lambda X, labelings: mixed_silhouette_samples(X, np.zeros((len(X), 1)), labelings, 1),
    "gower": lambda X, labelings: gower_silhouette_samples(X, np.zeros((len(X), 1)), labelings),
}


@pytest.mark.parametrize("samples", METRICS.values(), ids=METRICS)
class TestEveryMetric:
    def test_row_order_names_of_clusters_and_other_labelings_change_nothing(self, samples):
        X = matrix(120, 3, "duplicates")
        labelings = labelings_of(X)
        result = samples(X, labelings)
        rows = np.random.default_rng(3).permutation(120)
        shuffled = samples(X[rows], labelings[::-1, rows] * -3 + 1)
        np.testing.assert_allclose(shuffled, result[::-1, rows], rtol=0, atol=1e-12)
        for labels, expected in zip(labelings, result, strict=True):
            np.testing.assert_allclose(samples(X, labels), [expected], rtol=0, atol=1e-12)

    def test_lies_between_minus_one_and_one(self, samples):
        X = matrix(120, 3, "scales of rows")
        result = samples(X, labelings_of(X))
        assert np.all(np.abs(result) <= 1)
        assert result.min() < -0.5
        assert result.max() > 0.5

    def test_a_cluster_of_one_row_gets_zero(self, samples):
        result = samples(np.array([[0.0], [1.0], [5.0]]), [4, 4, -1])
        assert result.shape == (1, 3)
        assert result[0, 2] == 0
        assert np.all(result[0, :2] > 0)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_refuses_values_that_are_not_finite(self, samples, value):
        X = matrix(30, 2, "plain")
        X[4, 1] = value
        with pytest.raises(ValueError, match="NaN or infinite"):
            samples(X, np.arange(30) % 2)

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (np.empty((0, 2)), "no rows"),
            (np.zeros(6), "1 dimensions"),
            (np.full((6, 1), 1e200), "overflow"),
            (np.array([["a"]] * 6), "numbers only"),
        ],
    )
    def test_refuses_a_table_that_is_none(self, samples, X, message):
        with pytest.raises(ValueError, match=message):
            samples(X, np.arange(len(X)) % 2)

    @pytest.mark.parametrize(
        ("labelings", "message"),
        [
            ([0, 1, 0], "3 labels for 6 rows"),
            ([[0, 1, 0, 1, 0, 1], [0, 1]], "differ in length"),
            ([], "one or more"),
            (np.zeros((1, 2, 6), dtype=int), "one or more"),
            ([0.0, 1, 0, 1, 0, 1], "integers, not float64"),
            (list("ababab"), "integers, not <U1"),
            ([[0, 1, 0, 1, 0, 1], [2] * 6], "labeling 1 has 1 clusters"),
            (range(6), "labeling 0 has 6 clusters"),
        ],
    )
    def test_refuses_labelings_that_have_no_silhouette(self, samples, labelings, message):
        with pytest.raises(ValueError, match=message):
            samples(matrix(6, 2, "plain"), labelings)


def test_refuses_a_table_without_columns():
    labels, nothing = [0, 1, 0], np.empty((3, 0))
    with pytest.raises(ValueError, match="no features"):
        silhouette_samples(nothing, labels)
    with pytest.raises(ValueError, match="no columns"):
        mixed_silhouette_samples(nothing, nothing, labels, 1)
    with pytest.raises(ValueError, match="no columns"):
        gower_silhouette_samples(nothing, nothing, labels)


def test_refuses_tables_that_do_not_fit_each_other():
    with pytest.raises(ValueError, match="numbers has 3 rows and categories 4"):
        gower_silhouette_samples(np.zeros((3, 1)), np.zeros((4, 1)), [0, 1, 0])
    with pytest.raises(ValueError, match="missing"):
        gower_silhouette_samples(np.zeros((3, 1)), [["a"], [None], ["b"]], [0, 1, 0])


@pytest.mark.parametrize("gamma", [-1, np.nan, np.inf, "auto", None, [1, 2]])
def test_refuses_gamma_that_is_no_weight(gamma):
    with pytest.raises(ValueError, match="gamma"):
        mixed_silhouette_samples(np.zeros((3, 1)), np.zeros((3, 1)), [0, 1, 0], gamma)


def test_up_to_the_limit_all_rows_are_taken():
    X, labels = np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 3
    silhouettes, rows, errors = sampled_silhouettes(X, [labels, labels % 2], max_rows=90)
    assert np.array_equal(silhouettes, silhouette_samples(X, [labels, labels % 2]))
    assert rows.tolist() == list(range(90))
    assert errors.tolist() == [0, 0]


def test_a_sample_is_stratified_seeded_and_near_the_whole():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [6000, 1600, 400])[rng.permutation(8000)]
    X = rng.normal(size=(8000, 2)) + 2 * labels[:, None]
    whole = silhouette_samples(X, labels)[0].mean()
    means, stated = [], []
    for seed in range(100):
        silhouettes, rows, errors = sampled_silhouettes(X, labels, max_rows=2000, seed=seed)
        assert len(set(rows)) == 2000
        for part in rows.reshape(10, -1):
            assert np.abs(np.bincount(labels[part]) - [150, 40, 10]).max() <= 1
        means.append(silhouettes[0].mean())
        stated.append(errors[0])
    assert silhouettes[0, :200] == pytest.approx(
        silhouette_samples(X[rows[:200]], labels[rows[:200]])[0]
    )
    again, same, _ = sampled_silhouettes(X, labels, max_rows=2000, seed=99)
    assert np.array_equal(again, silhouettes)
    assert np.array_equal(same, rows)
    # The spread over seeds is what the standard error says, and the mean is that of all rows.
    assert np.std(means) == pytest.approx(np.sqrt(np.mean(np.square(stated))), rel=0.25)
    assert np.mean(means) == pytest.approx(whole, abs=0.01)


def test_a_cluster_too_small_for_a_sample_is_no_error():
    X = np.random.default_rng(0).normal(size=(3000, 2))
    labels = np.zeros(3000, int)
    labels[:2] = 1
    silhouettes, _, errors = sampled_silhouettes(X, labels, max_rows=200)
    assert np.isfinite(silhouettes).all()
    assert np.isfinite(errors).all()
