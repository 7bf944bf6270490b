"""Segment profiles: against plain arithmetic, on the toy below and on random tables."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from segmentation.profiles import (
    explained_entropy,
    is_mixed,
    name_segments,
    order_by_size,
    removed_shares,
    segment_table,
    shares,
    shares_of_money,
    traits,
    typical,
)

CUSTOMERS = pd.DataFrame(
    {
        "age": [20, 30, 40, 50, 60, 70],
        "loan": ["no", "no", "no", "yes", "yes", "no"],
        "job": ["student", "student", "services", "services", "retired", "retired"],
    }
)
SEGMENTS = np.array([1, 1, 1, 1, 2, 2])

# Width 32: differences of the numbers never underflow when they are squared.
tables = st.integers(6, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-1e6, 1e6, width=32), min_size=n, max_size=n),
        st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n),
        st.lists(st.integers(1, 3), min_size=n, max_size=n),
    )
)


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_segments_are_numbered_by_size(labels):
    segments = order_by_size(labels)
    sizes = np.bincount(segments)[1:]
    assert (np.diff(sizes) <= 0).all()
    assert sizes.min() > 0
    # A renumbering: labels and segments correspond one to one.
    assert len(set(zip(labels, segments, strict=True))) == len(set(labels)) == len(sizes)


def test_traits_by_hand():
    table = traits(CUSTOMERS, SEGMENTS)
    retired = table.loc[2, "job", "retired"]
    assert retired["value"] == 1.0
    assert retired["overall"] == pytest.approx(2 / 6)
    assert retired["lift"] == pytest.approx(3.0)
    assert retired["effect"] == pytest.approx((1 - 2 / 6) / np.sqrt(2 / 6 * 4 / 6))
    age = table.loc[1, "age", ""]
    assert age["value"] == 35
    assert np.isnan(age["lift"])
    assert age["effect"] == pytest.approx((35 - 45) / CUSTOMERS["age"].std(ddof=0))


@settings(deadline=None, derandomize=True)
@given(tables)
def test_traits_average_to_the_whole(table):
    numbers, categories, segments = table
    customers = pd.DataFrame({"x": numbers, "c": categories})
    result = traits(customers, segments)
    shares = pd.Series(segments).value_counts(normalize=True)
    weighted = result["value"].unstack("segment") @ shares.sort_index()
    overall = result["overall"].groupby(["column", "category"]).first()
    pd.testing.assert_series_equal(weighted, overall, check_names=False, rtol=1e-9, atol=1e-6)
    assert np.isfinite(result["effect"]).all()


def test_constant_has_no_effect():
    customers = pd.DataFrame({"x": [0.1] * 3, "c": ["a"] * 3})
    assert traits(customers, [1, 1, 2])["effect"].abs().max() < 1e-9


def test_descriptions_say_what_is_over_represented():
    names = name_segments(CUSTOMERS, SEGMENTS)
    assert "100% against 33% (lift 3.0)" in names.loc[2, "description"]
    assert "mean age 65 against 45" in names.loc[2, "description"]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(tables)
def test_names_are_unique_and_come_with_what_they_are_worth(table):
    numbers, categories, segments = table
    names = name_segments(pd.DataFrame({"x": numbers, "c": categories}), segments)
    assert names["name"].is_unique
    assert names.index.tolist() == sorted(set(segments))
    assert names[["precision", "recall"]].stack().between(0, 1).all()
    assert names["name"][is_mixed(names)].str.startswith("Mixed").all()
    assert not names["name"][~is_mixed(names)].str.startswith("Mixed").any()


def test_segment_table_by_hand():
    table = segment_table(CUSTOMERS, SEGMENTS, name_segments(CUSTOMERS, SEGMENTS))
    assert table["customers"].tolist() == [4, 2, 6]
    assert table["share"].tolist() == pytest.approx([4 / 6, 2 / 6, 1])
    assert table["age, mean"].tolist() == [35, 65, 45]
    assert table["age, median"].tolist() == [35, 65, 45]
    assert table.loc[2, "over-represented (lift)"] == "job retired (3.0), loan yes (1.5)"
    outcome = pd.Series([1, 0, np.nan, 0, 1, 1], dtype=float, name="left")
    money = CUSTOMERS.assign(spent=[0, 10, 10, 20, 30, 30])
    table = segment_table(money, SEGMENTS, name_segments(money, SEGMENTS), outcome)
    # Wilson's interval, of 2 of 2 and of 3 of 5.
    assert table["left, %"].tolist()[1:] == ["100.0% (34.2% to 100.0%)", "60.0% (23.1% to 88.2%)"]
    assert table["spent, share of all"].tolist() == pytest.approx([0.4, 0.6, 1])


def test_debts_make_no_share_of_the_money():
    customers = pd.DataFrame(
        {"balance": [-50.0, 100, 200], "income": [1.0, 2, 3], "age": [1, 2, 3]}
    )
    shares = shares_of_money(customers, np.array([True, False, False]))
    assert list(shares.index) == ["balance", "income"]
    assert np.isnan(shares["balance"])
    assert shares["income"] == pytest.approx(1 / 6)


def test_removed_shares_by_hand():
    removed = np.array([True, False, False, False, True, True])
    by_category = removed_shares(CUSTOMERS, removed)
    assert by_category.loc[("job", "retired")].tolist() == [2, 1.0]
    assert by_category.loc[("loan", "no")].tolist() == [4, 0.5]
    assert by_category["removed"].is_monotonic_decreasing


def test_shares_by_hand():
    table = shares(CUSTOMERS[["loan", "job"]], SEGMENTS)
    assert table.loc[("loan", "yes")].tolist() == [1 / 4, 1 / 2, 2 / 6]
    assert table.loc[("job", "student")].tolist() == [2 / 4, 0, 2 / 6]
    assert list(table.columns) == [1, 2, "all"]
    np.testing.assert_allclose(table.groupby(level="column").sum(), 1)


def test_typical_by_hand():
    table = typical(CUSTOMERS, SEGMENTS)
    assert table.loc[2].tolist() == [65, "no", "retired"]
    assert table.loc[1, ["age", "loan"]].tolist() == [35, "no"]


def test_a_table_without_numbers_or_without_categories():
    for columns in (["age"], ["loan", "job"]):
        customers = CUSTOMERS[columns]
        table = segment_table(customers, SEGMENTS, name_segments(customers, SEGMENTS))
        assert table["customers"].tolist() == [4, 2, 6]


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
    told = explained_entropy(table, table["job"] + table["loan"])
    assert told["job"] == pytest.approx(1)
    assert told["loan"] == pytest.approx(1)
    assert told["age"] == pytest.approx(0, abs=0.01)
    assert told["one"] == 0
    # Half of the customers are known to have no loan: what is left is the entropy of the others.
    known = (table["loan"] == "no") & (rng.random(3000) < 0.5)
    left = (~known).mean() * entropy(table["loan"][~known].value_counts())
    share = 1 - left / entropy(table["loan"].value_counts())
    assert explained_entropy(table, known)["loan"] == pytest.approx(share, abs=0.002)
    whether = table[["loan"]] == "yes"
    assert explained_entropy(whether, known)["loan"] == explained_entropy(table, known)["loan"]
    halves = (table["age"] > table["age"].median()).astype(int)
    assert explained_entropy(table, halves)["age"] == pytest.approx(
        np.log(2) / np.log(10), abs=0.001
    )
