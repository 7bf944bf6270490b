"""What has changed: alignments against brute force, moves against loops, drift against chance."""

import copy
import itertools
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyod.models.ecod import ECOD
from tables import TABLES
from test_segmenter import segment, write

from segmentation import __main__ as command
from segmentation import segmenter
from segmentation.build import ROOT
from segmentation.change import LOST, NEW, align, drift_test, match, moves, renumber
from segmentation.change_figures import alluvial
from segmentation.customers import TableError, load_customers, load_table
from segmentation.kprototypes import KPrototypes
from segmentation.profiles import name_segments
from segmentation.segmenter import Segmenter, SegmenterError, score
from segmentation.shares import share_test, smallest_change

matplotlib.use("agg")

# --- Segmenters to align ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    return segment(write(TABLES["messy"](), tmp_path_factory.mktemp("messy")))


@pytest.fixture(scope="module")
def k_prototypes(messy):
    """Freeze a fit of K-Prototypes, and return it with its customers."""
    loaded = messy["loaded"]
    numbers = list(loaded.numbers)
    rows = loaded.table.astype(dict.fromkeys(loaded.categories, "category"))
    model = KPrototypes(4, gamma=0.7, random_state=0, n_init=1).fit(rows)
    result = pd.DataFrame({"segment": model.labels_ + 1, "outlier": False})
    frozen = segmenter.freeze(
        loaded,
        messy["detector"],
        result,
        name_segments(loaded.table, result["segment"]),
        seen=messy["encoded"],
        coordinates=loaded.table[numbers],
        centres=model.cluster_centroids_[numbers],
        modes=model.cluster_centroids_[list(loaded.categories)],
        gamma=model.gamma_,
        segment_of=range(1, 5),
        method="kprototypes",
        source=messy["path"],
    )
    return frozen, loaded.raw, None


@pytest.fixture(scope="module")
def embedded(messy):
    """Freeze an embedding of three dimensions, drawn at random, with four prototypes."""
    points = np.random.default_rng(0).normal(size=(len(messy["loaded"].table), 3))
    segments = np.linalg.norm(points[:, None] - points[:4], axis=2).argmin(axis=1) + 1
    result = pd.DataFrame({"segment": segments, "outlier": False})
    frozen = segmenter.freeze(
        messy["loaded"],
        ECOD().fit(points),
        result,
        name_segments(messy["loaded"].table, segments),
        seen=points,
        centres=points[:4],
        segment_of=range(1, 5),
        encoder={"model": "any", "model_sha256": "0", "precision": "float32"},
        method="embedding",
        source=messy["path"],
    )
    return frozen, messy["loaded"].raw, points


@pytest.fixture(params=["k-means", "K-Prototypes", "embedding"])
def frozen_with_customers(request, messy):
    if request.param == "k-means":
        return messy["frozen"], messy["loaded"].raw, None
    return request.getfixturevalue(
        {"K-Prototypes": "k_prototypes", "embedding": "embedded"}[request.param]
    )


@pytest.fixture(params=["table", "prototypes"])
def aligned_by(request, frozen_with_customers):
    """Return a segmenter, its customers, and a function that aligns another with it."""
    frozen, raw, points = frozen_with_customers
    given = {"table": raw, "points": (points, points)} if request.param == "table" else {}
    return frozen, raw, points, lambda other: align(frozen, other, **given)


def relabelled(frozen, number_of, names=None):
    """Return the same segmentation under other numbers and names."""
    about = copy.deepcopy(frozen.about)
    about["segment_of"] = [number_of[segment] for segment in about["segment_of"]]
    for part in about["segments"]:
        part["segment"] = number_of[part["segment"]]
        part["name"] = f"Segment {part['segment']}" if names is None else names[part["segment"]]
    return Segmenter(about, frozen.arrays)


@pytest.fixture(scope="module")
def on_a_line(tmp_path_factory):
    """Return a function that cuts 190 customers, each a year older than the last, at any ages."""
    rng = np.random.default_rng(0)
    # Whole numbers that are all different would be identifiers.
    ages = np.arange(190) + 0.25
    table = pd.DataFrame({"age": ages, "a": rng.random(190), "b": rng.random(190)})
    path = write(table, tmp_path_factory.mktemp("line"))
    loaded = load_customers(path)
    detector = ECOD().fit(loaded.table)

    def with_prototypes(*ages):
        centres = np.full((len(ages), 3), 0.5)
        centres[:, 0] = ages
        segments = np.abs(table["age"].to_numpy()[:, None] - ages).argmin(axis=1) + 1
        result = pd.DataFrame({"segment": segments, "outlier": False})
        frozen = segmenter.freeze(
            loaded,
            detector,
            result,
            name_segments(loaded.table, segments),
            seen=loaded.table,
            centres=centres,
            segment_of=range(1, len(ages) + 1),
            method="kmeans",
            source=path,
        )
        return frozen

    return with_prototypes, loaded.raw


# --- Which segments are the old ones ------------------------------------------------------------


def test_aligned_with_itself_nothing_changes(aligned_by):
    frozen, _, _, aligned = aligned_by
    again = aligned(frozen)
    assert again.about == frozen.about
    assert again.arrays is frozen.arrays


def test_other_numbers_and_names_are_undone(aligned_by):
    frozen, _, _, aligned = aligned_by
    for numbers in itertools.islice(itertools.permutations(range(1, 5)), 1, None, 5):
        other = relabelled(frozen, dict(enumerate(numbers, start=1)))
        assert aligned(other).about == frozen.about


def test_customers_get_the_same_but_for_numbers_and_names(aligned_by, tmp_path):
    frozen, raw, points, aligned = aligned_by
    other = relabelled(frozen, {1: 3, 2: 1, 3: 2, 4: 4})
    path = segmenter.save(aligned(other), tmp_path / "aligned.segmenter")
    before, after = score(other, raw, points), score(segmenter.load(path), raw, points)
    same = before.columns.difference(["segment", "name"])
    pd.testing.assert_frame_equal(before[same], after[same])
    assert before.groupby("segment")["name"].nunique().eq(1).all()
    assert after["segment"].equals(before["segment"].map({3: 1, 1: 2, 2: 3, 4: 4}))


def test_a_segment_keeps_its_name_and_tells_of_itself(messy):
    old = messy["frozen"]
    new = relabelled(old, {1: 2, 2: 1, 3: 3, 4: 4})
    for part in new.about["segments"]:
        part |= {"rule": "other", "precision": 0.1, "recall": 0.2, "description": "other"}
    for before, after in zip(old.about["segments"], align(old, new).about["segments"], strict=True):
        assert before["name"] == after["name"]
        assert before["share"] == after["share"]
        assert (after["rule"], after["precision"], after["recall"]) == ("other", 0.1, 0.2)
        assert after["description"] == "other"


def admissible_sums(similarity):
    """Return every set of pairs that are the same, by brute force, with its sum."""
    old, new = similarity.index, similarity.columns
    longer, shorter = (old, new) if len(old) >= len(new) else (new, old)
    for order in itertools.permutations(longer, len(shorter)):
        both = zip(order, shorter, strict=True)
        pairs = both if longer is old else ((j, i) for i, j in both)
        kept = {(i, j) for i, j in pairs if similarity.loc[i, j] >= 0.5}
        yield kept, sum(similarity.loc[pair] for pair in kept)


def jaccard_by_sets(then, now):
    def members(segments):
        return {i: set(np.flatnonzero(segments == i)) for i in sorted(set(segments))}

    old, new = members(then), members(now)
    rows = {i: {j: len(a & b) / len(a | b) for j, b in new.items()} for i, a in old.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_matches_are_the_best_by_brute_force(messy, seed):
    rng = np.random.default_rng(seed)
    raw, encoded = messy["loaded"].raw, messy["encoded"].to_numpy()
    both, candidates = [], rng.choice(len(encoded), 6, replace=False)
    for k in rng.integers(2, 6, size=2):
        # From few candidates, so that some prototypes are near each other.
        centres = encoded[rng.choice(candidates, k, replace=False)] + rng.normal(0, 0.2, (k, 1))
        about = messy["frozen"].about | {
            "segment_of": list(range(1, k + 1)),
            "segments": [{"segment": i, "name": str(i)} for i in range(1, k + 1)],
        }
        both.append(Segmenter(about, messy["frozen"].arrays | {"centres": centres}))
    similarity = jaccard_by_sets(*(score(one, raw)["segment"].to_numpy() for one in both))
    pairs = match(*both, raw)
    best = max(total for _, total in admissible_sums(similarity))
    assert pairs["similarity"].sum() == pytest.approx(best)
    assert pairs["old"].is_unique
    assert pairs["new"].is_unique
    assert (pairs["similarity"] >= 0.5).all()
    by_sets = [similarity.loc[pair.old, pair.new] for pair in pairs.itertuples()]
    assert pairs["similarity"].tolist() == pytest.approx(by_sets)


def test_little_similarity_does_not_oust_much(on_a_line):
    cut, raw = on_a_line
    # Old: 0-144 and 145-189; new: 0-44 and 45-189. 100 of 190 are in the first and the second;
    # the other two pairs have 45 of 145 each, together more.
    pairs = match(cut(100, 189), cut(10, 79), raw)
    assert pairs.to_numpy().tolist() == [[1, 2, pytest.approx(100 / 190)]]


def test_of_exact_halves_one_goes_on(on_a_line):
    cut, raw = on_a_line
    # Old: 0-99 and 100-189; new: 0-49, 50-99 and 100-189.
    aligned = align(cut(50, 149), cut(24.5, 74.5, 124.5), raw)
    assert sorted(aligned.about["segment_of"]) == [1, 2, 3]
    assert aligned.about["segment_of"][2] == 2


def test_prototypes_by_hand(on_a_line):
    cut, _ = on_a_line
    pairs = match(cut(10, 50, 150), cut(80, 12, 149))
    # The first is 2 away, and 40 from the next; the second 30 and 40: that is more than half.
    assert pairs[["old", "new"]].to_numpy().tolist() == [[1, 2], [3, 3]]
    assert pairs["similarity"].tolist() == pytest.approx([1 - 2 / 40, 1 - 1 / 69])
    assert match(cut(1, 10), cut(100, 110)).empty


def test_dissimilarities_of_prototypes_are_those_of_k_prototypes(k_prototypes):
    frozen, *_ = k_prototypes
    about, arrays = frozen
    nearest = match(frozen, Segmenter(about, arrays | {"centres": arrays["centres"] + [[1, 0, 0]]}))
    categories = np.column_stack(list(about["modes"].values()))
    gaps = np.sqrt(
        ((arrays["centres"][:, None] - arrays["centres"]) ** 2).sum(axis=2)
        + ((categories[:, None] != categories) * about["gamma"]).sum(axis=2)
    )
    gaps[np.diag_indices(4)] = np.inf
    by_hand = 1 - 1 / gaps.min(axis=1)
    assert nearest["similarity"].tolist() == pytest.approx(by_hand.tolist(), abs=1e-9)


def test_prototypes_of_other_columns_need_a_table(messy, k_prototypes, on_a_line):
    raw, frozen = messy["loaded"].raw, messy["frozen"]
    about = copy.deepcopy(frozen.about)
    next(column for column in about["schema"] if column["name"] == "city")["categories"].append("x")
    other = Segmenter(about, frozen.arrays)
    for incomparable in (other, k_prototypes[0], on_a_line[0](10, 20)):
        with pytest.raises(SegmenterError, match="table"):
            align(frozen, incomparable)
    assert align(frozen, other, raw).about == other.about
    assert align(frozen, k_prototypes[0], raw).about["segment_of"]
    with pytest.raises(SegmenterError, match="city"):
        align(frozen, other)
    with pytest.raises(SegmenterError):
        align(frozen, other, raw.head(0))


names = st.sampled_from(["young", "old", "rich", "poor", "old (2)"])


@st.composite
def described(draw):
    """Draw what a segmenter tells of its segments."""
    numbers = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True))
    called = draw(st.lists(names, min_size=len(numbers), max_size=len(numbers), unique=True))
    segments = [{"segment": i, "name": name} for i, name in zip(numbers, called, strict=True)]
    return Segmenter({"segment_of": numbers, "segments": segments}, {})


@settings(deadline=None, derandomize=True, max_examples=150)
@given(described(), described(), st.data())
def test_others_get_unused_numbers_and_names(old, new, data):
    n = data.draw(st.integers(0, min(len(old.about["segments"]), len(new.about["segments"]))))
    pairs = pd.DataFrame(
        {
            when: data.draw(st.permutations(one.about["segment_of"]))[:n]
            for when, one in (("old", old), ("new", new))
        },
        dtype=int,
    )
    aligned = renumber(old, new, pairs).about
    by_number = {part["segment"]: part["name"] for part in aligned["segments"]}
    before = {part["segment"]: part["name"] for part in old.about["segments"]}
    own = {part["segment"]: part["name"] for part in new.about["segments"]}
    assert list(by_number) == sorted(by_number)
    assert len(by_number) == len(own) == len(set(by_number.values()))
    number_of = dict(zip(new.about["segment_of"], aligned["segment_of"], strict=True))
    assert {i: number_of[i] for i in pairs["new"]} == dict(
        zip(pairs["new"], pairs["old"], strict=True)
    )
    for i in own.keys() - set(pairs["new"]):
        assert number_of[i] > max(before)
        assert by_number[number_of[i]].startswith(own[i])
    assert all(by_number[i] == before[i] for i in pairs["old"])


def test_a_number_never_comes_back(on_a_line):
    cut, raw = on_a_line
    three, two = cut(20, 170, 100), cut(20, 170)
    without = align(three, two, raw)
    assert without.about["segment_of"] == [1, 2]
    again = align(without, three, raw)
    assert again.about["segment_of"] == [1, 2, 4]
    assert align(without, without, raw).about == without.about


# --- Who moved ----------------------------------------------------------------------------------

segments_by_identifier = st.dictionaries(st.integers(0, 30).map(str), st.integers(1, 4), min_size=1)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(segments_by_identifier, segments_by_identifier)
def test_every_customer_moves_once(then, now):
    now = now | {next(iter(then)): 2}
    table = moves(pd.Series(then), pd.Series(now))
    everyone = [(then.get(i, NEW), now.get(i, LOST)) for i in then.keys() | now.keys()]
    for (origin, end), row in table.iterrows():
        assert row["customers"] == everyone.count((origin, end))
        n = sum(one == origin for one, _ in everyone)
        if n == 0:
            assert row[["share", "low", "high"]].isna().all()
            continue
        p, z = row["customers"] / n, 1.959964
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        assert row["share"] == p
        assert row[["low", "high"]].tolist() == pytest.approx(
            [middle - half, middle + half], abs=1e-6
        )
    assert table["customers"].sum() == len(everyone)


def test_customers_who_cannot_be_followed_are_counted_in_one_error():
    then = pd.Series([1, 2, 2, 1, 1], ["a", "b", "b", None, "c"])
    now = pd.Series([1, None], ["a", "b"])
    with pytest.raises(TableError) as caught:
        moves(then, now)
    assert str(caught.value).count("\n- ") == 3
    with pytest.raises(TableError):
        moves(then.iloc[[0]], now.set_axis(["x", "y"]).fillna(1))


def drawn_moves(k, n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(k, 3))
    then = rng.choice(np.arange(1, k + 1), n, p=shares)
    now = np.where(rng.random(n) < 0.8, then, rng.integers(1, k + 1, n))
    known = rng.random((2, n)) < 0.9
    return moves(pd.Series(then)[known[0]], pd.Series(now)[known[1]])


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_labels_of_an_alluvial_plot_are_read(k):
    long = "Not tertiary education, balance from 1,000 to 4,000 and previous outcome not given"
    figure = alluvial(drawn_moves(k), {i: f"{long} {i}"[-9 * i :] for i in range(1, k + 1)})
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert len(texts) == 2 * (k + 1) + 2
    boxes = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert min(text.get_fontsize() for text in texts) >= 8
    width, height = figure.canvas.get_width_height()
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= width
    assert all(box.y0 >= 0 and box.y1 <= height for box in boxes)
    labels = " ".join(text.get_text().replace("\n", " ") for text in texts)
    assert all(f"{i}. " in labels for i in range(1, k + 1))


# --- Whether to fit anew ------------------------------------------------------------------------


def test_no_alarm_for_the_training_customers(messy):
    tested = drift_test(messy["frozen"], score(messy["frozen"], messy["loaded"].raw))
    assert not tested["refit"].any()
    assert tested["p"].tolist() == [1, 1]
    assert tested["psi"].tolist() == pytest.approx([0, 0], abs=1e-12)


def test_an_alarm_for_other_customers(messy):
    raw = messy["loaded"].raw
    scores = score(messy["frozen"], raw)
    some = scores[scores["segment"] <= 2].head(100)
    tested = drift_test(messy["frozen"], some)
    assert tested.loc["all", "refit"]
    assert tested.loc["all", "psi"] > tested.loc["all", "threshold"]
    outliers = drift_test(messy["frozen"], scores.assign(outlier=np.arange(len(scores)) % 3 == 0))
    assert outliers["refit"].tolist() == [False, True]
    with pytest.raises(SegmenterError):
        drift_test(messy["frozen"], scores.head(0))


def test_drift_is_that_of_the_segments_and_of_the_outliers(messy):
    frozen, sample = messy["frozen"], messy["loaded"].raw.sample(150, random_state=0)
    scores = score(frozen, sample)
    tested = drift_test(frozen, scores, n_draws=499, seed=3)
    pd.testing.assert_frame_equal(tested, drift_test(frozen, scores, n_draws=499, seed=3))
    then, now = frozen.about["outliers"], scores["outlier"].mean()
    alone = share_test([1 - then, then], [1 - now, now], 400, 150, 0.025, 499, seed=3)
    assert tested.loc["outliers", "p"] == min(1, 2 * alone["p"])
    assert tested.loc["outliers", "threshold"] == alone["threshold"]
    assert tested["psi"].tolist() == pytest.approx(
        segmenter.drift(frozen, scores).loc[["all", "outliers"], "psi"].tolist()
    )


def test_p_by_a_plain_loop():
    then, now, n_then, n_now = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.36, 0.24]), 300, 200
    rng = np.random.default_rng(7)
    population = (150 + 80, 90 + 72, 60 + 48)

    def index(one, other):
        total = 0.0
        for a, b in zip(one, other, strict=True):
            total += (b - a) * np.log(b / a)
        return total

    observed, above, draws = index(then, now), 0, 4_000
    for _ in range(draws):
        samples = [
            np.bincount(rng.choice(3, n, p=np.array(population) / 500), minlength=3) / n
            for n in (n_then, n_now)
        ]
        above += index(*samples) >= observed
    p = above / draws
    error = 3 * np.sqrt(p * (1 - p) * 2 / draws)
    assert share_test(then, now, n_then, n_now, n_draws=4_000)["p"] == pytest.approx(p, abs=error)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=5))
def test_p_and_threshold_say_the_same(counts):
    then, now = np.transpose([*counts, (1, 1)])
    sizes = then.sum(), now.sum()
    tested = share_test(then / sizes[0], now / sizes[1], *sizes, level=0.05, n_draws=399)
    assert 0 < tested["p"] <= 1
    if tested["p"] <= 0.05:
        assert tested["psi"] > tested["threshold"]
    elif abs(tested["psi"] - tested["threshold"]) > 1e-9:
        assert tested["psi"] < tested["threshold"]


def test_the_smallest_change_is_found_four_times_in_five():
    shares, n_then, n_now = np.array([0.5, 0.3, 0.2]), 2_000, 500
    change = smallest_change(shares, n_then, n_now)
    rng = np.random.default_rng(1)
    moved, found = shares - np.array([change, 0, -change]), []
    for _ in range(300):
        then = rng.multinomial(n_then, shares) / n_then
        now = rng.multinomial(n_now, moved) / n_now
        found.append(share_test(then, now, n_then, n_now, n_draws=999)["p"] <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 / 300))
    assert smallest_change(shares, n_then, 4 * n_now) < change
    assert np.isnan(smallest_change(shares, 5, 5))
    assert np.isnan(smallest_change([1.0], 100, 100))


@pytest.mark.slow
def test_false_alarms_with_segmenters_are_rare(tmp_path):
    everyone = TABLES["messy"](4_800)
    alarms = []
    for part in range(3):
        of_part = everyone.iloc[1_600 * part : 1_600 * (part + 1)]
        frozen = segment(write(of_part.head(400), tmp_path))["frozen"]
        rest = load_table(write(of_part.iloc[400:], tmp_path))
        alarms += [
            drift_test(frozen, score(frozen, rest.iloc[i : i + 150]), 499)["refit"].any()
            for i in range(0, 1_200, 150)
        ]
    # More than 4 of 24 come about in one of a hundred runs, were they independent.
    assert sum(alarms) <= 4


def test_rates_of_the_study_are_as_stated():
    rates = pd.read_csv(ROOT / "benchmarks" / "drift.csv")
    assert len(rates) == 27
    assert rates["false_alarms"].between(0.02, 0.08).all()
    assert rates["found"].between(0.7, 0.9).all()
    assert rates["found"].mean() == pytest.approx(0.8, abs=0.02)


# --- Commands -----------------------------------------------------------------------------------


@pytest.fixture
def files(messy, tmp_path):
    """Write a segmenter, the same under other numbers, and a table of then and one of now."""
    frozen = segmenter.save(messy["frozen"], tmp_path / "old.segmenter")
    other = relabelled(messy["frozen"], {1: 4, 2: 3, 3: 2, 4: 1})
    segmenter.save(other, tmp_path / "new.segmenter")
    now = TABLES["messy"]().iloc[30:]
    now["active"] = 1 - now["active"]
    newcomers = now.head(20).assign(CustomerID=range(1, 21))
    pd.concat([now, newcomers]).to_csv(tmp_path / "now.csv", index=False)
    tables = ["--then", str(messy["path"]), "--now", str(tmp_path / "now.csv")]
    return {
        "drift": ["drift", "--segmenter", str(frozen), "--input", str(tmp_path / "now.csv")],
        "migrate": ["migrate", "--segmenter", str(frozen), *tables],
        "align": ["align", "--old", str(frozen), "--new", str(tmp_path / "new.segmenter")],
    }


def test_migrate_follows_customers_by_their_identifier(files, messy, tmp_path, capsys):
    output = tmp_path / "moves.csv"
    assert command.main([*files["migrate"], "--output", str(output)]) == 0
    written = pd.read_csv(output)
    frozen = messy["frozen"]
    then, now = (
        score(frozen, load_table(path)).set_index("CustomerID")["segment"]
        for path in (messy["path"], tmp_path / "now.csv")
    )
    expected = moves(then, now).reset_index().astype({"then": "str", "now": "str"})
    pd.testing.assert_frame_equal(written, expected, check_dtype=False)
    assert written.loc[written["now"] == LOST, "customers"].sum() == 30
    assert written.loc[written["then"] == NEW, "customers"].sum() == 20
    assert (tmp_path / "moves.png").read_bytes().startswith(b"\x89PNG")
    assert "400 customers" in capsys.readouterr().out


def test_identifiers_are_the_same_however_they_are_written(files, tmp_path):
    path = Path(files["migrate"][-1])
    table = pd.read_csv(path, dtype=str)
    table.loc[len(table)] = table.iloc[0].to_dict() | {"CustomerID": "A-17"}
    table.to_csv(path, index=False)
    output = tmp_path / "moves.csv"
    assert command.main([*files["migrate"], "--output", str(output)]) == 0
    written = pd.read_csv(output)
    assert written.loc[written["then"] == NEW, "customers"].sum() == 21


def test_customers_without_identifiers_are_refused(files, on_a_line, messy, tmp_path, capsys):
    output = tmp_path / "moves.csv"
    table = pd.read_csv(files["migrate"][-1])
    segmenter.save(on_a_line[0](10, 50), tmp_path / "line.segmenter")
    none_known = [*files["migrate"]]
    none_known[2] = str(tmp_path / "line.segmenter")
    other = tmp_path / "other.csv"
    for arguments, changed in (
        (files["migrate"], table.drop(columns=["CustomerID", "email"])),
        (files["migrate"], pd.concat([table, table.head(3)])),
        (files["migrate"], table.assign(CustomerID=table["CustomerID"] * -1)),
        (none_known, table.assign(age=1)),
    ):
        changed.to_csv(other, index=False)
        assert command.main([*arguments[:-1], str(other), "--output", str(output)]) == 2
        assert capsys.readouterr().err.startswith("error: ")
    assert not output.exists()


@pytest.mark.parametrize("by_table", [True, False])
def test_align_writes_a_segmenter_under_the_old_numbers(by_table, files, messy, tmp_path, capsys):
    output = tmp_path / "aligned.segmenter"
    given = ["--input", str(messy["path"])] if by_table else []
    assert command.main([*files["align"], *given, "--output", str(output)]) == 0
    raw = messy["loaded"].raw
    pd.testing.assert_frame_equal(score(segmenter.load(output), raw), score(messy["frozen"], raw))
    printed = capsys.readouterr().out
    assert all(part["name"] in printed for part in messy["frozen"].about["segments"])


def test_align_tells_what_is_new_and_what_is_gone(on_a_line, tmp_path, capsys):
    cut, _ = on_a_line
    paths = [str(tmp_path / name) for name in ("a.segmenter", "b.segmenter", "c.segmenter")]
    segmenter.save(cut(10, 100), paths[0])
    segmenter.save(cut(10, 189), paths[1])
    arguments = ["align", "--old", paths[0], "--new", paths[1], "--output", paths[2]]
    assert command.main(arguments) == 0
    first, second, third, *_ = capsys.readouterr().out.splitlines()
    assert [line.partition(".")[0] for line in (first, second, third)] == ["1", "3", "2"]
    assert "new" in second
    assert "gone" in third


def test_drift_writes_the_test(files, messy, tmp_path, capsys):
    output = tmp_path / "drift.csv"
    assert command.main([*files["drift"], "--output", str(output)]) == 0
    written = pd.read_csv(output, index_col="segment")
    tested = drift_test(messy["frozen"], score(messy["frozen"], load_table(files["drift"][-1])))
    pd.testing.assert_frame_equal(
        written.loc[["all", "outliers"], list(tested)].astype(tested.dtypes),
        tested,
        check_names=False,
    )
    printed = capsys.readouterr().out
    assert all(f"{p:.4f}" in printed for p in tested["p"])


@pytest.mark.parametrize("name", ["migrate", "align", "drift"])
def test_no_command_overwrites_what_it_did_not_write(name, files, messy, tmp_path, capsys):
    mine = tmp_path / "mine.csv"
    mine.write_text("then,now,customers\nAda,1,2\n", encoding="utf-8")
    inputs = [Path(part) for part in files[name][2::2]]
    of_a_notebook = segmenter.save(messy["frozen"], tmp_path / "kmeans.segmenter")
    before = {path: path.read_bytes() for path in (*inputs, mine, of_a_notebook)}
    for output in (*before, tmp_path, tmp_path / "none" / "x.csv"):
        assert command.main([*files[name], "--output", str(output)]) == 2, output
        assert capsys.readouterr().err.count("\n") == 1
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["migrate", "align", "drift"])
def test_a_command_replaces_its_own_output(name, files, tmp_path):
    arguments = [*files[name], "--output", str(tmp_path / "own.csv")]
    assert command.main(arguments) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert command.main(arguments) == 0
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
