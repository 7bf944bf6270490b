"""Maps of customers, and what lies next to each other on them."""

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors


class Map(NamedTuple):
    """A map of some customers and what it keeps together.

    `points` (n_drawn, n_dimensions) are the places, `drawn` (n_drawn,) says whose; `same_profile`
    and `same_segment` are the shares of customers whose nearest neighbour on the map has the same
    values, and the same segment.
    """

    points: np.ndarray
    drawn: np.ndarray
    same_profile: float
    same_segment: float


def draw_map(method, X, segments, profiles, n_customers, seed=0):
    """Map a sample of customers and compare each with its nearest neighbour on the map.

    Parameters
    ----------
    method : estimator
        With ``fit_transform``, such as t-SNE.
    X : array-like of shape (n_customers, n_features)
    segments : array of int, shape (n_customers,)
    profiles : DataFrame of shape (n_customers, n_columns)
        The values that a neighbour may share, compared all at once.
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
    profile = profiles.iloc[drawn].astype(str).agg("|".join, axis=1).to_numpy()
    near = drawn[nearest]
    return Map(
        points,
        drawn,
        (profile == profile[nearest]).mean(),
        (segments[drawn] == segments[near]).mean(),
    )


def share_at_random(segments):
    """Return the probability that two customers drawn at random are of one segment."""
    return ((np.bincount(segments) / len(segments)) ** 2).sum()
