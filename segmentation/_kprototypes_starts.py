"""Prototypes that `segmentation.kprototypes` starts from, drawn as kmodes 0.12.2 draws them."""

from typing import Any

import numpy as np

from segmentation import _kprototypes_kernels as kernels

#: How often a start that leaves a cluster empty is drawn anew: so often by the chosen method,
#: then so often with rows at random (both as in kmodes, whose random stream is followed).
METHOD_TRIES = 20
RANDOM_TRIES = 80


class Starts:
    """Draws prototypes to start from, in the order of random numbers of kmodes."""

    def __init__(self, table, init, n_clusters):
        self.table, self.init, self.n_clusters = table, init, n_clusters
        columns = table.numbers.T
        self.mean, self.std = np.mean(columns, axis=0), np.std(columns, axis=0)
        self.counts = [np.bincount(column) for column in table.codes]
        self.cumulative = [np.cumsum(counts) for counts in self.counts]
        self.nearest_rows: dict[bytes, Any] = {}
        if isinstance(init, str) and init == "cao":
            self.cao_modes = self._cao()

    def find(self, random_state):
        """Return labels of all rows, each cluster with at least one, for a first update."""
        labels = np.empty(self.table.codes.shape[1], np.int64)
        given = not isinstance(self.init, str)
        methods = [self.init] * (1 if given else METHOD_TRIES) + ["random"] * RANDOM_TRIES
        for method in methods:
            centres, modes = self._draw(method, random_state)
            kernels.assign(self.table.rows, centres, modes, self.table.gammas, labels)
            if np.bincount(labels, minlength=self.n_clusters).all():
                return labels
        raise ValueError(
            f"{len(methods)} starts each left one of {self.n_clusters} clusters empty: ask for "
            "fewer clusters, another gamma, or give prototypes as init."
        )

    def _draw(self, method, random_state):
        if not isinstance(method, str):
            return method
        if method == "huang":
            modes = self._huang(random_state)
        elif method == "cao":
            modes = self.cao_modes
        else:
            n = self.table.codes.shape[1]
            modes = self.table.codes.T[random_state.choice(n, self.n_clusters)]
        normal = random_state.randn(self.n_clusters, len(self.mean))
        return self.mean + normal * self.std, np.ascontiguousarray(modes)

    def _huang(self, random_state):
        """Draw each category by its frequency, then take the nearest row not yet taken."""
        codes = self.table.codes
        modes = np.empty((self.n_clusters, len(codes)), codes.dtype)
        for j, cumulative in enumerate(self.cumulative):
            # Places in the sorted column.
            places = random_state.choice(codes.shape[1], self.n_clusters)
            modes[:, j] = np.searchsorted(cumulative, places, side="right")
        for c in range(self.n_clusters if len(codes) else 0):
            for row in self._nearest_to(modes[c]):
                candidate = codes[:, row]
                if not (modes == candidate).all(axis=1).any():
                    break
            modes[c] = candidate
        return modes

    def _nearest_to(self, mode):
        """Return rows of different categories, nearest first: one more than clusters, and the last.

        kmodes takes the first row in this order that equals no prototype, so that no more are
        looked at. Among equally near rows the order is that of NumPy's unstable sort, which
        therefore has to be run on the same integers.
        """
        key = mode.tobytes()
        if key not in self.nearest_rows:
            codes = self.table.codes
            order = np.argsort(kernels.count_mismatches(codes, mode))
            no_numbers = np.empty((0, codes.shape[1]))
            rows = kernels.find_distinct(no_numbers, codes, order, self.n_clusters + 1)
            self.nearest_rows[key] = [*rows, order[-1]]
        return self.nearest_rows[key]

    def _cao(self):
        """Take the densest row, then each time the row that is both dense and far from those."""
        codes = self.table.codes
        m, n = codes.shape
        density = np.zeros(n)
        for column, counts in zip(codes, self.counts, strict=True):
            density += (counts / n / m)[column]
        modes = np.empty((self.n_clusters, m), codes.dtype)
        score = density
        for c in range(self.n_clusters):
            modes[c] = codes[:, np.argmax(score)]
            far = kernels.count_mismatches(codes, modes[c]) * density
            score = far if c == 0 else np.minimum(score, far)
        return modes
