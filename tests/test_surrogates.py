"""Surrogates: beside scikit-learn and SHAP's own property."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import shap

from segmentation import surrogates

RNG = np.random.default_rng(0)
CUSTOMERS = pd.DataFrame(
    {"age {x}": RNG.integers(18, 90, 200), "loan": RNG.choice(["no", "yes"], 200)}
)
SEGMENTS = np.where(CUSTOMERS["age {x}"] > 50, 2, 1)


@pytest.fixture
def model():
    return lgb.LGBMClassifier(n_estimators=10, deterministic=True, verbose=-1, random_state=0)


def test_what_follows_a_column_is_learnt_and_noise_is_not(model):
    features = surrogates.features_of(CUSTOMERS)
    assert surrogates.held_out_accuracy(model, features, SEGMENTS).mean() > 0.95
    noise = np.random.default_rng(1).integers(1, 3, 200)
    accuracy = surrogates.held_out_accuracy(model, features, noise)
    assert accuracy.shape == (5,)
    assert accuracy.mean() < 0.65


def test_contributions_add_up_to_the_prediction(model):
    features = surrogates.features_of(CUSTOMERS)
    segments = np.where(CUSTOMERS["loan"] == "yes", 3, SEGMENTS)
    explainer = shap.TreeExplainer(model.fit(features, segments))
    explained = surrogates.explain(explainer, features, segments, 50)
    raw = model.predict(explained.features, raw_score=True)
    total = explained.shap_values.sum(axis=1) + explainer.expected_value
    np.testing.assert_allclose(total, raw, atol=1e-6)
    assert list(explained.importance.columns) == [1, 2, 3]
    assert list(explained.importance.index) == list(features)
    by_hand = np.abs(explained.shap_values).mean(axis=0)
    np.testing.assert_array_equal(explained.importance.to_numpy(), by_hand)


def test_two_segments_share_their_contributions(model):
    features = surrogates.features_of(CUSTOMERS)
    explainer = shap.TreeExplainer(model.fit(features, SEGMENTS))
    explained = surrogates.explain(explainer, features, SEGMENTS, 50)
    assert explained.shap_values.shape == (50, 2, 2)
    total = explained.shap_values.sum(axis=1)[:, 1] + explainer.expected_value
    raw = model.predict(explained.features, raw_score=True)
    np.testing.assert_allclose(total, raw, atol=1e-6)
    np.testing.assert_array_equal(explained.shap_values[..., 0], -explained.shap_values[..., 1])


def test_names_are_such_as_lightgbm_takes():
    features = surrogates.features_of(pd.DataFrame({'a [b], "c": {d}': [1.0], "e": ["x"]}))
    assert not set('[]{}",:') & set("".join(features.columns))
    assert str(features.dtypes.iloc[1]) == "category"


def test_a_tree_finds_segments_that_are_two_questions():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"loan": rng.choice(["no", "yes"], 2000), "age": rng.integers(18, 90, 2000)}
    )
    segments = np.select([table["loan"] == "yes", table["age"] > 50], [1, 2], 3)
    fidelity = surrogates.tree_fidelity(table, segments, depths=(1, 2))
    # Not 1: with the customers of 51 to 53 held out, a tree cannot know where they are cut.
    assert fidelity[2].mean() > 0.95
    assert fidelity[1].max() < 0.9
    rules = surrogates.tree_rules(table, segments, 2)
    assert "loan = " in rules
    assert "segment 1" in rules
    assert "age <= 50" in rules or "age <= 51" in rules
    assert "0.5" not in rules
