"""The measures of a segmentation, against plain loops, closed forms and known structure."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom, entropy, ttest_rel
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import roc_auc_score, silhouette_samples, silhouette_score

from segmentation import evaluation as ev
from segmentation.kprototypes import KPrototypes
from segmentation.silhouette import gower_silhouette_samples, mixed_silhouette_samples

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


@given(
    st.lists(
        st.tuples(
            st.integers(-5, 5), st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 2)
        ),
        min_size=2,
        max_size=25,
    )
)
def test_gower_dispersion_is_that_of_all_pairs(rows):
    numbers, one, two, labels = map(np.array, zip(*rows, strict=True))
    extent = np.ptp(numbers) or 1
    distance = (
        np.abs(numbers[:, None] - numbers) / extent + (one[:, None] != one) + (two[:, None] != two)
    ) / 3
    expected = sum(
        distance[np.ix_(labels == c, labels == c)].sum() / 2 / (labels == c).sum()
        for c in np.unique(labels)
    )
    categories = pd.DataFrame({"one": one, "two": two})
    assert ev.gower_dispersion(numbers[:, None], categories, labels) == pytest.approx(expected)


def test_gap_is_the_formula_by_hand():
    ks = pd.Index([1, 2, 3])
    real = pd.Series([4.0, 2.0, 1.9], index=ks)
    shuffled = pd.DataFrame([[4.0, 3.5, 3.4], [4.2, 3.7, 3.4]], columns=ks)
    table, k = ev.gap_statistic(real, shuffled)
    assert table["gap"].tolist() == pytest.approx([0.1, 1.6, 1.5])
    assert table["error"].tolist() == pytest.approx([0.1 * 1.5**0.5, 0.1 * 1.5**0.5, 0])
    assert k == 2


def test_gap_finds_the_blobs_and_the_largest_k_where_none_is_enough():
    X, _ = make_blobs([50, 70, 90], centers=[[0, 0], [20, 0], [0, 20]], random_state=0)
    table = pd.DataFrame(X)

    def dispersions(frame):
        return pd.Series(
            {
                k: np.log(KMeans(k, n_init=5, random_state=0).fit(frame).inertia_)
                for k in range(1, 6)
            }
        )

    shuffled = pd.DataFrame([dispersions(ev.shuffle_columns(table, seed)) for seed in range(8)])
    # Shuffling keeps each column's two heaps, so the reference has four.
    assert ev.gap_statistic(dispersions(table), shuffled)[1] == 3
    rising = pd.Series([3.0, 2.0, 1.0], index=[1, 2, 3])
    flat = pd.DataFrame([[3.0, 3.0, 3.0]] * 2, columns=[1, 2, 3])
    assert ev.gap_statistic(rising, flat)[1] == 3


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
    tests = {
        name: ev.ClustersTest(score, twins := rng.normal(size=99), (1 + sum(twins >= score)) / 100)
        for name, score in {"a": 9.0, "b": 1.3, "c": 0.0}.items()
    }
    tests["a again, on another scale"] = tests["a"]._replace(
        score=2 * 9.0 + 5, twins=2 * tests["a"].twins + 5
    )
    adjusted = ev.adjust_for_many(tests)
    assert adjusted["a"] == adjusted["a again, on another scale"] == 0.01
    assert 0.01 < tests["b"].p < adjusted["b"] < 0.5
    assert adjusted["c"] > 0.5
    for name, test in tests.items():
        assert ev.adjust_for_many({name: test})[name] == pytest.approx(test.p)


def test_adjusted_alarms_are_rare_among_many_methods():
    """Where nothing is there, the luckiest of eight is below 5 % in one of twenty tables."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        scores = rng.normal(size=(8, 20)) + rng.normal(size=20)
        tests = {i: ev.ClustersTest(row[0], row[1:], np.nan) for i, row in enumerate(scores)}
        alarms += (ev.adjust_for_many(tests) <= 0.05).any()
    assert binom.ppf(0.001, 400, 0.05) <= alarms <= binom.ppf(0.999, 400, 0.05)


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


# --- Meaning ------------------------------------------------------------------------------------


def test_what_segments_tell_of_a_column():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "job": rng.choice(list("abc"), 3000),
            "loan": rng.choice(["yes", "no"], 3000, p=[0.1, 0.9]),
            "age": rng.normal(size=3000),
            "one": "x",
        }
    )
    # Every segment has one job and one loan, though neither is the segment.
    told = ev.explained_entropy(table, table["job"] + table["loan"])
    assert told["job"] == pytest.approx(1)
    assert told["loan"] == pytest.approx(1)
    assert told["age"] == pytest.approx(0, abs=0.01)
    assert told["one"] == 0
    # Half of the customers are known to have no loan: what is left is the entropy of the others.
    known = (table["loan"] == "no") & (rng.random(3000) < 0.5)
    left = (~known).mean() * entropy(table["loan"][~known].value_counts())
    share = 1 - left / entropy(table["loan"].value_counts())
    assert ev.explained_entropy(table, known)["loan"] == pytest.approx(share, abs=0.002)
    halves = (table["age"] > table["age"].median()).astype(int)
    assert ev.explained_entropy(table, halves)["age"] == pytest.approx(
        np.log(2) / np.log(10), abs=0.001
    )


def test_distance_of_the_reference_is_gower_of_the_silhouette():
    """One yardstick: the dispersion is that of the distance of the silhouettes."""
    rng = np.random.default_rng(0)
    numbers, labels = rng.normal(size=(40, 2)), rng.integers(3, size=40)
    distance = squareform(pdist(numbers / np.ptp(numbers, axis=0), "cityblock")) / 2
    dispersion = sum(
        distance[np.ix_(labels == c, labels == c)].sum() / 2 / (labels == c).sum() for c in range(3)
    )
    none = np.empty((40, 0))
    assert ev.gower_dispersion(numbers, none, labels) == pytest.approx(dispersion)
    ours = gower_silhouette_samples(numbers, none, labels)[0]
    assert ours == pytest.approx(silhouette_samples(distance, labels, metric="precomputed"))
