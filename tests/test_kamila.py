"""KAMILA: planted groups, a normal density recovered, and what does not depend on units."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from segmentation.kamila import fit_kamila


def planted(distance=4.0, n=900, seed=0):
    """Return three groups: numbers a distance apart, a category that is the group's in 4 of 5."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(3, size=n)
    centres = distance * np.array([[0, 0], [1, 0], [0.5, 0.8]])
    numbers = centres[groups] + rng.normal(size=(n, 2))
    own = rng.random((n, 2)) < 0.8
    codes = np.where(own, groups[:, None], rng.integers(3, size=(n, 2)))
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0), codes, groups


def test_planted_groups_are_found():
    numbers, codes, groups = planted()
    found = fit_kamila(numbers, codes, 3)
    assert adjusted_rand_score(groups, found.labels) > 0.9
    # Better than by numbers or categories alone.
    noise = np.random.default_rng(1)
    alone = fit_kamila(numbers, noise.integers(3, size=codes.shape), 3)
    assert adjusted_rand_score(groups, found.labels) > adjusted_rand_score(groups, alone.labels)


def test_categories_decide_where_numbers_say_nothing():
    _, codes, groups = planted()
    numbers = np.random.default_rng(2).normal(size=(len(codes), 2))
    found = fit_kamila(numbers, codes, 3, n_init=20)
    by_majority = adjusted_rand_score(groups, codes[:, 0])
    assert adjusted_rand_score(groups, found.labels) > 0.8 * by_majority


def test_the_labels_are_of_the_likeliest_cluster():
    numbers, codes, _ = planted(2.0)
    found = fit_kamila(numbers, codes, 4)
    likelihoods = found.log_likelihoods(numbers, codes)
    np.testing.assert_array_equal(likelihoods.argmax(axis=1), found.labels)
    np.testing.assert_array_equal(found.predict(numbers, codes), found.labels)
    assert likelihoods.max(axis=1).sum() == pytest.approx(found.objective)
    for cluster in np.unique(found.labels):
        members = found.labels == cluster
        np.testing.assert_allclose(found.centres[cluster], numbers[members].mean(axis=0))
        counts = np.bincount(codes[members, 0], minlength=3) + 0.025
        np.testing.assert_allclose(np.exp(found.log_shares[0][cluster]), counts / counts.sum())


def test_the_density_is_that_of_the_numbers():
    """Of one normal cloud in three dimensions, log density falls as r squared over two."""
    numbers = np.random.default_rng(0).normal(size=(40_000, 3))
    codes = np.zeros((len(numbers), 1), dtype=int)
    found = fit_kamila(numbers, codes, 1, n_init=1)
    at = np.array([1.0, 1.5, 2.0, 2.5])
    density = np.interp(at, found.radii, found.log_density)
    expected = -(at**2) / 2
    np.testing.assert_allclose(density - density[0], expected - expected[0], atol=0.15)
    assert (np.diff(found.log_density) <= 0).all()


def test_more_starts_are_never_less_likely_and_seeds_repeat():
    numbers, codes, _ = planted(1.5)
    one = fit_kamila(numbers, codes, 3, n_init=1, random_state=3)
    many = fit_kamila(numbers, codes, 3, n_init=5, random_state=3)
    assert many.objective >= one.objective
    again = fit_kamila(numbers, codes, 3, n_init=5, random_state=3)
    np.testing.assert_array_equal(many.labels, again.labels)


def test_units_of_categories_do_not_matter():
    numbers, codes, _ = planted()
    renamed = 2 - codes
    same = fit_kamila(numbers, renamed, 3).labels
    assert adjusted_rand_score(same, fit_kamila(numbers, codes, 3).labels) == 1


def test_categories_that_were_not_there_are_predicted():
    numbers, codes, _ = planted()
    some = (codes < 2).all(axis=1)
    found = fit_kamila(numbers[some], codes[some], 3, n_levels=[3, 3])
    assert set(found.predict(numbers, codes)) <= {0, 1, 2}
