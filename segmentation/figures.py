"""One look for every figure: palette, saving, and the plots that more than one notebook draws."""

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go

# Okabe and Ito's colours (2008), told apart by colour-blind readers, with a dark grey in place
# of their yellow, which is lost on white; then darker ones for more than seven segments.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#333333",
    "#56B4E9",
    "#D55E00",
    "#8C6D31",
    "#5E3C99",
    "#7F9A00",
)
NEUTRAL = "#9A9A9A"

TSNE_AXES = ("t-SNE 1", "t-SNE 2", "t-SNE 3")

#: Points in an interactive figure: more make the page heavy and the picture no clearer.
MAX_POINTS = 4_000

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    # Names of columns and categories are text, dollars and all.
    "text.parse_math": False,
}

#: Categories in a bar chart of them: more are not read.
MAX_BARS = 40


def use_style():
    """Set the look of matplotlib figures; once per notebook, after the imports."""
    plt.rcdefaults()
    plt.rcParams.update(STYLE)


def segment_colours(n_segments):
    """Return one colour per segment, the same in every figure."""
    return [PALETTE[i % len(PALETTE)] for i in range(n_segments)]


def removed_by_category(shares, quota):
    """Draw the share of each category that an outlier detector removes.

    Parameters
    ----------
    shares : DataFrame
        As `segmentation.profiles.removed_shares` gives it; the 40 highest shares are drawn.
    quota : float
        The share removed of all customers, drawn as a dashed line.

    Returns
    -------
    matplotlib Figure
    """
    shares = shares.iloc[:MAX_BARS][::-1]
    labels = [f"{column}: {category}" for column, category in shares.index]
    figure, axis = plt.subplots(figsize=(6, 0.19 * len(shares) + 0.8), layout="tight")
    over, largest = shares["removed"] > quota, max(shares["removed"].max(), quota)
    axis.barh(labels, shares["removed"], color=np.where(over, PALETTE[6], NEUTRAL), height=0.7)
    for y, (share, size) in enumerate(zip(shares["removed"], shares["customers"], strict=True)):
        axis.text(
            max(share, quota) + 0.01 * largest,
            y,
            f"{share:.0%} of {size:,}",
            va="center",
            fontsize=7,
        )
    axis.axvline(quota, color="black", linestyle="--", linewidth=0.9)
    axis.set(xlim=(0, 1.18 * largest), xlabel="share removed")
    axis.set_xticks([tick for tick in axis.get_xticks() if tick <= largest])
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.tick_params(axis="y", labelsize=7, length=0)
    axis.margins(y=0.01)
    return figure


def scatter(axis, points, segments, title, axis_labels, *, alpha=0.35):
    """Draw customers in two dimensions, one colour per segment, in random order.

    Parameters
    ----------
    axis : matplotlib Axes
    points : array of shape (n_customers, 2)
    segments : array of int, shape (n_customers,)
        From 1 on.
    title : str
    axis_labels : sequence of two str
        What the two dimensions are.
    alpha : float, optional
        Opacity of a point; low, so that dense places show.
    """
    colours = np.array(segment_colours(segments.max()))
    # In the order of the segments, the last one drawn would cover the others.
    order = np.random.default_rng(0).permutation(len(points))
    axis.scatter(
        *points[order].T[:2],
        c=colours[segments[order] - 1],
        s=2,
        alpha=alpha,
        linewidths=0,
        rasterized=True,
    )
    axis.set(title=title, xlabel=axis_labels[0], ylabel=axis_labels[1])
    axis.tick_params(labelsize=7)


def pca_and_tsne(projected, segments, components, drawn_map):
    """Draw all customers on two principal components, and a t-SNE map of some.

    Parameters
    ----------
    projected : array of shape (n_customers, n_components)
    segments : array of int, shape (n_customers,)
    components : sequence of str
        What the components are.
    drawn_map : Map
        As `segmentation.maps.draw_map` gives it.

    Returns
    -------
    matplotlib Figure
    """
    pca = projected, segments, f"PCA, {len(projected):,} customers", components
    return draw_maps([pca, tsne_panel(drawn_map)])


def tsne_panel(drawn_map):
    """Return what `draw_maps` needs to know of a t-SNE map."""
    title = f"t-SNE, {len(drawn_map.points):,} customers"
    return drawn_map.points, drawn_map.segments, title, TSNE_AXES


def draw_maps(panels):
    """Draw maps of customers side by side, with one legend of the segments.

    Parameters
    ----------
    panels : sequence of (points, segments, title, axis_labels)
        As `scatter` takes them.

    Returns
    -------
    matplotlib Figure
    """
    size = (9, 4.6) if len(panels) > 1 else (5.6, 5)
    figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        scatter(axis, *panel)
    segment_legend(figure, max(segments.max() for _, segments, *_ in panels))
    return figure


def segment_legend(figure, n_segments):
    """Put one legend of the segments' colours below a figure."""
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=colour, label=f"segment {i}")
        for i, colour in enumerate(segment_colours(n_segments), start=1)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(n_segments, 6))


def scatter_3d(points, segments, title, axis_labels, *, opacity=0.5, seed=0):
    """Draw customers in three dimensions, to be turned, one colour per segment.

    Parameters
    ----------
    points : array of shape (n_customers, 3)
    segments : array of int, shape (n_customers,)
        From 1 on.
    title : str
    axis_labels : sequence of three str
        What the dimensions are.
    opacity : float, optional
        Opacity of a point.
    seed : int, optional
        For the draw of 4,000 customers, where there are more.

    Returns
    -------
    plotly Figure
    """
    of_all = ""
    if len(points) > MAX_POINTS:
        of_all = f" of {len(points):,}"
        drawn = np.random.default_rng(seed).choice(len(points), MAX_POINTS, replace=False)
        points, segments = points[drawn], segments[drawn]
    title = f"{title}, {len(points):,}{of_all} customers"
    figure = go.Figure()
    for i, colour in enumerate(segment_colours(segments.max()), start=1):
        x, y, z = points[segments == i].T.astype("float32")
        marker = {"size": 2.5, "color": colour, "opacity": opacity}
        figure.add_scatter3d(x=x, y=y, z=z, mode="markers", name=f"segment {i}", marker=marker)
    axes = dict(zip(("xaxis_title", "yaxis_title", "zaxis_title"), axis_labels, strict=True))
    figure.update_layout(
        title={"text": title, "font_size": 14},
        scene=axes,
        template="plotly_white",
        scene_camera={"eye": {"x": 1.6, "y": 1.6, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.2}},
        legend={"itemsizing": "constant", "x": 0, "y": 0.98},
        width=560,
        height=480,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
    )
    return figure


def drift_bars(table):
    """Draw the shares of segments, and of outliers, then and now.

    Parameters
    ----------
    table : DataFrame
        As `segmentation.segmenter.drift` gives it.

    Returns
    -------
    matplotlib Figure
    """
    shown = table.drop("all").iloc[::-1]
    labels = [
        row.name if row.name == "outliers" else f"{row.name}. {row['name']}"
        for _, row in shown.iterrows()
    ]
    figure, axis = plt.subplots(figsize=(7, 0.5 * len(shown) + 1.2), layout="constrained")
    rows = np.arange(len(shown))
    for offset, when, colour in ((0.2, "then", NEUTRAL), (-0.2, "now", PALETTE[0])):
        axis.barh(rows + offset, shown[when], height=0.38, color=colour, label=when)
        for row, share in zip(rows, shown[when], strict=True):
            axis.text(share, row + offset, f" {share:.1%}", va="center", fontsize=7)
    axis.set_yticks(rows, labels)
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.margins(x=0.12)
    axis.set_title(f"Shares then and now: population stability index {table.loc['all', 'psi']:.3f}")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
