"""Time and peak memory of every stage at 10,000 to a million customers.

    python -m benchmarks stages

prints a table and writes stages.csv and stages.png beside this file. The customers are drawn with
replacement from the table that `segmentation.customers.find_table` finds, their numbers jittered,
so that they differ. Each size runs in a process of its own. t-SNE and SHAP are not among the
stages: notebooks run them on samples of a stated size, however many customers there are. Nor is
the encoder of the third notebook, whose time is proportional to the number of distinct texts.
"""

import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import lightgbm as lgb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import prince
from pyod.models.ecod import ECOD
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PowerTransformer

from segmentation import figures, profiles, segmenter, surrogates
from segmentation.customers import BANK_COLUMNS, find_table, load_customers
from segmentation.embedding import rows_to_text
from segmentation.kprototypes import KPrototypes
from segmentation.silhouette import (
    MAX_ROWS,
    gower_silhouette_samples,
    mixed_silhouette_samples,
    sampled_silhouettes,
)

SIZES = (10_000, 45_211, 200_000, 1_000_000)
#: Stages with their names in the figure: the slowest.
N_NAMED = 5
#: Seconds at which the line in proportion to the customers starts: below all others.
LINEAR = 0.004
HERE = Path(__file__).parent


def main():
    """Measure all sizes; print the table, write it and the figure."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES:
            path = Path(folder) / f"{n}.csv"
            resample(n).to_csv(path, index=False)
            command = [sys.executable, "-m", "benchmarks.stages", str(path)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            for part, stage, seconds, peak in json.loads(done.stdout.splitlines()[-1]):
                measured[part, stage, n] = {"seconds": seconds, "peak_mb": peak}
    table = pd.DataFrame.from_dict(measured, orient="index")
    table.index.names = ["part", "stage", "customers"]
    table.round(3).to_csv(HERE / "stages.csv")
    in_order = dict.fromkeys(key[:2] for key in measured)
    seconds = table["seconds"].unstack().loc[list(in_order), list(SIZES)]
    slopes = seconds.apply(slope, axis=1)
    shown = seconds.round(2).assign(slope=slopes.round(2))
    shown["peak MB"] = table["peak_mb"].unstack()[SIZES[-1]].round()
    print(shown.to_string())
    figures.use_style()
    draw(seconds, slopes).savefig(HERE / "stages.png", metadata={"Software": None})


def resample(n, seed=0):
    """Return `n` customers drawn with replacement, their numbers jittered."""
    customers = load_customers(find_table(), {"columns": list(BANK_COLUMNS)}).table
    many = customers.sample(n, replace=True, random_state=seed, ignore_index=True)
    rng = np.random.default_rng(seed)
    for name in many.select_dtypes("number"):
        many[name] = (many[name] + rng.normal(scale=many[name].std() / 100, size=n)).round(2)
    return many


def slope(seconds):
    """Return the exponent b of time = a n^b, by least squares over all sizes from 45,211 on."""
    large = seconds[list(SIZES[1:])]
    return np.polyfit(np.log(SIZES[1:]), np.log(large.astype(float)), 1)[0]


def draw(seconds, slopes):
    """Draw time against customers, both in logarithms, with names and slopes of the slowest."""
    figure, axis = plt.subplots(figsize=(figures.WIDTH, 4.8), layout="constrained")
    slowest = seconds[SIZES[-1]].nlargest(N_NAMED).index
    others = seconds.drop(slowest)
    axis.plot(SIZES, others.T, color=figures.FAINT, linewidth=1, zorder=1)
    side = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "fontsize": 8}
    for colour, (part, stage) in zip(figures.PALETTE, slowest, strict=False):
        times = seconds.loc[(part, stage)]
        axis.plot(SIZES, times, marker="o", markersize=4, color=colour)
        text = f"{stage}: {slopes[part, stage]:.2f}"
        axis.annotate(text, (SIZES[-1], times[SIZES[-1]]), **side)
    middle = np.exp(np.log(others[SIZES[-1]].astype(float)).median())
    axis.annotate(f"{len(others)} other stages", (SIZES[-1], middle), color="#666666", **side)
    linear = np.array([SIZES[0], SIZES[-1]])
    axis.plot(linear, linear / linear[0] * LINEAR, ":", color="black")
    axis.annotate("in proportion: 1", (linear[-1], LINEAR * linear[-1] / linear[0]), **side)
    axis.set(xscale="log", yscale="log", xlabel="customers", ylabel="seconds")
    axis.set_xticks(SIZES, [f"{n:,}" for n in SIZES])
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    heading = "slope from 45,211 on"
    axis.annotate(heading, (1, 1), xycoords="axes fraction", weight="bold", **side)
    return figure


class Clock:
    """Collects seconds and peak memory, in MB, of the stages of one process."""

    def __init__(self):
        self.measured = []

    def __call__(self, part, stage, function):
        """Run a function as a stage of a part of the work and return its result."""
        _reset_peak()
        start = time.perf_counter()
        result = function()
        self.measured.append((part, stage, time.perf_counter() - start, _peak()))
        return result


def _reset_peak():
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def _peak():
    """Return the most memory held since the last reset, in MB; measured on Linux only."""
    if not sys.platform.startswith("linux"):
        return float("nan")
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def measure(path):
    """Run every stage of the notebooks on a table, and return what the clock says."""
    warm_up()
    clock = Clock()
    rows, k_means = partial(clock, "all notebooks"), partial(clock, "kmeans.ipynb")
    loaded = rows("read, find roles, clean", lambda: load_customers(path))
    customers = loaded.table
    recipe = make_pipeline(OrdinalEncoder(), PowerTransformer()).set_output(transform="pandas")
    encoded = rows("encode", lambda: recipe.fit_transform(customers))
    detector = rows("ECOD", lambda: ECOD().fit(encoded))
    outlier = detector.labels_.astype(bool)
    kept, X = customers[~outlier], encoded[~outlier]
    models = k_means(
        "k-means, k = 2 to 9",
        lambda: [KMeans(k, n_init=1, random_state=0).fit(X) for k in range(2, 10)],
    )
    final = k_means(
        "k-means, k = 5, 10 restarts", lambda: KMeans(5, n_init=10, random_state=0).fit(X)
    )
    labelings = np.array([model.labels_ for model in models])
    name = f"silhouettes of eight k (sample above {MAX_ROWS:,})"
    k_means(name, lambda: sampled_silhouettes(X, labelings))
    k_means(
        "Davies-Bouldin, Calinski-Harabasz",
        lambda: (davies_bouldin_score(X, labelings[3]), calinski_harabasz_score(X, labelings[3])),
    )
    k_means("PCA", lambda: prince.PCA(n_components=3).fit(X).row_coordinates(X))
    segment_of = profiles.segment_of_clusters(final.labels_, 5)
    segments = segment_of[final.labels_]
    features = surrogates.features_of(kept)
    surrogate = lgb.LGBMClassifier(random_state=0, verbose=-1)
    rows("LightGBM surrogate, one fit", lambda: surrogate.fit(features, segments))
    names = rows("names of segments", lambda: profiles.name_segments(kept, segments))
    nearest = segment_of[final.predict(encoded)]
    result = pd.DataFrame({"segment": nearest, "outlier": outlier})
    about = {"centres": final.cluster_centers_, "segment_of": segment_of, "method": "kmeans"}

    def freeze():
        frozen = segmenter.freeze(
            loaded, detector, result, names, seen=encoded, source=path, **about
        )
        segmenter.save(frozen, Path(path).with_suffix(".segmenter"))
        return frozen

    frozen = rows("freeze and save", freeze)
    rows("score everybody", lambda: segmenter.score(frozen, loaded.raw))
    rows("rows to text", lambda: rows_to_text(customers))
    measure_kprototypes(partial(clock, "kprototypes.ipynb"), kept)
    return clock.measured


def measure_kprototypes(clock, kept):
    """Run the stages of kprototypes.ipynb on the customers that are kept."""
    names = list(kept.select_dtypes("number"))
    categories = [name for name in kept if name not in names]
    rows = kept.astype(dict.fromkeys(categories, "category"))
    rows[names] = clock("scale numbers", lambda: PowerTransformer().fit_transform(kept[names]))
    models = clock(
        "K-Prototypes, k = 2 to 14, 10 restarts",
        lambda: [KPrototypes(k, random_state=0).fit(rows) for k in range(2, 15)],
    )
    labelings = [model.labels_ for model in models]
    parts = rows[names], rows[categories], labelings
    clock(
        "silhouettes of 13 k, K-Prototypes",
        lambda: mixed_silhouette_samples(*parts, models[0].gamma_),
    )
    clock("silhouettes of 13 k, Gower", lambda: gower_silhouette_samples(*parts))


def warm_up():
    """Compile, or load what was compiled before."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 2)), columns=["x", "y"]).assign(c=["a", "b"] * 30)
    KPrototypes(2, n_init=1, random_state=0).fit(rows)
    sampled_silhouettes(rows[["x", "y"]], rng.integers(2, size=60))


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
