"""comparison.ipynb on few customers: what holds whatever the numbers are."""

import pandas as pd
import pytest
from conftest import run

from segmentation.build import NOTEBOOKS
from segmentation.customers import SAMPLE, load_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    load_table(SAMPLE).head(800).to_csv(folder / "few.csv", index=False)
    variables = run(
        NOTEBOOKS / "further" / "comparison.ipynb",
        folder,
        table=folder / "few.csv",
        embedding=folder / "few_embedding.csv",
        n_seeds=3,
        n_bootstraps=3,
        n_splits=2,
        n_shuffled=2,
        n_twins=4,
        twin_sample=200,
        k_max=6,
        sample_size=400,
    )
    return variables | {"folder": folder}


def test_no_method_sees_the_target(comparison):
    assert "y" not in comparison["customers"]
    assert comparison["bought"].sum() == (load_table(SAMPLE)["y"].head(800) == "yes").sum()


def test_every_method_labels_every_customer(comparison):
    for name, labelings in comparison["labelings"].items():
        assert labelings.shape == (3, 800), name
        assert all(len(set(labels)) == 5 for labels in labelings), name


def test_chance_is_at_chance(comparison):
    assert comparison["same_again"]["random"].abs().max() < 0.02
    assert abs(comparison["silhouette"]["random"]).max() < 0.05
    assert comparison["auc"]["random"].mean() == pytest.approx(0.5, abs=0.06)
    assert not comparison["passed"].loc["random"].any()


def test_results_are_written_for_every_method(comparison):
    result = pd.read_csv(comparison["folder"] / "comparison.csv")
    assert set(result["method"]) == set(comparison["arms"])
    measures = {*comparison["repeated"], *comparison["once"]}
    assert set(result["measure"]) == measures
    assert len(result) == len(measures) * len(comparison["arms"])
    between = result.dropna(subset=["lowest"])
    assert (between["lowest"] <= between["value"] + 1e-12).all()
    assert (between["value"] <= between["highest"] + 1e-12).all()
    row = result.query("measure == 'AUC' and method == 'hybrid'").iloc[0]
    assert row["value"] == pytest.approx(comparison["auc"]["hybrid"].mean())


def test_bold_only_where_the_intervals_say_so(comparison):
    clear = pd.DataFrame({"a": [3.0, 4.0], "b": [1.0, 2.0], "random": [9.0, 9.0]})
    assert comparison["with_interval"]("a", clear).startswith("**")
    assert not comparison["with_interval"]("b", clear).startswith("**")
    touching = pd.DataFrame({"a": [2.0, 4.0], "b": [1.0, 2.0]})
    assert not comparison["with_interval"]("a", touching).startswith("**")
