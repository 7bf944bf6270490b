"""How often the test for groups is wrong where there are none, and right where there are.

    python -m benchmarks calibration

prints a table and writes calibration.csv and calibration.png beside this file. Tables without
groups come from six laws, three of which are a normal cloud; tables with three groups from normal
clouds at rising distance. Each is clustered into three as a notebook would cluster it, and judged
by `segmentation.evaluation.clusters_test` and by the silhouettes of shuffled columns.
Some twenty minutes of processor time.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binom
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from tqdm import tqdm

from segmentation import figures
from segmentation.evaluation import clusters_test, shuffle_columns
from segmentation.files import written_whole
from segmentation.kprototypes import KPrototypes
from segmentation.silhouette import mixed_silhouette_samples

HERE = Path(__file__).parent
LEVEL = 0.05
#: p is at most 5 % if the table is above 19 twins: exactly at the level where it is like them.
#: The same number is shuffled, for the same rule.
N_TWINS = 19
N_GROUPS = 3
#: Sizes of the planted groups.
SHARES = (0.5, 0.3, 0.2)
#: Weight of a mismatch: half the standard deviation of numbers, which are standardised.
GAMMA = 0.5
#: Numbers of a table, and the categories of its other columns: ordered, then nominal ones.
COLUMNS = {
    "numeric": (4, (), ()),
    "mixed": (3, (2, 3), (4,)),
    "categorical": (0, (2, 3, 4), (3, 4, 5)),
}
#: Laws of the latents, with the number of tables: the first three are one normal cloud, seen
#: through any columns; the others have no groups either, but the test does not promise them.
CLOUDS = {"independent": 67, "correlated": 67, "skewed, tied, rare": 67}
OTHERS = {"one factor": 30, "heavy tails": 30, "uniform": 30}
#: Planted groups are tried at distances from hardly to plainly there, with so many tables each.
DISTANCES = {
    "numeric": (1, 1.5, 2, 2.5, 3, 4),
    "mixed": (2, 3, 4, 5, 6, 8),
    "categorical": (4, 5, 6, 8, 10, 12),
}
TABLES_PER_DISTANCE = 25


# --- Tables -------------------------------------------------------------------------------------


def draw_table(kind, law, distance, seed):
    """Draw a table of 300 to 500 rows.

    Parameters
    ----------
    kind : {"numeric", "mixed", "categorical"}
    law : str
        One of `CLOUDS` or `OTHERS`, or "groups".
    distance : float
        Between any two of three planted centres, in standard deviations of the latents.
    seed : int or sequence of int

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
    """
    rng = np.random.default_rng(seed)
    n = rng.integers(300, 501)
    n_numbers, ordered, nominal = COLUMNS[kind]
    latents = _latents(rng, n, n_numbers + len(ordered) + sum(nominal), law, distance)
    hard = law == "skewed, tied, rare"
    table, place = {}, 0
    for i in range(n_numbers):
        value = latents[:, place]
        table[f"number {i}"] = [value, np.exp(value), np.exp(value).round()][i % 3 if hard else 0]
        place += 1
    for i, k in enumerate(ordered):
        shares = rng.dirichlet(np.full(k, 1.0 if hard else 5.0))
        cuts = np.quantile(latents[:, place], np.cumsum(shares)[:-1])
        table[f"ordered {i}"] = _letters(np.searchsorted(cuts, latents[:, place]))
        place += 1
    for i, k in enumerate(nominal):
        offsets = rng.normal(scale=1.0 if hard else 0.4, size=k)
        table[f"nominal {i}"] = _letters((latents[:, place : place + k] + offsets).argmax(axis=1))
        place += k
    return pd.DataFrame(table)


def _latents(rng, n, q, law, distance):
    """Draw latents of which two columns are correlated by up to about 0.8, or groups."""
    if law == "independent":
        return rng.normal(size=(n, q))
    if law == "groups":
        # Three corners of a triangle with equal sides, turned at random.
        plane = np.linalg.qr(rng.normal(size=(q, 3)))[0]
        centres = distance / np.sqrt(2) * plane.T
        return centres[rng.choice(N_GROUPS, size=n, p=SHARES)] + rng.normal(size=(n, q))
    if law == "one factor":
        # One even trait and noise of another law, as in the answers to a questionnaire.
        trait = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, 1))
        return trait * rng.uniform(0.5, 1.5, size=q) + rng.logistic(scale=0.55, size=(n, q))
    mixing = rng.normal(size=(q, q)) * np.linspace(1.5, 0.5, q)[:, None]
    if law == "uniform":
        drawn = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(n, q)) @ mixing
    else:
        drawn = rng.normal(size=(n, q)) @ mixing
    drawn /= np.sqrt(np.sum(mixing**2, axis=0))
    if law == "heavy tails":
        drawn /= np.sqrt(rng.chisquare(4, size=(n, 1)) / 4)
    return drawn


def _letters(codes):
    return pd.Categorical.from_codes(codes, list("abcdefgh"[: codes.max() + 1]))


# --- Methods ------------------------------------------------------------------------------------


def method_of(kind):
    """Return ``fit(table)`` and ``score(table, labels)`` of a kind of table."""
    if kind == "numeric":
        return _k_means, lambda table, labels: silhouette_score(
            _standardised(table.to_numpy()), labels
        )
    return _k_prototypes, _mixed_silhouette


def _standardised(numbers):
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)


def _k_means(table):
    return KMeans(N_GROUPS, n_init=3, random_state=0).fit_predict(_standardised(table.to_numpy()))


def _k_prototypes(table):
    """Return clusters of a mixed table; of one without numbers, those of k-modes."""
    numbers = list(table.select_dtypes("number"))
    rows = table.assign(**{name: _standardised(table[name].to_numpy()) for name in numbers})
    return KPrototypes(N_GROUPS, gamma=GAMMA, n_init=3, random_state=0, n_jobs=1).fit(rows).labels_


def _mixed_silhouette(table, labels):
    numbers = table.select_dtypes("number")
    codes = [table[name].cat.codes.to_numpy() for name in table.columns.difference(numbers.columns)]
    parts = _standardised(numbers.to_numpy()), np.column_stack(codes)
    return mixed_silhouette_samples(*parts, labels, GAMMA).mean()


# --- The study ----------------------------------------------------------------------------------


def judge(kind, law, distance, seed):
    """Return whether twins say that a drawn table has groups, and whether shuffled columns do."""
    table = draw_table(kind, law, distance, seed)
    fit, score = method_of(kind)
    test = clusters_test(fit, score, table, N_TWINS)
    linked = np.nan
    if law != "groups":  # Else the columns are linked, and it would say yes every time.
        shuffled = [shuffle_columns(table, [0, i]) for i in range(N_TWINS)]
        linked = float(all(test.score > score(some, fit(some)) for some in shuffled))
    return {
        "kind": kind,
        "law": law,
        "distance": distance,
        "twins": float(test.p <= LEVEL),
        "shuffled": linked,
    }


def study():
    """Judge all tables.

    Returns
    -------
    DataFrame, indexed by kind, law and distance
        ``tables``, and the shares of them with an alarm by ``twins`` and by ``shuffled`` columns.
    """
    settings = [(kind, law, 0, n) for kind in COLUMNS for law, n in (CLOUDS | OTHERS).items()]
    settings += [
        (kind, "groups", distance, TABLES_PER_DISTANCE)
        for kind in COLUMNS
        for distance in DISTANCES[kind]
    ]
    tasks = [
        (kind, law, distance, [i, number])
        for i, (kind, law, distance, n) in enumerate(settings)
        for number in range(n)
    ]
    # Tables of this size are too small to share out: a process each, of one thread.
    judged = Parallel(n_jobs=-1, return_as="generator")(delayed(judge)(*task) for task in tasks)
    results = pd.DataFrame(tqdm(judged, "tables", total=len(tasks)))
    groups = results.groupby(["kind", "law", "distance"], sort=False)
    shares = groups[["twins", "shuffled"]].mean()
    shares.insert(0, "tables", groups.size())
    return shares


def false_alarms(shares):
    """Pool the tables from one cloud, and the others, of each kind; with what chance allows."""
    rows = {}
    for name, laws in {"one normal cloud": CLOUDS, **{law: [law] for law in OTHERS}}.items():
        for kind in COLUMNS:
            some = shares.loc[kind].loc[list(laws)]
            n = some["tables"].sum()
            low, high = binom.interval(0.95, n, LEVEL)
            pooled = some[["twins", "shuffled"]].mul(some["tables"], axis=0).sum() / n
            rows[kind, name] = {"tables": n, **pooled, "low": low / n, "high": high / n}
    return pd.DataFrame.from_dict(rows, orient="index")


def power(shares):
    """Return for each kind the share of tables with planted groups that is found, by distance."""
    planted = shares.xs("groups", level="law")["twins"]
    return {kind: planted.loc[kind] for kind in COLUMNS}


def four_in_five(found_share):
    """Return the distance from which 0.8 are found, between two that were tried; else NaN."""
    enough = (found_share >= 0.8).to_numpy()
    if not enough.any() or enough[0]:
        return np.nan
    last = slice(enough.argmax() - 1, enough.argmax() + 1)
    return float(np.interp(0.8, found_share.iloc[last], found_share.index[last]))


def draw(shares):
    """Draw false alarms beside what chance allows, and power against distance."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(figures.WIDTH, 3.4), layout="constrained", sharey=True
    )
    _draw_false_alarms(left, false_alarms(shares).xs("one normal cloud", level=1))
    _draw_power(right, power(shares))
    left.set(ylim=(0, 1.12), ylabel="tables in which groups are found")
    left.set_yticks(np.linspace(0, 1, 6))
    left.yaxis.set_major_formatter("{x:.0%}")
    return figure


def _draw_false_alarms(axis, alarms):
    places = np.arange(len(alarms))
    low, high = alarms["low"].min(), alarms["high"].max()
    axis.axhspan(low, high, color=figures.FAINT, linewidth=0)
    side = {"textcoords": "offset points", "fontsize": figures.SMALL, "va": "center"}
    axis.annotate(f"allowed at {LEVEL:.0%}", (len(alarms) - 0.3, high), (0, 11), ha="right", **side)
    names = {"shuffled": "against shuffled columns", "twins": "against one-cloud twins"}
    colours = figures.PALETTE[6], figures.PALETTE[0]
    for (column, name), colour in zip(names.items(), colours, strict=True):
        axis.plot(places, alarms[column], "o", color=colour)
        for place, share in zip(places, alarms[column], strict=True):
            axis.annotate(f"{share:.0%}", (place, share), (6, 0), color=colour, **side)
        where = places[0] - 0.3, alarms[column].iloc[0]
        axis.annotate(name, where, (0, 18), color=colour, weight="bold", **side)
    axis.set_title("tables without groups")
    axis.set_xticks(places, alarms.index)
    axis.set_xlim(-0.4, len(alarms) - 0.2)


def _draw_power(axis, found_shares):
    for colour, (kind, shares) in zip(
        (figures.PALETTE[2], figures.PALETTE[4], figures.PALETTE[3]),
        found_shares.items(),
        strict=False,
    ):
        axis.plot(shares.index, shares, marker="o", markersize=4, color=colour)
        last = shares.index[-1], shares.iloc[-1]
        axis.annotate(
            kind,
            last,
            (0, 6) if shares.iloc[-1] > 0.9 else (0, -10),
            textcoords="offset points",
            ha="center",
            fontsize=figures.SMALL,
        )
    axis.axhline(0.8, color="black", linestyle="--", linewidth=0.8)
    axis.set_title("tables of three groups")
    axis.set_xlabel("distance (standard deviations)")
    axis.set_xlim(0, max(shares.index[-1] for shares in found_shares.values()) + 1.5)


def main():
    """Run the study; print its tables, write them and the figure."""
    shares = study()
    with written_whole(HERE / "calibration.csv") as beside:
        shares.round(4).to_csv(beside)
    print(false_alarms(shares).round(3).to_string())
    for kind, found_share in power(shares).items():
        print(f"{kind}: four in five at {four_in_five(found_share):.1f} standard deviations")
    figures.use_style()
    with written_whole(HERE / "calibration.png") as beside:
        draw(shares).savefig(beside, format="png", metadata={"Software": None})


if __name__ == "__main__":
    main()
