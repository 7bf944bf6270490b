"""The README and those of folders: commands exist, links lead somewhere, numbers are the run's."""

import re
import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_markdown_cell

import embedding_creation
from benchmarks import calibration, stages
from benchmarks import orders as orders_benchmark
from segmentation import __main__ as command
from segmentation.build import NOTEBOOKS, ROOT, find_notebooks
from segmentation.customers import read_settings
from segmentation.customers.settings import SETTINGS
from segmentation.readings import unfounded
from segmentation.transactions import __main__ as orders

README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MEASURED = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/README.md")], ids=lambda path: path.parent.name
)
def test_links_and_pictures_are_there(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_the_readme_is_short():
    assert len(README.split()) < 900


def test_make_targets_are_there():
    targets = set(re.findall(r"^make(?: ([a-z]+))?(?: |$)", README, re.MULTILINE)) - {""}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"test", "spark"} <= targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.slow
def test_modules_are_there():
    modules = set(re.findall(r"python -m (segmentation[.\w]*|benchmarks)", README))
    assert "segmentation.build" in modules
    for module in modules - {"benchmarks"}:
        subprocess.run([sys.executable, "-m", module, "--help"], check=True, cwd=ROOT)


def test_script_takes_the_options():
    commands = re.findall(r"python embedding_creation\.py(.*)", README)
    assert len(commands) >= 2
    for options in commands:
        embedding_creation.parse_args(options.split())


def test_commands_for_new_customers_take_the_options():
    commands = re.findall(r"python -m segmentation ((?:score|drift|migrate|align) .*)", README)
    assert {line.split()[0] for line in commands} == {"score", "drift", "migrate", "align"}
    for line in commands:
        options = vars(command.parse_args(line.split()))
        frozen = [options[name] for name in ("segmenter", "old", "new") if name in options]
        assert {path.suffix for path in frozen} == {".segmenter"}


def test_commands_for_orders_take_the_options(tmp_path, monkeypatch, capsys):
    commands = re.findall(r"python -m segmentation\.transactions (.*)", README)
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    # The options are read before it is found that there are no orders.
    assert [orders.main(line.split()) for line in commands] == [2, 2, 2]
    assert capsys.readouterr().err.count("no orders are there") == 3


def test_the_settings_of_ones_own_table_are_read(tmp_path):
    settings = re.search(r"```toml\n(.*?)```", DATA, re.DOTALL).group(1)
    (tmp_path / "customers.toml").write_text(settings, encoding="utf-8")
    assert read_settings(tmp_path / "table.csv").keys() == SETTINGS.keys()


def test_layout_is_the_repository():
    layout = re.search(r"## Layout\n+```\n(.*?)```", CONTRIBUTING, re.DOTALL).group(1)
    named = [line.split()[0] for line in layout.splitlines() if line.strip()]
    ours = [top for top in ROOT.iterdir() if not top.name.startswith(".")]
    there = {path.name for top in ours for path in [top, *top.rglob("*")]}
    assert {name.rstrip("/") for name in named} - there == set()
    package = {path.name for path in (ROOT / "segmentation").glob("[a-z]*.py")}
    assert package <= set(named)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_what_is_said_of_a_method_stands_in_its_notebook(path):
    (row,) = (line for line in README.splitlines() if line.startswith("|") and path.name in line)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_markdown_cell(row, metadata={"tags": ["reading"]}))
    assert unfounded(notebook)[len(notebook.cells) - 1] == []


def test_every_notebook_is_linked():
    linked = set(re.findall(r"\(notebooks/([\w/]+\.ipynb)\)", README))
    there = {path.relative_to(NOTEBOOKS).as_posix() for path in find_notebooks(further=True)}
    assert linked == there


@pytest.mark.slow
def test_expected_numbers_are_those_of_the_run(kmeans):
    numbers = dict(re.findall(r"^\| ([^|]+?) \| ([\d.,]+) \|", MEASURED, re.MULTILINE))
    run = {
        "customers kept by ECOD": f"{len(kmeans['kept']):,}",
        "elbow": f"{kmeans['elbow'].k}",
        "silhouette at k = 5": f"{kmeans['silhouette']:.6f}",
        "Davies-Bouldin": f"{kmeans['davies_bouldin']:.6f}",
        "Calinski-Harabasz": f"{kmeans['calinski_harabasz']:.3f}",
        "variance of three principal components, %": f"{sum(kmeans['variance']):.2f}",
    }
    assert {name: numbers.get(name) for name in run} == run


def test_slopes_are_those_measured():
    measured = pd.read_csv(ROOT / "benchmarks" / "stages.csv", index_col=["stage", "customers"])
    slopes = measured["seconds"].unstack().apply(stages.slope, axis=1).sort_values()
    *_, rest, first, second, third = (f"{value:.2f}" for value in slopes)
    assert f"K-Prototypes ({first})" in MEASURED
    assert f"silhouettes ({second} and {third})" in MEASURED
    assert f"a slope of {rest} or less" in MEASURED


def test_the_calibration_is_that_measured():
    index = ["kind", "law", "distance"]
    shares = pd.read_csv(ROOT / "benchmarks" / "calibration.csv", index_col=index)
    alarms = calibration.false_alarms(shares).xs("one normal cloud", level=1)
    assert (alarms["twins"].between(alarms["low"], alarms["high"])).all()
    for column in ("twins", "shuffled"):
        first, second, third = (f"{share:.1%}" for share in alarms[column])
        assert f"{first}, {second} and {third}" in MEASURED
    assert alarms["tables"].eq(201).all()
    enough = {
        kind: calibration.four_in_five(found) for kind, found in calibration.power(shares).items()
    }
    assert f"from {enough['numeric']:.1f} standard deviations" in MEASURED
    assert f"from {enough['mixed']:.1f} in mixed columns" in MEASURED
    assert np.isnan(enough["categorical"])


def test_the_false_alarms_of_drift_are_those_measured():
    rates = pd.read_csv(ROOT / "benchmarks" / "drift.csv")
    low, high = rates["false_alarms"].min(), rates["false_alarms"].max()
    assert (
        f"each of {len(rates)} kinds it says so, by mistake, for {low:.1%} to {high:.1%}"
        in MEASURED
    )


def test_the_memory_for_orders_is_that_measured():
    measured = pd.read_csv(ROOT / "benchmarks" / "orders.csv", index_col="orders")
    largest = measured.loc[100_000_000]
    assert largest["peak_mb"] < orders_benchmark.MOST_MB
    assert (
        f"{largest['peak_mb'] / 1000:.1f} GB and {largest['seconds'] / 60:.0f} minutes" in MEASURED
    )
