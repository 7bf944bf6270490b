"""The curves of the page, as numbers that a template makes a vector graphic of."""

from typing import NamedTuple

import numpy as np

#: Of a letter, in units of the drawing; a little more than most system fonts need.
LETTER, LINE = 8.2, 19
#: Of pairs of a point and a place for its label, how many of the best are looked at.
MAX_TRIED = 2_000
#: What it costs a leader to cross a line, in units of its length.
CROSSING = 80
MARGIN = {"left": 58, "right": 14, "top": 16, "bottom": 44}


class Line(NamedTuple):
    """A line to draw: its `label`, the class of its style, and its heights from left to right.

    `stop`, if any, is where from 0 to 1 a dot lies on it.
    """

    label: str
    style: str
    heights: np.ndarray
    stop: float | None = None


class Label(NamedTuple):
    """Where the text of a line begins, at its top, and the leader (x, y, x, y) to it."""

    x: float
    y: float
    leader: tuple


def chart(lines, size):
    """Lay out lines over the interval from 0 to 1, each with its label beside it.

    Parameters
    ----------
    lines : list of Line
    size : tuple of int
        Width and height of the drawing.

    Returns
    -------
    dict
        ``size``, ``frame`` (left, top, right, bottom), ``ticks`` of the vertical axis as pairs of
        value and height, and ``lines``: style, path, label, the `Label`, and the dot or None.
    """
    frame = (
        MARGIN["left"],
        MARGIN["top"],
        size[0] - MARGIN["right"],
        size[1] - MARGIN["bottom"],
    )
    heights = np.concatenate([line.heights for line in lines])
    low, high = min(heights.min(), 0), heights.max()
    high += 0.04 * (high - low or 1)

    def place(height):
        return frame[3] - (np.asarray(height) - low) / (high - low) * (frame[3] - frame[1])

    paths = [
        np.column_stack([np.linspace(frame[0], frame[2], len(line.heights)), place(line.heights)])
        for line in lines
    ]
    labels = _place_labels(paths, [len(line.label) * LETTER for line in lines], frame)
    return {
        "size": size,
        "frame": frame,
        "ticks": [(tick, float(place(tick))) for tick in ticks(low, high)],
        "lines": [
            {
                "style": line.style,
                "path": "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in path),
                "label": line.label,
                "at": at,
                "dot": None if line.stop is None else _along(path, line.stop),
            }
            for line, path, at in zip(lines, paths, labels, strict=True)
        ],
    }


def _along(path, share):
    """Return the point of a line at a share of its way from left to right."""
    places = np.linspace(0, 1, len(path))
    return [float(np.interp(share, places, path[:, i])) for i in (0, 1)]


def ticks(low, high):
    """Return three to six round numbers from `low` to `high`."""
    step = 10 ** np.floor(np.log10((high - low) / 3))
    step *= next(times for times in (5, 2, 1) if (high - low) / (step * times) >= 3 or times == 1)
    first, last = np.ceil(low / step), np.floor(high / step)
    return [float(round(step * i, 10)) for i in np.arange(first, last + 1)]


def _place_labels(paths, widths, frame):
    """Find for each label a free place near its line."""
    paths = [_dense(path) for path in paths]
    placed, labels = [], {}
    # The long ones find a place less easily.
    for i in sorted(range(len(paths)), key=lambda i: -widths[i]):
        corners = _free_places(widths[i], frame, np.concatenate(paths), placed)
        best = _nearest(corners, widths[i], paths[i], paths[:i] + paths[i + 1 :])
        placed.append((best.x, best.y, widths[i]))
        labels[i] = best
    return [labels[i] for i in range(len(paths))]


def _dense(path):
    """Return points of a line that are three units apart."""
    along = np.append(0, np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum())
    places = np.arange(0, along[-1], 3)
    return np.column_stack([np.interp(places, along, path[:, i]) for i in (0, 1)])


def _free_places(width, frame, points, placed):
    """Return the upper left corners of boxes in the frame that hold no point and no other box."""
    xs = np.arange(frame[0] + 4, max(frame[2] - width - 2, frame[0] + 5), 6)
    ys = np.arange(frame[1] + 2, frame[3] - LINE, 4)
    corners = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    x, y = corners[:, :1], corners[:, 1:]
    inside = (points[:, 0] > x - 4) & (points[:, 0] < x + width + 4)
    inside &= (points[:, 1] > y - 3) & (points[:, 1] < y + LINE + 1)
    free = ~inside.any(axis=1)
    for left, top, other in placed:
        apart = (corners[:, 0] > left + other + 6) | (corners[:, 0] + width + 6 < left)
        free &= apart | (np.abs(corners[:, 1] - top) > LINE)
    return corners[free] if free.any() else corners


def _nearest(corners, width, own, others):
    """Return the label nearest to its line, best where that is alone and no leader crosses."""
    own = own[len(own) // 20 : -len(own) // 20 : max(len(own) // 30, 1)]
    ends = np.clip(own[:, None], corners, corners + np.array([width, LINE]))
    costs = np.linalg.norm(ends - own[:, None], axis=2)
    for other in others:
        gaps = np.linalg.norm(own[:, None] - other, axis=2).min(axis=1)
        costs += 30 / np.maximum(gaps[:, None], 1)
    best = np.unravel_index(np.argsort(costs, axis=None, kind="stable")[:MAX_TRIED], costs.shape)
    totals = costs[best] + CROSSING * sum(_meet(own[best[0]], ends[best], one) for one in others)
    point, corner = (at[totals.argmin()] for at in best)
    return Label(*map(float, corners[corner]), (*own[point], *ends[point, corner]))


def _meet(points, ends, other):
    """Whether leaders, from points of a line to places for its label, come upon another line."""
    steps = np.linspace(0.1, 1, 16)[:, None, None]
    along = ends * steps + points * (1 - steps)
    above = along[..., 1] - np.interp(along[..., 0], *other.T)
    return (above > -1).any(axis=0) & (above < 1).any(axis=0)
