"""How many segments: elbow, silhouettes, and what tables without groups give."""

import matplotlib.pyplot as plt
import numpy as np

from segmentation import figures
from segmentation.profiles import order_by_size

#: Silhouette plots beside each other.
MAX_KNIVES = 5


def silhouette_knives(samples, labelings, k=None):
    """Draw the mean silhouette over k and, for five k, a silhouette plot (Rousseeuw 1987).

    The five are the k that is kept and its neighbours: two on either side, or as many more on the
    one side as are lacking on the other.

    Parameters
    ----------
    samples : array of shape (n_labelings, n_customers)
        Silhouette of each customer, as `segmentation.silhouette.silhouette_samples` gives it.
    labelings : array of int, shape (n_labelings, n_customers)
        One labeling per k, in increasing order of k.
    k : int, optional
        The k that is kept, or nearest to it; None: the one with the highest mean.

    Returns
    -------
    matplotlib Figure
        A blade per segment, the largest at the bottom; means are dashed.
    """
    ks, means = np.array([len(np.unique(labels)) for labels in labelings]), np.mean(samples, axis=1)
    kept = int(means.argmax() if k is None else np.abs(ks - k).argmin())
    n_drawn = min(MAX_KNIVES, len(ks))
    first = min(max(kept - n_drawn // 2, 0), len(ks) - n_drawn)
    figure = plt.figure(figsize=(figures.WIDTH, 4.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 3))
    _mean_silhouettes(above.subplots(), ks, means, kept)
    axes = below.subplots(1, n_drawn, sharex=True, squeeze=False)[0]
    for axis, i in zip(axes, range(first, first + n_drawn), strict=True):
        _knives(axis, samples[i], labelings[i])
        axis.set_title(f"k = {ks[i]}", weight="bold" if i == kept else "normal")
    drawn = np.array(samples[first : first + n_drawn])
    axes[0].set_xlim(min(-0.2, np.quantile(drawn, 0.001)), np.quantile(drawn, 0.999) + 0.05)
    below.supxlabel("silhouette of a customer", fontsize=9)
    return figure


def _mean_silhouettes(axis, ks, means, kept):
    axis.plot(ks, means, marker="o", color=figures.NEUTRAL)
    axis.plot(ks[kept], means[kept], "o", color=figures.PALETTE[0], markersize=9)
    where = {"textcoords": "offset points", "ha": "center", "color": figures.PALETTE[0]}
    axis.annotate(f"k = {ks[kept]}", (ks[kept], means[kept]), (0, 9), weight="bold", **where)
    axis.set(xticks=ks, xlabel="number of segments k", ylabel="mean silhouette")
    axis.set_ylim(min(0, 1.1 * means.min()), 1.35 * max(means.max(), 0.01))


def _knives(axis, values, labels):
    base, gap, middles = 0, 0.03 * len(values), {}
    labels = order_by_size(labels)
    clusters = np.unique(labels)
    for colour, cluster in zip(figures.segment_colours(len(clusters)), clusters, strict=True):
        knife = np.sort(values[labels == cluster])
        # More points than pixels make the file heavy and the picture no better.
        thin = knife[np.linspace(0, len(knife) - 1, min(len(knife), 300)).astype(int)]
        heights = np.linspace(base, base + len(knife), len(thin))
        axis.fill_betweenx(heights, 0, thin, color=colour, linewidth=0)
        middles[base + len(knife) / 2] = len(middles) + 1
        base += len(knife) + gap
    axis.axvline(values.mean(), color="black", linestyle="--", linewidth=0.9)
    axis.axvline(0, color="black", linewidth=0.5)
    # The numbers of blades too thin for one would lie on each other.
    heights = np.array(list(middles))
    room = np.diff(heights, prepend=-np.inf) > 0.06 * base
    axis.set_yticks(heights[room], np.array(list(middles.values()))[room])
    axis.tick_params(axis="y", length=0)
    axis.locator_params(axis="x", nbins=3)
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
    figure, axis = plt.subplots(figsize=(figures.WIDTH, 3), layout="constrained")
    axis.plot(found.ks, found.distortions, marker="o", color=figures.NEUTRAL)
    axis.set(xticks=found.ks, xlabel="number of segments k", ylabel="distortion")
    axis.set_ylim(0, 1.08 * max(found.distortions))
    axis.yaxis.set_major_formatter("{x:,.0f}" if axis.get_ylim()[1] > 10 else "{x:g}")
    if found.k:
        at = found.k, found.distortions[found.ks.index(found.k)]
        axis.plot(*at, "o", color=figures.PALETTE[0], markersize=9)
        axis.plot([found.k] * 2, [0, at[1]], "--", color=figures.PALETTE[0], zorder=0)
        where = {"textcoords": "offset points", "color": figures.PALETTE[0], "weight": "bold"}
        axis.annotate(f"elbow: k = {found.k}", at, (5, 8), **where)
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
    figure, (left, right) = plt.subplots(1, 2, figsize=(figures.WIDTH, 3.1), layout="constrained")
    silhouettes, gap = suggestion.silhouettes, suggestion.gap
    real, twins = silhouettes.iloc[0], silhouettes.iloc[1:]
    without = f"{len(twins)} tables without groups"
    left.fill_between(
        real.index, twins.min(), twins.max(), color=figures.FAINT, linewidth=0, label=without
    )
    left.plot(real.index, real, marker="o", color=figures.PALETTE[0], label="these customers")
    left.set_ylabel("mean silhouette")
    right.errorbar(
        gap.index,
        gap["gap"],
        gap["error"],
        marker="o",
        capsize=3,
        color=figures.PALETTE[0],
        label="these customers, ± standard error",
    )
    right.axhline(
        0, color=figures.FAINT, linewidth=6, zorder=0, label=f"mean of the {len(twins)} tables"
    )
    right.set_ylabel("tighter than\nwithout groups (log)")
    if suggestion.k > 1:
        label = f"suggested: k = {suggestion.k}"
        right.axvline(suggestion.k, color="black", linestyle="--", linewidth=0.9, label=label)
    for axis, ks in ((left, real.index), (right, gap.index)):
        axis.set(xticks=ks, xlabel="number of segments k")
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return figure
