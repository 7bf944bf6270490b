"""Compiled loops of `segmentation.tsne`: similarities, and the descent over all pairs of rows.

Places on the map lie in chunks, each chunk by coordinate, so that the inner loop runs over
adjacent values and becomes vector instructions. Every pair of rows is visited once, for both of
its ends. What a chunk does to another is kept apart and added up in a fixed order afterwards:
the result is the same whatever the number of threads.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, prange

#: Rows of one chunk at most: where its places and forces stay in the first-level cache, and the
#: sums at the end of an inner loop are a small part of it.
CHUNK = 256

#: Chunks have a multiple of this many rows, so that no inner loop ends in single steps.
LANES = 32

#: Where the last chunk is padded. The squared distance to it fits in float32; its similarity,
#: squared, is 0.
FAR = np.float32(1e18)

#: scikit-learn's: how near the entropy of a row's similarities comes to that of the perplexity,
#: and after how many bisections it stops anyway.
ENTROPY_TOLERANCE = 1e-5
MAX_BISECTIONS = 100

ONE = np.float32(1)

# Reciprocals are estimated and refined to float32, and sums are reordered, so that they run in
# vector registers; NaN and infinity never get here.
FAST = {"reassoc", "contract", "nsz", "arcp", "afn", "nnan", "ninf"}


class Layout(NamedTuple):
    """An odd number of chunks of `rows` rows, the last with fewer; odd shares the pairs evenly."""

    n_samples: int
    n_components: int
    rows: int
    n_chunks: int


class State(NamedTuple):
    """The descent: float32 arrays by chunk.

    `places` (2, n_chunks, n_components * CHUNK) are those of this and of the next step, `steps`
    and `gains` (n_chunks, n_components * CHUNK) the last step and the gain of each coordinate.
    `pushes` (n_chunks, n_chunks // 2 + 1, n_components * CHUNK) is what chunk a does to itself
    and to the chunks after it; `masses` (n_chunks,), in float64, its sum of similarities.
    """

    places: np.ndarray
    steps: np.ndarray
    gains: np.ndarray
    pushes: np.ndarray
    masses: np.ndarray


class Neighbours(NamedTuple):
    """The joint similarities P as a sparse matrix: row i has `ends[i]` to `ends[i + 1]`.

    `places` says where the first coordinate of the other row lies in a flat array of chunks.
    """

    ends: np.ndarray
    places: np.ndarray
    similarities: np.ndarray


@njit(cache=True, parallel=True, error_model="numpy")
def conditional_similarities(squared, perplexity):
    """Turn squared distances to neighbours into similarities of the given perplexity.

    Parameters
    ----------
    squared : float64 array of shape (n_samples, n_neighbours)
    perplexity : float

    Returns
    -------
    float64 array of shape (n_samples, n_neighbours)
        Each row sums to 1.
    """
    similarities = np.empty_like(squared)
    target = math.log(perplexity)
    for i in prange(squared.shape[0]):
        _bisect(squared[i], target, similarities[i])
    return similarities


@njit(cache=True, error_model="numpy")
def _bisect(squared, target, similarities):
    """Find the precision at which a row's similarities have the entropy `target`."""
    # Shifting all distances changes no similarity, and the nearest cannot vanish.
    nearest = squared.min()
    precision, lower, upper = 1.0, 0.0, np.inf
    for _ in range(MAX_BISECTIONS):
        total, weighted = 0.0, 0.0
        for j in range(squared.shape[0]):
            similarity = math.exp(-(squared[j] - nearest) * precision)
            similarities[j] = similarity
            total += similarity
            weighted += (squared[j] - nearest) * similarity
        surplus = math.log(total) + precision * weighted / total - target
        if abs(surplus) <= ENTROPY_TOLERANCE:
            break
        if surplus > 0:
            lower = precision
            precision = precision * 2 if upper == np.inf else (precision + upper) / 2
        else:
            upper = precision
            precision = (precision + lower) / 2
    for j in range(squared.shape[0]):
        similarities[j] /= total


@njit(cache=True, parallel=True, error_model="numpy")
def descend(layout, state, neighbours, first, last, exaggeration, momentum, learning_rate):
    """Take the steps `first` to `last` - 1; step s goes from places[s % 2] to the other ones."""
    n_chunks, masses, pushes = layout.n_chunks, state.masses, state.pushes
    for step in range(first, last):
        places, following = state.places[step % 2], state.places[(step + 1) % 2]
        for a in prange(n_chunks):
            masses[a] = _push(layout, places, a, pushes[a])
        mass = 2 * masses.sum()
        for a in prange(n_chunks):
            forces = _forces(layout, places, a, pushes, neighbours, exaggeration, mass)
            _step(state, a, forces, places, following, momentum, learning_rate)


@njit(cache=True, parallel=True, error_model="numpy")
def gradient(layout, places, neighbours, pushes):
    """Return the gradient at `places`, by chunk, and the sum of all similarities."""
    n_chunks, masses = layout.n_chunks, np.empty(layout.n_chunks)
    result = np.empty_like(places)
    for a in prange(n_chunks):
        masses[a] = _push(layout, places, a, pushes[a])
    mass = 2 * masses.sum()
    for a in prange(n_chunks):
        result[a] = _forces(layout, places, a, pushes, neighbours, 1.0, mass)
    return result, mass


@njit(cache=True)
def _push(layout, places, a, pushes):
    """Sum what chunk `a` and half of the other chunks do to each other; return the mass."""
    pushes[:] = 0
    mass = 0.0
    n_rows = min(layout.rows, layout.n_samples - a * layout.rows)
    for away in range(layout.n_chunks // 2 + 1):
        b = (a + away) % layout.n_chunks
        width = -1
        if away > 0:
            width = max(min(layout.rows, layout.n_samples - b * layout.rows), 0)
            width = (width + LANES - 1) // LANES * LANES
        if layout.n_components == 2:
            mass += _push_flat(places[a], n_rows, places[b], width, pushes[0], pushes[away])
        else:
            mass += _push_solid(places[a], n_rows, places[b], width, pushes[0], pushes[away])
    return mass


@njit(cache=True, fastmath=FAST, error_model="numpy")
def _push_flat(A, n_rows, B, width, on_a, on_b):
    """Sum the pushes of two chunks in 2-D; a `width` of -1 means a chunk beside itself.

    The similarity is 1 / (1 + distance ** 2).
    """
    total = 0.0
    for i in range(n_rows):
        x, y = A[i], A[CHUNK + i]
        mass, sum_x, sum_y = np.float32(0), np.float32(0), np.float32(0)
        for j in range(i if width < 0 else width):
            dx, dy = x - B[j], y - B[CHUNK + j]
            similarity = ONE / (ONE + dx * dx + dy * dy)
            push = similarity * similarity
            mass += similarity
            sum_x += push * dx
            sum_y += push * dy
            on_b[j] -= push * dx
            on_b[CHUNK + j] -= push * dy
        on_a[i] += sum_x
        on_a[CHUNK + i] += sum_y
        total += mass
    return total


@njit(cache=True, fastmath=FAST, error_model="numpy")
def _push_solid(A, n_rows, B, width, on_a, on_b):
    """Do the same in 3-D, where the similarity is (1 + distance ** 2) ** -1.5."""
    total = 0.0
    for i in range(n_rows):
        x, y, z = A[i], A[CHUNK + i], A[2 * CHUNK + i]
        mass, sum_x, sum_y, sum_z = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(i if width < 0 else width):
            dx, dy, dz = x - B[j], y - B[CHUNK + j], z - B[2 * CHUNK + j]
            root = ONE / math.sqrt(ONE + dx * dx + dy * dy + dz * dz)
            square = root * root
            similarity = square * root
            push = similarity * square
            mass += similarity
            sum_x += push * dx
            sum_y += push * dy
            sum_z += push * dz
            on_b[j] -= push * dx
            on_b[CHUNK + j] -= push * dy
            on_b[2 * CHUNK + j] -= push * dz
        on_a[i] += sum_x
        on_a[CHUNK + i] += sum_y
        on_a[2 * CHUNK + i] += sum_z
        total += mass
    return total


@njit(cache=True, error_model="numpy")
def _forces(layout, places, a, pushes, neighbours, exaggeration, mass):
    """Return the gradient of chunk `a`: the pull of its neighbours less the push of all rows."""
    freedom = layout.n_components - 1
    factor = 2.0 * (freedom + 1) / freedom
    forces = np.zeros(places.shape[1], np.float32)
    for away in range(layout.n_chunks // 2 + 1):
        _add(forces, pushes[(a - away) % layout.n_chunks, away], np.float32(-factor / mass))
    first = a * layout.rows
    last = min(first + layout.rows, layout.n_samples)
    pull = np.float32(factor * exaggeration)
    if layout.n_components == 2:
        _pull_flat(places.reshape(-1), a * places.shape[1], first, last, neighbours, pull, forces)
    else:
        _pull_solid(places.reshape(-1), a * places.shape[1], first, last, neighbours, pull, forces)
    return forces


@njit(cache=True)
def _add(total, values, factor):
    for i in range(total.shape[0]):
        total[i] += factor * values[i]


@njit(cache=True, fastmath=FAST, error_model="numpy")
def _pull_flat(places, at, first, last, neighbours, factor, forces):
    """Add the pulls of neighbours on the rows `first` to `last` - 1, which lie from `at` on."""
    for i in range(last - first):
        x, y = places[at + i], places[at + CHUNK + i]
        sum_x, sum_y = np.float32(0), np.float32(0)
        for k in range(neighbours.ends[first + i], neighbours.ends[first + i + 1]):
            j = neighbours.places[k]
            dx, dy = x - places[j], y - places[CHUNK + j]
            pull = neighbours.similarities[k] / (ONE + dx * dx + dy * dy)
            sum_x += pull * dx
            sum_y += pull * dy
        forces[i] += factor * sum_x
        forces[CHUNK + i] += factor * sum_y


@njit(cache=True, fastmath=FAST, error_model="numpy")
def _pull_solid(places, at, first, last, neighbours, factor, forces):
    """Do the same in 3-D."""
    for i in range(last - first):
        x, y, z = places[at + i], places[at + CHUNK + i], places[at + 2 * CHUNK + i]
        sum_x, sum_y, sum_z = np.float32(0), np.float32(0), np.float32(0)
        for k in range(neighbours.ends[first + i], neighbours.ends[first + i + 1]):
            j = neighbours.places[k]
            dx, dy, dz = x - places[j], y - places[CHUNK + j], z - places[2 * CHUNK + j]
            pull = neighbours.similarities[k] / (ONE + dx * dx + dy * dy + dz * dz)
            sum_x += pull * dx
            sum_y += pull * dy
            sum_z += pull * dz
        forces[i] += factor * sum_x
        forces[CHUNK + i] += factor * sum_y
        forces[2 * CHUNK + i] += factor * sum_z


@njit(cache=True)
def _step(state, a, forces, places, following, momentum, learning_rate):
    """Move chunk `a` against its forces; a coordinate that keeps its direction gains speed."""
    steps, gains = state.steps[a], state.gains[a]
    for i in range(forces.shape[0]):
        onward = steps[i] * forces[i] < 0
        gain = gains[i] + np.float32(0.2) if onward else gains[i] * np.float32(0.8)
        gains[i] = max(gain, np.float32(0.01))
        steps[i] = momentum * steps[i] - learning_rate * gains[i] * forces[i]
        following[a, i] = places[a, i] + steps[i]
