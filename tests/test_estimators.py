"""Ours as scikit-learn's: its checks of an estimator, pipelines, and `set_output`."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from segmentation.kprototypes import KPrototypes
from segmentation.tsne import TSNE

#: Checks that fail, and why they should.
EXCEPTIONS = {
    KPrototypes: {
        "check_sample_weight_equivalence_on_dense_data": (
            "rows are presented one by one and starts are drawn from them, so that a weight equals "
            "copies only from given centroids and side by side"
        )
    },
    TSNE: {},
}

# Tables of the checks have from 10 rows on.
ESTIMATORS = [KPrototypes(3, n_init=2), TSNE(perplexity=2, max_iter=250, verbose=False)]


@pytest.mark.slow
@parametrize_with_checks(
    ESTIMATORS,
    expected_failed_checks=lambda estimator: EXCEPTIONS[type(estimator)],
    xfail_strict=True,
)
def test_scikit_learn_knows_it_for_an_estimator(estimator, check):
    check(estimator)


def make_customers():
    rng = np.random.default_rng(0)
    jobs = rng.choice(["clerk", "nurse", "pilot"], size=80)
    return pd.DataFrame({"age": rng.normal(40, 9, 80), "job": jobs, "visits": rng.poisson(3, 80)})


def test_prototypes_end_a_pipeline():
    customers = make_customers()
    scaler = make_column_transformer(
        (StandardScaler(), ["age", "visits"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = KPrototypes(3, random_state=0)
    steps = make_pipeline(scaler, model)
    labels = steps.fit_predict(customers)
    assert list(model.feature_names_in_) == ["age", "visits", "job"]
    np.testing.assert_array_equal(labels, model.fit(scaler.transform(customers)).labels_)
    np.testing.assert_array_equal(labels, steps.predict(customers))


def test_a_map_is_a_named_table_at_the_end_of_a_pipeline():
    numbers = make_customers()[["age", "visits"]]
    tsne = TSNE(perplexity=5, max_iter=250, random_state=0, verbose=False)
    steps = make_pipeline(StandardScaler(), tsne)
    plain = steps.fit_transform(numbers)
    points = steps.set_output(transform="pandas").fit_transform(numbers)
    assert list(points.columns) == list(steps.get_feature_names_out()) == ["tsne0", "tsne1"]
    pd.testing.assert_index_equal(points.index, numbers.index)
    np.testing.assert_array_equal(points, plain)
