"""Frozen segmenters: against the fitted models they come from, alone and in company, on disk."""

import copy
import hashlib
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyod.models.ecod import ECOD
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PowerTransformer
from tables import TABLES

from segmentation import __main__ as command
from segmentation import change_figures, segmenter, segmenter_file
from segmentation.customers import NOT_GIVEN, OTHER, TableError, load_customers, load_table
from segmentation.profiles import name_segments, order_by_size
from segmentation.segmenter import SegmenterError, drift, outlier_scores, score

K = 4


def write(table, folder):
    path = folder / "customers.csv"
    table.to_csv(path, index=False)
    return path


def segment(path):
    """Do what kmeans.ipynb does, with the models and their results at hand."""
    loaded = load_customers(path)
    recipe = make_pipeline(OrdinalEncoder(), PowerTransformer()).set_output(transform="pandas")
    encoded = recipe.fit_transform(loaded.table)
    detector = ECOD(contamination=0.1).fit(encoded)
    model = KMeans(K, n_init=2, random_state=0).fit(encoded[detector.labels_ == 0])
    labels = model.predict(encoded)
    segments = order_by_size(labels)
    result = pd.DataFrame({"segment": segments, "outlier": detector.labels_.astype(bool)})
    names = name_segments(loaded.table, segments)
    frozen = segmenter.freeze(
        loaded,
        detector,
        result,
        names,
        seen=encoded,
        centres=model.cluster_centers_,
        segment_of=[segments[labels == cluster][0] for cluster in range(K)],
        method="kmeans",
        source=path,
    )
    return {"loaded": loaded, "encoded": encoded, "detector": detector, "model": model} | {
        "result": result,
        "frozen": frozen,
        "path": path,
    }


@pytest.fixture(scope="module", params=TABLES)
def fitted(request, tmp_path_factory):
    return segment(write(TABLES[request.param](), tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    return segment(write(TABLES["messy"](), tmp_path_factory.mktemp("messy_alone")))


def test_training_rows_get_the_labels_of_the_models(fitted):
    scored = score(fitted["frozen"], fitted["loaded"].raw)
    pd.testing.assert_frame_equal(scored[["segment", "outlier"]], fitted["result"])
    names = pd.DataFrame(fitted["frozen"].about["segments"]).set_index("segment")["name"]
    assert (scored["name"] == scored["segment"].map(names)).all()
    ids = fitted["loaded"].ids
    pd.testing.assert_frame_equal(scored[list(ids)], ids)
    assert list(scored)[: ids.shape[1]] == list(ids)
    assert not scored["unknown"].any() or fitted["loaded"].raw.isna().any(axis=None)


def test_outlier_scores_are_those_of_ecod_bit_for_bit(fitted):
    scores = outlier_scores(fitted["frozen"], fitted["encoded"].to_numpy())
    assert np.array_equal(scores, fitted["detector"].decision_scores_)


def test_a_column_without_skewness_adds_both_tails(tmp_path):
    rng = np.random.default_rng(0)
    half = rng.integers(0, 90, size=(100, 3))
    # Mirrored, row by row, so that the sum of the cubes is exactly 0.
    seen = np.stack([half, -half], axis=1).reshape(200, 3).astype(float)
    seen = np.column_stack([seen, rng.exponential(size=200)])
    detector = ECOD().fit(seen)
    path = write(pd.DataFrame(seen, columns=list("abcd")), tmp_path)
    result = pd.DataFrame({"segment": 1, "outlier": detector.labels_ == 1})
    frozen = segmenter.freeze(
        load_customers(path),
        detector,
        result,
        name_segments(load_customers(path).table, result["segment"]),
        seen=seen,
        centres=seen[:2],
        segment_of=[1, 1],
        method="test",
        source=path,
    )
    assert frozen.about["symmetric"] == [True, True, True, False]
    assert np.array_equal(outlier_scores(frozen, seen), detector.decision_scores_)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.integers(0, 177), min_size=1, max_size=20))
def test_a_row_gets_the_same_alone_and_in_any_company(fitted, rows):
    everyone = score(fitted["frozen"], fitted["loaded"].raw)
    some = score(fitted["frozen"], fitted["loaded"].raw.iloc[rows])
    pd.testing.assert_frame_equal(some, everyone.iloc[rows], check_exact=True)


def test_confidence_by_hand(fitted):
    distances = np.sort(fitted["model"].transform(fitted["encoded"]), axis=1)
    expected = 1 - distances[:, 0] / distances[:, 1]
    scored = score(fitted["frozen"], fitted["loaded"].raw)
    assert scored["confidence"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert scored["confidence"].between(0, 1).all()


def test_numbers_between_and_beyond_those_seen(messy):
    raw = messy["loaded"].raw
    values = np.sort(raw["age"].dropna().unique())
    probes = raw.iloc[[0] * 4].reset_index(drop=True)
    probes["age"] = [values[0], values[0] - 1e6, values[-1], values[-1] + 1e6]
    scored = score(messy["frozen"], probes)
    assert scored.loc[0].equals(scored.loc[1])
    assert scored.loc[2].equals(scored.loc[3])


def test_unseen_categories_and_missing_columns_are_as_documented(messy):
    schema = {column["name"]: column for column in messy["frozen"].about["schema"]}
    assert OTHER in schema["city"]["categories"]
    assert schema["segment, old"]["fill"] == NOT_GIVEN
    row = messy["loaded"].raw.head(1)

    def scored(**columns):
        return score(messy["frozen"], row.assign(**columns)).drop(columns="unknown")

    pd.testing.assert_frame_equal(scored(city="Atlantis"), scored(city="Köln-59"))
    pd.testing.assert_frame_equal(scored(**{"segment, old": "x"}), scored(**{"segment, old": None}))
    pd.testing.assert_frame_equal(scored(age=None), scored(age=schema["age"]["fill"]))
    without = score(messy["frozen"], row.drop(columns="age")).drop(columns="unknown")
    pd.testing.assert_frame_equal(without, scored(age=None))
    assert score(messy["frozen"], row.assign(active="maybe"))["unknown"].tolist() == [1]
    with pytest.raises(TableError, match="none of the columns"):
        score(messy["frozen"], pd.DataFrame({"x": [1]}))
    with pytest.raises(TableError, match=r"visits: infinite .* line 2"):
        score(messy["frozen"], row.assign(visits=np.inf))


values = st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from(["gold", "yes", "44", "x"]))


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.data(), st.integers(1, 6))
def test_any_new_table_is_scored_row_by_row_or_refused(messy, data, n):
    names = [column["name"] for column in messy["frozen"].about["schema"]] + ["new"]
    taken = data.draw(st.lists(st.sampled_from(names), unique=True))
    cells = {name: data.draw(st.lists(values, min_size=n, max_size=n)) for name in taken}
    table = pd.DataFrame(cells, index=range(n), dtype=object)
    try:
        scored = score(messy["frozen"], table)
    except TableError:
        return
    assert scored.index.equals(table.index)
    assert scored["segment"].isin(range(1, K + 1)).all()
    assert scored["confidence"].between(0, 1).all()
    for i in range(n):
        pd.testing.assert_frame_equal(score(messy["frozen"], table.iloc[[i]]), scored.iloc[[i]])


@pytest.mark.parametrize("weighted", [False, True])
def test_k_prototypes_by_its_own_predictions(tmp_path, weighted):
    from segmentation.kprototypes import KPrototypes

    path = write(TABLES["messy"](), tmp_path)
    loaded = load_customers(path)
    numbers = list(loaded.table.select_dtypes("number"))
    categories = [name for name in loaded.table if name not in numbers]
    scaler = PowerTransformer().set_output(transform="pandas")
    scaled = scaler.fit_transform(loaded.table[numbers])
    rows = pd.concat([scaled, loaded.table[categories].astype("category")], axis=1)
    gamma = 0.3 * np.arange(1, len(categories) + 1) if weighted else None
    model = KPrototypes(K, gamma=gamma, random_state=0, n_init=2).fit(rows)
    encoded = OrdinalEncoder().set_output(transform="pandas").fit_transform(loaded.table)
    detector = ECOD().fit(encoded)
    result = pd.DataFrame({"segment": model.labels_ + 1, "outlier": detector.labels_ == 1})
    frozen = segmenter.freeze(
        loaded,
        detector,
        result,
        name_segments(loaded.table, result["segment"]),
        seen=encoded,
        coordinates=scaled,
        centres=model.cluster_centroids_[numbers],
        modes=model.cluster_centroids_[categories],
        gamma=model.gamma_,
        segment_of=range(1, K + 1),
        method="kprototypes",
        source=path,
    )
    segmenter.save(frozen, tmp_path / "it.segmenter")
    scored = score(segmenter.load(tmp_path / "it.segmenter"), loaded.raw)
    assert (scored["segment"] - 1).tolist() == model.predict(rows).tolist()
    assert scored["outlier"].tolist() == result["outlier"].tolist()


def test_saved_and_loaded_it_is_the_same(fitted, tmp_path):
    path = segmenter.save(fitted["frozen"], tmp_path / "new" / "it.segmenter")
    loaded = segmenter.load(path)
    assert loaded.about == json.loads(json.dumps(fitted["frozen"].about))
    assert loaded.arrays.keys() == fitted["frozen"].arrays.keys()
    again = segmenter.save(loaded, tmp_path / "again.segmenter")
    assert again.read_bytes() == path.read_bytes()
    raw = fitted["loaded"].raw
    pd.testing.assert_frame_equal(score(loaded, raw), score(fitted["frozen"], raw))
    assert sorted(file.name for file in path.parent.iterdir()) == ["it.segmenter"]


def rezip(path, change):
    """Rewrite a file with its parts changed, as one who edits it would."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_edited_files_are_refused(messy, tmp_path):
    def other_threshold(parts):
        parts["segmenter.json"] = parts["segmenter.json"].replace(
            b'"threshold": ', b'"threshold": 1'
        )

    def other_centres(parts):
        parts["centres.npy"] = parts["centres.npy"][:-1] + b"\x00"

    def one_more(parts):
        parts["more.npy"] = parts["centres.npy"]

    def objects(parts):
        buffer = io.BytesIO()
        np.save(buffer, np.array([print], dtype=object), allow_pickle=True)
        parts["centres.npy"] = buffer.getvalue()

    def later_format(parts):
        parts["segmenter.json"] = parts["segmenter.json"].replace(b'"format": ', b'"format": 9')

    for change, message in (
        (other_threshold, "changed"),
        (other_centres, "changed"),
        (one_more, "changed"),
        (objects, "changed"),
        (later_format, f"and this version reads {segmenter.FORMAT}"),
        (dict.clear, "no segmenter"),
    ):
        path = segmenter.save(messy["frozen"], tmp_path / "it.segmenter")
        rezip(path, change)
        with pytest.raises(SegmenterError, match=message):
            segmenter.load(path)


def sealed(about, parts=()):
    """Return the parts of a file whose checksums hold, whatever its description says."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in dict(parts).items()}
    if isinstance(about, dict):
        about = about | {"arrays": hashes}
    written = json.dumps(about).encode()
    checksum = hashlib.sha256(written).hexdigest().encode()
    return dict(parts) | {"segmenter.json": written, "sha256": checksum}


@pytest.mark.parametrize("about", [[], 3, None, "text", {}, {"format": segmenter.FORMAT}])
def test_a_description_of_something_else_is_refused(tmp_path, about):
    path = tmp_path / "it.segmenter"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sealed(about).items():
            archive.writestr(name, content)
    with pytest.raises(SegmenterError):
        segmenter.load(path)


@pytest.mark.parametrize("key", segmenter_file.CONTENT)
def test_a_description_with_something_else_under_a_key_is_refused(messy, tmp_path, key):
    path, about = tmp_path / "it.segmenter", messy["frozen"].about
    wrong = "text" if isinstance(about[key], list) else ["text"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sealed(about | {key: wrong}).items():
            archive.writestr(name, content)
    with pytest.raises(SegmenterError):
        segmenter.load(path)


def to_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write_sealed(path, about, arrays, method=zipfile.ZIP_STORED):
    parts = {f"{name}.npy": to_bytes(array) for name, array in arrays.items()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in sealed(about, parts).items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda about, arrays: about["segments"].append(1),
        lambda about, arrays: about["segments"].pop(),
        lambda about, arrays: about["segments"][0].pop("share"),
        lambda about, arrays: about["segment_of"].pop(),
        lambda about, arrays: about["symmetric"].pop(),
        lambda about, arrays: about["schema"].append("age"),
        lambda about, arrays: about["schema"][0].pop("name"),
        lambda about, arrays: about.update(customers=about["customers"] + 1),
        lambda about, arrays: about.update(encoder={}),
        lambda about, arrays: about.update(modes={"city": ["a"]}),
        lambda about, arrays: about.update(threshold=np.nan),
        lambda about, arrays: about["column_labels"].update(age=["old"]),
        lambda about, arrays: arrays.pop("centres"),
        lambda about, arrays: arrays.pop("seen/0/from"),
        lambda about, arrays: arrays.pop("tails/0/counts"),
        lambda about, arrays: arrays.update(centres=arrays["centres"].ravel()),
        lambda about, arrays: arrays.update(centres=arrays["centres"][:, 1:]),
        lambda about, arrays: arrays.update(centres=arrays["centres"].astype(str)),
    ],
)
def test_a_file_that_lacks_something_is_refused_in_one_line(messy, tmp_path, change):
    about, arrays = copy.deepcopy(tuple(messy["frozen"]))
    change(about, arrays)
    write_sealed(tmp_path / "it.segmenter", about, arrays)
    with pytest.raises(SegmenterError) as caught:
        segmenter.load(tmp_path / "it.segmenter")
    assert "\n" not in str(caught.value)


def places(part):
    """Return every place in nested lists and dictionaries, as (container, key)."""
    if not isinstance(part, dict | list):
        return []
    keys = part if isinstance(part, dict) else range(len(part))
    return [place for key in keys for place in [(part, key), *places(part[key])]]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data())
def test_whatever_stands_in_a_description_it_is_refused_or_used(messy, tmp_path_factory, data):
    about = copy.deepcopy(messy["frozen"].about)
    container, key = places(about)[data.draw(st.integers(0, len(places(about)) - 1))]
    container[key] = data.draw(
        st.sampled_from([None, True, -1, 0.5, 10**400, "", "text", [], [1], {}, {"name": "x"}])
    )
    path = tmp_path_factory.mktemp("any") / "it.segmenter"
    write_sealed(path, about, messy["frozen"].arrays)
    try:
        frozen = segmenter.load(path)
        scored = score(frozen, messy["loaded"].raw)
    except (SegmenterError, TableError):
        return
    assert len(drift(frozen, scored)) == len(about["segments"]) + 2


@pytest.fixture
def peak():
    """Measure the most memory that is allocated from here on."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


LARGE = 60_000_000


def test_a_small_zip_of_much_is_refused_unread(messy, tmp_path, peak):
    path = tmp_path / "it.segmenter"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in messy["frozen"].arrays:
            archive.writestr(f"{name}.npy", bytes(LARGE // 100))
    assert path.stat().st_size < LARGE / 100
    tracemalloc.reset_peak()
    with pytest.raises(SegmenterError):
        segmenter.load(path)
    assert peak() < LARGE / 20


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_part_that_is_larger_than_it_says_is_refused_unread(tmp_path, peak, method):
    path = tmp_path / "it.segmenter"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("segmenter.json", bytes(LARGE))
    # The only places with this number: the sizes that the zip states, in four bytes.
    size = LARGE.to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    tracemalloc.reset_peak()
    with pytest.raises(SegmenterError):
        segmenter.load(path)
    assert peak() < LARGE / 20


def test_an_array_that_is_smaller_than_it_says_is_refused_unread(messy, tmp_path, peak):
    path = tmp_path / "it.segmenter"
    header = {"descr": "<f8", "fortran_order": False, "shape": (LARGE, 10)}
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    parts = {"centres.npy": buffer.getvalue() + bytes(80)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sealed(messy["frozen"].about, parts).items():
            archive.writestr(name, content)
    with pytest.raises(SegmenterError):
        segmenter.load(path)
    assert peak() < LARGE / 20


def test_damaged_and_absent_files_are_refused(messy, tmp_path):
    path = segmenter.save(messy["frozen"], tmp_path / "it.segmenter")
    whole = path.read_bytes()
    for content in (b"", whole[:-30], whole[: len(whole) // 2], b"a;b\n1;2\n"):
        path.write_bytes(content)
        with pytest.raises(SegmenterError, match="damaged"):
            segmenter.load(path)
    with pytest.raises(SegmenterError, match="no such file"):
        segmenter.load(tmp_path / "none.segmenter")


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data())
def test_a_changed_byte_is_found_or_changes_nothing(messy, tmp_path_factory, data):
    path = segmenter.save(messy["frozen"], tmp_path_factory.mktemp("bytes") / "it.segmenter")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        loaded = segmenter.load(path)
    except SegmenterError:
        return
    assert loaded.about == json.loads(json.dumps(messy["frozen"].about))
    for name, array in messy["frozen"].arrays.items():
        assert np.array_equal(loaded.arrays[name], array)


def test_drift_of_the_training_table_is_none(fitted):
    table = drift(fitted["frozen"], score(fitted["frozen"], fitted["loaded"].raw))
    assert table["then"].tolist() == table["now"].tolist()
    assert (table["psi"] == 0).all()


def test_drift_by_hand(messy):
    scores = pd.DataFrame({"segment": [1, 1, 1, 2], "outlier": [True, False, False, False]})
    table = drift(messy["frozen"], scores)
    then = messy["result"]["segment"].value_counts(normalize=True)
    now = np.array([0.75, 0.25, 1e-4, 1e-4])
    expected = (now - then[[1, 2, 3, 4]]) * np.log(now / then[[1, 2, 3, 4]])
    assert table.loc[[1, 2, 3, 4], "psi"].tolist() == pytest.approx(expected.tolist())
    assert table.loc["all", "psi"] == pytest.approx(expected.sum())
    assert table.loc["outliers", "now"] == 0.25
    axis = change_figures.drift_bars(table).axes[0]
    assert axis.get_yticklabels()[0].get_text() == "outliers"
    assert len(axis.patches) == 10


@pytest.fixture
def files(messy, tmp_path):
    frozen = segmenter.save(messy["frozen"], tmp_path / "it.segmenter")
    return ["--segmenter", str(frozen), "--input", str(messy["path"])]


def test_score_command_writes_a_line_per_customer(files, messy, tmp_path, capsys):
    output = tmp_path / "segments.csv"
    assert command.main(["score", *files, "--output", str(output)]) == 0
    written = pd.read_csv(output, index_col="row")
    pd.testing.assert_frame_equal(
        written,
        score(messy["frozen"], load_table(messy["path"])),
        check_dtype=False,
        check_names=False,
    )
    assert "400 customers" in capsys.readouterr().out


def test_drift_command_writes_a_table_and_a_figure(files, tmp_path, capsys):
    output = tmp_path / "drift.csv"
    assert command.main(["drift", *files, "--output", str(output)]) == 0
    assert pd.read_csv(output)["segment"].tolist() == ["1", "2", "3", "4", "all", "outliers"]
    assert (tmp_path / "drift.png").read_bytes().startswith(b"\x89PNG")
    assert "all customers" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["score", "drift"])
def test_no_command_overwrites_what_it_did_not_write(name, files, messy, tmp_path, capsys):
    frozen, mine = Path(files[1]), tmp_path / "mine.csv"
    mine.write_text("name;phone\nAda;1\n", encoding="utf-8")
    picture = tmp_path / "other.png"
    picture.write_bytes(b"\x89PNG mine")
    link = tmp_path / "link.csv"
    link.symlink_to(messy["path"])
    similar = tmp_path / "similar.csv"
    similar.write_text(
        "note,segment,name,confidence,outlier,unknown,then,now,psi,mine\n", encoding="utf-8"
    )
    outputs = [messy["path"], link, frozen, mine, similar, tmp_path, tmp_path / "none" / "x.csv"]
    before = {path: path.read_bytes() for path in (messy["path"], frozen, mine, picture)}
    figures_place = [tmp_path / "other.csv", tmp_path / "new.png"] * (name == "drift")
    for output in outputs + figures_place:
        assert command.main([name, *files, "--output", str(output)]) == 2, output
        assert capsys.readouterr().err.count("\n") == 1
    assert {path: path.read_bytes() for path in before} == before
    assert not {tmp_path / "other.csv", tmp_path / "new.png"} & {*tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["score", "drift"])
def test_a_command_replaces_its_own_output(name, files, tmp_path):
    arguments = [name, *files, "--output", str(tmp_path / "own.csv")]
    assert command.main(arguments) == 0
    before = sorted(path.name for path in tmp_path.iterdir())
    assert command.main(arguments) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_errors_of_the_commands_are_one_message(files, tmp_path, capsys):
    empty = tmp_path / "empty.csv"
    empty.write_text("age,visits\n", encoding="utf-8")
    for arguments, message in (
        (["score", *files[:3], "nowhere.csv"], "no such file"),
        # Before anything is read.
        (
            ["score", *files[:3], "nowhere.csv", "--output", str(tmp_path / "none" / "x.csv")],
            "none",
        ),
        (["score", "--segmenter", str(empty), *files[2:]], "no segmenter"),
        (["drift", *files[:3], str(empty)], "no rows"),
    ):
        assert command.main(arguments) == 2
        assert message in capsys.readouterr().err


def test_another_encoding_by_an_option(messy, files, tmp_path):
    path, output = tmp_path / "utf_16.csv", tmp_path / "segments.csv"
    messy["loaded"].raw.to_csv(path, index=False, encoding="utf-16-le")
    arguments = ["score", *files[:3], str(path), "--output", str(output)]
    assert command.main(arguments) == 2
    assert command.main([*arguments, "--encoding", "utf-16-le"]) == 0
    assert len(pd.read_csv(output)) == len(messy["loaded"].raw)


def test_names_come_with_their_rules_and_what_these_are_worth(fitted):
    for part in fitted["frozen"].about["segments"]:
        names = name_segments(fitted["loaded"].table, fitted["result"]["segment"])
        assert {key: part[key] for key in names} == names.loc[part["segment"]].to_dict()


def test_distances_are_to_the_centres(fitted):
    distances = segmenter.distances(fitted["frozen"], fitted["loaded"].raw)
    centres = fitted["model"].cluster_centers_
    order = fitted["frozen"].about["segment_of"]
    by_hand = np.linalg.norm(fitted["encoded"].to_numpy()[:, None] - centres, axis=2)
    assert list(distances.columns) == sorted(order)
    np.testing.assert_allclose(distances[order].to_numpy(), by_hand)
    assert (distances.idxmin(axis=1) == fitted["result"]["segment"]).all()
