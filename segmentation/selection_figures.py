"""How many segments: elbow, silhouettes, and what tables without groups give."""

import matplotlib.pyplot as plt
import numpy as np

from segmentation import figures
from segmentation.profiles import order_by_size


def silhouette_knives(samples, labelings):
    """Draw one silhouette plot (Rousseeuw 1987) per labeling, side by side.

    Parameters
    ----------
    samples : array of shape (n_labelings, n_customers)
        Silhouette of each customer, as `segmentation.silhouette.silhouette_samples` gives it.
    labelings : array of int, shape (n_labelings, n_customers)

    Returns
    -------
    matplotlib Figure
    """
    n_columns = 4
    n_rows = -(-len(labelings) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(8, 2.3 * n_rows), sharex=True, squeeze=False, layout="tight"
    )
    figure.get_layout_engine().set(w_pad=1.5)  # Else the last tick touches the next first.
    for axis, values, labels in zip(axes.flat, samples, labelings, strict=False):
        _knives(axis, values, labels)
    for axis in axes.flat[len(labelings) :]:
        axis.set_axis_off()
    for axis in axes.flat[max(0, len(labelings) - n_columns) : len(labelings)]:
        # The lowest of its column: without this, only those of the last row have ticks.
        axis.tick_params(labelbottom=True, labelsize=8)
        axis.set_xlabel("silhouette")
    axes[0, 0].set_xlim(min(-0.2, np.quantile(samples, 0.001)), np.quantile(samples, 0.999) + 0.05)
    return figure


def _knives(axis, values, labels):
    base, gap = 0, 0.02 * len(values)
    labels = order_by_size(labels)
    clusters = np.unique(labels)
    for colour, cluster in zip(figures.segment_colours(len(clusters)), clusters, strict=True):
        knife = np.sort(values[labels == cluster])
        # More points than pixels make the file heavy and the picture no better.
        thin = knife[np.linspace(0, len(knife) - 1, min(len(knife), 300)).astype(int)]
        heights = np.linspace(base, base + len(knife), len(thin))
        axis.fill_betweenx(heights, 0, thin, color=colour, linewidth=0)
        base += len(knife) + gap
    mean = values.mean()
    axis.axvline(mean, color="black", linestyle="--", linewidth=0.9)
    axis.set_title(f"k = {len(clusters)}: mean {mean:.3f}")
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)


def elbow(found):
    """Draw the distortion over the number of segments, and where its elbow lies.

    Parameters
    ----------
    found : Elbow
        As `segmentation.selection.find_elbow` gives it.

    Returns
    -------
    matplotlib Figure
    """
    figure, axis = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    axis.plot(found.ks, found.distortions, marker="o", color=figures.PALETTE[0])
    axis.set(xticks=found.ks, xlabel="number of segments k", ylabel="distortion")
    axis.set_ylim(0, 1.08 * max(found.distortions))
    axis.yaxis.set_major_formatter("{x:,.0f}")
    if found.k:
        at = found.ks.index(found.k)
        axis.axvline(found.k, color=figures.NEUTRAL, linestyle="--", zorder=0)
        label = f"elbow at k = {found.k}"
        axis.annotate(label, (found.k, found.distortions[at]), (6, 8), textcoords="offset points")
    return figure


def against_twins(suggestion):
    """Draw the silhouettes of a table, and the fall of its dispersion, against its twins'.

    Parameters
    ----------
    suggestion : Suggestion
        As `segmentation.evaluation.suggest_k` gives it.

    Returns
    -------
    matplotlib Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    silhouettes, gap = suggestion.silhouettes, suggestion.gap
    real, twins = silhouettes.iloc[0], silhouettes.iloc[1:]
    left.fill_between(
        real.index,
        twins.min(),
        twins.max(),
        color="#DDDDDD",
        linewidth=0,
        label=f"{len(twins)} tables without groups",
    )
    left.plot(real.index, real, marker="o", color=figures.PALETTE[0], label="these customers")
    left.set(title="Better separated than without groups?", ylabel="silhouette")
    left.margins(y=0.25)
    left.legend(loc="upper right", fontsize=8)
    right.errorbar(
        gap.index, gap["gap"], gap["error"], marker="o", capsize=3, color=figures.PALETTE[0]
    )
    right.axhline(0, color="black", linestyle="--", linewidth=0.8)
    right.set(title="How many? Where this stops rising", ylabel="tighter than without groups (log)")
    if suggestion.k > 1:
        right.axvline(suggestion.k, color=figures.NEUTRAL, linestyle="--", zorder=0)
    for axis, ks in ((left, real.index), (right, gap.index)):
        axis.set(xticks=ks, xlabel="number of segments k")
    return figure
