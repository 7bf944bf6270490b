"""targeting.ipynb: nobody is judged by what learned from them, and every reason is true."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import run
from hypothesis import given
from hypothesis import strategies as st

from segmentation.build import NOTEBOOKS
from segmentation.customers import BANK_COLUMNS, SAMPLE, TableError, load_table

pytestmark = pytest.mark.slow

NOTEBOOK = NOTEBOOKS / "further" / "targeting.ipynb"
SMALL = {"n_simulated": 2_400, "n_neighbors": 20, "n_trees": 20}


@pytest.fixture(scope="module", autouse=True)
def no_map():
    """Leave out t-SNE, which is for the eye alone: its picture is not under test here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn.manifold.TSNE.fit_transform", lambda self, X: X[:, :2])
        yield


@pytest.fixture(scope="module")
def on_sample(no_map, tmp_path_factory):
    """Variables of the notebook on the sample, which has the eight columns and y alone."""
    return run(NOTEBOOK, tmp_path_factory.mktemp("sample"), table=SAMPLE, **SMALL)


@pytest.fixture(scope="module", params=["sample", "bank_marketing"])
def targeting(request, on_sample, tmp_path_factory):
    if request.param == "sample":
        return on_sample
    table = request.getfixturevalue("bank_marketing")
    return run(NOTEBOOK, tmp_path_factory.mktemp("bank"), table=table, **SMALL)


@pytest.fixture(scope="module")
def bank(targeting):
    """The raw table and the list that was written."""
    return load_table(targeting["path"]), pd.read_csv(f"{targeting['output']}/targets.csv")


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


def test_nobody_is_judged_by_what_learned_from_the_same_profile(targeting, bank):
    table, _ = bank
    profile = table[list(BANK_COLUMNS)].astype(str).agg("|".join, axis=1).to_numpy()
    splits = [*targeting["folds"], (targeting["earlier"], targeting["later"])]
    for learned_on, judged_on in splits:
        assert not set(profile[learned_on]) & set(profile[judged_on])
    judged = np.concatenate([judged_on for _, judged_on in targeting["folds"]])
    assert sorted(judged) == list(range(len(table)))
    earlier, later = splits[-1]
    assert earlier.max() < later.min()
    left_out = np.setdiff1d(np.arange(earlier.max() + 1, len(table)), later)
    assert set(profile[left_out]) <= set(profile[earlier])


def test_shop_customers_are_learned_from_or_judged(on_sample):
    seen, unseen, balanced = on_sample["seen"], on_sample["unseen"], on_sample["balanced"]
    assert sorted([*seen, *unseen]) == list(range(SMALL["n_simulated"]))
    assert set(balanced) <= set(seen)
    assert on_sample["buys"][balanced].mean() == 0.5


def test_every_reason_is_true_and_nobody_is_left_out(targeting, bank):
    table, targets = bank
    assert 0 < len(targets) < len(targeting["later"])
    assert 1 <= targets["rule"].nunique() <= 5
    chosen = np.zeros(len(table), dtype=bool)
    for rule, group in targets.groupby("rule"):
        (reason,) = group["reason"].unique()
        assert reason == targeting["rule_table"].loc[rule, "rule"]
        true = is_true(reason, table)
        assert true[group["row"]].all()
    for reason in targeting["rule_table"]["rule"]:
        chosen |= is_true(reason, table)
    assert (
        sorted(targets["row"])
        == np.intersect1d(np.flatnonzero(chosen), targeting["later"]).tolist()
    )
    assert targets["score"].is_monotonic_decreasing


def test_the_reason_is_the_rule_with_the_best_rate_on_the_rows_before(targeting, bank):
    table, targets = bank
    subscribed = (table["y"] == "yes").to_numpy()
    earlier = np.arange(len(table)) < len(targeting["earlier"])
    true = [is_true(reason, table) for reason in targeting["rule_table"]["rule"]]
    rates = np.array([subscribed[earlier & mask].mean() for mask in true])
    best = np.where(true, rates[:, None], -1).max(axis=0)
    assert rates[targets["rule"] - 1].tolist() == best[targets["row"]].tolist()


def test_precision_and_recall_of_the_list(targeting, bank):
    table, targets = bank
    subscribed = (table["y"] == "yes").to_numpy()
    hits = subscribed[targets["row"]].sum()
    assert targeting["later_precision"] == pytest.approx(hits / len(targets))
    assert targeting["later_recall"] == pytest.approx(hits / subscribed[targeting["later"]].sum())
    assert f"{hits / len(targets):.1%}" in targeting["finding"]


def test_profit_is_that_of_the_customers_whose_expected_rate_pays(targeting, bank):
    table, _ = bank
    subscribed = (table["y"] == "yes").to_numpy()[targeting["later"]]
    pays = targeting["later_rule_scores"] >= 5 / 60
    profit = (60 * subscribed[pays].sum() - 5 * pays.sum()) / len(subscribed)
    assert targeting["profits"].loc["the rules", "later customers"] == pytest.approx(profit)


def test_precision_and_recall_in_the_shop(on_sample):
    unseen, buys = on_sample["unseen"], on_sample["buys"]
    assert len(on_sample["shop_rules"]) <= 5
    chosen = np.zeros(len(unseen), dtype=bool)
    for rule in on_sample["shop_rules"]:
        match = np.ones(len(unseen), dtype=bool)
        for column, sign, limit in rule:
            values = on_sample["X"][unseen, column]
            match &= {">": values > limit, "<=": values <= limit}[sign]
        chosen |= match
    hits, misses = (chosen & buys[unseen]).sum(), (chosen & ~buys[unseen]).sum()
    ratio = buys[unseen].sum() / (~buys[unseen]).sum()
    quality = on_sample["shop_quality"].loc["buyers"]
    recall = hits / buys[unseen].sum()
    assert quality.loc["held out, as they are"].tolist() == pytest.approx(
        [hits / (hits + misses), recall]
    )
    assert quality.loc["held out, balanced"].tolist() == pytest.approx(
        [hits / (hits + misses * ratio), recall]
    )


@given(st.data())
def test_words_say_what_the_rule_says(targeting, bank, data):
    table, _ = bank
    rows, column_labels = targeting["rows"], targeting["column_labels"]
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
    words = targeting["in_words"](rule, column_labels, targeting["whole"])
    assert (is_true(words, table) == targeting["holds"](rule, rows)).all(), words


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_gain_is_the_mean_over_the_orders_of_ties(on_sample, pairs):
    scores, bought = (np.array(column) for column in zip(*pairs, strict=True))
    called, reached = on_sample["gain"](scores, bought)
    for threshold in np.unique(scores):
        some = scores >= threshold
        assert reached[called == some.sum()] == bought[some].sum()
    assert (called[0], reached[0]) == (0, 0)
    assert len(called) == len(np.unique(scores)) + 1


def test_duration_leaks(targeting):
    aucs = targeting["aucs"]
    if "+ duration" not in aucs.index:
        assert aucs.index.tolist() == ["the eight columns"]
        return
    assert aucs["held out"].idxmax() == "+ duration"
    assert not {"duration", "campaign", "contact", "day", "month"} & set(targeting["known"])


def test_a_table_without_y_ends_the_second_part_cleanly(tmp_path):
    table = tmp_path / "unlabelled.csv"
    load_table(SAMPLE).drop(columns="y").to_csv(table, index=False)
    smaller = {"n_simulated": 1_200, "n_neighbors": 10, "n_trees": 5}
    variables = run(NOTEBOOK, tmp_path, table=table, **smaller)
    assert not variables["has_y"]
    assert not (tmp_path / "targets.csv").exists()
    assert (tmp_path / "img" / "targeting_groups.png").exists()
    assert not (tmp_path / "img" / "targeting_profit.png").exists()


def test_another_word_for_yes_is_asked_for_before_any_long_work(tmp_path):
    with pytest.raises(TableError, match="'ja'"):
        run(NOTEBOOK, tmp_path, table=SAMPLE, positive="ja")
    assert not (tmp_path / "img").exists()
