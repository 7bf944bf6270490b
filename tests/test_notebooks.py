"""The committed notebooks: one clean run each on the real table, and the published numbers."""

import ast
import itertools
import json
import re

import nbformat
import pytest
from conftest import run
from tables import TABLES

from segmentation import notebook as shown
from segmentation import segmenter
from segmentation.build import DOCUMENTED, NOTEBOOKS, find_notebooks, find_verdict, stamp
from segmentation.readings import unfounded

PATHS = find_notebooks(further=True)
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)

# Homes and temporary folders of Linux, macOS and Windows, and what an installed package prints.
MACHINE_PATH = re.compile(r"/(home|root|Users|tmp|work|private)/|[A-Z]:\\\\|site-packages")


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert "kmeans" in [path.stem for path in PATHS]


@each_notebook
def test_committed_from_one_run(path):
    assert [cell.execution_count for cell in code_cells(path)] == list(
        range(1, len(code_cells(path)) + 1)
    )


@each_notebook
def test_outputs_are_clean(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            output.get("data", {}).pop("image/png", None)  # Letters by chance.
            assert not MACHINE_PATH.search(str(output))
    assert not any(MACHINE_PATH.search(cell.source) for cell in read(path).cells)


@each_notebook
def test_outputs_are_of_this_code_and_table(path):
    notebook = read(path)
    assert notebook.metadata["stamp"] == stamp(notebook), "run: make render"


@each_notebook
def test_form(path):
    notebook = read(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert path.stat().st_size < 5_000_000
    assert notebook.cells[0].source.startswith("# ")
    assert "**Question.** " in notebook.cells[0].source
    assert notebook.cells[1].metadata.tags == ["verdict"]
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert sorted(tag for tag in tags if tag != "reading") == ["parameters", "verdict"]


@each_notebook
def test_what_is_typed_is_true(path):
    notebook = read(path)
    assert not [cell.source for cell in notebook.cells if "TODO" in cell.source]
    missing = unfounded(notebook)
    assert len(missing) > 5
    assert {i: numbers for i, numbers in missing.items() if numbers} == {}


@each_notebook
def test_a_verdict_is_short(path):
    verdict = find_verdict(read(path))
    assert verdict.startswith("**Verdict.** ")
    assert len(verdict.split()) <= 81
    in_brackets = re.findall(r"\(([^)]*)\)", verdict)
    assert not [text for text in in_brackets if len(re.findall(r"\d+(?:[.,]\d+)*", text)) > 2]


@each_notebook
def test_code_holds_the_method_and_no_prose(path):
    cells = [re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE) for cell in code_cells(path)]
    lines = sum(bool(line.strip()) for cell in cells for line in cell.splitlines())
    nodes = [node for cell in cells for node in ast.walk(ast.parse(cell))]
    # What a function does is said in its docstring.
    said = [ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, DOCUMENTED)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    texts = [text for text in texts if text not in said]
    # A sentence ends; what does not is a label, a query or a list of types.
    ends = re.compile(r"[.!?:](\s|$)")
    texts = [text for text in texts if isinstance(text, str) and len(text.split()) >= 6]
    prose = [text for text in texts if ends.search(text)]
    assert len(prose) < 0.02 * lines, prose


@each_notebook
def test_every_figure_is_in_img(path):
    shown = re.findall(r'images / "([\w.]+)"', path.read_text(encoding="utf-8").replace("\\", ""))
    committed = [image.name for image in (NOTEBOOKS.parent / "img").glob(f"{path.stem}_*.png")]
    assert sorted(shown) == sorted(committed)


@pytest.mark.slow
def test_kmeans_gives_the_published_numbers(kmeans):
    assert len(kmeans["kept"]) == 40_691
    assert kmeans["elbow"].k == 5
    published = [
        0.1775761520,
        0.2077262227,
        0.2038116471,
        0.2014288833,
        0.2025289272,
        0.2118549076,
        0.2086781646,
        0.2115428942,
    ]
    assert kmeans["scores"]["silhouette"].tolist() == pytest.approx(published, rel=1e-6)
    assert kmeans["davies_bouldin"] == pytest.approx(1.5480952939773156, rel=1e-6)
    assert kmeans["calinski_harabasz"] == pytest.approx(7646.959165727562, rel=1e-6)
    assert kmeans["silhouette"] == pytest.approx(0.2013600389183821, rel=1e-6)
    # Published to two decimals.
    assert [round(share, 2) for share in kmeans["variance"]] == [18.66, 16.53, 13.18]
    assert round(sum(kmeans["variance"]), 2) == 48.37


@pytest.mark.slow
def test_kmeans_writes_a_line_per_customer(kmeans):
    result = kmeans["pd"].read_csv(kmeans["Path"](kmeans["output"]) / "segments_kmeans.csv")
    assert result["row"].tolist() == list(range(45_211))
    assert result["outlier"].tolist() == kmeans["outlier"].tolist()
    assert result.loc[~result["outlier"], "segment"].tolist() == kmeans["segments"].tolist()
    assert set(result["segment"]) == {1, 2, 3, 4, 5}
    assert result["name"].notna().all()


SMALL = {"k_max": 5, "tsne_sample": 150, "tsne_3d_sample": 100, "shap_sample": 60, "n_repeats": 1}
SMALL |= {"n_twins": 2, "twin_sample": 90}
#: Those that one notebook alone has.
OWN = {
    "kmeans": {"n_samples": 2},
    "kprototypes": {"n_init": 3},
    "embedding": {"fold_sample": 120},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("notebook", ["kmeans", "kprototypes", "embedding"])
def test_any_table_gets_segments_or_a_reason(notebook, name, tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "chrome_works", False)  # A start of Chrome takes seconds.
    path = tmp_path / "customers.csv"
    TABLES[name]().to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    parameters = SMALL | OWN[notebook] | {"table": str(path)}
    if notebook == "embedding":
        parameters["embedding"] = str(tmp_path / "embedding.csv")
    variables = run(NOTEBOOKS / f"{notebook}.ipynb", tmp_path, **parameters)
    if notebook == "kprototypes" and name != "messy":
        assert variables["not_applicable"]
        return
    left = (tmp_path / f"{notebook}.json").read_text(encoding="utf-8")
    assert "NaN" not in left
    known = json.loads(left)
    assert sum(part["customers"] for part in known["segments"]) == known["table"]["kept"]
    assert (known["target"] is not None) == (name == "messy")
    frozen = segmenter.load(tmp_path / f"{notebook}.segmenter")
    raw, points = variables["loaded"].raw, variables.get("points")
    points = points if notebook == "embedding" else None
    scored = segmenter.score(frozen, raw, points)
    assert len(scored) == len(raw)
    assert (
        scored["segment"].tolist()
        == variables["nearest" if points is None else "by_centre"].tolist()
    )
    assert scored["outlier"].tolist() == variables["outlier"].tolist()
    assert scored.loc[~scored["outlier"], "segment"].tolist() == variables["segments"].tolist()
    names = variables["names"]["name"]
    assert scored["name"].tolist() == names[scored["segment"]].tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("notebook", ["kmeans", "kprototypes"])
def test_what_weighs_much_makes_the_segments(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "chrome_works", False)
    path = tmp_path / "customers.csv"
    TABLES["messy"]().to_csv(path, index=False)
    heavy = {"weights": {"active": 1000, "visits": 0.001}, "segments": 2}
    parameters = SMALL | OWN[notebook] | {"table": str(path), "settings": heavy}
    variables = run(NOTEBOOKS / f"{notebook}.ipynb", tmp_path, **parameters)
    counts = variables["pd"].crosstab(variables["kept"]["active"], variables["segments"])
    assert sorted((counts > 0).sum()) == [1, 1]
    scored = segmenter.score(
        segmenter.load(tmp_path / f"{notebook}.segmenter"), variables["loaded"].raw
    )
    assert scored["segment"].tolist() == variables["nearest"].tolist()


SMALL_FURTHER = {
    "alternatives": {
        "selection_sample": 200,
        "batch_rows": 100,
        "n_starts": 2,
        "n_micro": 40,
        "ward_sample": 200,
    },
    "comparison": {
        "n_seeds": 2,
        "n_bootstraps": 2,
        "n_splits": 2,
        "n_shuffled": 1,
        "n_twins": 2,
        "twin_sample": 120,
        "k_max": 5,
        "sample_size": 200,
    },
    "latent_profiles": {
        "n_profiles": 3,
        "k_max": 4,
        "trap_sample": 200,
        "n_init": 1,
        "n_repeats": 1,
        "simulated": 200,
    },
    "whom_to_call": {},
}

#: The table in which a notebook has its numbers together.
ANSWERS = {"alternatives": "measures", "latent_profiles": "agreement", "comparison": "page"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("notebook", SMALL_FURTHER)
def test_any_table_gets_an_answer_or_a_reason(notebook, name, tmp_path):
    path = tmp_path / "customers.csv"
    TABLES[name]().to_csv(path, index=False, sep=";", encoding="utf-8-sig")
    parameters = SMALL_FURTHER[notebook] | {"table": path}
    if notebook == "comparison":
        parameters["embedding"] = tmp_path / "embedding.csv"
    variables = run(NOTEBOOKS / "further" / f"{notebook}.ipynb", tmp_path, **parameters)
    if notebook == "whom_to_call" or name != "messy":
        assert variables["not_applicable"]
    else:
        assert variables[ANSWERS[notebook]].notna().all(axis=None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_rules_for_the_number_of_segments_are_judged(tmp_path):
    small = {"k_max": 4, "distances": (6.0,), "n_repeats": 1, "n_of_one": 2, "most_rows": 150}
    small |= {"n_twins": 2, "n_shuffled": 2}
    variables = run(NOTEBOOKS / "further" / "how_many.ipynb", tmp_path, **small)
    summary = variables["summary"]
    assert summary.notna().all(axis=None)
    # Two twins are too few for a p of 0.05.
    assert summary.loc["suggest_k", ["exact", "false alarms"]].tolist() == [0, 0]
    assert summary.loc["silhouette", "false alarms"] == 1
    # With the number that is known, and groups far apart, some rule is right.
    assert summary["exact"].max() > 0.2
    result = variables["pd"].read_csv(tmp_path / "how_many.csv")
    assert len(result) == len(summary) * (len(variables["settings"]) + 8)
    labelled = variables["labelled"]
    assert variables["right"].sum() == (labelled["k"] == labelled["groups"]).sum()


@pytest.mark.slow
def test_the_segmenter_gives_the_published_segments(kmeans):
    frozen = segmenter.load(kmeans["Path"](kmeans["output"]) / "kmeans.segmenter")
    scored = segmenter.score(frozen, kmeans["loaded"].raw)
    assert scored["outlier"].tolist() == (kmeans["detector"].labels_ == 1).tolist()
    assert scored.loc[~scored["outlier"], "segment"].tolist() == kmeans["segments"].tolist()
    encoded = kmeans["encoded"].to_numpy()
    assert (segmenter.outlier_scores(frozen, encoded) == kmeans["detector"].decision_scores_).all()


def runs_in_common(path, other):
    """Count the code lines of a notebook in runs of two or more that another one has too."""
    lines, others = (
        [
            line.strip()
            for cell in code_cells(some)
            for line in cell.source.splitlines()
            if line.strip() and not line.strip().startswith("#")
        ]
        for some in (path, other)
    )
    pairs = set(itertools.pairwise(others))
    common = [pair in pairs for pair in itertools.pairwise(lines)]
    return sum(one or two for one, two in zip([*common, False], [False, *common], strict=True))


def test_the_main_notebooks_share_functions_not_lines():
    for path, other in itertools.permutations(find_notebooks(further=False), 2):
        assert runs_in_common(path, other) < 80, (path.stem, other.stem)


def test_no_two_figures_are_equal():
    images = sorted((NOTEBOOKS.parent / "img").glob("*.png"))
    assert len({image.read_bytes() for image in images}) == len(images)
