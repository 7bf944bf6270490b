"""SHAP values as figures, in the palette and with the names of the others."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize

from segmentation.figures import (
    LOW_HIGH,
    NEUTRAL,
    PALETTE,
    PER_INCH,
    SMALL,
    WIDTH,
    in_lines,
    numbered,
    segment_colours,
    segment_legend,
)
from segmentation.profiles import in_short

#: Columns in a figure: those that move the predictions most.
MAX_COLUMNS = 10
#: Parts of a row of dots in which they are spread, each for itself.
N_PARTS = 80


def shap_bars(shap_values, features, names):
    """Draw the mean absolute SHAP value of each feature, stacked by segment.

    Parameters
    ----------
    shap_values : array of shape (n_customers, n_features, n_segments)
        As `shap.TreeExplainer` gives it for a classifier.
    features : DataFrame of shape (n_customers, n_features)
    names : Series of str, indexed by segment

    Returns
    -------
    matplotlib Figure
        The ten features that move the predictions most.
    """
    means = np.abs(shap_values).mean(axis=0)
    order = _strongest(shap_values)[::-1]
    size = WIDTH, 0.24 * len(order) + 1 + 0.16 * len(names)
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    ends = means[order].cumsum(axis=1)
    for i, colour in enumerate(segment_colours(len(names))):
        # A white edge parts what a grey print would run together.
        look = {"color": colour, "edgecolor": "white", "linewidth": 0.6, "height": 0.75}
        axis.barh(range(len(order)), means[order, i], left=ends[:, i] - means[order, i], **look)
    axis.set_yticks(range(len(order)), [in_lines(features.columns[i], 24) for i in order])
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("mean |SHAP value| (log-odds), stacked by segment")
    segment_legend(figure, names)
    return figure


def shap_beeswarms(shap_values, features, names):
    """Draw a SHAP beeswarm per segment: what pulls a customer in (right) or out (left).

    Numbers and columns of two categories are coloured from low (blue, the first category) to
    high (red, the second). More than two categories have no order, so their points are grey.

    Parameters
    ----------
    shap_values : array of shape (n_customers, n_features, n_segments)
    features : DataFrame of shape (n_customers, n_features)
        Text as pandas categories.
    names : Series of str, indexed by segment

    Returns
    -------
    matplotlib Figure
        The ten features that move the predictions most, in the same order for all segments.
    """
    order = _strongest(shap_values)
    colours = [_dot_colours(features.iloc[:, i]) for i in order]
    # Rows of up to three panels, as even as they can be: no place stays empty.
    rows = np.array_split(np.arange(len(names)), -(-len(names) // 3))
    figure = plt.figure(
        figsize=(WIDTH, (0.2 * len(order) + 0.9) * len(rows) + 0.7), layout="constrained"
    )
    *parts, key = figure.subfigures(
        len(rows) + 1, 1, height_ratios=[*[0.2 * len(order) + 0.9] * len(rows), 0.7]
    )
    for part, row in zip(parts, rows, strict=True):
        axes = part.subplots(1, len(row), sharey=True, squeeze=False)[0]
        titles = numbered(names.iloc[row], int(WIDTH / len(row) * PER_INCH) - 6, 3)
        for i, axis, title in zip(row, axes, titles, strict=True):
            _draw_swarms(axis, shap_values[:, order, i], colours)
            axis.set_title(title, fontsize=SMALL)
        axes[0].set_yticks(
            -np.arange(len(order)), [in_lines(features.columns[i], 18, 1) for i in order]
        )
    parts[-1].supxlabel("SHAP value (log-odds)", fontsize=9)
    _draw_key(key)
    return figure


def waterfall(base, contributions, customer):
    """Draw how SHAP values lead from the mean prediction to that of one customer, step by step.

    Parameters
    ----------
    base : float
        The mean prediction, as `shap.TreeExplainer` calls ``expected_value``.
    contributions : array of shape (n_features,)
        The customer's SHAP values, in log-odds.
    customer : Series of shape (n_features,)
        The customer's values, indexed by the names of the features.

    Returns
    -------
    matplotlib Figure
        The ten largest steps, the largest at the top, and the sum of the others.
    """
    contributions = np.asarray(contributions, dtype=float)
    order = np.argsort(-np.abs(contributions), kind="stable")
    largest, others = order[:MAX_COLUMNS], order[MAX_COLUMNS:]
    labels = [in_lines(f"{customer.index[i]} = {_as_text(customer.iloc[i])}", 30) for i in largest]
    steps = contributions[largest]
    if len(others):
        labels.append(f"{len(others)} others")
        steps = np.append(steps, contributions[others].sum())
    ends = base + np.cumsum(steps)
    figure, axis = plt.subplots(figsize=(WIDTH, 0.28 * len(steps) + 1.1), layout="constrained")
    rows = -np.arange(len(steps))
    colours = np.where(steps > 0, PALETTE[6], PALETTE[0])
    axis.barh(rows, steps, left=ends - steps, color=colours, height=0.65)
    axis.vlines(ends[:-1], rows[1:] - 0.33, rows[:-1] + 0.33, color=NEUTRAL, linewidth=0.8)
    low, high = min(base, *ends), max(base, *ends)
    room = 0.15 * (high - low + 1e-9)
    notes = [
        (f"{step:+.2f}", end, row, step) for step, end, row in zip(steps, ends, rows, strict=True)
    ]
    for text, at, row in (
        ("all customers", base, 0.9),
        ("this customer", ends[-1], rows[-1] - 0.9),
    ):
        axis.axvline(at, color="black", linestyle="--", linewidth=0.9, zorder=0)
        notes.append((f"{text}: {at:.2f}", at, row, (low + high) / 2 - at))
    for text, at, row, side in notes:
        shift, beside = ((4, 0), "left") if side > 0 else ((-4, 0), "right")
        axis.annotate(
            text.replace("-", "\N{MINUS SIGN}"),
            (at, row),
            shift,
            textcoords="offset points",
            ha=beside,
            va="center",
            fontsize=SMALL,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.8},
        )
    axis.set_yticks(rows, labels)
    axis.tick_params(axis="y", length=0)
    axis.set(xlabel="log-odds", xlim=(low - room, high + room), ylim=(rows[-1] - 1.2, 1.2))
    return figure


def _strongest(shap_values):
    """Return the places of the features that move the predictions most, the first most."""
    moved = np.abs(shap_values).mean(axis=0).sum(axis=1)
    return np.argsort(-moved, kind="stable")[:MAX_COLUMNS]


def _as_text(value):
    return str(value) if isinstance(value, str) else in_short(value)


def _dot_colours(column):
    """Return the colours of a column's values, from its 5th to its 95th percentile."""
    if not hasattr(column, "cat"):
        values = column.to_numpy(dtype=float)
        return LOW_HIGH(Normalize(*np.nanpercentile(values, (5, 95)), clip=True)(values))
    if len(column.cat.categories) > 2:
        return [NEUTRAL] * len(column)
    return LOW_HIGH(column.cat.codes.to_numpy(dtype=float))


def _draw_swarms(axis, values, colours):
    axis.axvline(0, color="black", linewidth=0.7, zorder=0)
    for row, (dots, colour) in enumerate(zip(values.T, colours, strict=True)):
        axis.scatter(
            dots, _spread(dots) - row, c=colour, s=3, linewidths=0, rasterized=True, zorder=2
        )
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.set_ylim(0.6 - len(colours), 0.6)
    axis.locator_params(axis="x", nbins=5)


def _spread(dots):
    """Return heights for a row of dots: the more of them in a part of it, the wider."""
    part = np.digitize(dots, np.linspace(dots.min(), dots.max() + 1e-12, N_PARTS))
    heights = np.zeros(len(dots))
    most = np.bincount(part).max()
    for some in np.unique(part):
        own = np.flatnonzero(part == some)
        # In turn above and below, so that the first dots are nearest to the line.
        steps = (np.arange(len(own)) + 1) // 2 * np.where(np.arange(len(own)) % 2, 1, -1)
        heights[own] = 0.8 * steps / max(most, 12)
    return heights


def _draw_key(part):
    axis = part.add_axes((0.1, 0.62, 0.16, 0.14))
    axis.imshow(np.linspace(0, 1, 100)[None], cmap=LOW_HIGH, aspect="auto")
    axis.set_axis_off()
    where = {"va": "center", "fontsize": SMALL}
    part.text(0.09, 0.69, "low", ha="right", **where)
    part.text(0.27, 0.69, "high number; of two categories: first and second by alphabet", **where)
    part.text(0.09, 0.25, "●", ha="right", color=NEUTRAL, **where)
    part.text(0.105, 0.25, "three or more categories, without an order", **where)
