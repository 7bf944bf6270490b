"""What changed from then to now, as pictures: the sizes of segments, and who moved."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from sklearn.isotonic import isotonic_regression

from segmentation.change import LOST, NEW
from segmentation.figures import NEUTRAL, PALETTE, SMALL, WIDTH, in_lines, segment_colours

#: Inches from the left: the flows, between labels on both sides, and the whole.
LEFT, RIGHT, WHOLE = 2.55, 5.05, 7.6
#: Inches above the flows, for the headings, and below them.
ABOVE, BELOW = 0.5, 0.1
#: Inches of height that a segment has on average, at the least, and all of them together.
ROW, LEAST_HEIGHT = 0.5, 2.5
#: Inches of the bar that stands for a segment, and between two of them.
BAR, GAP = 0.09, 0.12
#: Inches from a bar to its label, and of the height of a label.
LEADER, LABEL = 0.3, 0.33
#: Characters in each of the two lines of a label.
LINE = 31
FONT_SIZE = 8.5


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
        row.name if row.name == "outliers" else in_lines(f"{row.name}. {row['name']}", 30)
        for _, row in shown.iterrows()
    ]
    figure, axis = plt.subplots(figsize=(WIDTH, 0.45 * len(shown) + 0.9), layout="constrained")
    rows = np.arange(len(shown))
    for offset, when, colour in ((0.2, "then", NEUTRAL), (-0.2, "now", PALETTE[0])):
        axis.barh(rows + offset, shown[when], height=0.38, color=colour, label=when)
        for row, share in zip(rows, shown[when], strict=True):
            axis.text(share, row + offset, f" {share:.1%}", va="center", fontsize=SMALL)
    axis.set_yticks(rows, labels)
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.margins(x=0.12)
    axis.set_xlabel("share of the customers")
    figure.legend(loc="outside upper right", ncols=2)
    return figure


def alluvial(moves, names=None):
    """Draw the moves of customers between segments: left then, right now.

    Parameters
    ----------
    moves : DataFrame
        As `segmentation.change.moves` gives it.
    names : dict of int to str, optional
        Names of segments, to go after their numbers.

    Returns
    -------
    matplotlib Figure
        Heights are customers. A flow has the colour of the segment then; who is new, and who is
        lost, is grey.
    """
    counts = moves["customers"].unstack(fill_value=0, sort=False)
    counts = counts.loc[counts.any(axis=1), counts.any()]
    then, now = counts.sum(axis=1), counts.sum()
    n_rows = max(len(then), len(now))
    height = max(LEAST_HEIGHT, ROW * n_rows)
    figure = plt.figure(figsize=(WHOLE, BELOW + height + ABOVE))
    # In inches, as the text is.
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, WHOLE), ylim=(-BELOW, height + ABOVE))
    axis.axis("off")
    scale = (height - GAP * (n_rows - 1)) / then.sum()
    last = max(key for key in {*then.index, *now.index} - {NEW, LOST})
    colours = dict(enumerate(segment_colours(last), start=1))
    tops = [_tops(side * scale, height) for side in (then, now)]
    _draw_flows(axis, counts * scale, tops, colours)
    headings = f"Then: {then.sum() - then.get(NEW, 0):,}", f"Now: {now.sum() - now.get(LOST, 0):,}"
    for side, top, x, outwards, heading in zip(
        (then, now), tops, (LEFT, RIGHT), (-1, 1), headings, strict=True
    ):
        bars = axis.bar(x, side * scale, BAR * outwards, top - side * scale, align="edge")
        for bar, key in zip(bars, side.index, strict=True):
            bar.set_color(colours.get(key, NEUTRAL))
        texts = [_label(key, n, names or {}) for key, n in side.items()]
        _draw_labels(axis, texts, top - side * scale / 2, height, x, outwards)
        where = {"ha": "left" if outwards > 0 else "right", "va": "center", "fontsize": 10}
        axis.text(x, height + ABOVE / 2, f"{heading} customers", **where)
    return figure


def _tops(heights, height):
    """Return the upper ends of bars under each other, in the middle of the height."""
    taken = heights.sum() + GAP * (len(heights) - 1)
    above = heights.cumsum() - heights + GAP * np.arange(len(heights))
    return (height + taken) / 2 - above


def _draw_flows(axis, heights, tops, colours):
    """Draw a flow for each move, from bar to bar, in the order of the bars at either end."""
    then, now = (side.copy() for side in tops)
    middle = (LEFT + RIGHT) / 2
    for (origin, end), thick in heights.stack().items():
        left, right = then[origin], now[end]
        upper = [(LEFT, left), (middle, left), (middle, right), (RIGHT, right)]
        lower = [(x, y - thick) for x, y in reversed(upper)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
        colour = NEUTRAL if end == LOST else colours.get(origin, NEUTRAL)
        shape = PathPatch(Path(upper + lower, codes), color=colour, alpha=0.55, linewidth=0)
        axis.add_patch(shape)
        then[origin] -= thick
        now[end] -= thick


def _draw_labels(axis, texts, centres, height, x, outwards):
    """Write a label beside each bar, moved where labels would overlap, with a line to the bar."""
    # From the lowest up: the places nearest to the bars, by least squares, that are far enough
    # from each other.
    steps = LABEL * (np.arange(len(texts)) + 0.5)
    wanted = centres.to_numpy()[::-1] - steps
    places = steps + isotonic_regression(wanted, y_min=0, y_max=height - LABEL * len(texts))
    for text, centre, place in zip(texts, centres, places[::-1], strict=True):
        ends = x + outwards * (BAR + LEADER * np.array([0.1, 0.25, 0.75, 0.9]))
        axis.plot(ends, [centre, centre, place, place], color=NEUTRAL, linewidth=0.7)
        axis.text(
            x + outwards * (BAR + LEADER),
            place,
            text,
            ha="left" if outwards > 0 else "right",
            va="center",
            fontsize=FONT_SIZE,
            linespacing=1.1,
        )


def _label(key, n, names):
    """Return the number and the name of a segment and its customers, in two lines at most."""
    name = f"{key}. {names[key]}" if key in names else str(key)
    size = f" ({n:,})"
    lines = textwrap.wrap(name + size, LINE)
    if len(lines) > 2:
        first, *rest = textwrap.wrap(name, LINE)
        shortened = textwrap.shorten(" ".join(rest), LINE - len(size), placeholder="…")
        lines = [first, shortened + size]
    return "\n".join(lines)
