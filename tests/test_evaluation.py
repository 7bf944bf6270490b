"""The measures of a segmentation, against plain loops, closed forms and known structure."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, ttest_rel
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score, silhouette_score

from segmentation import evaluation as ev
from segmentation.kprototypes import KPrototypes
from segmentation.silhouette import mixed_silhouette_samples

# --- Chance -------------------------------------------------------------------------------------


def test_shuffled_columns_keep_their_values_and_lose_their_links():
    a = np.arange(500)
    table = pd.DataFrame({"a": a, "b": -a, "c": pd.Categorical(np.where(a < 200, "x", "y"))})
    shuffled = ev.shuffle_columns(table, 3)
    assert (shuffled.dtypes == table.dtypes).all()
    assert (shuffled.index == table.index).all()
    for name in table:
        assert sorted(shuffled[name]) == sorted(table[name])
    assert abs(np.corrcoef(shuffled["a"], shuffled["b"])[0, 1]) < 0.2
    pd.testing.assert_frame_equal(shuffled, ev.shuffle_columns(table, 3))
    assert not shuffled.equals(ev.shuffle_columns(table, 4))


def blobs(distance, n=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    centres = distance * np.array([[0, 0, 0], [1, 0, 0.5], [0, 1, -0.5]])
    return pd.DataFrame(centres[truth] + rng.normal(size=(n, 3)), columns=list("xyz")), truth


def k_means(table):
    return KMeans(3, n_init=3, random_state=0).fit_predict(table.to_numpy())


def k_prototypes(table):
    return KPrototypes(3, gamma=1.0, n_init=3, random_state=0).fit(table).labels_


def mixed_silhouette(table, labels):
    numbers = table.select_dtypes("number")
    rest = table.drop(columns=numbers.columns)
    return mixed_silhouette_samples(numbers, rest, labels, 1.0).mean()


def test_groups_that_are_there_are_seen():
    table, _ = blobs(5)
    test = ev.clusters_test(k_means, silhouette_score, table, n_twins=19)
    assert test.p == 1 / 20
    assert test.score > test.twins.max()
    assert len(test.twins) == 19


def test_groups_of_mixed_columns_are_seen():
    table, truth = blobs(3)
    rng = np.random.default_rng(1)
    for name in ("plan", "region"):
        own = rng.random(len(table)) < 0.8
        table[name] = np.where(own, truth, rng.integers(3, size=len(table))).astype(str)
    assert ev.clusters_test(k_prototypes, mixed_silhouette, table, n_twins=19).p == 1 / 20


def test_p_counts_the_twins_that_are_as_high():
    table, _ = blobs(0)
    scores = iter([2.0, 1.0, 2.0, 3.0, 0.0])
    test = ev.clusters_test(lambda _: None, lambda *_: next(scores), table, n_twins=4)
    assert test.score == 2
    np.testing.assert_array_equal(test.twins, [1, 2, 3, 0])
    assert test.p == 3 / 5


def test_each_twin_is_clustered_anew_and_differs():
    table, _ = blobs(2)
    seen = []
    ev.clusters_test(seen.append, lambda *_: 0.0, table, n_twins=3)
    pd.testing.assert_frame_equal(seen[0], table)
    assert len({tuple(some["x"]) for some in seen}) == 4


def test_a_test_says_the_same_again():
    table, _ = blobs(2)
    tests = [
        ev.clusters_test(k_means, silhouette_score, table, n_twins=5, seed=seed)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(tests[0].twins, tests[1].twins)
    assert (tests[0].twins != tests[2].twins).any()


def test_no_twins_no_test():
    with pytest.raises(ValueError, match="n_twins"):
        ev.clusters_test(k_means, silhouette_score, blobs(0)[0], n_twins=0)


@pytest.mark.slow
def test_alarms_without_groups_are_as_rare_as_promised():
    n_tables, level = 40, 0.05
    alarms, linked = 0, 0
    for seed in range(n_tables):
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(rng.normal(size=(250, 4)) @ rng.normal(size=(4, 4)))
        test = ev.clusters_test(k_means, silhouette_score, table, n_twins=19)
        alarms += test.p <= level
        shuffled = [ev.shuffle_columns(table, [seed, i]) for i in range(3)]
        linked += all(test.score > silhouette_score(some, k_means(some)) for some in shuffled)
    # One in a thousand runs of a test that keeps its level has more alarms than this.
    assert alarms <= binom.ppf(0.999, n_tables, level)
    # Shuffled columns in place of twins: the tables are linked, though none has groups.
    assert linked > n_tables / 2


def test_many_tests_are_adjusted_by_the_highest_of_their_twins():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(rng.normal(size=(100, 3)), columns=list("abc"))
    scores.iloc[0] = 9.0, 1.3, 0.0
    scores["a again, on another scale"] = 2 * scores["a"] + 5
    adjusted = ev.adjust_for_many(scores)
    assert adjusted["a"] == adjusted["a again, on another scale"] == 0.01
    assert 0.01 < ev.test_of(scores["b"]).p < adjusted["b"] < 0.5
    assert adjusted["c"] > 0.5
    for name in scores:
        own = ev.test_of(scores[name]).p
        assert ev.adjust_for_many(scores[[name]])[name] == pytest.approx(own)


def test_adjusted_alarms_are_rare_among_many_methods():
    """Where nothing is there, the luckiest of eight is below 5 % in one of twenty tables."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        scores = pd.DataFrame(rng.normal(size=(20, 8)) + rng.normal(size=(20, 1)))
        alarms += (ev.adjust_for_many(scores) <= 0.05).any()
    assert binom.ppf(0.001, 400, 0.05) <= alarms <= binom.ppf(0.999, 400, 0.05)


def test_each_score_has_a_column():
    table, _ = blobs(2)
    scores = ev.score_twins(
        lambda some: {"sum": some["x"].sum(), "first": some["x"].iloc[0]}, table, 4
    )
    assert scores.shape == (5, 2)
    # A twin has the same values in another order.
    assert scores["sum"].to_numpy() == pytest.approx(table["x"].sum())
    assert scores["first"].nunique() == 5


def cut(table, ks):
    models = [KMeans(k, n_init=3, random_state=0).fit(table.to_numpy()) for k in ks]
    silhouettes = [silhouette_score(table, model.labels_) for model in models[1:]]
    return silhouettes, [model.inertia_ for model in models]


def test_plain_groups_are_counted():
    table, _ = blobs(6)
    suggestion = ev.suggest_k(cut, table, range(2, 6))
    assert suggestion.k == 3
    assert suggestion.p.min() == 1 / 20
    assert list(suggestion.p.index) == list(suggestion.silhouettes.columns) == [2, 3, 4, 5]
    assert list(suggestion.gap.index) == [1, 2, 3, 4, 5]
    assert suggestion.silhouettes.iloc[0].tolist() == cut(table, range(1, 6))[0]
    again = ev.suggest_k(cut, table, [2, 3, 4, 5])
    pd.testing.assert_frame_equal(again.gap, suggestion.gap)


def test_a_table_stands_beside_its_twins():
    silhouettes = pd.DataFrame({2: [0.5, 0.4, 0.3], 3: [0.2, 0.1, 0.6]}, ["table", 0, 1])
    p = pd.Series({2: 0.25, 3: 0.5})
    table = ev.beside_twins(ev.Suggestion(2, p, silhouettes, gap=None))
    assert table.loc[2].tolist() == [0.5, 0.3, 0.4, 0.25]
    assert table.loc[3].tolist() == [0.2, 0.1, 0.6, 0.5]


def test_one_group_is_an_answer():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(250, 4)) @ rng.normal(size=(4, 4)))
    suggestion = ev.suggest_k(cut, table, range(2, 6))
    assert suggestion.k == 1
    assert suggestion.p.min() > 0.05


def test_fewer_groups_than_the_fewest_that_show_are_none():
    table, _ = blobs(2)
    rng = np.random.default_rng(0)

    def only_four_show(some, ks):
        silhouettes = rng.uniform(0.1, 0.3, len(ks) - 1)
        if some.equals(table):
            silhouettes[ks.index(4) - 1] = 0.9
        return silhouettes, 100 / np.array(ks) * rng.uniform(0.99, 1, len(ks))

    suggestion = ev.suggest_k(only_four_show, table, range(2, 6))
    assert (suggestion.p <= 0.05).tolist() == [False, False, True, False]
    assert suggestion.k >= 4


def test_as_many_groups_as_distinct_rows():
    table = pd.DataFrame({"x": [0.0, 10.0, 20.0] * 40, "y": [0.0, 9.0, 1.0] * 40})
    assert ev.suggest_k(cut, table, [2, 3]).k == 3


# --- Use ----------------------------------------------------------------------------------------


def test_no_profile_is_on_both_sides_of_a_fold():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.integers(6, size=300), "b": rng.choice(["x", None, "z"], 300)})
    profile = table["a"].astype(str) + table["b"].fillna("none")
    folds = ev.profile_folds(table, 3)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(300))
    for train, test in folds:
        assert not set(profile[train]) & set(profile[test])
        assert sorted([*train, *test]) == list(range(300))


def test_rates_are_learnt_from_the_training_rows_only():
    groups = np.array(["a", "a", "b", "b", "a", "c"])
    target = np.array([1, 0, 1, 1, 0, 0])
    predicted = ev.rates(groups, target, train=[0, 1, 2, 3], test=[4, 5])
    # c is unknown: the rate of all four.
    assert predicted.tolist() == [0.5, 0.75]


def test_lift_of_chance_of_perfection_and_of_ties():
    target = np.array([1] * 10 + [0] * 90)
    assert ev.lift(np.zeros(100), target) == pytest.approx(1)
    assert ev.lift(target, target, share=0.1) == pytest.approx(10)
    assert ev.lift(target, target, share=0.2) == pytest.approx(5)
    assert ev.lift(-target, target, share=0.2) == 0
    # 30 rows tie for 20 places, 10 of them right: on average a third.
    tied = np.array([1] * 30 + [0] * 70)
    assert ev.lift(tied, target, share=0.2) == pytest.approx(10 / 3)
    with pytest.raises(ValueError, match="target"):
        ev.lift([1, 2], [False, False])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=40),
    st.floats(0.05, 1),
)
def test_lift_is_the_mean_over_random_orders_of_ties(rows, share):
    scores, target = map(np.array, zip(*rows, strict=True))
    if not target.any():
        with pytest.raises(ValueError, match="target"):
            ev.lift(scores, target, share)
        return
    rng = np.random.default_rng(0)
    places = share * len(rows)
    whole, part = int(places), places % 1
    mean = []
    for _ in range(400):
        order = np.lexsort((rng.random(len(rows)), -scores))
        hit = target[order]
        following = hit[whole] * part if part else 0
        mean.append((hit[:whole].sum() + following) / places / target.mean())
    error = np.std(mean) / 20
    assert ev.lift(scores, target, share) == pytest.approx(np.mean(mean), abs=5 * error + 1e-9)


def test_usefulness_is_judged_on_held_out_rows():
    rng = np.random.default_rng(0)
    groups = rng.integers(4, size=2000)
    target = rng.random(2000) < np.array([0.1, 0.2, 0.5, 0.6])[groups]
    folds = ev.profile_folds(pd.DataFrame({"row": np.arange(2000)}), 4)
    judged = ev.usefulness(partial(ev.rates, groups, target), target, folds)
    assert judged.shape == (4, 2)
    train, test = folds[1]
    assert judged.loc[1, "AUC"] == roc_auc_score(
        target[test], pd.Series(target[train]).groupby(groups[train]).mean()[groups[test]]
    )
    assert judged["lift"].mean() == pytest.approx(0.6 / 0.35, abs=0.15)
    # What names each row says nothing of another one.
    by_heart = ev.usefulness(partial(ev.rates, np.arange(2000), target), target, folds)
    assert by_heart.to_numpy() == pytest.approx(np.tile([0.5, 1], (4, 1)))


def test_gain_over_folds_against_scipy():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.6, 0.02, 5), rng.normal(0.58, 0.02, 5)
    mean, low, high = ev.gain_over_folds(ours, theirs)
    plain = ttest_rel(ours, theirs).confidence_interval(0.95)
    assert mean == pytest.approx((ours - theirs).mean())
    # Wider by the share of a test fold in its training rows: a fourth.
    widening = np.sqrt((1 / 5 + 1 / 4) / (1 / 5))
    assert (low, high) == pytest.approx(
        (mean - widening * (mean - plain.low), mean + widening * (plain.high - mean))
    )
    assert ev.gain_over_folds([0.6] * 5, [0.5] * 5) == pytest.approx((0.1, 0.1, 0.1))
    assert np.isnan(ev.gain_over_folds([0.6], [0.5])[1])
