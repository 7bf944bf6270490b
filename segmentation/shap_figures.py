"""SHAP values as figures, in the palette of the others."""

import textwrap
import warnings
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import shap

from segmentation.figures import segment_colours


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
    """
    n_segments = shap_values.shape[2]
    colours = segment_colours(n_segments)
    # shap draws into the current figure.
    figure = plt.figure(figsize=(6, 3 + 0.2 * n_segments))
    shap.summary_plot(
        [shap_values[:, :, i] for i in range(n_segments)],
        feature_names=list(features.columns),
        plot_type="bar",
        class_names=[f"{segment}. {name}" for segment, name in names.items()],
        class_inds="original",
        color=lambda i: colours[i],
        plot_size=None,
        rng=np.random.default_rng(0),
        show=False,
    )
    axis = figure.axes[0]
    axis.set_xlabel("mean |SHAP value| (log-odds), stacked by segment", fontsize=9)
    axis.tick_params(labelsize=9)
    handles, labels = axis.get_legend_handles_labels()
    axis.get_legend().remove()
    figure.set_layout_engine("constrained")
    figure.legend(handles, labels, loc="outside lower left", fontsize=8)
    return figure


@contextmanager
def _seeded(seed):
    """Seed NumPy's global generator, which shap spreads dots by, and leave it as it was."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


@_seeded(0)
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
    """
    values = np.column_stack([_colour_values(features[name]) for name in features])
    n_segments = shap_values.shape[2]
    n_columns = 3
    n_rows = -(-n_segments // n_columns)
    height = 0.24 * features.shape[1] + 0.7
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(9, height * n_rows), squeeze=False, layout="constrained"
    )
    for i, axis in enumerate(axes.flat):
        if i >= n_segments:
            axis.set_axis_off()
            continue
        explanation = shap.Explanation(
            shap_values[:, :, i], data=values, feature_names=list(features.columns)
        )
        with warnings.catch_warnings():
            # shap takes percentiles of the colours, and a grey column has none.
            warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
            shap.plots.beeswarm(
                explanation,
                max_display=features.shape[1],
                ax=axis,
                plot_size=None,
                color_bar=False,
                s=3,
                show=False,
            )
        axis.set_title(
            textwrap.fill(f"{i + 1}. {names.iloc[i]}", 30, break_on_hyphens=False), fontsize=9
        )
        axis.set_xlabel("SHAP value (log-odds)" if i + n_columns >= n_segments else "", fontsize=8)
        axis.tick_params(labelsize=8)
    return figure


def _colour_values(column):
    if not hasattr(column, "cat"):
        return column.to_numpy(dtype=float)
    if len(column.cat.categories) > 2:
        return np.full(len(column), np.nan)
    return column.cat.codes.to_numpy(dtype=float)
