"""latent_profiles.ipynb on the synthetic sample: posteriors, entropy, scores, agreement."""

from itertools import combinations

import numpy as np
import pytest
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy, norm

from segmentation.build import NOTEBOOKS
from segmentation.customers import SAMPLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Variables of the notebook, run on the sample with few profiles and small draws."""
    return run(
        NOTEBOOKS / "further" / "latent_profiles.ipynb",
        tmp_path_factory.mktemp("latent_profiles"),
        table=SAMPLE,
        n_profiles=3,
        k_max=4,
        trap_sample=800,
        n_init=1,
        n_repeats=1,
        simulated=400,
    )


def test_posteriors_follow_from_the_densities(notebook):
    blocks, final = notebook["blocks"], notebook["final"]
    fitted = final.get_parameters()
    joint = np.log(fitted["weights"])[None, :].repeat(len(blocks), axis=0)
    numbers = blocks.select_dtypes("float").to_numpy()
    spread = np.sqrt(fitted["measurement"]["continuous"]["covariances"])
    for c, means in enumerate(fitted["measurement"]["continuous"]["means"]):
        joint[:, c] += norm.logpdf(numbers, means, spread[c]).sum(axis=1)
    # One column of probabilities for each category, those of a column side by side.
    codes = blocks.select_dtypes("int")
    chances = fitted["measurement"]["categorical"]["pis"]
    widest = chances.shape[1] // codes.shape[1]
    for j, name in enumerate(codes):
        joint += np.log(chances[:, j * widest + codes[name].to_numpy()].T)
    expected = np.exp(joint - joint.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert notebook["posterior"].sum(axis=1) == pytest.approx(1)
    assert notebook["posterior"] == pytest.approx(expected, abs=1e-6)


def test_number_of_parameters(notebook):
    blocks = notebook["blocks"]
    levels = blocks.select_dtypes("int").nunique()
    for k, count in notebook["criteria"]["parameters"].items():
        assert count == (k - 1) + k * (2 * len(notebook["numbers"]) + (levels - 1).sum())


def test_nothing_is_found_where_nothing_is_hidden(notebook):
    assert notebook["chosen"].loc["latent classes, normal scores", True] == 1
    assert notebook["chosen"].loc["Gaussian mixture, encoded columns", True] > 1


def test_k_means_on_labels_returns_them(notebook):
    agreement = notebook["agreement"]
    assert np.diag(agreement) == pytest.approx(1)
    assert agreement.loc["latent classes", "k-means on their labels"] == pytest.approx(1)
    assert agreement.loc["Gaussian mixture", "k-means on its labels"] == pytest.approx(1)


def test_customers_between_profiles(notebook):
    between, posterior = notebook["between"], notebook["posterior"]
    assert 0 < between.sum() < len(between)
    assert (posterior[between] < notebook["bound"]).all()
    assert notebook["pairs"].sum() == pytest.approx(1)


def test_easy_groups_are_recovered(notebook):
    assert (notebook["recovered"].loc["numeric"] > 0.9).all()
    assert notebook["recovered"].to_numpy().max() <= 1


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_normal_scores(notebook, data):
    values = data.draw(arrays(int, st.integers(2, 60), elements=st.integers(-3, 3)))
    scores = notebook["normal_scores"](values, np.random.default_rng(0))
    assert norm.cdf(np.sort(scores)) == pytest.approx((np.arange(len(values)) + 0.5) / len(values))
    order = np.argsort(scores)
    assert (np.diff(values[order]) >= 0).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(2, 6))
def test_certainty(notebook, seed, k):
    posterior = np.random.default_rng(seed).dirichlet(np.full(k, 0.5), size=20)
    expected = 1 - entropy(posterior, axis=1).mean() / np.log(k)
    assert notebook["certainty"](posterior) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_pairs_that_stay_together(notebook, seed):
    draws = np.random.default_rng(seed)
    labels, other = draws.integers(3, size=12), draws.integers(3, size=12)
    pairs = list(combinations(range(12), 2))
    kept = [other[i] == other[j] for i, j in pairs if labels[i] == labels[j]]
    found = notebook["agree"](labels, other)
    assert found["together again"] == pytest.approx(np.mean(kept))
    assert found["any two together"] == pytest.approx(
        np.mean([other[i] == other[j] for i, j in pairs])
    )
