"""One look for every figure: palette, names, saving, and plots that several notebooks draw."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap

# The hues of Okabe and Ito (2008), which colour-blind readers tell apart, with a dark grey in
# place of their yellow, which is lost on white, and their lightness spread so that the first six
# differ in a grey print too; then darker ones for more than seven segments.
PALETTE = (
    "#005C9E",
    "#F0AE2E",
    "#00906A",
    "#D487B5",
    "#222222",
    "#97D2F4",
    "#BF4A00",
    "#735A1E",
    "#8461B8",
    "#B4C45C",
)
NEUTRAL = "#9A9A9A"
#: Behind what is drawn: bands, grids.
FAINT = "#DDDDDD"

#: From low to high, as light to dark as from blue to red.
LOW_HIGH = LinearSegmentedColormap.from_list("low to high", ("#6DB8EE", "#8E7FB0", "#9E1B2E"))
#: From below to above, and white where there is no difference.
BELOW_ABOVE = LinearSegmentedColormap.from_list(
    "below to above", ("#00457A", "#2F86C1", "#F6F6F6", "#D6604D", "#8C1220")
)

#: Inches; a notebook shows no more of a figure at its full size.
WIDTH = 6.4
#: Points; the least that is read.
SMALL = 8
#: Characters in a line of small text, and inches of its height.
PER_INCH, LINE = 16, 0.14

TSNE_AXES = ("t-SNE 1", "t-SNE 2", "t-SNE 3")

#: Cells of a map along each side, of which one has the number of a segment.
N_CELLS = 14
#: Customers in a map, and in a figure that can be turned: more hide each other.
MAX_POINTS, MAX_POINTS_3D = 5_000, 1_500

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "font.size": 9,
    "axes.titlesize": 10,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    # Names of columns and categories are text, dollars and all.
    "text.parse_math": False,
}

#: Categories in a bar chart of them: more are not read.
MAX_BARS = 25


def use_style():
    """Set the look of matplotlib figures; once per notebook, after the imports."""
    plt.rcdefaults()
    plt.rcParams.update(STYLE)


def segment_colours(n_segments):
    """Return one colour per segment, the same in every figure."""
    return [PALETTE[i % len(PALETTE)] for i in range(n_segments)]


def in_lines(text, width, n_lines=2):
    """Break a text into even lines of some characters, and cut what is left with an ellipsis."""
    lines = textwrap.wrap(
        str(text), width, max_lines=n_lines, placeholder="…", break_on_hyphens=False
    )
    for narrower in range(width - 1, 0, -1):
        even = textwrap.wrap(str(text), narrower, break_on_hyphens=False, break_long_words=False)
        if len(even) > len(lines) or max(map(len, even), default=0) > narrower:
            break
        lines = even
    return "\n".join(lines)


def numbered(names, width, n_lines=2):
    """Return the numbers and names of segments, broken into lines.

    Parameters
    ----------
    names : Series of str, indexed by segment
    width : int
        Characters in a line.
    n_lines : int, optional
        Lines at most.

    Returns
    -------
    list of str
    """
    return [in_lines(f"{segment}. {name}", width, n_lines) for segment, name in names.items()]


def removed_by_category(shares, quota):
    """Draw the share of each category that an outlier detector removes.

    Parameters
    ----------
    shares : DataFrame
        As `segmentation.profiles.removed_shares` gives it; the 25 highest shares are drawn.
    quota : float
        The share removed of all customers, drawn as a dashed line.

    Returns
    -------
    matplotlib Figure
        Darker are the categories of which more than the quota is removed.
    """
    shares = shares.iloc[:MAX_BARS][::-1]
    labels = [in_lines(f"{column}: {category}", 34, 1) for column, category in shares.index]
    figure, axis = plt.subplots(figsize=(WIDTH, 0.19 * len(shares) + 1), layout="constrained")
    over, largest = shares["removed"] > quota, max(shares["removed"].max(), quota)
    rows = np.arange(len(shares))
    axis.barh(rows, shares["removed"], color=np.where(over, PALETTE[6], NEUTRAL), height=0.7)
    for row, (share, size) in enumerate(zip(shares["removed"], shares["customers"], strict=True)):
        # On the line, the text would be struck through.
        beside = quota if share < quota < share + 0.25 * largest else share
        text = f"{share:.0%} of {size:,}"
        axis.text(beside + 0.01 * largest, row, text, va="center", fontsize=SMALL)
    axis.axvline(quota, color="black", linestyle="--", linewidth=0.9)
    axis.annotate(
        f"all customers: {quota:.0%}",
        (quota, 1),
        (0, 2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left",
        fontsize=SMALL,
    )
    axis.set_yticks(rows, labels)
    axis.set(xlim=(0, 1.25 * largest), xlabel="share removed")
    axis.set_xticks([tick for tick in axis.get_xticks() if tick <= largest])
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.tick_params(axis="y", length=0)
    axis.margins(y=0.01)
    return figure


def scatter(axis, points, segments, title, axis_labels, *, alpha=0.5):
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
        s=3,
        alpha=alpha,
        linewidths=0,
        rasterized=True,
    )
    axis.set_title(title)
    # The places of customers beside each other say something, the values do not.
    axis.set(xlabel=axis_labels[0], ylabel=axis_labels[1], xticks=[], yticks=[])


def mark_segments(axis, points, segments):
    """Write the number of each segment where it most outnumbers the others on a map.

    Parameters
    ----------
    axis : matplotlib Axes
        With the map, as `scatter` draws it.
    points : array of shape (n_customers, 2)
    segments : array of int, shape (n_customers,)
        From 1 on.
    """
    ends = zip(points[:, :2].min(axis=0), points[:, :2].max(axis=0), strict=True)
    edges = [np.linspace(low, high + 1e-9, N_CELLS + 1) for low, high in ends]
    everybody = np.histogram2d(*points[:, :2].T, edges)[0]
    taken = np.zeros_like(everybody)
    for segment in np.unique(segments):
        own = np.histogram2d(*points[segments == segment, :2].T, edges)[0]
        lead = np.where(own > 0, 2 * own - everybody - len(points) * taken, -np.inf)
        row, column = np.unravel_index(lead.argmax(), lead.shape)
        # Numbers in neighbouring cells would lie on each other.
        taken[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 2
        place = edges[0][row : row + 2].mean(), edges[1][column : column + 2].mean()
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "linewidth": 1.6}
        box["edgecolor"] = segment_colours(segment)[-1]
        axis.annotate(
            str(segment), place, ha="center", va="center", fontsize=SMALL, weight="bold", bbox=box
        )


def pca_and_tsne(projected, segments, components, drawn_map, names):
    """Draw customers on two principal components, and a t-SNE map.

    Parameters
    ----------
    projected : array of shape (n_customers, n_components)
    segments : array of int, shape (n_customers,)
    components : sequence of str
        What the components are.
    drawn_map : Map
        As `segmentation.maps.draw_map` gives it.
    names : Series of str, indexed by segment

    Returns
    -------
    matplotlib Figure
    """
    return draw_maps([(projected, segments, "PCA", components), tsne_panel(drawn_map)], names)


def tsne_panel(drawn_map):
    """Return what `draw_maps` needs to know of a t-SNE map."""
    return drawn_map.points, drawn_map.segments, "t-SNE", TSNE_AXES


def draw_maps(panels, names):
    """Draw up to three maps of customers side by side, with one legend of the segments.

    Parameters
    ----------
    panels : sequence of (points, segments, title, axis_labels)
        As `scatter` takes them; of more than 5,000 customers, 5,000 are drawn.
    names : Series of str, indexed by segment

    Returns
    -------
    matplotlib Figure
        The number of a segment stands where it most outnumbers the others.
    """
    n_columns = min(len(names), 2)
    below = LINE * sum(text.count("\n") + 1.3 for text in _legend_texts(names)) / n_columns + 0.3
    size = WIDTH, {1: 4.8, 2: 3.3}.get(len(panels), 2.5) + below
    figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=True):
        _draw_map(axis, *panel)
    segment_legend(figure, names)
    return figure


def draw_methods(labelings, points, axis_labels):
    """Draw up to three segmentations of the same customers side by side, each with its legend.

    Parameters
    ----------
    labelings : dict of str to (array of int, Series of str)
        By the name of its method, the segments of the customers and their names.
    points : array of shape (n_customers, 2)
        Where the customers are, in the same coordinates for all; of more than 5,000, 5,000 are
        drawn.
    axis_labels : sequence of two str
        What the two dimensions are.

    Returns
    -------
    matplotlib Figure
    """
    width = int(WIDTH / len(labelings) * PER_INCH) - 5
    texts = {method: numbered(names, width) for method, (_, names) in labelings.items()}
    n_lines = max(sum(text.count("\n") + 1.3 for text in of) for of in texts.values())
    heights = 2.7, LINE * n_lines + 0.2
    figure = plt.figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    # Legends of unlike length in parts of their own, so that the maps are of one height.
    maps, keys = figure.subfigures(2, len(labelings), squeeze=False, height_ratios=heights)
    for part, key, (method, (segments, _)) in zip(maps, keys, labelings.items(), strict=True):
        _draw_map(part.subplots(), points, segments, method, axis_labels)
        key.legend(loc="upper center", borderaxespad=0, **_in_colours(texts[method]))
    return figure


def _draw_map(axis, points, segments, title, axis_labels):
    points, segments, counted = _thinned(points, segments, MAX_POINTS)
    scatter(axis, points, segments, title, axis_labels)
    axis.set_title(f"{title}\n{counted}", fontsize=9)
    mark_segments(axis, points, segments)


def _thinned(points, segments, most, seed=0):
    """Return some customers at most, their segments, and how many of how many they are."""
    n_all = len(points)
    if n_all <= most:
        return points, segments, f"{n_all:,} customers"
    drawn = np.random.default_rng(seed).choice(n_all, most, replace=False)
    return points[drawn], segments[drawn], f"{most:,} of {n_all:,} drawn"


def segment_legend(figure, names):
    """Put one legend of the segments' colours and names below a figure.

    Parameters
    ----------
    figure : matplotlib Figure
        As wide as figures are, and laid out as "constrained".
    names : Series of str, indexed by segment
    """
    shown = _in_colours(_legend_texts(names))
    figure.legend(loc="outside lower center", ncols=min(len(names), 2), **shown)


def _legend_texts(names):
    return numbered(names, int(WIDTH * PER_INCH) // min(len(names), 2) - 6)


def _in_colours(texts):
    """Return what a legend of segments is made of: a dot in the colour of each, and its text."""
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=colour, label=text)
        for colour, text in zip(segment_colours(len(texts)), texts, strict=True)
    ]
    return {"handles": handles, "handletextpad": 0.2, "fontsize": SMALL}


def scatter_3d(points, segments, title, axis_labels, names, *, seed=0):
    """Draw customers in three dimensions, to be turned, one colour per segment.

    The first look is along the direction in which the segments part least: of the scatter of
    their means around the mean of all (each dimension by its range, as it is drawn), the
    eigenvector of the least eigenvalue. Where several part them equally little, as with two
    segments, it is the one in which the customers differ least.

    Parameters
    ----------
    points : array of shape (n_customers, 3)
    segments : array of int, shape (n_customers,)
        From 1 on.
    title : str
    axis_labels : sequence of three str
        What the dimensions are.
    names : Series of str, indexed by segment
    seed : int, optional
        For the draw of 1,500 customers, where there are more.

    Returns
    -------
    plotly Figure
    """
    camera = _camera(points, segments)
    points, segments, counted = _thinned(points, segments, MAX_POINTS_3D, seed)
    figure = go.Figure()
    texts = numbered(names, 80, 1)
    for segment, text, colour in zip(names.index, texts, segment_colours(len(names)), strict=True):
        x, y, z = points[segments == segment].T.astype("float32")
        marker = {"size": 3, "color": colour, "opacity": 0.6}
        figure.add_scatter3d(x=x, y=y, z=z, mode="markers", name=text, marker=marker)
    axes = {
        f"{letter}axis": {"title": {"text": label, "font_size": 12}, "showticklabels": False}
        for letter, label in zip("xyz", axis_labels, strict=True)
    }
    below = 19 * len(names) + 10
    figure.update_layout(
        title={"text": f"{title}, {counted}", "font_size": 13, "x": 0.5},
        scene={**axes, "aspectmode": "cube", "camera": camera},
        template="plotly_white",
        legend={"itemsizing": "constant", "font_size": 12, "x": 0, "y": 0, "yanchor": "top"},
        width=600,
        height=440 + below,
        margin={"l": 0, "r": 0, "t": 36, "b": below},
    )
    return figure


def _camera(points, segments):
    """Return the view of `scatter_3d`, in plotly's terms."""
    scaled = (points - points.mean(axis=0)) / (np.ptp(points, axis=0) + 1e-12)
    kinds, sizes = np.unique(segments, return_counts=True)
    means = np.array([scaled[segments == kind].mean(axis=0) for kind in kinds])
    between = (means * sizes[:, None]).T @ means / len(scaled)
    # A little of the whole scatter, for the ties.
    directions = np.linalg.eigh(between + 1e-3 * np.cov(scaled.T))[1]
    eye = directions[:, 0]
    eye = eye * (np.sign(eye[np.abs(eye).argmax()]) or 1)
    up = np.eye(3)[2 if abs(eye[2]) < 0.9 else 1]
    return {
        name: dict(zip("xyz", way, strict=True)) for name, way in (("eye", 2.1 * eye), ("up", up))
    }
