"""A frozen segmentation: it gives new customers the segments that a notebook found.

What is frozen is what the notebook computed, as tables to look things up in: of each column the
values that the customers had and the numbers that they became, of each of these numbers how many
customers lay further out, the prototypes, the names. So the training customers get the notebook's
labels, bit for bit, and every customer is treated alone: a row gets the same among others.
"""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation import files
from segmentation._kprototypes_input import split_gamma
from segmentation.customers import clean
from segmentation.segmenter_file import FORMAT, SegmenterError, check, read, write
from segmentation.stability import population_stability

PACKAGES = ("numpy", "pandas", "scikit-learn", "pyod")


class Segmenter(NamedTuple):
    """What is frozen: `about` is all that JSON can hold, `arrays` the rest, by name."""

    about: dict
    arrays: dict


def freeze(
    loaded,
    detector,
    result,
    names,
    *,
    method,
    source,
    seen,
    centres,
    segment_of,
    coordinates=None,
    modes=None,
    gamma=0.0,
    encoder=None,
):
    """Freeze a segmentation.

    Parameters
    ----------
    loaded : Customers
        The customers, as `segmentation.customers.load_customers` gave them.
    detector : pyod ECOD
        Fitted on `seen`.
    result : DataFrame of shape (n_customers, 2)
        ``segment`` and ``outlier`` of every customer.
    names : DataFrame
        As `segmentation.profiles.name_segments` gives it; all of it is kept.
    method : str
        What to call the method.
    source : Path
        The table; its SHA-256 is kept.
    seen : DataFrame or array of shape (n_customers, n_features)
        The numbers that the outlier detector saw. A table has a column for each column of the
        customers; an array holds their embedding.
    centres : array-like of shape (n_clusters, n_numbers)
        The prototypes.
    segment_of : sequence of int
        The segment of each cluster.
    coordinates : DataFrame of shape (n_customers, n_numbers), optional
        The numbers in which distances are measured, under the names of the columns that they come
        from; by default `seen`.
    modes : DataFrame of shape (n_clusters, n_categories), optional
        Categories of the prototypes, for K-Prototypes.
    gamma : float or array of shape (n_categories,), optional
        Weight of a category that differs from the mode.
    encoder : dict, optional
        Where `seen` is an embedding, the ``model`` that made it, its ``model_sha256`` and its
        ``precision``.

    Returns
    -------
    Segmenter
    """
    source = Path(source)
    arrays = {"centres": np.asarray(centres, dtype=float)}
    codes = _codes(loaded.table, loaded.schema)
    for part, table in (("seen", seen), ("coordinates", coordinates)):
        if isinstance(table, pd.DataFrame):
            for name in table:
                j = loaded.table.columns.get_loc(name)
                values, first = np.unique(codes[:, j], return_index=True)
                arrays[f"{part}/{j}/from"] = values
                arrays[f"{part}/{j}/to"] = table[name].to_numpy(dtype=float)[first]
    matrix = np.asarray(seen)
    for j in range(matrix.shape[1]):
        values, counts = np.unique(matrix[:, j], return_counts=True)
        arrays[f"tails/{j}/values"] = values
        arrays[f"tails/{j}/counts"] = counts.astype(np.uint32)
    # ECOD adds both tails of a column without skewness.
    symmetric = (np.maximum(detector.U_l, detector.U_r) != detector.O).any(axis=0)
    shares = result["segment"].value_counts(normalize=True)
    about = {
        "format": FORMAT,
        "method": method,
        "encoder": encoder,
        "gamma": np.broadcast_to(gamma, 0 if modes is None else modes.shape[1]).tolist(),
        "segment_of": [int(segment) for segment in segment_of],
        "symmetric": symmetric.tolist(),
        "threshold": float(detector.threshold_),
        "outliers": float(result["outlier"].mean()),
        "segments": [
            {"segment": int(i), "share": float(shares.get(i, 0)), **row}
            for i, row in names.to_dict("index").items()
        ],
        "modes": None if modes is None else modes.astype(str).to_dict("list"),
        "schema": loaded.schema,
        "column_labels": loaded.labels,
        "ids": list(loaded.ids),
        "customers": len(loaded.table),
        "table": source.name,
        "table_sha256": files.sha256(source),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in PACKAGES},
    }
    return Segmenter(about, arrays)


def save(segmenter, path):
    """Write a segmenter beside its place, then rename it. Equal segmenters give equal files.

    Parameters
    ----------
    segmenter : Segmenter
    path : str or Path
        Its folder is made.

    Returns
    -------
    Path
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(*segmenter, path)
    return path


def load(path):
    """Read a segmenter.

    Parameters
    ----------
    path : str or Path
        As `save` wrote it.

    Returns
    -------
    Segmenter

    Raises
    ------
    SegmenterError
        If there is no such file, it is none of this version, a byte of it was changed, or
        something in it is missing or of another kind.
    """
    path = Path(path)
    segmenter = Segmenter(*read(path))
    about, arrays = segmenter
    try:
        check(about, arrays)
        # Of the rest, two customers find out: one of whom nothing is known, one of unseen values.
        two = pd.DataFrame({column["name"]: [np.nan, "1"] for column in about["schema"]})
        points = None if about["encoder"] is None else np.zeros((2, arrays["centres"].shape[1]))
        drift(segmenter, score(segmenter, two, points))
    except Exception as error:  # Whatever may be wrong in a file, and leads to an error later.
        reason = " ".join(f"{type(error).__name__}, {error}".split())
        raise SegmenterError(f"{path.name} is no segmenter that can be used: {reason}.") from error
    return segmenter


def score(segmenter, table, points=None):
    """Give customers the segments of a frozen segmentation.

    Parameters
    ----------
    segmenter : Segmenter
    table : DataFrame of shape (n_customers, n_columns)
        New customers, or old ones, as `segmentation.customers.load_table` reads them. What is
        missing or was not seen is treated as `segmentation.customers.clean` says.
    points : array of shape (n_customers, n_features), optional
        The embedding of the cleaned customers, for a segmenter that has an encoder.

    Returns
    -------
    DataFrame, a row per customer, in their order
        The identifier columns that are there; then ``segment`` and its ``name``; ``confidence``,
        which is 1 - a / b with the distances a to the nearest prototype and b to the second (1: on
        the prototype, 0: on the border; for K-Prototypes its dissimilarity takes the place of
        distance); ``outlier``; and ``unknown``, the number of values that had to be guessed, as
        `clean` counts them.

    Raises
    ------
    SegmenterError
        If an embedding is needed, and none of this shape is given.
    TableError
        As `segmentation.customers.clean`.
    """
    about = segmenter.about
    measured, seen, unknown = _measure(segmenter, table, points)
    nearest = measured.argmin(axis=1)
    names = {part["segment"]: part["name"] for part in about["segments"]}
    segments = np.array(about["segment_of"])[nearest]
    a, b = np.partition(measured, 1, axis=1)[:, :2].T
    scored = pd.DataFrame(
        {
            "segment": segments,
            "name": pd.Series(segments, dtype=int).map(names).astype("str").to_numpy(),
            "confidence": 1 - np.divide(a, b, out=np.ones(len(a)), where=b > 0),
            "outlier": outlier_scores(segmenter, seen) > about["threshold"],
            "unknown": unknown,
        },
        index=table.index,
    )
    for place, name in enumerate(name for name in about["ids"] if name in table):
        scored.insert(place, f"{name} (input)" if name in scored else name, table[name].array)
    return scored


def distances(segmenter, table, points=None):
    """Measure how far customers are from the prototype of each segment.

    Parameters
    ----------
    segmenter, table, points
        As for `score`.

    Returns
    -------
    DataFrame of shape (n_customers, n_segments)
        Columns are the segments, in order; of K-Prototypes, its dissimilarities.

    Raises
    ------
    SegmenterError, TableError
        As `score`.
    """
    measured, *_ = _measure(segmenter, table, points)
    by_cluster = pd.DataFrame(measured.T, index=segmenter.about["segment_of"], columns=table.index)
    return by_cluster.groupby(level=0).min().T


def _measure(segmenter, table, points):
    """Return the distances to the prototypes, what the outlier detector sees, what was guessed."""
    about, arrays = segmenter
    cleaned, unknown = clean(table, about["schema"])
    if about["encoder"] is not None:
        shape = len(table), arrays["centres"].shape[1]
        if np.shape(points) != shape:
            raise SegmenterError(
                f"an embedding of shape {shape} is needed, not {np.shape(points)}."
            )
        seen = coordinates = np.asarray(points)
    else:
        codes = _codes(cleaned, about["schema"])
        seen = _look_up(arrays, "seen", codes)
        coordinates = seen if about["modes"] is None else _look_up(arrays, "coordinates", codes)
    return _distances(segmenter, coordinates, cleaned), seen, unknown


def outlier_scores(segmenter, seen):
    """Score rows as ECOD does, but against the training customers alone.

    ECOD's own ``decision_function`` ranks new rows together with the training rows, so that a
    customer's score would depend on the others in the file.

    Parameters
    ----------
    segmenter : Segmenter
    seen : array of shape (n_customers, n_features)

    Returns
    -------
    ndarray of shape (n_customers,)
        For the training rows, ECOD's ``decision_scores_``. A value beyond all of a column's
        training values is as far out as the furthest of them.
    """
    about, arrays = segmenter
    n = about["customers"]
    # As pyod computes 1/n, 2/n, ... 1: else scores would differ in the last bit.
    surprise = -np.log(np.linspace(1 / n, 1, n))
    parts = np.empty(seen.shape)
    for j, symmetric in enumerate(about["symmetric"]):
        values, counts = arrays[f"tails/{j}/values"], arrays[f"tails/{j}/counts"].astype(int)
        up_to = np.cumsum(counts)
        below = np.searchsorted(values, seen[:, j], side="right") - 1
        above = np.searchsorted(values, seen[:, j], side="left")
        left = surprise[up_to - 1][np.maximum(below, 0)]
        right = surprise[n - up_to + counts - 1][np.minimum(above, len(values) - 1)]
        parts[:, j] = left + right if symmetric else np.maximum(left, right)
    return parts.sum(axis=1)


def drift(segmenter, scores):
    """Compare the shares of the segments with those among the training customers.

    Parameters
    ----------
    segmenter : Segmenter
    scores : DataFrame
        As `score` gives it.

    Returns
    -------
    DataFrame, a row per segment, then ``all``, then ``outliers``
        ``name``, the shares ``then`` and ``now``, and ``psi``, the part of the population
        stability index, sum of (now - then) ln(now / then); its sum is in the row ``all``. The
        index of the outliers is that of two groups, outliers and others. By the usual rule of
        thumb (Siddiqi 2006), below 0.1 little has changed, above 0.25 much.
    """
    about = segmenter.about
    table = pd.DataFrame(about["segments"]).set_index("segment")[["name", "share"]]
    table = table.rename(columns={"share": "then"})
    table["now"] = scores["segment"].value_counts(normalize=True).reindex(table.index).fillna(0)
    table["psi"] = population_stability(table["then"], table["now"])
    then, now = about["outliers"], scores["outlier"].mean()
    psi = population_stability(np.array([then, 1 - then]), np.array([now, 1 - now])).sum()
    table.index = table.index.astype(object)
    table.loc["all"] = ["all customers", 1.0, 1.0, table["psi"].sum()]
    table.loc["outliers"] = ["outliers", then, now, psi]
    return table


def _codes(cleaned, schema):
    """Return cleaned customers as numbers: a category by its place among those of its column."""
    codes = np.empty((len(cleaned), len(schema)))
    for j, column in enumerate(schema):
        values = cleaned[column["name"]]
        if column["role"] != "number":
            values = pd.Categorical(values, categories=column["categories"]).codes
        codes[:, j] = values
    return codes


def _look_up(arrays, part, codes):
    """Return what codes became in training; a number between two that were seen, in between."""
    columns = [j for j in range(codes.shape[1]) if f"{part}/{j}/from" in arrays]
    looked_up = [
        np.interp(codes[:, j], arrays[f"{part}/{j}/from"], arrays[f"{part}/{j}/to"])
        for j in columns
    ]
    return np.column_stack(looked_up)


def _distances(segmenter, coordinates, cleaned):
    """Return the distance of every row to every prototype."""
    about, arrays = segmenter
    measured = np.zeros((len(coordinates), len(arrays["centres"])))
    for c, centre in enumerate(arrays["centres"]):
        # Column by column: so no sum depends on how many rows there are.
        for j, value in enumerate(centre):
            measured[:, c] += (coordinates[:, j].astype(float) - value) ** 2
    if about["modes"] is None:
        return np.sqrt(measured)
    mismatches = np.zeros(measured.shape)
    factor, by_column = split_gamma(about["gamma"], len(about["modes"]))
    for (name, modes), weight in zip(about["modes"].items(), by_column, strict=True):
        differs = cleaned[name].to_numpy(dtype=object)[:, None] != np.array(modes, dtype=object)
        mismatches += weight * differs
    return measured + factor * mismatches
