"""K-Prototypes of bank customers beside kmodes': a fit, the articles' elbow, a million rows."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from kmodes.kprototypes import KPrototypes as KModesKPrototypes
from sklearn.preprocessing import PowerTransformer

from benchmarks import Comparison, find_peer, study_rows, timed
from segmentation.kprototypes import KPrototypes

NUMERIC = ["age", "balance"]
ELBOW = range(2, 15)
RESTARTS = 10
MANY_ROWS = (250_000, 1_000_000)

# Run in a fresh process, so that nothing computed before hides the peak.
MEASURE_MEMORY = """
import sys
from pathlib import Path
import pandas as pd
from segmentation.kprototypes import KPrototypes

rows = pd.read_pickle(sys.argv[1])
KPrototypes(2, n_init=1, max_iter=5, random_state=0).fit(rows)
status = Path("/proc/self/status").read_text(encoding="ascii")
print(status.split("VmHWM:")[1].split()[0])
"""


def comparisons():
    """Yield the comparisons of one fit, of the elbow and of a presentation of a million rows."""
    rows = scaled_rows()
    _fit(rows.head(500))  # Compiles, or loads what was compiled before.
    theirs, library_seconds = timed(_fit_kmodes, rows)
    ours, our_seconds = min((timed(_fit, rows) for _ in range(5)), key=lambda result: result[1])
    same = np.array_equal(ours.labels_, theirs.labels_) and ours.n_iter_ == theirs.n_iter_
    yield Comparison(
        task=f"K-Prototypes, k = 5, one restart, {len(rows):,} rows",
        library="kmodes",
        library_seconds=library_seconds,
        our_seconds=our_seconds,
        agreement=f"labels and {ours.n_iter_} iterations {'equal' if same else 'DIFFER'}; "
        f"cost differs by {abs(ours.cost_ / theirs.cost_ - 1):.0e}; compile time not counted",
    )
    if peer := find_peer("FasterKModes"):
        yield _compare_peer(peer, rows)
    yield _compare_elbow(rows, library_seconds)
    yield _compare_many(rows, library_seconds / theirs.n_iter_ / len(rows))


def scaled_rows():
    """Return the articles' second table: categories as text, numbers scaled, no outliers."""
    rows, _ = study_rows()
    rows[NUMERIC] = PowerTransformer().fit_transform(rows[NUMERIC])
    return rows


def _fit(rows, n_clusters=5, n_init=1, max_iter=100):
    return KPrototypes(n_clusters, n_init=n_init, max_iter=max_iter, random_state=0).fit(rows)


def _fit_kmodes(rows):
    categorical = [i for i, name in enumerate(rows) if name not in NUMERIC]
    model = KModesKPrototypes(5, init="Huang", n_init=1, random_state=0)
    return model.fit(rows, categorical=categorical)


def _compare_peer(peer, rows):
    """Time FasterKModes, which moves all rows at once and not one by one: so costs are compared."""
    codes = rows.apply(lambda column: column if column.name in NUMERIC else column.factorize()[0])
    X = np.ascontiguousarray(codes.to_numpy(np.float32))
    categorical = [i for i, name in enumerate(rows) if name not in NUMERIC]
    ours, our_seconds = timed(_fit, rows, n_init=RESTARTS)
    model = peer.FasterKPrototypes(
        5, n_init=RESTARTS, random_state=0, init="huang", gamma=ours.gamma_, print_log=False
    )
    model.fit(X[:500], categorical)  # Compiles.
    _, peer_seconds = timed(model.fit, X, categorical)
    return Comparison(
        task=f"K-Prototypes, k = 5, {RESTARTS} restarts, {len(rows):,} rows",
        library="FasterKModes",
        library_seconds=peer_seconds,
        our_seconds=our_seconds,
        agreement=f"cost {ours.cost_:,.0f} (theirs {model.best_cost:,.0f}); compiled before",
    )


def _compare_elbow(rows, fit_seconds):
    """Time our elbow; kmodes' would take over an hour, so one fit stands for each of its fits."""
    _, our_seconds = timed(lambda: [_fit(rows, k, RESTARTS) for k in ELBOW])
    fits, cores = len(ELBOW) * RESTARTS, os.cpu_count()
    return Comparison(
        task=f"K-Prototypes elbow, k = {ELBOW[0]}..{ELBOW[-1]}, {RESTARTS} restarts",
        library="kmodes, extrapolated",
        library_seconds=fit_seconds * fits / cores,
        our_seconds=our_seconds,
        agreement=f"kmodes not run: its fit x {fits} / {cores} cores; the article reports 86 "
        "minutes on its machine",
    )


def _compare_many(rows, library_seconds_per_row):
    """Time one presentation of many rows, which kmodes' time per row is extrapolated to."""
    seconds = {}
    for n in MANY_ROWS:
        many = _resample(rows, n)
        seconds[n] = _seconds_per_presentation(many)
    times = ", ".join(f"{n:,} rows {1000 * seconds[n]:.0f} ms" for n in MANY_ROWS)
    return Comparison(
        task=f"K-Prototypes, k = 5, one iteration, {n:,} rows",
        library="kmodes, extrapolated",
        library_seconds=library_seconds_per_row * n,
        our_seconds=seconds[n],
        agreement=f"kmodes not run: its time per row x {n:,}; ours: {times}; {_peak_memory(many)}",
    )


def _resample(rows, n):
    """Return customers drawn with replacement, their numbers jittered so that they differ."""
    many = rows.sample(n, replace=True, random_state=0, ignore_index=True)
    many[NUMERIC] += np.random.default_rng(0).normal(scale=0.01, size=(n, len(NUMERIC)))
    return many


def _seconds_per_presentation(rows):
    """Return the seconds per iteration, without those that reading and starting take."""
    few, many = 1, 11
    seconds = {n: min(timed(_fit, rows, max_iter=n)[1] for _ in range(5)) for n in (few, many)}
    return (seconds[many] - seconds[few]) / (many - few)


def _peak_memory(rows):
    """Return the peak memory of a process that only fits, input and imports included, in words."""
    if not sys.platform.startswith("linux"):
        return "memory measured on Linux only"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.pkl"
        rows.to_pickle(path)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE_MEMORY, path], capture_output=True, text=True, check=True
        )
    return f"{int(done.stdout) * 1024 / 1e6:.0f} MB with the input"
