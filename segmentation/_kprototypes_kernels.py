"""Compiled loops of `segmentation.kprototypes`: typed arrays in and out, no Python objects.

Rows lie in blocks, each block by column, so that the inner loops run a fixed number of times
over adjacent values and become vector instructions. Every sum is added up in the order in which
NumPy adds it in kmodes 0.12.2, so that equal inputs give equal bits, ties included.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

#: Rows of one block. A row that moves makes its block be measured anew against two prototypes,
#: so long blocks lose by moves and short ones by overhead; 128 was fastest on bank customers.
BLOCK = 128

#: NumPy adds fewer numbers than this one by one, and up to 128 in as many interleaved sums.
LANES = 8


class Rows(NamedTuple):
    """A mixed table in b blocks; what follows the last row has code 0 and weight 0.

    `numbers` (b, p, BLOCK), `codes` of categories (b, m, BLOCK) and `weights` (b, BLOCK).
    """

    numbers: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


class Clusters(NamedTuple):
    """The k clusters while they form.

    `centres` (k, p) and `modes` (k, m) are the prototypes. `sums` (k, p), `masses` (k,), `sizes`
    (k,) and `counts` (k, categories of all columns) are the sums of numbers, of weights, of
    rows and of weights per category that they follow from. Column j's categories start at
    `first[j]`; row i belongs to `members[i]`.
    """

    centres: np.ndarray
    modes: np.ndarray
    sums: np.ndarray
    masses: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    members: np.ndarray


@njit(nogil=True, cache=True)
def _penalise(codes, block, modes, c, gammas, mismatches, penalties):
    """Write the sum of gamma over the columns in which each row of a block differs from mode c."""
    for gamma in gammas[1:]:
        if gamma != gammas[0]:
            _penalise_by_column(codes, block, modes, c, gammas, penalties)
            return
    for i in range(BLOCK):
        mismatches[i] = 0
    for j in range(codes.shape[1]):
        mode = modes[c, j]
        for i in range(BLOCK):
            mismatches[i] += codes[block, j, i] != mode
    gamma = gammas[0] if len(gammas) else 0.0
    for i in range(BLOCK):
        penalties[c, i] = gamma * mismatches[i]


@njit(nogil=True, cache=True)
def _penalise_by_column(codes, block, modes, c, gammas, penalties):
    for i in range(BLOCK):
        penalties[c, i] = 0.0
    for j in range(codes.shape[1]):
        gamma, mode = gammas[j], modes[c, j]
        for i in range(BLOCK):
            penalties[c, i] += gamma if codes[block, j, i] != mode else 0.0


@njit(nogil=True, cache=True)
def _measure(numbers, block, centres, c, penalties, distances):
    """Write the squared distances of a block to centre c, with the penalties added."""
    p = numbers.shape[1]
    tail = 0
    for i in range(BLOCK):
        distances[c, i] = 0.0
    if p >= LANES:
        tail = p - p % LANES
        lanes = np.zeros((LANES, BLOCK))
        for j in range(tail):
            centre = centres[c, j]
            for i in range(BLOCK):
                difference = numbers[block, j, i] - centre
                lanes[j % LANES, i] += difference * difference
        for i in range(BLOCK):
            distances[c, i] = ((lanes[0, i] + lanes[1, i]) + (lanes[2, i] + lanes[3, i])) + (
                (lanes[4, i] + lanes[5, i]) + (lanes[6, i] + lanes[7, i])
            )
    for j in range(tail, p):
        centre = centres[c, j]
        for i in range(BLOCK):
            difference = numbers[block, j, i] - centre
            distances[c, i] += difference * difference
    for i in range(BLOCK):
        distances[c, i] += penalties[c, i]


@njit(nogil=True, cache=True)
def _find_nearest(distances, nearest, smallest):
    """Write the nearest prototype of each row of a block; of equally near ones, the first."""
    for i in range(BLOCK):
        smallest[i] = distances[0, i]
        nearest[i] = 0
    for c in range(1, distances.shape[0]):
        for i in range(BLOCK):
            closer = distances[c, i] < smallest[i]
            smallest[i] = distances[c, i] if closer else smallest[i]
            nearest[i] = c if closer else nearest[i]


@njit(nogil=True, cache=True)
def assign(rows, centres, modes, gammas, labels):
    """Write the nearest prototype of every row; return the weighted sum of dissimilarities."""
    n, k = labels.shape[0], centres.shape[0]
    penalties, distances = np.empty((k, BLOCK)), np.empty((k, BLOCK))
    nearest, smallest = np.empty(BLOCK, np.int64), np.empty(BLOCK)
    mismatches = np.empty(BLOCK, modes.dtype)
    cost = 0.0
    for block in range(rows.weights.shape[0]):
        for c in range(k):
            _penalise(rows.codes, block, modes, c, gammas, mismatches, penalties)
            _measure(rows.numbers, block, centres, c, penalties, distances)
        _find_nearest(distances, nearest, smallest)
        for i in range(min(BLOCK, n - block * BLOCK)):
            labels[block * BLOCK + i] = nearest[i]
            cost += smallest[i] * rows.weights[block, i]
    return cost


@njit(nogil=True, cache=True)
def _update_mode(clusters, c, j):
    """Set a mode to the most frequent category; of equally frequent ones, the lowest code."""
    # A plain loop: a slice and np.argmax cost more than the few counts of most columns.
    first = clusters.first[j]
    mode = first
    for code in range(first + 1, clusters.first[j + 1]):
        if clusters.counts[c, code] > clusters.counts[c, mode]:
            mode = code
    clusters.modes[c, j] = mode - first


@njit(nogil=True, cache=True)
def _update_centre(clusters, c):
    for j in range(clusters.centres.shape[1]):
        # An emptied cluster waits at the origin, as in kmodes, for the row that refills it.
        occupied = clusters.sizes[c] > 0
        clusters.centres[c, j] = clusters.sums[c, j] / clusters.masses[c] if occupied else 0.0


@njit(nogil=True, cache=True)
def establish(rows, labels, clusters):
    """Form clusters, all of them empty so far, from labels; none may stay empty."""
    for row in range(labels.shape[0]):
        c, block, i = labels[row], row // BLOCK, row % BLOCK
        weight = rows.weights[block, i]
        clusters.members[row] = c
        clusters.sizes[c] += 1
        clusters.masses[c] += weight
        for j in range(rows.numbers.shape[1]):
            clusters.sums[c, j] += rows.numbers[block, j, i] * weight
        for j in range(rows.codes.shape[1]):
            clusters.counts[c, clusters.first[j] + rows.codes[block, j, i]] += weight
    for c in range(clusters.sizes.shape[0]):
        _update_centre(clusters, c)
        for j in range(rows.codes.shape[1]):
            _update_mode(clusters, c, j)


@njit(nogil=True, cache=True)
def _move(rows, clusters, row, new):
    """Move a row to another cluster; their modes follow, their centres do not.

    Returns whether a mode has changed.
    """
    old, block, i = clusters.members[row], row // BLOCK, row % BLOCK
    weight = rows.weights[block, i]
    clusters.members[row] = new
    clusters.sizes[new] += 1
    clusters.sizes[old] -= 1
    clusters.masses[new] += weight
    clusters.masses[old] -= weight
    for j in range(rows.numbers.shape[1]):
        clusters.sums[new, j] += rows.numbers[block, j, i] * weight
        clusters.sums[old, j] -= rows.numbers[block, j, i] * weight
    changed = False
    for j in range(rows.codes.shape[1]):
        code, first = rows.codes[block, j, i], clusters.first[j]
        clusters.counts[new, first + code] += weight
        clusters.counts[old, first + code] -= weight
        mode = clusters.modes[new, j]
        if clusters.counts[new, first + code] > clusters.counts[new, first + mode]:
            clusters.modes[new, j] = code
            changed = True
        if clusters.modes[old, j] == code:
            _update_mode(clusters, old, j)
            changed = changed or clusters.modes[old, j] != code
    return changed


@njit(nogil=True, cache=True)
def sweep(rows, clusters, gammas, start):
    """Present the rows from `start` on one by one; move each to its nearest prototype at once.

    Returns the number of moves and the row after which to go on: the end, or earlier where a
    move has emptied a cluster, which `refill` must fill first.
    """
    n, k = clusters.members.shape[0], clusters.sizes.shape[0]
    centres, modes, members = clusters.centres, clusters.modes, clusters.members
    penalties, distances = np.empty((k, BLOCK)), np.empty((k, BLOCK))
    nearest, smallest = np.empty(BLOCK, np.int64), np.empty(BLOCK)
    mismatches = np.empty(BLOCK, modes.dtype)
    moves = 0
    for block in range(start // BLOCK, rows.weights.shape[0]):
        first = block * BLOCK
        for c in range(k):
            _penalise(rows.codes, block, modes, c, gammas, mismatches, penalties)
            _measure(rows.numbers, block, centres, c, penalties, distances)
        _find_nearest(distances, nearest, smallest)
        for row in range(max(first, start), min(first + BLOCK, n)):
            new, old = nearest[row - first], members[row]
            if new == old:
                continue
            modes_changed = _move(rows, clusters, row, new)
            moves += 1
            for c in (new, old):
                _update_centre(clusters, c)
                if modes_changed:
                    _penalise(rows.codes, block, modes, c, gammas, mismatches, penalties)
                _measure(rows.numbers, block, centres, c, penalties, distances)
            if clusters.sizes[old] == 0:
                return moves, row + 1
            _find_nearest(distances, nearest, smallest)
    return moves, n


@njit(nogil=True, cache=True)
def refill(rows, clusters, rank):
    """Move the member of this rank in the largest cluster to the empty one.

    The centres of both stay where they are until the next move, as in kmodes.
    """
    largest, empty = np.argmax(clusters.sizes), np.argmin(clusters.sizes)
    i = np.flatnonzero(clusters.members == largest)[rank]
    _move(rows, clusters, i, empty)


@njit(nogil=True, cache=True)
def count_mismatches(codes, mode):
    """Return in how many columns each row differs from `mode`."""
    mismatches = np.zeros(codes.shape[1], np.int64)
    for j in range(codes.shape[0]):
        for i in range(codes.shape[1]):
            mismatches[i] += codes[j, i] != mode[j]
    return mismatches


@njit(nogil=True, cache=True)
def find_distinct(numbers, codes, order, limit):
    """Return the first `limit` rows, in this order, that differ from every row before them."""
    distinct = np.empty(limit, np.int64)
    n_distinct = 0
    for i in order:
        known = False
        for other in distinct[:n_distinct]:
            if not known:
                known = True
                for j in range(codes.shape[0]):
                    known = known and codes[j, i] == codes[j, other]
                for j in range(numbers.shape[0]):
                    known = known and numbers[j, i] == numbers[j, other]
        if not known:
            distinct[n_distinct] = i
            n_distinct += 1
            if n_distinct == limit:
                break
    return distinct[:n_distinct]
