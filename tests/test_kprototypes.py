"""K-Prototypes: parity with kmodes 0.12.2, and what is right here where kmodes is wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kmodes.kmodes import KModes
from kmodes.kprototypes import KPrototypes as Reference
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from segmentation.customers import load_customers
from segmentation.kprototypes import KPrototypes, estimate_gamma

SETTINGS = settings(max_examples=120, deadline=None, derandomize=True)


def make_table(seed, n, p, m, levels, grid):
    """Numbers and categories that alternate; few levels and a coarse grid give ties and copies."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, p)) * rng.choice([0.1, 1, 100], size=p)
    if grid:
        numbers = np.round(rng.normal(size=(n, p)) * grid) / 4
    # Squared, so that the last categories are rare.
    codes = (rng.random((n, m)) ** 2 * levels).astype(int)
    columns = {f"number {j}": numbers[:, j] for j in range(p)}
    columns |= {f"category {j}": np.char.add("c", codes[:, j].astype(str)) for j in range(m)}
    return pd.DataFrame(columns)[list(rng.permutation(list(columns)))]


tables = st.builds(
    make_table,
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(6, 60),
    p=st.integers(1, 17),
    m=st.integers(1, 5),
    levels=st.integers(1, 8),
    grid=st.sampled_from([0, 1, 2, 8]),
)
gammas = st.sampled_from([None, 0.0, 0.25, 0.5, 1.0, 3.7])


def nominal_places(table):
    return [i for i, kind in enumerate(table.dtypes) if kind.kind != "f"]


def fit_both(table, k, gamma, init, seed, n_init=2, reference_init=None):
    """Fit both; return None where both find no start without an empty cluster."""
    ours = KPrototypes(k, gamma=gamma, init=init, n_init=n_init, random_state=seed)
    theirs = Reference(
        k,
        gamma=gamma,
        init=init if reference_init is None else reference_init,
        n_init=n_init,
        random_state=seed,
    )
    try:
        theirs.fit(table.to_numpy(object), categorical=nominal_places(table))
    except ValueError:
        with pytest.raises(ValueError, match="clusters empty"):
            ours.fit(table)
        return None
    return ours.fit(table), theirs


def assert_equal(ours, theirs):
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.gamma_ == theirs.gamma
    np.testing.assert_allclose(ours.cost_, theirs.cost_, rtol=1e-9)
    np.testing.assert_allclose(ours.epoch_costs_, theirs.epoch_costs_, rtol=1e-9)
    centroids = ours.cluster_centroids_
    numeric = centroids.select_dtypes("number")
    np.testing.assert_array_equal(numeric, theirs._enc_cluster_centroids[0])
    p = numeric.shape[1]
    np.testing.assert_array_equal(
        centroids.drop(columns=numeric.columns), theirs.cluster_centroids_[:, p:]
    )


@pytest.mark.slow
@SETTINGS
@given(tables, st.integers(1, 9), gammas, st.sampled_from(["huang", "cao", "random"]), st.data())
def test_equals_kmodes_for_a_seed(table, k, gamma, init, data):
    assume(len(table.drop_duplicates()) > k)
    seed = data.draw(st.integers(0, 2**32 - 1))
    both = fit_both(table, k, gamma, init, seed)
    if both is not None:
        assert_equal(*both)
        np.testing.assert_array_equal(
            both[0].predict(table),
            both[1].predict(table.to_numpy(object), categorical=nominal_places(table)),
        )


@SETTINGS
@given(tables, st.integers(1, 6), gammas, st.integers(0, 2**32 - 1))
def test_equals_kmodes_from_given_centroids(table, k, gamma, seed):
    assume(len(table.drop_duplicates()) > k)
    centroids = table.sample(k, replace=True, random_state=seed).reset_index(drop=True)
    numbers = centroids.select_dtypes("number").to_numpy(copy=True)
    codes = [
        np.searchsorted(np.unique(table[name]), centroids[name])
        for name in centroids.select_dtypes(exclude="number")
    ]
    both = fit_both(table, k, gamma, centroids, seed, reference_init=[numbers, np.array(codes).T])
    if both is not None:
        assert_equal(*both)


@SETTINGS
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.booleans())
def test_equals_kmodes_on_an_array_with_column_indices(seed, k, by_column):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 5, (50, 2)), rng.normal(size=(50, 9))])
    X = np.asarray(X, order="F" if by_column else "C")
    # The order of the columns named is that of the random draws.
    ours = KPrototypes(k, n_init=1, random_state=seed).fit(X, categorical=[1, 0])
    theirs = Reference(k, init="Huang", n_init=1, random_state=seed).fit(X, categorical=[1, 0])
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert (ours.n_iter_, ours.gamma_) == (theirs.n_iter_, theirs.gamma)
    np.testing.assert_array_equal(
        ours.cluster_centroids_[[*range(2, 11), 1, 0]], theirs.cluster_centroids_
    )
    assert not hasattr(ours, "feature_names_in_")


@SETTINGS
@given(tables, st.integers(1, 6), st.integers(0, 2**32 - 1), st.data())
def test_a_gamma_per_column_is_so_many_copies_of_the_column(table, k, seed, data):
    assume(len(table.drop_duplicates()) > k)
    nominal = list(table.select_dtypes(exclude="number"))
    times = [data.draw(st.integers(1, 3)) for _ in nominal]
    copies = {
        f"{name}, copy {i}": table[name]
        for name, n in zip(nominal, times, strict=True)
        for i in range(1, n)
    }
    several = table.assign(**copies)
    drawn = table.sample(k, replace=True, random_state=seed).index
    init, several_init = (some.loc[drawn].reset_index(drop=True) for some in (table, several))
    one = KPrototypes(k, gamma=0.5 * np.array(times), init=init, random_state=seed)
    other = KPrototypes(k, gamma=0.5, init=several_init, random_state=seed)
    try:
        other.fit(several)
    except ValueError:
        with pytest.raises(ValueError, match="clusters empty"):
            one.fit(table)
        return
    one.fit(table)
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert one.epoch_costs_ == pytest.approx(other.epoch_costs_, rel=1e-12)
    np.testing.assert_array_equal(one.predict(table), other.predict(several))
    np.testing.assert_array_equal(one.gamma_, 0.5 * np.array(times))


@SETTINGS
@given(tables, st.integers(1, 6), gammas.filter(lambda gamma: gamma is not None))
def test_one_gamma_is_the_same_gamma_for_every_column(table, k, gamma):
    assume(len(table.drop_duplicates()) > k)
    n_nominal = len(nominal_places(table))
    models = [
        KPrototypes(k, gamma=some, n_init=1, random_state=0)
        for some in (gamma, np.full(n_nominal, gamma))
    ]
    try:
        models[0].fit(table)
    except ValueError:
        return
    models[1].fit(table)
    assert models[0].epoch_costs_ == models[1].epoch_costs_
    np.testing.assert_array_equal(models[0].labels_, models[1].labels_)


@pytest.mark.parametrize("gamma", [[1.0], [1.0, -1.0], [1.0, np.nan], [[1.0, 1.0]], ["a", "b"]])
def test_gammas_that_do_not_fit_the_columns_are_refused(gamma):
    table = make_table(seed=0, n=30, p=1, m=2, levels=3, grid=0)
    with pytest.raises(ValueError, match="gamma"):
        KPrototypes(2, gamma=gamma).fit(table)


@pytest.mark.parametrize("init", ["huang", "cao", "random"])
def test_equals_kmodes_over_many_blocks_and_categories(init):
    # Over 255 categories are coded in wider integers; 700 rows are several blocks.
    table = make_table(seed=3, n=700, p=2, m=2, levels=400, grid=2)
    assert_equal(*fit_both(table, 4, None, init, seed=1, n_init=1))


@pytest.mark.parametrize("seed", [0, 115, 125, 143])
def test_equals_kmodes_when_a_cluster_runs_empty(seed):
    # Seeds that were searched for: a cluster runs empty only where prototypes tie at distance 0.
    table = make_table(seed, n=40, p=1, m=3, levels=2, grid=1)
    assert_equal(*fit_both(table, 8, 0.01, "cao", seed, n_init=1))


def test_equals_kmodes_for_one_random_state_object():
    table = make_table(seed=0, n=40, p=2, m=2, levels=4, grid=0)
    states = np.random.RandomState(7), np.random.RandomState(7)
    ours = KPrototypes(3, random_state=states[0], n_init=3)
    theirs = Reference(3, init="Huang", random_state=states[1], n_init=3)
    for _ in range(2):  # the state moves on from fit to fit
        ours.fit(table)
        theirs.gamma = None  # kmodes keeps the first one
        theirs.fit(table.to_numpy(object), categorical=nominal_places(table))
        assert_equal(ours, theirs)


@pytest.mark.slow
def test_equals_kmodes_on_bank_customers(bank_marketing):
    customers = load_customers(bank_marketing).table.sample(1500, random_state=0)
    numbers = ["age", "balance"]
    customers[numbers] = (customers[numbers] - customers[numbers].mean()) / customers[numbers].std()
    assert_equal(*fit_both(customers, 5, None, "huang", seed=0, n_init=1))


def two_groups(copies=1):
    table = pd.DataFrame(
        {
            "age": [1.0, 2, 3, 21, 22, 24],
            "job": pd.Categorical(list("aabbbc"), categories=list("zcba")),
            "member": [True, True, False, False, False, True],
        }
    )
    return pd.concat([table] * copies, ignore_index=True)


def test_fit_changes_no_parameter_and_no_input():
    table = make_table(seed=1, n=50, p=2, m=2, levels=4, grid=0)
    centroids = table.drop_duplicates().head(3)
    for init in ("huang", centroids):
        model = KPrototypes(3, init=init, random_state=0)
        before, copies = dict(model.get_params()), (table.copy(), centroids.copy())
        model.fit(table)
        assert all(value is before[name] for name, value in model.get_params().items())
        pd.testing.assert_frame_equal(table, copies[0])
        pd.testing.assert_frame_equal(centroids, copies[1])


def test_gamma_is_estimated_on_each_fit():
    table = make_table(seed=1, n=50, p=2, m=2, levels=4, grid=0)
    wider = table.assign(**{"number 0": table["number 0"] * 100})
    model = KPrototypes(3, random_state=0)
    first = model.fit(table).gamma_
    assert model.fit(wider).gamma_ == estimate_gamma(wider)["half_std"] > first


def test_clone_repeats_the_fit():
    table = make_table(seed=1, n=50, p=2, m=2, levels=4, grid=0)
    model = KPrototypes(3, gamma=0.7, random_state=5).fit(table)
    again = clone(model)
    with pytest.raises(NotFittedError):
        again.predict(table)
    np.testing.assert_array_equal(again.fit_predict(table), model.labels_)
    assert again.cost_ == model.cost_


@SETTINGS
@given(tables, st.sampled_from([0.1, 1 / 3, 3.0, 1e-9]), st.sampled_from(["huang", "random"]))
def test_a_constant_weight_changes_nothing_but_the_scale_of_the_cost(table, weight, init):
    assume(len(table.drop_duplicates()) > 2)
    model = KPrototypes(2, init=init, n_init=1, random_state=0)
    plain = clone(model).fit(table)
    weighted = clone(model).fit(table, sample_weight=np.full(len(table), weight))
    np.testing.assert_array_equal(weighted.labels_, plain.labels_)
    assert weighted.n_iter_ == plain.n_iter_
    pd.testing.assert_frame_equal(
        weighted.cluster_centroids_, plain.cluster_centroids_, check_exact=True
    )
    assert weighted.cost_ == pytest.approx(plain.cost_ * weight, rel=1e-12)


@SETTINGS
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.data())
def test_whole_weights_equal_copies_presented_in_a_row(seed, k, data):
    # Quarters add up without rounding, so that sums and means are equal to the last bit.
    table = make_table(seed, n=40, p=2, m=2, levels=4, grid=8)
    weights = data.draw(st.lists(st.integers(0, 4), min_size=40, max_size=40))
    kept = table[np.array(weights) > 0].drop_duplicates()
    assume(len(kept) > k)
    # Rows of the table as prototypes: so that no cluster starts empty.
    model = KPrototypes(k, gamma=0.6, init=kept.head(k), random_state=0)
    weighted = clone(model).fit(table, sample_weight=weights)
    copied = clone(model).fit(table.loc[table.index.repeat(weights)])
    np.testing.assert_array_equal(np.repeat(weighted.labels_, weights), copied.labels_)
    pd.testing.assert_frame_equal(weighted.cluster_centroids_, copied.cluster_centroids_)
    assert weighted.cost_ == pytest.approx(copied.cost_, rel=1e-12)
    assert weighted.n_iter_ == copied.n_iter_


def test_weights_move_the_centroids():
    table = two_groups()
    model = KPrototypes(2, init=table.iloc[[0, 5]], gamma=1.0)
    centroids = model.fit(table, sample_weight=[1, 1, 2, 1, 1, 3]).cluster_centroids_
    assert centroids["age"].tolist() == [9 / 4, 115 / 5]
    assert centroids["job"].tolist() == ["a", "c"]


def test_an_unseen_category_is_a_mismatch():
    table = two_groups()
    model = KPrototypes(2, gamma=1000.0, init=table.iloc[[0, 3]]).fit(table)
    a, b = model.labels_[0], model.labels_[3]
    assert a != b
    # One mismatch outweighs any age, so that a known job decides; with none, membership does.
    rows = table.iloc[[0, 0, 0]].assign(member=[True, True, False])
    assert model.predict(rows.assign(job=["a", "new", "new"])).tolist() == [a, a, b]
    # With no category known, the nearest age is left.
    far = rows.assign(age=[0.0, 12, 50], member="new", job="new")
    assert model.predict(far).tolist() == [a, a, b]


def test_an_unseen_category_among_many_is_a_mismatch():
    table = make_table(seed=0, n=700, p=1, m=1, levels=400, grid=0)
    model = KPrototypes(3, n_init=1, random_state=0).fit(table)
    centroids = model.cluster_centroids_
    nearest = np.square(table[["number 0"]].to_numpy() - centroids["number 0"].to_numpy())
    np.testing.assert_array_equal(
        model.predict(table.assign(**{"category 0": "new"})), nearest.argmin(axis=1)
    )


def test_centroids_have_the_columns_and_categories_of_the_input():
    table = two_groups()
    model = KPrototypes(2, random_state=0).fit(table)
    pd.testing.assert_series_equal(model.cluster_centroids_.dtypes, table.dtypes)
    assert list(model.feature_names_in_) == list(table.columns)
    assert model.n_features_in_ == 3
    again = KPrototypes(2, init=model.cluster_centroids_).fit(table)
    np.testing.assert_array_equal(again.labels_, model.labels_)


def test_results_do_not_depend_on_the_number_of_threads():
    table = make_table(seed=5, n=200, p=2, m=3, levels=5, grid=2)
    models = [KPrototypes(4, random_state=0, n_jobs=n).fit(table) for n in (None, 1, 2, 7)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.labels_, models[0].labels_)
        assert model.epoch_costs_ == models[0].epoch_costs_


def test_the_type_of_a_categorical_column_makes_no_difference():
    table = make_table(seed=6, n=80, p=2, m=2, levels=5, grid=0)
    names = list(table.columns[nominal_places(table)])
    model = KPrototypes(3, random_state=0)
    labels = [
        clone(model).fit_predict(table.astype(dict.fromkeys(names, kind)))
        for kind in ("str", "object", "category")
    ]
    labels.append(clone(model).fit_predict(table.to_numpy(object)))
    labels.append(clone(model).fit_predict(table, categorical=names))
    for other in labels[1:]:
        np.testing.assert_array_equal(other, labels[0])


def test_numbers_only_end_where_kmeans_stays():
    X = np.random.default_rng(0).normal(size=(300, 3))
    ours = KPrototypes(4, n_init=5, random_state=0).fit(X)
    kmeans = KMeans(4, init=ours.cluster_centroids_.to_numpy(), n_init=1).fit(X)
    np.testing.assert_array_equal(kmeans.labels_, ours.labels_)
    assert kmeans.inertia_ == pytest.approx(ours.cost_)


@SETTINGS
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_categories_only_equal_kmodes(seed, k):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (40, 3))
    start = np.unique(codes, axis=0)[:k]
    assume(len(start) == k)
    theirs = KModes(k, init=start, n_init=1, random_state=seed).fit(codes)
    ours = KPrototypes(k, init=start).fit(codes, categorical=[0, 1, 2])
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_array_equal(ours.cluster_centroids_, theirs.cluster_centroids_)
    assert (ours.cost_, ours.n_iter_, ours.gamma_) == (theirs.cost_, theirs.n_iter_, 1.0)


@pytest.mark.parametrize("k", [6, 9])
def test_each_distinct_row_is_a_cluster_if_there_are_no_more(k):
    table = two_groups(copies=3)
    model = KPrototypes(k, random_state=0)
    if k > 6:
        with pytest.warns(ConvergenceWarning, match="6 distinct rows"):
            model.fit(table)
    else:
        model.fit(table)
    theirs = Reference(k).fit(table.to_numpy(object), categorical=[1, 2])
    assert (model.cost_, model.n_iter_) == (theirs.cost_, theirs.n_iter_) == (0, 0)
    np.testing.assert_array_equal(model.labels_, np.tile(np.arange(6), 3))
    assert len(model.cluster_centroids_) == len(theirs.cluster_centroids_) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(age=[1, np.nan, 3, 4, 5, 6]), "'age' has 1 missing .*, .* row 1"),
        (lambda t: t.assign(age=[1, 2, np.inf, 4, 5, 6]), "'age' has 1 infinite values, .* row 2"),
        (lambda t: t.assign(job=["a", "b", None, None, "a", "b"]), "'job' has 2 missing values"),
        (lambda t: t.assign(job=["a", 1, "b", "a", 1, "b"]), "'job' have no order"),
        (lambda t: t.assign(age=pd.date_range("2020", periods=6)), "'age' .* is not numeric"),
        (lambda t: t.set_axis(["age", "job", "job"], axis=1), "same name"),
        (lambda t: t.head(0), "at least one row"),
        (lambda t: t["age"], "2-dimensional"),
        (lambda t: t.head(1), "more than the 1 rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        KPrototypes(2).fit(change(two_groups()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"categorical": "work"}, r"names \['work'\]"),
        ({"categorical": ["job", "job"]}, "twice"),
        ({"categorical": ["job", 7]}, "names"),
        ({"categorical": ["age"]}, "'job' .* is not numeric"),
        ({"sample_weight": [1, 2]}, "one weight per row"),
        ({"sample_weight": [1, 1, 1, 1, 1, -1]}, "at least 0"),
        ({"sample_weight": [1, 1, 1, 1, 1, np.nan]}, "finite"),
        ({"sample_weight": [0, 0, 0, 0, 0, 0]}, "only zeros"),
        ({"sample_weight": [0, 0, 0, 0, 0, 1]}, "more than the 1 rows with weight"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        KPrototypes(2).fit(two_groups(), **arguments)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_clusters": 0},
        {"gamma": -1},
        {"gamma": np.inf},
        {"init": "Huang"},
        {"n_init": 0},
        {"max_iter": 0},
        {"init": two_groups().head(3)},
        {"init": two_groups()[["age", "job"]].head(2)},
        {"init": two_groups()[["job", "age", "member"]].head(2)},
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused(parameters):
    model = KPrototypes(**({"n_clusters": 2} | parameters))
    with pytest.raises(ValueError, match=next(iter(parameters))):
        model.fit(two_groups())


def test_other_columns_at_predict_are_refused():
    model = KPrototypes(2, random_state=0).fit(two_groups())
    with pytest.raises(ValueError, match="same order"):
        model.predict(two_groups()[["job", "age", "member"]])
    with pytest.raises(ValueError, match="same columns"):
        model.predict(two_groups()[["age", "job"]])
    with pytest.raises(ValueError, match="missing"):
        model.predict(two_groups().assign(age=np.nan))


def test_gamma_estimates():
    table = pd.DataFrame({"a": [0.0, 2, 4, 6], "b": [0.0, 0, 1, 1], "c": list("xxyz")})
    table["d"] = list("uuvv")
    estimates = estimate_gamma(table)
    assert estimates["half_std"] == pytest.approx((np.sqrt(5) + 0.5) / 4)
    # lambdaest: var() divides by n - 1; the concentrations are 5/8 and 1/2.
    assert estimates["variance_gini"] == pytest.approx((20 / 3 + 1 / 3) / 2 / ((5 / 8 + 1 / 2) / 2))
    by_index = estimate_gamma(table.to_numpy(object), categorical=[2, 3])
    assert by_index == estimates
    assert estimate_gamma(table.assign(c="x", d="u"))["variance_gini"] == np.inf
    for columns in (["a", "b"], ["c", "d"]):
        with pytest.raises(ValueError, match="nothing is to be estimated"):
            estimate_gamma(table[columns])
