"""Rules in words: the most worth first, and nothing that brings none."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segmentation.rulefit import choose_rules, first_rule, holds, in_words, learn_rules

LIMITS = st.integers(0, 9).map(lambda limit: limit + 0.5)
RULES = st.lists(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([">", "<="]), LIMITS), min_size=1),
    max_size=4,
)


def worth_of(rules, rows, worth):
    """Add up what the customers bring who meet any of some rules."""
    return worth[[any(holds(rule, row[None])[0] for rule in rules) for row in rows]].sum()


@given(RULES, st.integers(0, 2**32 - 1))
def test_every_rule_chosen_adds_most_of_those_left(rules, seed):
    rng = np.random.default_rng(seed)
    rows, worth = rng.integers(0, 10, (12, 2)).astype(float), rng.integers(-2, 3, 12)
    chosen = choose_rules(rules, rows, worth, n_rules=3)
    sums = [worth_of(chosen[:n], rows, worth) for n in range(len(chosen) + 1)]
    for (n, before), after in zip(enumerate(sums), sums[1:], strict=False):
        assert after > before
        assert after == max(worth_of([*chosen[:n], rule], rows, worth) for rule in rules)
    if len(chosen) < 3:
        assert all(worth_of([*chosen, rule], rows, worth) <= sums[-1] for rule in rules)


@given(RULES)
def test_the_reason_is_the_first_rule_that_holds(rules):
    rows = np.array(list(itertools.product(range(10), range(10))), dtype=float)
    for row, place in zip(rows, first_rule(rules, rows), strict=True):
        held = [i for i, rule in enumerate(rules) if holds(rule, row[None])[0]]
        assert place == min(held, default=-1)


def test_a_planted_rule_is_found():
    rows = np.random.default_rng(0).normal(size=(2_000, 4))
    wanted = (rows[:, 1] > 0.5) & (rows[:, 2] <= 0)
    rules = learn_rules(rows, wanted, np.where(wanted, 1, -1), n_trees=30)
    fresh = np.random.default_rng(1).normal(size=(2_000, 4))
    answer = (fresh[:, 1] > 0.5) & (fresh[:, 2] <= 0)
    assert (answer == (first_rule(rules, fresh) >= 0)).mean() > 0.98
    shares = [wanted[holds(rule, rows)].mean() for rule in rules]
    assert shares == sorted(shares, reverse=True)


def test_words_of_terms_on_one_column():
    labels = [
        "age",
        "balance",
        ("loan = yes", "loan = no"),
        lambda low, high: f"{low:g} to {high:g}",
    ]
    whole = [True, False, True, True]
    rule = [(0, ">", 30.5), (1, "<=", 99.5), (0, "<=", 40.5), (2, "<=", 0.5), (3, ">", 4.5)]
    assert in_words(rule, labels, whole) == (
        "age 31 to 40 and balance ≤ 99.50 and loan = no and 5 to inf"
    )
