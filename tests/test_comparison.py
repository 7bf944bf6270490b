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


def test_pairs_kept_are_those_counted(comparison):
    # Of four pairs together before (three of a, one of b), the first alone is left.
    assert comparison["pairs_kept"](list("aaabb"), list("xxyyx")) == pytest.approx(1 / 4)
    assert comparison["pairs_kept"](list("aabb"), list("xxxx")) == 1


def test_a_method_that_passes_is_at_least_as_good_as_one_that_does_not(comparison):
    told = comparison["fidelity"].loc[3]
    passed = comparison["passed"]["told by three questions"]
    assert told[passed].min() >= 0.8 > told[~passed].max()


def test_the_page_tells_of_every_method(comparison):
    assert list(comparison["page"].index[-2:]) == comparison["controls"]
    assert set(comparison["page"].index) == set(comparison["arms"])
    assert comparison["better"].min().tolist() == pytest.approx([0] * 5)
    assert comparison["better"].max().tolist() == pytest.approx([1] * 5)
