"""Figures: what is drawn is what was given; it is named, large enough, and hides nothing."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from segmentation import figures, heat_maps, profiles, selection_figures, shap_figures
from segmentation.evaluation import Suggestion
from segmentation.maps import Map
from segmentation.selection import Elbow

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
LONG = "Not electronic check payment, monthly charges from 1,000 to 4,000 and no online security"
FEATURES = CUSTOMERS.astype({"loan": "category", "job": "category"})


def test_colours_are_distinct():
    assert len(set(figures.segment_colours(len(figures.PALETTE)))) == len(figures.PALETTE)
    assert len(figures.segment_colours(25)) == 25


def test_knives_show_the_mean_of_every_k_and_a_blade_per_cluster():
    values, labels = RNG.uniform(-0.2, 0.8, (2, 60)), np.stack([SEGMENTS % 2, SEGMENTS])
    means, two, three = selection_figures.silhouette_knives(values, labels).axes
    assert means.lines[0].get_ydata().tolist() == values.mean(axis=1).tolist()
    assert [len(axis.collections) for axis in (two, three)] == [2, 3]
    assert three.lines[0].get_xdata()[0] == values[1].mean()


@pytest.mark.parametrize(
    ("k", "drawn"), [(2, "23456"), (6, "45678"), (9, "56789"), (1, "23456"), (None, "34567")]
)
def test_five_knives_are_drawn_around_the_k_that_is_kept(k, drawn):
    labelings = [np.arange(90) % some for some in range(2, 10)]
    values = np.tile([0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1, 0.0], (90, 1)).T
    axes = selection_figures.silhouette_knives(values, labelings, k).axes[1:]
    assert [axis.get_title() for axis in axes] == [f"k = {some}" for some in drawn]


def test_names_with_dollars_are_text():
    figures.use_style()
    shares = profiles.removed_shares(
        pd.DataFrame({"$x$": ["$1$ to $\\frac", "b"] * 30}), SEGMENTS > 1
    )
    figures.removed_by_category(shares, 0.1).canvas.draw()


def test_interactive_points_are_capped_and_keep_their_segment(monkeypatch):
    monkeypatch.setattr(figures, "MAX_POINTS_3D", 30)
    points = np.column_stack([SEGMENTS * 10.0, np.arange(60), np.zeros(60)])
    figure = figures.scatter_3d(points, SEGMENTS, "title", "xyz", NAMES)
    assert sum(len(trace.x) for trace in figure.data) == 30
    for segment, trace in enumerate(figure.data, start=1):
        assert set(trace.x) == {segment * 10.0}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_first_look_is_along_what_parts_the_segments_least(axis):
    points = RNG.normal(size=(60, 3))
    others = [i for i in range(3) if i != axis]
    for segment in NAMES.index:
        points[segment == SEGMENTS] -= points[segment == SEGMENTS].mean(axis=0)
    points[:, others] += 20 * np.array([[0, 0], [0, 1], [1, 0]])[SEGMENTS - 1]
    camera = figures.scatter_3d(points, SEGMENTS, "title", "xyz", NAMES).layout.scene.camera
    eye, up = (np.array([way.x, way.y, way.z]) for way in (camera.eye, camera.up))
    assert abs(eye[axis]) > 0.97 * np.linalg.norm(eye)
    assert abs(eye @ up) < 0.1 * np.linalg.norm(eye)


def test_two_segments_are_seen_apart():
    points = RNG.normal(size=(60, 3))
    points[:, 1] += 20 * (SEGMENTS > 1)
    two = np.where(SEGMENTS > 1, 2, 1)
    eye = figures.scatter_3d(points, two, "title", "xyz", NAMES.head(2)).layout.scene.camera.eye
    assert abs(eye.y) < 0.1 * np.linalg.norm([eye.x, eye.y, eye.z])


def test_shap_bars_are_the_mean_contributions():
    values = RNG.normal(size=(60, 3, 3))
    figure = shap_figures.shap_bars(values, FEATURES, NAMES)
    bars = np.array([bar.get_width() for bar in figure.axes[0].patches]).reshape(3, 3)
    order = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    means = np.abs(values).mean(axis=0)
    for row, name in enumerate(order):
        assert bars[:, row] == pytest.approx(means[list(FEATURES).index(name)])
    assert bars.sum(axis=0).argmax() == 2


def test_beeswarms_have_a_dot_per_customer_at_its_value():
    values = RNG.normal(size=(60, 3, 3))
    axes = shap_figures.shap_beeswarms(values, FEATURES, NAMES).axes[:3]
    rows = [label.get_text() for label in axes[0].get_yticklabels()]
    for i, axis in enumerate(axes):
        for row, (name, dots) in enumerate(zip(rows, axis.collections, strict=True)):
            x, y = dots.get_offsets().T
            assert x.tolist() == values[:, list(FEATURES).index(name), i].tolist()
            assert abs(y + row).max() < 0.5
            assert len(np.unique(dots.get_offsets().round(6), axis=0)) == 60


def test_a_waterfall_leads_from_all_customers_to_this_one():
    values = RNG.normal(size=14)
    figure = shap_figures.waterfall(
        -1.5, values, pd.Series(np.arange(14.0), list("abcdefghijklmn"))
    )
    bars = figure.axes[0].patches
    assert len(bars) == 11
    assert sum(bar.get_width() for bar in bars) == pytest.approx(values.sum())
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == pytest.approx(
        [-1.5, values.sum() - 1.5]
    )
    ends = [bar.get_x() + max(bar.get_width(), 0) for bar in bars]
    assert bars[0].get_x() == pytest.approx(-1.5) or ends[0] == pytest.approx(-1.5)


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


def drawn_with(n_segments, names):
    """Return every figure of some segments of random customers, by what it is."""
    rng = np.random.default_rng(n_segments)
    segments = np.concatenate([np.arange(n_segments) + 1, rng.integers(1, n_segments + 1, 300)])
    n = len(segments)
    points = rng.normal(size=(n, 3)) + 3 * rng.normal(size=(n_segments, 3))[segments - 1]
    contract = "Contract with automatic bank transfer and no end"
    customers = pd.DataFrame(
        {"age": rng.integers(18, 90, n), contract: rng.choice(["Two years or more", "none"], n)}
    ).assign(job=rng.choice([f"a rather long name of a job {i}" for i in range(9)], n))
    features = customers.astype({contract: "category", "job": "category"})
    values = rng.normal(size=(n, 3, n_segments))
    names = pd.Series(names, range(1, n_segments + 1))
    axes = ["component 1 (18.7 %)", "component 2 (16.5 %)"]
    tsne = Map(points[:, :2], np.arange(n), segments, "numbers", 1.0, 1.0, 0.3)
    pca = points, segments, "PCA", axes
    labelings = [np.arange(n) % k for k in range(2, 15)]
    silhouettes = rng.uniform(-0.2, 0.8, (13, n))
    outcome = pd.Series(rng.integers(0, 2, n), dtype=float, name="churn = yes")
    traits = profiles.traits(customers, segments)
    ks = list(range(1, 9))
    suggestion = Suggestion(
        3,
        pd.Series(0.05, ks[1:]),
        pd.DataFrame(rng.uniform(0.1, 0.3, (20, 7)), columns=ks[1:]),
        pd.DataFrame({"gap": np.linspace(0, 0.1, 8), "error": 0.01}, ks),
    )
    return {
        "map": figures.draw_maps([pca], names),
        "two maps": figures.pca_and_tsne(points, segments, axes, tsne, names),
        "three maps": figures.draw_maps([pca, figures.tsne_panel(tsne), pca], names),
        "methods": figures.draw_methods(
            dict.fromkeys(("k-means", "K-Prototypes", "text embedding"), (segments, names)),
            points,
            axes,
        ),
        "bars": shap_figures.shap_bars(values, features, names),
        "beeswarms": shap_figures.shap_beeswarms(values, features, names),
        "waterfall": shap_figures.waterfall(0.2, values[0, :, 0], features.iloc[0]),
        "heat map": heat_maps.draw_traits(traits, names, segments, outcome),
        "removed": figures.removed_by_category(
            profiles.removed_shares(customers, segments == 1), (segments == 1).mean()
        ),
        "knives": selection_figures.silhouette_knives(silhouettes, labelings, n_segments),
        "elbow": selection_figures.elbow(Elbow(ks, [1e5 / k for k in ks], 3)),
        "twins": selection_figures.against_twins(suggestion),
    }


NAMED = {"map", "two maps", "three maps", "methods", "bars", "beeswarms", "heat map"}


@pytest.fixture(scope="module", params=[(2, False), (5, True), (9, True)])
def drawn(request):
    n_segments, long = request.param
    with matplotlib.rc_context():
        figures.use_style()
        names = [f"{i} {LONG if long else 'retired'}"[: 30 + 9 * i] for i in range(n_segments)]
        found = drawn_with(n_segments, names)
        yield names, found, {what: texts_of(figure) for what, figure in found.items()}
        plt.close("all")


def texts_of(figure):
    """Return the texts that are seen in a figure, and the boxes that they take."""
    figure.draw_without_rendering()
    unseen = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        # Ticks beyond the ends of an axis are kept, and not drawn.
        if not axes.axison or not is_within(tick.get_loc(), axis.get_view_interval())
    }
    texts = [
        text
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip() and text not in unseen
    ]
    return [(text, text.get_window_extent()) for text in texts]


def is_within(place, ends):
    return min(ends) - 1e-9 <= place <= max(ends) + 1e-9


def test_every_text_is_large_enough_and_within_the_figure(drawn):
    for what, texts in drawn[2].items():
        whole = drawn[1][what].bbox.padded(1)
        for text, box in texts:
            assert text.get_fontsize() >= figures.SMALL, (what, text)
            assert whole.x0 <= box.x0 <= box.x1 <= whole.x1, (what, text)
            assert whole.y0 <= box.y0 <= box.y1 <= whole.y1, (what, text)


def test_no_text_lies_on_another(drawn):
    for what, texts in drawn[2].items():
        for (one, box), (other, another) in itertools.combinations(texts, 2):
            # Half a pixel less: boxes are as high as the highest letters that there are.
            assert not box.padded(-0.5).overlaps(another.padded(-0.5)), (what, one, other)


def test_segments_have_their_names(drawn):
    names, _, texts_of_all = drawn
    for what in NAMED:
        texts = " ".join(text.get_text().replace("\n", " ") for text, _ in texts_of_all[what])
        for segment, name in enumerate(names, start=1):
            assert f"{segment}. {name[:12].rsplit(' ', 1)[0]}" in texts, (what, name)


def test_panels_are_few_and_none_is_empty(drawn):
    for what, figure in drawn[1].items():
        assert len(figure.axes) <= (10 if what == "beeswarms" else 6), what
        for axis in figure.axes:
            assert axis.has_data() or axis.child_axes or axis.get_label() == "<colorbar>", what
        width, _ = figure.get_size_inches()
        assert width <= (figures.WIDTH if what != "heat map" else 9), what


def test_names_are_in_the_legend_of_what_can_be_turned():
    points = RNG.normal(size=(60, 3))
    figure = figures.scatter_3d(points, SEGMENTS, "title", "xyz", NAMES)
    assert [trace.name for trace in figure.data] == ["1. Aged under 30", "2. Retired", "3. Loan"]


@pytest.fixture
def crowd():
    # A crowd of the second segment, in which there is one customer of the first.
    points = np.vstack([RNG.normal(size=(40, 2)), RNG.normal(9, 0.2, (200, 2)), [[9, 9]]])
    figure, axis = plt.subplots()
    yield axis, points, np.repeat([1, 2, 1], [40, 200, 1])
    plt.close(figure)


def test_the_number_of_a_segment_stands_where_it_is_in_the_majority(crowd):
    axis, points, segments = crowd
    figures.mark_segments(axis, points, segments)
    places = {text.get_text(): text.xy for text in axis.texts}
    assert np.linalg.norm(places["1"]) < 3
    assert np.linalg.norm(places["2"] - np.array([9, 9])) < 3
