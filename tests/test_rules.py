"""Rules of segments: against a search of all of them, and as SQL in a database."""

import itertools
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score
from tables import TABLES

from segmentation.customers import load_customers
from segmentation.profiles import is_mixed, name_segments
from segmentation.rules import MIN_GAIN, NEGATION, find_rules, list_conditions
from segmentation.wording import Wording, label_of


def words(conditions):
    return " and ".join(f"{c.column} {c.operator} {c.value}" for c in conditions)


def holds(conditions, customers):
    return np.all([condition.holds(customers) for condition in conditions], axis=0)


def drawn(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "balance": np.exp(rng.normal(7, 1, n)).round(2),
            "loan": rng.choice(["no", "yes"], n),
            "job": rng.choice(["services", "retired", "student"], n),
        }
    )


def test_a_planted_rule_is_found_whole():
    customers = drawn(2_000)
    inside = (customers["loan"] == "yes") & (customers["job"] != "student")
    inside &= customers["age"] >= 50
    found = find_rules(customers, np.where(inside, 1, 2), words)[1]
    assert len(found.conditions) == 3
    agreement = (holds(found.conditions, customers) == inside).mean()
    assert agreement > 0.98
    assert found.f1 > 0.95


def score(masks, own, n_negated=0):
    """Score a rule from the masks of its conditions."""
    described = np.all(masks, axis=0)
    f1 = 2 * (described & own).sum() / (described.sum() + own.sum())
    return f1 - MIN_GAIN * (len(masks) - 1) - NEGATION * n_negated


@settings(deadline=None, derandomize=True, max_examples=8)
@given(st.integers(0, 10**6))
def test_no_rule_of_two_conditions_is_better(seed):
    customers = drawn(80, seed).drop(columns="balance")
    segments = np.random.default_rng(seed).integers(1, 4, 80)
    segments[(customers["loan"] == "yes") & (customers["age"] < 40)] = 1
    found = find_rules(customers, segments, words, max_length=10**6)
    listed = [
        (c.column, c.operator == "<>", c.holds(customers)) for c in list_conditions(customers)
    ]
    for segment, rule in found.items():
        own = segments == segment
        best = max(
            score([one[2], other[2]], own, one[1] + other[1])
            for one, other in itertools.combinations(listed, 2)
            if one[0] != other[0]
        )
        best = max(best, *(score([mask], own, negated) for _, negated, mask in listed))
        masks = [condition.holds(customers) for condition in rule.conditions]
        n_negated = sum(condition.operator == "<>" for condition in rule.conditions)
        # Beams go on with twelve rules, so that the best of two conditions is there.
        assert score(masks, own, n_negated) >= best - 1e-9


def test_of_conditions_of_one_fact_one_counts():
    customers = drawn().assign(copy=lambda t: np.where(t["loan"] == "yes", "with", "without"))
    listed = list_conditions(customers)
    masks = {condition.holds(customers).tobytes() for condition in listed}
    assert len(masks) == len(listed)
    segments = np.where(customers["loan"] == "yes", 1, 2)
    for found in find_rules(customers, segments, words).values():
        assert len(found.conditions) == 1


def test_thresholds_are_round():
    rng = np.random.default_rng(1)
    customers = pd.DataFrame({"balance": np.exp(rng.normal(7, 1, 5_000))})
    values = [condition.value for condition in list_conditions(customers)]
    assert len(values) > 40
    for value in values:
        assert len(f"{value:.12g}".replace(".", "").strip("0")) <= 3


@pytest.mark.parametrize("name", TABLES)
def test_names_hold_for_any_table(name, tmp_path):
    path = tmp_path / "customers.csv"
    TABLES[name]().to_csv(path, index=False)
    customers = load_customers(path).table
    rng = np.random.default_rng(7)
    column = customers.iloc[:, 0]
    half = column > column.median() if column.dtype.kind in "if" else column == column.mode()[0]
    segments = np.where(half, 1, rng.integers(2, 5, len(customers)))
    names = name_segments(customers, segments, {})
    assert names["name"].is_unique
    # 1 is a rule, the others are drawn at random.
    assert is_mixed(names).tolist() == [False, True, True, True]
    assert names.loc[1, ["precision", "recall"]].min() > 0.9
    with sqlite3.connect(":memory:") as database:
        customers.to_sql("customers", database, index_label="row")
        for segment, rule in names["rule"].items():
            rows = pd.read_sql(f"SELECT row FROM customers WHERE {rule}", database)["row"]
            described = np.isin(np.arange(len(customers)), rows)
            found = find_rules(customers, segments, Wording(customers, {}).name)[segment]
            assert np.array_equal(described, holds(found.conditions, customers))
            own = segments == segment
            # Those of the search over all customers are near those on customers left out.
            if segment == 1:
                assert precision_score(own, described) == pytest.approx(found.precision, abs=0.1)
                assert recall_score(own, described) == pytest.approx(found.recall, abs=0.1)


def test_precision_and_recall_are_of_customers_left_out():
    customers = pd.DataFrame(
        {f"c{i}": np.random.default_rng(i).choice(list("abcdef"), 100) for i in range(40)}
    )
    own = np.random.default_rng(99).random(100) < 0.2
    found = find_rules(customers, np.where(own, 1, 2), words)[1]
    # On the customers that it was chosen by, the best of thousands of rules looks well.
    assert f1_score(own, holds(found.conditions, customers)) > found.f1 + 0.1


def test_a_short_name_comes_first_where_there_is_one():
    customers = drawn().rename(columns={"job": "what the customer says that the trade is"})
    segments = np.where(customers["loan"] == "yes", 1, 2)
    segments[customers.iloc[:, 3] == "student"] = 3
    found = find_rules(customers, segments, words)
    assert all(len(some.name) < 50 for some in found.values())
    assert len(found[3].name) > 0


def test_one_value_tells_nothing():
    found = find_rules(pd.DataFrame({"x": [1.0] * 30, "c": ["a"] * 30}), [1, 2] * 15, words)
    assert [some.conditions for some in found.values()] == [(), ()]
    names = name_segments(pd.DataFrame({"x": [1.0] * 30}), [1, 2] * 15)
    assert names["name"].is_unique
    assert names["rule"].tolist() == ["", ""]


WORDED = pd.DataFrame(
    {
        "age": [20, 40, 60],
        "InternetService": ["DSL", "Fiber optic", "No"],
        "OnlineBackup": ["Yes", "No", "No internet service"],
        "housing": ["yes", "no", "no"],
        "is_active": ["yes", "no", "yes"],
        "marital": ["single", "married", "divorced"],
        "store": ["3", "7", "12"],
        "city": ["Köln", "USA", "other"],
    }
)


@pytest.mark.parametrize(
    ("column", "category", "negated", "said"),
    [
        ("InternetService", "No", False, "no internet service"),
        ("InternetService", "Fiber optic", False, "Fiber optic internet service"),
        ("OnlineBackup", "No internet service", False, "No internet service"),
        ("housing", "yes", False, "housing loan"),
        ("housing", "no", False, "no housing loan"),
        ("is_active", "no", False, "not active"),
        ("marital", "single", True, "not single"),
        ("store", "3", False, "store 3"),
        ("city", "USA", False, "USA"),
        ("city", "other", False, "other city"),
    ],
)
def test_categories_read_as_people_write_them(column, category, negated, said):
    wording = Wording(WORDED, {"housing": "housing loan"})
    assert wording.category(column, category, negated) == said


def test_labels_keep_their_case():
    assert label_of("InternetService", {}) == "internet service"
    assert label_of("CLV_total", {}) == "CLV total"
    assert label_of("Stadt", {}) == "Stadt"
    assert label_of("x", {"x": "Money per Year"}) == "Money per Year"
    assert label_of("spent (€/yr)", {}) == "spent (€/yr)"
