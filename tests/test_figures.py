"""Figures: what is drawn is what was given; in colours that differ."""

import matplotlib
import numpy as np
import pandas as pd

from segmentation import figures, profiles, selection_figures, shap_figures
from segmentation.evaluation import Suggestion

matplotlib.use("agg")

RNG = np.random.default_rng(0)
SEGMENTS = RNG.integers(1, 4, 60)
CUSTOMERS = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, 60),
        "loan": RNG.choice(["no", "yes"], 60),
        "job": RNG.choice(["services", "retired", "student"], 60),
    }
)
NAMES = pd.Series({1: "Aged under 30", 2: "Retired", 3: "Loan"})


def test_colours_are_distinct():
    assert len(set(figures.segment_colours(len(figures.PALETTE)))) == len(figures.PALETTE)
    assert len(figures.segment_colours(25)) == 25


def test_knives_show_one_blade_per_cluster_and_the_mean():
    values, labels = RNG.uniform(-0.2, 0.8, (2, 60)), np.stack([SEGMENTS, SEGMENTS % 2])
    axes = selection_figures.silhouette_knives(values, labels).axes
    assert [len(axis.collections) for axis in axes[:2]] == [3, 2]
    assert axes[0].get_title() == f"k = 3: mean {values[0].mean():.3f}"


def test_the_lowest_knives_of_every_column_have_an_axis():
    labelings = np.stack([SEGMENTS] * 6)
    axes = selection_figures.silhouette_knives(RNG.uniform(-0.2, 0.8, (6, 60)), labelings).axes
    assert [axis.get_xlabel() for axis in axes[:6]] == [""] * 2 + ["silhouette"] * 4
    shown = [axis.xaxis.get_tick_params()["labelbottom"] for axis in axes[2:6]]
    assert shown == [True] * 4


def test_names_with_dollars_are_text():
    figures.use_style()
    shares = profiles.removed_shares(
        pd.DataFrame({"$x$": ["$1$ to $\\frac", "b"] * 30}), SEGMENTS > 1
    )
    figures.removed_by_category(shares, 0.1).canvas.draw()


def test_interactive_points_are_capped_and_keep_their_segment(monkeypatch):
    monkeypatch.setattr(figures, "MAX_POINTS", 30)
    points = np.column_stack([SEGMENTS * 10.0, np.arange(60), np.zeros(60)])
    figure = figures.scatter_3d(points, SEGMENTS, "title", "xyz")
    assert sum(len(trace.x) for trace in figure.data) == 30
    for segment, trace in enumerate(figure.data, start=1):
        assert set(trace.x) == {segment * 10.0}


def test_shap_figures_have_a_bar_and_a_swarm_per_segment():
    features = CUSTOMERS.astype({"loan": "category", "job": "category"})
    values = RNG.normal(size=(60, 3, 3))
    bars = shap_figures.shap_bars(values, features, NAMES).axes[0]
    assert len(bars.patches) == 9
    swarms = shap_figures.shap_beeswarms(values, features, NAMES).axes
    titles = [axis.get_title() for axis in swarms]
    assert all(name in title for name, title in zip(NAMES, titles, strict=True))
    again = shap_figures.shap_beeswarms(values, features, NAMES).axes
    for one, two in zip(swarms, again, strict=True):
        for dots, others in zip(one.collections, two.collections, strict=True):
            assert np.array_equal(dots.get_offsets(), others.get_offsets())


def test_beeswarms_leave_the_global_generator_as_it_was():
    np.random.seed(7)
    expected = np.random.random(3)
    np.random.seed(7)
    features = CUSTOMERS.astype({"loan": "category", "job": "category"})
    shap_figures.shap_beeswarms(RNG.normal(size=(60, 3, 2)), features, NAMES.head(2))
    assert np.array_equal(np.random.random(3), expected)


def test_a_table_is_drawn_against_its_twins():
    silhouettes = pd.DataFrame(RNG.uniform(0.1, 0.3, (20, 3)), columns=[2, 3, 4])
    gap = pd.DataFrame({"gap": [0.0, 0.1, 0.2, 0.2], "error": 0.01}, index=[1, 2, 3, 4])
    p = pd.Series(0.05, index=[2, 3, 4])
    left, right = selection_figures.against_twins(Suggestion(3, p, silhouettes, gap)).axes
    assert left.lines[0].get_ydata().tolist() == silhouettes.iloc[0].tolist()
    band = left.collections[0].get_paths()[0].vertices
    assert set(silhouettes.iloc[1:].max()) <= set(band[:, 1])
    assert right.lines[0].get_ydata().tolist() == gap["gap"].tolist()
    none = selection_figures.against_twins(Suggestion(1, p, silhouettes, gap)).axes[1]
    assert len(none.lines) == len(right.lines) - 1
