"""From tables to arrays for `segmentation.kprototypes`, refused if they cannot be used."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_complex_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)
from sklearn.utils import check_array

from segmentation import _kprototypes_kernels as kernels


class Table(NamedTuple):
    """What all restarts share: numbers (p, n), codes (m, n), the same in blocks, gammas (m,)."""

    numbers: np.ndarray
    codes: np.ndarray
    rows: kernels.Rows
    gammas: np.ndarray


def lay_out(numbers, codes, weights):
    """Lay a table out in blocks, the last one filled up with zeros."""
    n = len(weights)
    blocks = -(-n // kernels.BLOCK)

    def in_blocks(columns):
        padded = np.zeros((len(columns), blocks * kernels.BLOCK), columns.dtype)
        padded[:, :n] = columns
        split = padded.reshape(len(columns), blocks, kernels.BLOCK)
        return np.ascontiguousarray(split.swapaxes(0, 1))

    return kernels.Rows(in_blocks(numbers), in_blocks(codes), in_blocks(weights[np.newaxis])[:, 0])


def as_frame(X):
    """Return a table as a DataFrame with unique columns and at least one row."""
    if not isinstance(X, pd.DataFrame):
        X = pd.DataFrame(check_array(X, dtype=None, ensure_all_finite=False)).infer_objects()
    if 0 in X.shape:
        raise ValueError(f"X has shape {X.shape}: give at least one row and one column.")
    if not X.columns.is_unique:
        twice = list(X.columns[X.columns.duplicated()].unique())
        raise ValueError(f"X has columns of the same name, {twice}: rename them.")
    # A new frame on the same data, whose columns may be renamed.
    return X.set_axis(X.columns, axis=1)


def split_columns(frame, categorical):
    """Return the names of the numeric and of the categorical columns."""
    if categorical is None:
        nominal = [name for name in frame.columns if _is_nominal(frame[name])]
    else:
        nominal = [categorical] if np.ndim(categorical) == 0 else list(categorical)
        unknown = [name for name in nominal if name not in frame.columns]
        if unknown or len(set(nominal)) < len(nominal):
            raise ValueError(
                f"categorical={nominal} names {unknown or 'a column twice'}: name each "
                f"categorical column once, from {list(frame.columns)}."
            )
    numeric = [name for name in frame.columns if name not in nominal]
    for name in numeric:
        kind = frame[name].dtype
        if not is_numeric_dtype(kind) or is_complex_dtype(kind):
            raise ValueError(
                f"Column {name!r} of type {kind} is not numeric: name it in "
                "categorical, or turn it into numbers."
            )
    return numeric, nominal


def _is_nominal(column):
    kind = column.dtype
    return (
        isinstance(kind, pd.CategoricalDtype)
        or is_object_dtype(kind)
        or is_string_dtype(kind)
        or is_bool_dtype(kind)
    )


def to_numbers(frame, numeric):
    """Return the numeric columns as an array of shape (n_columns, n_samples)."""
    numbers = np.empty((len(numeric), len(frame)))
    for name, column in zip(numeric, numbers, strict=True):
        try:
            column[:] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Column {name!r} is not numeric: {error}.") from error
        if not np.isfinite(column).all():
            what = "missing (NaN)" if np.isnan(column).any() else "infinite"
            _refuse_values(name, what, ~np.isfinite(column))
    return numbers


def factorize(frame, nominal, known=None):
    """Return the codes (n_columns, n_samples) and the categories of the categorical columns.

    Codes follow the sorted categories, or those known from `fit`; -1 is unknown.
    """
    codes = np.empty((len(nominal), len(frame)), np.int64)
    categories = []
    for j, name in enumerate(nominal):
        codes[j], values = pd.factorize(frame[name])
        if codes[j].min() < 0:
            _refuse_values(name, "missing", codes[j] < 0)
        objects = np.asarray(values, dtype=object)
        if known is None:
            order = _sort(name, objects)
            categories.append(pd.Index(values[order]))
            ranks = np.argsort(order)
        else:
            lookup = {value: code for code, value in enumerate(np.asarray(known[j], dtype=object))}
            ranks = np.array([lookup.get(value, -1) for value in objects])
        codes[j] = ranks[codes[j]]
    return codes.astype(_code_dtype(known or categories)), categories


def _code_dtype(categories):
    """Return the smallest type of codes that also holds -1 and the number of columns."""
    largest = max([len(categories), *map(len, categories)])
    return np.uint8 if largest < np.iinfo(np.uint8).max else np.int32


def _sort(name, categories):
    try:
        return np.argsort(categories, kind="stable")
    except TypeError as error:
        raise ValueError(
            f"The categories of column {name!r} have no order ({error}), so that ties between "
            "them cannot be broken: turn them into text."
        ) from error


def _refuse_values(name, what, where):
    raise ValueError(
        f"Column {name!r} has {where.sum()} {what} values, the first in row "
        f"{np.argmax(where)}: fill them or drop the rows."
    )


def split_gamma(gamma, n_categories):
    """Return a factor and the weights (n_categories,) of mismatches, whose products are gamma.

    Where all columns have one gamma it is the factor, so that it multiplies a whole number of
    mismatches and gives the bits of kmodes.
    """
    try:
        gammas = np.asarray(gamma, dtype=np.float64)
    except (TypeError, ValueError):
        gammas = np.array(np.nan)
    if gammas.shape not in ((), (n_categories,)) or not (np.isfinite(gammas) & (gammas >= 0)).all():
        raise ValueError(
            f"gamma is {gamma!r}: give the finite number >= 0 that weighs a mismatch, or one for "
            f"each of the {n_categories} categorical columns."
        )
    if gammas.size and (gammas == gammas.flat[0]).all():
        return float(gammas.flat[0]), np.ones(n_categories)
    return 1.0, gammas


def check_weights(sample_weight, n):
    """Return weights, a common factor taken out of them, and which rows count at all."""
    if sample_weight is None:
        return np.ones(n), 1.0, np.ones(n, bool)
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}: give one weight per row, {n}.")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "sample_weight has missing, infinite or negative values, or only zeros: give finite "
            "weights of at least 0."
        )
    kept = weights > 0
    first = weights[np.argmax(kept)]
    # Taken out so that equal weights change no bit of the sums.
    if (weights[kept] == first).all():
        return kept.astype(np.float64), float(first), kept
    return weights, 1.0, kept
