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
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import prince
from pyod.models.ecod import ECOD
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PowerTransformer

import embedding_creation
from segmentation import figures, profiles, segmenter
from segmentation.customers import BANK_COLUMNS, find_table, load_customers, read_table
from segmentation.kprototypes import KPrototypes
from segmentation.silhouette import (
    MAX_ROWS,
    gower_silhouette_samples,
    mixed_silhouette_samples,
    sampled_silhouettes,
)

SIZES = (10_000, 45_211, 200_000, 1_000_000)
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
            for stage, (seconds, peak) in json.loads(done.stdout.splitlines()[-1]).items():
                measured[stage, n] = {"seconds": seconds, "peak_mb": peak}
    table = pd.DataFrame.from_dict(measured, orient="index")
    table.index.names = ["stage", "customers"]
    table.round(3).to_csv(HERE / "stages.csv")
    in_order = dict.fromkeys(stage for stage, _ in measured)
    seconds = table["seconds"].unstack().loc[list(in_order), list(SIZES)]
    slopes = seconds.apply(slope, axis=1)
    shown = seconds.round(2).assign(slope=slopes.round(2))
    shown["peak MB"] = table["peak_mb"].unstack()[SIZES[-1]].round()
    print(shown.to_string())
    figures.use_style()
    draw(seconds, slopes).savefig(HERE / "stages.png", metadata={"Software": None})


def resample(n, seed=0):
    """Return `n` customers drawn with replacement, their numbers jittered."""
    customers = read_table(find_table(), BANK_COLUMNS)
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
    """Draw time against customers, both in logarithms, a line per stage with its slope."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    colours = figures.segment_colours(len(seconds))
    for i, (stage, times) in enumerate(seconds.iterrows()):
        style = ["-", "--", ":"][i // len(figures.PALETTE)]
        label = f"{stage} ({slopes[stage]:.2f})"
        axis.plot(SIZES, times, style, marker="o", markersize=3, color=colours[i], label=label)
    linear = np.array([SIZES[0], SIZES[-1]])
    axis.plot(linear, linear / linear[0] * 0.01, color="black", linewidth=0.8, label="linear (1)")
    axis.set(xscale="log", yscale="log", xlabel="customers", ylabel="seconds")
    axis.set_xticks(SIZES, [f"{n:,}" for n in SIZES])
    axis.yaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.legend(title="stage (slope)", fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


class Clock:
    """Collects seconds and peak memory, in MB, of the stages of one process."""

    def __init__(self):
        self.measured = {}

    def __call__(self, stage, function):
        """Run a function as a stage and return its result."""
        _reset_peak()
        start = time.perf_counter()
        result = function()
        self.measured[stage] = time.perf_counter() - start, _peak()
        return result


def _reset_peak():
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text("5")


def _peak():
    """Return the most memory held since the last reset, in MB; measured on Linux only."""
    if not sys.platform.startswith("linux"):
        return float("nan")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def measure(path):
    """Run every stage of the notebooks on a table, and return what the clock says."""
    warm_up()
    clock = Clock()
    found = clock("read, find roles, clean", lambda: load_customers(path))
    customers = found.table
    recipe = make_pipeline(OrdinalEncoder(), PowerTransformer()).set_output(transform="pandas")
    encoded = clock("encode", lambda: recipe.fit_transform(customers))
    detector = clock("ECOD", lambda: ECOD().fit(encoded))
    outlier = detector.labels_.astype(bool)
    kept, X = customers[~outlier], encoded[~outlier]
    models = clock(
        "k-means, k = 2 to 9",
        lambda: [KMeans(k, n_init=1, random_state=0).fit(X) for k in range(2, 10)],
    )
    final = clock(
        "k-means, k = 5, 10 restarts", lambda: KMeans(5, n_init=10, random_state=0).fit(X)
    )
    labelings = np.array([model.labels_ for model in models])
    name = f"silhouettes of eight k (sample above {MAX_ROWS:,})"
    clock(name, lambda: sampled_silhouettes(X, labelings))
    clock(
        "Davies-Bouldin, Calinski-Harabasz",
        lambda: (davies_bouldin_score(X, labelings[3]), calinski_harabasz_score(X, labelings[3])),
    )
    clock("PCA", lambda: prince.PCA(n_components=3).fit(X).row_coordinates(X))
    segments = profiles.order_by_size(final.labels_)
    features = profiles.surrogate_features(kept)
    surrogate = lgb.LGBMClassifier(random_state=0, verbose=-1)
    clock("LightGBM surrogate, one fit", lambda: surrogate.fit(features, segments))
    names = clock("names of segments", lambda: profiles.name_segments(kept, segments))
    labels = segments_of_all(final, segments, encoded)
    result = pd.DataFrame({"segment": labels, "outlier": outlier})
    numbers = [segments[final.labels_ == cluster][0] for cluster in range(5)]
    about = {"centres": final.cluster_centers_, "numbers": numbers, "method": "kmeans"}

    def freeze():
        frozen = segmenter.freeze(
            found, detector, result, names["name"], seen=encoded, source=path, **about
        )
        segmenter.save(frozen, Path(path).with_suffix(".segmenter"))
        return frozen

    frozen = clock("freeze and save", freeze)
    clock("score everybody", lambda: segmenter.score(frozen, found.raw))
    clock("rows to text", lambda: embedding_creation.rows_to_text(customers))
    measure_kprototypes(clock, kept)
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


def segments_of_all(final, segments, encoded):
    """Return the segment whose centre is nearest, of all customers."""
    number_of = dict(zip(final.labels_, segments, strict=True))
    return np.array([number_of[cluster] for cluster in range(5)])[final.predict(encoded)]


def warm_up():
    """Compile, or load what was compiled before."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 2)), columns=["x", "y"]).assign(c=["a", "b"] * 30)
    KPrototypes(2, n_init=1, random_state=0).fit(rows)
    sampled_silhouettes(rows[["x", "y"]], rng.integers(2, size=60))


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
