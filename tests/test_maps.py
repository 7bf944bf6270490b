"""Maps: what is compared with what, on points whose neighbours are known."""

import numpy as np
import pandas as pd
import pytest

from segmentation.maps import draw_map


class Keep:
    """A map that leaves the points where they are."""

    def fit_transform(self, X):
        return X


# Pairs: 0 and 1, 2 and 3, 4 and 5 lie next to each other.
X = np.array([[0.0, 0], [1, 0], [10, 0], [11, 0], [20, 0], [21, 0]])
SEGMENTS = np.array([1, 1, 1, 1, 1, 2])
CUSTOMERS = pd.DataFrame({"job": list("aabcdd"), "age": [1, 2, 3, 3, 5, 6]})


def test_neighbours_by_hand():
    drawn = draw_map(Keep(), X, CUSTOMERS, SEGMENTS, 100)
    assert sorted(drawn.drawn) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(drawn.points, X[drawn.drawn])
    np.testing.assert_array_equal(drawn.segments, SEGMENTS[drawn.drawn])
    assert drawn.kind == "categories"
    # Of the categories, 0 and 1 as well as 4 and 5 are the same; of the segments all but 4 and 5.
    assert drawn.same_profile == pytest.approx(4 / 6)
    assert drawn.same_segment == pytest.approx(4 / 6)
    assert drawn.at_random == pytest.approx((5 / 6) ** 2 + (1 / 6) ** 2)


def test_without_categories_numbers_are_compared():
    drawn = draw_map(Keep(), X, CUSTOMERS[["age"]], SEGMENTS, 100)
    assert drawn.kind == "numbers"
    assert drawn.same_profile == pytest.approx(2 / 6)


def test_a_sample_is_drawn_once_each_by_its_seed():
    first = draw_map(Keep(), X, CUSTOMERS, SEGMENTS, 4, seed=3)
    again = draw_map(Keep(), X, CUSTOMERS, SEGMENTS, 4, seed=3)
    assert len(set(first.drawn)) == 4
    np.testing.assert_array_equal(first.drawn, again.drawn)
