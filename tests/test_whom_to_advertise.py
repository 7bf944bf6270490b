"""whom_to_advertise.ipynb: nobody is judged by what learned from them, by precision as defined."""

import numpy as np
import pytest
from conftest import run

from segmentation.build import NOTEBOOKS

pytestmark = pytest.mark.slow

SMALL = {"n_simulated": 2_400, "n_neighbors": 20, "n_trees": 20}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Variables of the notebook, without t-SNE: its picture is for the eye alone."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmentation.tsne.TSNE.fit_transform", lambda self, X: X[:, :2])
        return run(NOTEBOOKS / "further" / "whom_to_advertise.ipynb", folder, **SMALL)


def test_shop_customers_are_learned_from_or_judged(shop):
    seen, unseen, balanced = shop["seen"], shop["unseen"], shop["balanced"]
    assert sorted([*seen, *unseen]) == list(range(SMALL["n_simulated"]))
    assert set(balanced) <= set(seen)
    assert shop["buys"][balanced].mean() == 0.5


def test_precision_and_recall_in_the_shop(shop):
    unseen, buys = shop["unseen"], shop["buys"]
    assert len(shop["rules"]) <= 5
    chosen = np.zeros(len(unseen), dtype=bool)
    for rule in shop["rules"]:
        match = np.ones(len(unseen), dtype=bool)
        for column, sign, limit in rule:
            values = shop["X"][unseen, column]
            match &= {">": values > limit, "<=": values <= limit}[sign]
        chosen |= match
    hits, misses = (chosen & buys[unseen]).sum(), (chosen & ~buys[unseen]).sum()
    ratio = buys[unseen].sum() / (~buys[unseen]).sum()
    quality = shop["shop_quality"].loc["buyers"]
    recall = hits / buys[unseen].sum()
    assert quality.loc["held out, as they are"].tolist() == pytest.approx(
        [hits / (hits + misses), recall]
    )
    assert quality.loc["held out, balanced"].tolist() == pytest.approx(
        [hits / (hits + misses * ratio), recall]
    )
