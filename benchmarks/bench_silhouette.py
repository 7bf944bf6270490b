"""Silhouettes of the eight K-Means labelings, k = 2..9, beside scikit-learn's."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples as sklearn_silhouette_samples

from benchmarks import Comparison, study_rows, timed
from segmentation.silhouette import silhouette_samples

CLUSTERS = range(2, 10)

#: The shape of the articles' embedding without outliers.
EMBEDDING_SHAPE = (40_690, 384)

# Run in a fresh process, so that nothing computed before hides the peak.
MEASURE_MEMORY = """
import sys
import numpy as np
from segmentation.silhouette import silhouette_samples

def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))

arrays = np.load(sys.argv[1])
X, labelings = arrays["X"], arrays["labelings"]
silhouette_samples(X[:9], np.arange(9) % 2)
before = kilobytes("VmRSS")
silhouette_samples(X, labelings)
print(max(0, kilobytes("VmHWM") - before))
"""


def comparisons():
    """Yield the comparison on the articles' encoded rows, and on rows as wide as an embedding."""
    _, X = study_rows()
    labelings = [
        KMeans(k, n_init=10, max_iter=1000, random_state=10).fit_predict(X) for k in CLUSTERS
    ]
    yield _compare(X, labelings, n_library=len(labelings))
    X = embedding_like_rows(*EMBEDDING_SHAPE)
    labelings = [KMeans(k, n_init=1, max_iter=20, random_state=0).fit_predict(X) for k in CLUSTERS]
    # Eight calls of the library take minutes; every call costs the same.
    yield _compare(X, labelings, n_library=1)


def embedding_like_rows(n_samples, n_features, seed=0):
    """Return normalised float32 rows around a dozen directions, as text embeddings are."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(12, n_features))
    X = directions[rng.integers(12, size=n_samples)] + rng.normal(size=(n_samples, n_features))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def _compare(X, labelings, n_library):
    """Time the library on the first `n_library` labelings, and ours on all."""
    silhouette_samples(X[:9], np.arange(9) % 2)  # Compiles, or loads what was compiled before.
    ours, our_seconds = timed(silhouette_samples, X, labelings)
    theirs, library_seconds = timed(
        lambda: [sklearn_silhouette_samples(X, labels) for labels in labelings[:n_library]]
    )
    n_labelings = len(labelings)
    calls = f"{n_library} calls" if n_library == n_labelings else f"1 call x {n_labelings}"
    rows = np.linspace(0, len(X) - 1, 20, dtype=int)
    definition = np.array([[_by_definition(X, labels, i) for i in rows] for labels in labelings])
    return Comparison(
        task=f"{n_labelings} silhouettes, {X.shape[0]:,} x {X.shape[1]} (library: {calls})",
        library="scikit-learn",
        library_seconds=library_seconds * n_labelings / n_library,
        our_seconds=our_seconds,
        agreement=(
            f"rows differ by {np.abs(ours[:n_library] - theirs).max():.0e} at most, ours by "
            f"{np.abs(ours[:, rows] - definition).max():.0e} from the definition on "
            f"{len(rows)} rows; {_extra_memory(X, labelings)}; compile time not counted"
        ),
    )


def _by_definition(X, labels, i):
    """Return the silhouette of row `i` from float64 differences."""
    distances = np.sqrt(((X.astype(np.float64) - X[i]) ** 2).sum(axis=1))
    sums, counts = np.bincount(labels, distances), np.bincount(labels)
    own = labels[i]
    a = sums[own] / (counts[own] - 1)
    b = np.delete(sums / counts, own).min()
    return (b - a) / max(a, b)


def _extra_memory(X, labelings):
    """Return the peak memory of `silhouette_samples` beyond its input, in words."""
    if not sys.platform.startswith("linux"):
        return "memory measured on Linux only"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "arrays.npz"
        np.savez(file, X=X, labelings=labelings)
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE_MEMORY, str(file)],
            check=True,
            capture_output=True,
            text=True,
        )
    return f"{int(measured.stdout) / 1000:.0f} MB beyond the input"
