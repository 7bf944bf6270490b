"""Maps of customers, and what lies next to each other on them."""

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors


class Map(NamedTuple):
    """A map of some customers and what it keeps together.

    `points` (n_drawn, n_dimensions) are the places, `drawn` (n_drawn,) says whose and `segments`
    of which segment they are. `same_profile` and `same_segment` are the shares of customers whose
    nearest neighbour on the map has the same values in all columns of one `kind`, and the same
    segment; two customers drawn at random share a segment with the probability `at_random`.
    """

    points: np.ndarray
    drawn: np.ndarray
    segments: np.ndarray
    kind: str
    same_profile: float
    same_segment: float
    at_random: float


def draw_map(method, X, customers, segments, n_customers, seed=0):
    """Map a sample of customers and compare each with its nearest neighbour on the map.

    Parameters
    ----------
    method : estimator
        With ``fit_transform``, such as t-SNE.
    X : array-like of shape (n_customers, n_features)
    customers : DataFrame of shape (n_customers, n_columns)
        Their categories are what neighbours are compared by; in a table without categories, their
        numbers.
    segments : array of int, shape (n_customers,)
    n_customers : int
        How many to draw, without replacement.
    seed : int, optional
        For the draw.

    Returns
    -------
    Map
    """
    X = np.asarray(X)
    drawn = np.random.default_rng(seed).choice(len(X), min(n_customers, len(X)), replace=False)
    points = method.fit_transform(X[drawn])
    nearest = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(return_distance=False)[:, 0]
    kind = "numbers" if customers.select_dtypes(exclude="number").empty else "categories"
    compared = customers if kind == "numbers" else customers.select_dtypes(exclude="number")
    profile = compared.iloc[drawn].astype(str).agg("|".join, axis=1).to_numpy()
    own = segments[drawn]
    return Map(
        points,
        drawn,
        own,
        kind,
        (profile == profile[nearest]).mean(),
        (own == own[nearest]).mean(),
        ((np.bincount(segments) / len(segments)) ** 2).sum(),
    )
