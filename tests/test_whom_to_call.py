"""whom_to_call.ipynb: nobody is judged by what learned from them, and every reason is true."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import run
from hypothesis import given
from hypothesis import strategies as st

from segmentation.build import NOTEBOOKS
from segmentation.customers import BANK_COLUMNS, SAMPLE, TableError, load_table
from segmentation.evaluation import lift
from segmentation.rulefit import holds, in_words

pytestmark = pytest.mark.slow

NOTEBOOK = NOTEBOOKS / "further" / "whom_to_call.ipynb"
SMALL = {"n_trees": 20}


@pytest.fixture(scope="module")
def on_sample(tmp_path_factory):
    """Variables of the notebook on the sample, which has the eight columns and y alone."""
    return run(NOTEBOOK, tmp_path_factory.mktemp("sample"), table=SAMPLE, **SMALL)


@pytest.fixture(scope="module", params=["sample", "bank_marketing"])
def notebook(request, on_sample, tmp_path_factory):
    if request.param == "sample":
        return on_sample
    table = request.getfixturevalue("bank_marketing")
    return run(NOTEBOOK, tmp_path_factory.mktemp("bank"), table=table, **SMALL)


@pytest.fixture(scope="module")
def bank(notebook):
    """The raw table and the list that was written."""
    return load_table(notebook["path"]), pd.read_csv(f"{notebook['output']}/targets.csv")


CONDITIONS = {
    r"not called in an earlier campaign": lambda table: table["pdays"] == -1,
    r"called in an earlier campaign": lambda table: table["pdays"] != -1,
    r"pdays ≥ ([\d,]+) or never": lambda table, low: ~table["pdays"].between(0, low - 1),
    r"pdays ≤ ([\d,]+)": lambda table, high: table["pdays"].between(0, high),
    r"(\w+) (-?[\d,]+) to (-?[\d,]+)": lambda table, name, *ends: table[name].between(*ends),
    r"(\w+) ≥ (-?[\d,]+)": lambda table, name, low: table[name] >= low,
    r"(\w+) ≤ (-?[\d,]+)": lambda table, name, high: table[name] <= high,
    r"(\w+) = (.+)": lambda table, name, category: table[name] == category,
    r"(\w+) is not (.+)": lambda table, name, category: table[name] != category,
}


def number(text):
    return int(text.replace(",", "")) if re.fullmatch(r"-?[\d,]+", text) else text


def is_true(reason, table):
    """Read a reason as a person would, and say for whom it is true."""
    answer = np.ones(len(table), dtype=bool)
    for condition in reason.split(" and "):
        pattern = next(pattern for pattern in CONDITIONS if re.fullmatch(pattern, condition))
        parts = map(number, re.fullmatch(pattern, condition).groups())
        answer &= CONDITIONS[pattern](table, *parts).to_numpy()
    return answer


def test_nobody_is_judged_by_what_learned_from_the_same_profile(notebook, bank):
    table, _ = bank
    profile = table[list(BANK_COLUMNS)].astype(str).agg("|".join, axis=1).to_numpy()
    splits = [*notebook["folds"], (notebook["earlier"], notebook["later"])]
    for learned_on, judged_on in splits:
        assert not set(profile[learned_on]) & set(profile[judged_on])
    judged = np.concatenate([judged_on for _, judged_on in notebook["folds"]])
    assert sorted(judged) == list(range(len(table)))
    earlier, later = splits[-1]
    assert earlier.max() < later.min()
    left_out = np.setdiff1d(np.arange(earlier.max() + 1, len(table)), later)
    assert set(profile[left_out]) <= set(profile[earlier])


def test_every_reason_is_true_and_nobody_is_left_out(notebook, bank):
    table, targets = bank
    assert 0 < len(targets) < len(notebook["later"])
    assert 1 <= targets["rule"].nunique() <= 5
    chosen = np.zeros(len(table), dtype=bool)
    for rule, group in targets.groupby("rule"):
        (reason,) = group["reason"].unique()
        assert reason == notebook["rule_table"].index[rule - 1]
        true = is_true(reason, table)
        assert true[group["row"]].all()
    for reason in notebook["rule_table"].index:
        chosen |= is_true(reason, table)
    assert (
        sorted(targets["row"]) == np.intersect1d(np.flatnonzero(chosen), notebook["later"]).tolist()
    )
    assert targets["score"].is_monotonic_decreasing


def test_the_reason_is_the_rule_with_the_best_rate_on_the_rows_before(notebook, bank):
    table, targets = bank
    subscribed = (table["y"] == "yes").to_numpy()
    earlier = np.arange(len(table)) < len(notebook["earlier"])
    true = [is_true(reason, table) for reason in notebook["rule_table"].index]
    rates = np.array([subscribed[earlier & mask].mean() for mask in true])
    best = np.where(true, rates[:, None], -1).max(axis=0)
    assert rates[targets["rule"] - 1].tolist() == best[targets["row"]].tolist()


def test_precision_and_recall_of_the_list(notebook, bank):
    table, targets = bank
    subscribed = (table["y"] == "yes").to_numpy()
    hits = subscribed[targets["row"]].sum()
    of_list = notebook["rule_quality"].loc["later"]
    assert of_list["precision"] == pytest.approx(hits / len(targets))
    assert of_list["recall"] == pytest.approx(hits / subscribed[notebook["later"]].sum())


def test_profit_is_that_of_the_customers_whose_expected_rate_pays(notebook, bank):
    table, _ = bank
    subscribed = (table["y"] == "yes").to_numpy()[notebook["later"]]
    pays = notebook["later_rule_scores"] >= 5 / 60
    profit = (60 * subscribed[pays].sum() - 5 * pays.sum()) / len(subscribed)
    assert notebook["profits"].loc[
        ("later", "the rules"), "profit per customer, euros"
    ] == pytest.approx(profit)


@given(st.data())
def test_words_say_what_the_rule_says(notebook, bank, data):
    table, _ = bank
    rows, column_labels = notebook["rows"], notebook["column_labels"]
    rule = []
    for i in data.draw(st.sets(st.integers(0, len(column_labels) - 1), min_size=1, max_size=3)):
        if isinstance(column_labels[i], tuple):
            rule.append((i, data.draw(st.sampled_from([">", "<="])), 0.5))
            continue
        values = np.unique(rows[:, i])
        low, high = sorted(data.draw(st.integers(0, len(values) - 2)) for _ in range(2))
        between = [(values[j] + values[j + 1]) / 2 for j in (low, high)]
        sides = [(i, ">", between[0]), (i, "<=", between[1])]
        rule += data.draw(st.sampled_from([sides, sides[:1], sides[1:]]))
    words = in_words(rule, column_labels, notebook["whole"])
    assert (is_true(words, table) == holds(rule, rows)).all(), words


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_gain_is_the_mean_over_the_orders_of_ties(on_sample, pairs):
    scores, bought = (np.array(column) for column in zip(*pairs, strict=True))
    called, reached = on_sample["gain"](scores, bought)
    for threshold in np.unique(scores):
        some = scores >= threshold
        assert reached[called == some.sum()] == bought[some].sum()
    assert (called[0], reached[0]) == (0, 0)
    assert len(called) == len(np.unique(scores)) + 1


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_within_one_period_lift_is_that_of_all_customers(on_sample, pairs):
    scores, bought = (np.array(column) for column in zip(*pairs, strict=True))
    called = on_sample["best_fifth"](scores, np.zeros(len(bought)))
    assert called.sum() == pytest.approx(0.2 * len(bought))
    if bought.any():
        sums = on_sample["in_periods"](called, bought, np.zeros(len(bought)))
        value, _ = on_sample["ratio"](sums["found"], sums["expected"])
        assert value == pytest.approx(lift(scores, bought))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_who_calls_whole_periods_has_no_lift_within_them(on_sample, pairs):
    when, bought = (np.array(column) for column in zip(*pairs, strict=True))
    sums = on_sample["in_periods"](when >= 2, bought, when)
    assert sums["found"].tolist() == pytest.approx(sums["expected"].tolist())


def test_duration_leaks(notebook):
    aucs = notebook["aucs"]
    if "+ duration" not in aucs.index:
        assert aucs.index.tolist() == ["the eight columns"]
        return
    assert aucs["held out"].idxmax() == "+ duration"
    assert not {"duration", "campaign", "contact", "day", "month"} & set(notebook["known"])


def test_a_table_without_y_ends_the_notebook_cleanly(tmp_path):
    table = tmp_path / "unlabelled.csv"
    load_table(SAMPLE).drop(columns="y").to_csv(table, index=False)
    variables = run(NOTEBOOK, tmp_path, table=table, **SMALL)
    assert variables["not_applicable"]
    assert not (tmp_path / "targets.csv").exists()


def test_another_word_for_yes_is_asked_for_before_any_long_work(tmp_path):
    with pytest.raises(TableError, match="'ja'"):
        run(NOTEBOOK, tmp_path, table=SAMPLE, positive="ja")
    assert not (tmp_path / "img").exists()
