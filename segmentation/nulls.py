"""Tables without groups, to see what a method finds where there are none.

A table whose columns were shuffled one by one has no groups, but no links between columns either,
so a method finds "more" in any table whose columns are correlated. The one-cloud twin keeps the
links: every column has the same values and every two columns are as associated as before, but all
rows come from a single normal cloud. What a method finds in the table beyond what it finds in
such twins is neither the shape of single columns nor the association of pairs.

Over 400 lines, as half of them say what a reader has to know to believe the null.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.special import ndtri
from threadpoolctl import ThreadpoolController

#: Rows that are simulated to fit the cloud: ten times the table's, up to where their own error,
#: 1 / sqrt(20,000) = 0.007, is small enough for any table.
FIT_COPIES, FIT_ROWS = 10, 20_000
#: Most corrections of the latent correlations: eight bank columns take all of them, about 2 s.
#: They end when the largest error of a pair is below 0.01 or a quarter of the sampling error of
#: a correlation, 1 / sqrt(n_rows), or when this many in a row make nothing better.
FIT_STEPS, CLOSE, CLOSE_SHARE, FIT_PATIENCE = 30, 0.01, 0.25, 4
#: Keeps a rare category, which hardly feels its latent, from being pushed out of all proportion.
RIDGE = 0.1
#: Eigenvalues of the latent correlations are at least this.
LEAST_EIGENVALUE = 1e-4
#: Corrections of the offsets of a column's categories, before single rows are moved.
OFFSET_STEPS = 12

#: Sums over rows then come out the same on any number of cores.
ONE_THREAD = {"limits": 1, "user_api": "blas"}
THREADS = ThreadpoolController()


class OneCloud(NamedTuple):
    """A single normal cloud, fitted to a table by `fit_one_cloud`, from which twins are drawn."""

    table: pd.DataFrame
    columns: list
    root: np.ndarray

    def draw(self, seed):
        """Draw a twin of the table.

        Parameters
        ----------
        seed : int or sequence of int

        Returns
        -------
        DataFrame of the same shape, index and dtypes
            Each column is a permutation of the table's.
        """
        n = len(self.table)
        with THREADS.limit(**ONE_THREAD):
            latents = _whitened(np.random.default_rng(seed), 1, n, len(self.root))[0] @ self.root
        twin = {}
        for column in self.columns:
            rows = np.empty(n, dtype=np.intp)
            rows[column.arrange(latents[:, column.place])] = column.order
            twin[column.name] = self.table[column.name].array[rows]
        return pd.DataFrame(twin, index=self.table.index, columns=self.table.columns)


def one_cloud_twin(table, seed):
    """Draw a table with the same columns and the same associations of pairs, but no groups.

    Every row is a point of one normal cloud. A number is read off one axis of it, so that its
    ranks are those of the axis. A category has an axis of its own, and the row gets the category
    that is highest after an offset per category, chosen so that each is as frequent as in the
    table. The correlations of the axes are corrected until simulated tables are associated as the
    given one is: numbers by Spearman's rank correlation, ties included, numbers and categories by
    the mean rank in each category, categories by the residuals of their contingency table. They
    are kept the correlations of a cloud by clipping eigenvalues. How near that comes, `match`
    measures.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Numbers, and categories as text, booleans or pandas categories. None missing.
    seed : int or sequence of int

    Returns
    -------
    DataFrame of the same shape, index and dtypes
        Each column is a permutation of the table's.

    Raises
    ------
    ValueError
        If a value is missing or infinite, a column's name occurs twice, or nothing is there.

    See Also
    --------
    fit_one_cloud : fits once, where many twins are to be drawn.

    Notes
    -----
    A column that falls into groups by itself, such as two heaps of ages, does so in the twin too.
    What only pairs of columns show beyond their rank correlation, such as a curve, does not.

    References
    ----------
    Helgeson and Bair (2016), "Non-parametric cluster significance testing with reference to a
    unimodal null distribution", arXiv. Hennig and Liao (2013), "How to find an
    appropriate clustering for mixed-type variables with application to socio-economic
    stratification", J. R. Stat. Soc. C 62, 309-369. Meng (2026), matchednull, an R package of
    nulls with the table's margins and correlations, for numbers.
    """
    return fit_one_cloud(table).draw(seed)


def fit_one_cloud(table, seed=0):
    """Fit the normal cloud of `one_cloud_twin`; twins are then drawn by its ``draw(seed)``.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        As for `one_cloud_twin`.
    seed : int, optional
        For the rows that are simulated to correct the correlations.

    Returns
    -------
    OneCloud

    Raises
    ------
    ValueError
        As `one_cloud_twin`.
    """
    _check(table)
    columns, place = [], 0
    for name in table:
        kind = _Numbers if _is_number(table[name]) else _Categories
        columns.append(kind(table[name], place))
        place = columns[-1].place.stop
    with THREADS.limit(**ONE_THREAD):
        return OneCloud(table, columns, _fit(columns, len(table), place, seed))


def _check(table):
    faults = ["the table has no rows or no columns"] if table.empty else []
    if table.columns.has_duplicates:
        twice = list(table.columns[table.columns.duplicated()].unique())
        faults.append(f"columns {twice} occur twice: rename them")
    else:
        missing = [name for name in table if table[name].isna().any()]
        if missing:
            faults.append(f"columns {missing} have missing values: fill or drop them")
        numbers = [name for name in table if _is_number(table[name]) and name not in missing]
        infinite = [name for name in numbers if not np.isfinite(table[name].astype(float)).all()]
        if infinite:
            faults.append(f"columns {infinite} have infinite values: cap or drop them")
    if faults:
        raise ValueError("; ".join(faults) + ".")


def _is_number(column):
    return is_numeric_dtype(column) and not is_bool_dtype(column)


class _Numbers:
    """A column of numbers, its rows in the order of its values, and its one latent."""

    def __init__(self, column, place):
        values = column.to_numpy(dtype=float)
        self.name, self.place = column.name, slice(place, place + 1)
        self.order = np.argsort(values, kind="stable")
        #: What associations are made of, in the column's order: here standardised ranks.
        self.features = _standardised(column.rank().to_numpy())[self.order, None]

    def arrange(self, latents):
        """Return rows in the order in which they get the column's values."""
        return np.argsort(latents[:, 0], kind="stable")

    def simulate(self, latents, drawn):
        """Return the features of rows, which get the values at the places `drawn`."""
        features = np.empty_like(latents)
        features[self.arrange(latents)] = self.features[drawn]
        return features


class _Categories:
    """A column of categories, its rows in their order, and a latent for each."""

    def __init__(self, column, place):
        codes = pd.factorize(column, sort=True)[0]
        self.counts = np.bincount(codes)
        shares = self.counts / len(codes)
        self.name, self.place = column.name, slice(place, place + len(shares))
        self.order = np.argsort(codes, kind="stable")
        self.offsets = np.zeros(len(shares))
        # Products of these are the residuals of a contingency table; their squares add up to
        # phi squared, with a standardised number to the squared correlation ratio.
        self.by_code = (np.eye(len(shares)) - shares) / np.sqrt(shares)
        self.features = self.by_code[codes[self.order]]

    def arrange(self, latents):
        offsets = _offsets(latents, self.counts, self.offsets, tolerance=1e-4)
        return np.argsort(_exact(latents + offsets, self.counts), kind="stable")

    def simulate(self, latents, drawn):
        codes = np.repeat(np.arange(len(self.counts)), self.counts)[drawn]
        counts = np.bincount(codes, minlength=len(self.counts))
        self.offsets = _offsets(latents, counts, self.offsets, tolerance=5e-4)
        return self.by_code[np.argmax(latents + self.offsets, axis=1)]


def _standardised(values):
    return (values - values.mean()) / (values.std() or 1)


def _offsets(latents, counts, offsets, tolerance):
    """Correct the offsets of categories until each is the highest in nearly as many rows."""
    n = len(latents)
    wanted = ndtri((counts + 0.3) / (n + 0.6))
    for _ in range(OFFSET_STEPS):
        now = np.bincount(np.argmax(latents + offsets, axis=1), minlength=len(counts))
        if np.abs(now - counts).max() <= tolerance * n:
            break
        offsets = offsets + 0.8 * (wanted - ndtri((now + 0.3) / (n + 0.6)))
        offsets -= offsets.mean()
    return offsets


def _exact(heights, counts):
    """Give each row its highest category, then move those that lose least until counts hold."""
    codes = heights.argmax(axis=1)
    now = np.bincount(codes, minlength=len(counts))
    while (now > counts).any():
        rows, short = np.flatnonzero((now > counts)[codes]), np.flatnonzero(now < counts)
        loss = heights[rows, codes[rows]][:, None] - heights[rows][:, short]
        target, loss = short[loss.argmin(axis=1)], loss.min(axis=1)
        for i in np.argsort(loss, kind="stable"):
            row, old, new = rows[i], codes[rows[i]], target[i]
            if now[old] > counts[old] and now[new] < counts[new]:
                codes[row] = new
                now[old] -= 1
                now[new] += 1
    return codes


def _whitened(rng, n_parts, n_rows, n_latents):
    """Draw normal numbers whose means, variances and correlations are exact in every part.

    Given these, a normal sample says nothing more of its cloud: the twins vary as the table
    would, had it come out with the same associations. Fewer rows than latents cannot be
    uncorrelated; their twins vary more.
    """
    drawn = rng.standard_normal((n_parts, n_rows, n_latents))
    drawn -= drawn.mean(axis=1, keepdims=True)
    if n_rows <= n_latents:
        return drawn / drawn.std(axis=1, keepdims=True)
    transposed = np.swapaxes(drawn, 1, 2)
    factor = np.linalg.cholesky(transposed @ drawn / n_rows)
    return np.swapaxes(np.linalg.solve(factor, transposed), 1, 2)


def _fit(columns, n_rows, n_latents, seed):
    """Return the symmetric root of the latent correlations with the least error seen."""
    part = min(n_rows, FIT_ROWS // 2)
    n_parts = min(FIT_COPIES, FIT_ROWS // part)
    close = max(CLOSE, CLOSE_SHARE / np.sqrt(n_rows))
    drawn = np.arange(n_parts * part) * n_rows // (n_parts * part)
    white = _whitened(np.random.default_rng(seed), n_parts, part, n_latents)
    observed = _observed(columns, n_rows)
    correlations, least, kept = np.eye(n_latents), np.inf, None
    for step in range(FIT_STEPS):
        root = _root(correlations)
        latents = (white @ root).reshape(-1, n_latents)
        features = np.empty_like(latents)
        for column in columns:
            own = column.place
            features[:, own] = column.simulate(latents[:, own], drawn)
        by_part = features.reshape(white.shape)
        products = np.swapaxes(by_part, 1, 2) @ by_part / part
        errors = _errors(columns, observed, products, part / n_rows)
        if (total := np.sum(errors**2)) < least:
            least, best_step = total, step
            kept = root, [getattr(column, "offsets", None) for column in columns]
        if _largest(columns, errors) < close or step - best_step == FIT_PATIENCE:
            break
        gain = _gain(columns, features, latents, correlations)
        correlations = _as_correlations(correlations + gain @ errors @ gain.T)
    root, offsets = kept
    for column, own in zip(columns, offsets, strict=True):
        column.offsets = own
    return root


def _observed(columns, n_rows):
    features = np.empty((n_rows, columns[-1].place.stop))
    for column in columns:
        features[column.order, column.place] = column.features
    return features.T @ features / n_rows


def _errors(columns, observed, products, share):
    """Return what the simulated products of features lack, 0 within a column.

    A table's own products hold its sampling error, and a twin adds its own. So that the twins are
    as associated on average, what they are to vary around is shrunk by how much they vary.
    """
    mean, errors = products.mean(axis=0), np.zeros_like(observed)
    variance = products.var(axis=0, ddof=1) * share
    for i, first in enumerate(columns):
        for second in columns[:i]:
            block = first.place, second.place
            strength = np.sum(observed[block] ** 2)
            kept = max(0.0, 1 - variance[block].sum() / strength) if strength > 0 else 0.0
            errors[block] = np.sqrt(kept) * observed[block] - mean[block]
            errors[block[::-1]] = errors[block].T
    return errors


def _largest(columns, errors):
    starts = [column.place.start for column in columns]
    squares = np.add.reduceat(np.add.reduceat(errors**2, starts, axis=0), starts, axis=1)
    return np.sqrt(squares.max())


def _gain(columns, features, latents, correlations):
    """Return by how much latents have to move for features to move by one, to first order."""
    gain = np.zeros_like(correlations)
    for column in columns:
        own = column.place
        together = features[:, own].T @ latents[:, own] / len(latents)
        # Stein's lemma: how features answer to latents, from how they vary together.
        slopes = together @ np.linalg.pinv(correlations[own, own], rcond=1e-3, hermitian=True)
        ridge = RIDGE * np.eye(slopes.shape[1])
        gain[own, own] = np.linalg.solve(slopes.T @ slopes + ridge, slopes.T)
    return gain


def _root(correlations):
    values, vectors = np.linalg.eigh(correlations)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def _as_correlations(matrix):
    """Return near correlations: eigenvalues clipped, then the diagonal scaled to 1."""
    values, vectors = np.linalg.eigh(matrix.clip(-1, 1))
    matrix = (vectors * values.clip(min=LEAST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(matrix))
    return matrix / scale / scale[:, None]


# --- How closely a twin matches -----------------------------------------------------------------


def associations(table):
    """Measure how every two columns are associated.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        As for `one_cloud_twin`.

    Returns
    -------
    DataFrame of shape (n_pairs, 2), indexed by the names of the two columns
        ``measure`` and its ``value``: Spearman's ``rank correlation`` of two numbers; the
        ``correlation ratio`` of a number's ranks and a category, the root of the share of their
        variance that lies between categories, which Kruskal and Wallis test; ``Cramér's V`` of
        two categories, corrected for bias. 0 if a column is constant.

    References
    ----------
    Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42,
    323-328.
    """
    kinds = [(_Numbers if _is_number(table[name]) else _Categories) for name in table]
    columns = [kind(table[name], 0) for kind, name in zip(kinds, table, strict=True)]
    features = []
    for column in columns:
        features.append(np.empty_like(column.features))
        features[-1][column.order] = column.features
    measured = {}
    for i in range(len(columns)):
        for j in range(i + 1, len(columns)):
            products = features[i].T @ features[j] / len(table)
            is_number = kinds[i] is _Numbers, kinds[j] is _Numbers
            if all(is_number):
                value = "rank correlation", products.item()
            elif any(is_number):
                value = "correlation ratio", np.sqrt(np.sum(products**2))
            else:
                value = "Cramér's V", _corrected_v(products, len(table))
            measured[columns[i].name, columns[j].name] = value
    index = pd.MultiIndex.from_tuples(measured, names=["first", "second"]) if measured else None
    return pd.DataFrame(measured.values(), index=index, columns=["measure", "value"])


def _corrected_v(residuals, n):
    r, c = residuals.shape
    phi_squared = max(0.0, np.sum(residuals**2) - (r - 1) * (c - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi_squared / smaller)) if smaller > 0 else 0.0


def match(table, twin):
    """Measure how closely a twin keeps the associations of every two columns.

    Parameters
    ----------
    table, twin : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    DataFrame of shape (n_pairs, 4), indexed by the names of the two columns
        ``measure`` as in `associations`, its value in the ``table`` and in the ``twin``, and the
        absolute ``difference``.
    """
    measured = associations(table).rename(columns={"value": "table"})
    measured["twin"] = associations(twin)["value"]
    measured["difference"] = (measured["table"] - measured["twin"]).abs()
    return measured
