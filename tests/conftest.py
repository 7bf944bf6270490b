"""Fixtures that several test modules share."""

import os
from pathlib import Path

import matplotlib
import nbformat
import pytest

from segmentation.build import NOTEBOOKS
from segmentation.customers import BANK_MARKETING, is_bank_marketing
from segmentation.notebook import NotApplicable


@pytest.fixture(scope="session")
def bank_marketing():
    """Return the path of the real table, or skip with the reason."""
    path = Path(os.environ.get("BANK_MARKETING_CSV") or BANK_MARKETING)
    if not path.is_file():
        pytest.skip(f"no Bank Marketing table: neither {BANK_MARKETING} nor BANK_MARKETING_CSV")
    if not is_bank_marketing(path):
        pytest.skip(f"{path} is not the published Bank Marketing table")
    return path


def run(path, folder, **parameters):
    """Run the code of a notebook in this process, to where it ends; return its variables."""
    matplotlib.use("agg")
    variables = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, f"{path.name}[{cell.id}]", "exec"), variables)
        except NotApplicable as reason:
            return variables | {"not_applicable": str(reason)}
        if "parameters" in cell.metadata.get("tags", []):
            assert not parameters.keys() - variables.keys()
            variables |= parameters | {"output": str(folder)}
    return variables


@pytest.fixture(scope="session")
def kmeans(bank_marketing, tmp_path_factory):
    """Variables of kmeans.ipynb, run on the real table with small maps."""
    folder = tmp_path_factory.mktemp("kmeans")
    return run(
        NOTEBOOKS / "kmeans.ipynb",
        folder,
        table=bank_marketing,
        tsne_sample=500,
        tsne_3d_sample=300,
        shap_sample=200,
        n_repeats=2,
    )
