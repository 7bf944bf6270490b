"""A few rules in words that choose customers: RuleFit proposes them, their worth decides.

A rule is a list of terms (column, sign, limit), all of which have to hold: the number in the column
is above the limit (">") or at most the limit ("<=").
"""

import warnings

import numpy as np
from imodels import RuleFitClassifier

#: Customers of either side that RuleFit learns from: it builds a column for each rule.
MAX_PER_SIDE = 2_000


def fit_rulefit(rows, wanted, n_trees=100, seed=0, **penalty):
    """Fit RuleFit (Friedman and Popescu 2008): the paths of many small trees, with an L1 penalty.

    Parameters
    ----------
    rows : array of shape (n_customers, n_columns)
    wanted : array of bool, shape (n_customers,)
    n_trees : int, optional
    seed : int, optional
    **penalty
        ``max_rules`` and ``alpha``, as imodels has them.

    Returns
    -------
    imodels.RuleFitClassifier
    """
    # cv=True would fit five times as often, and imodels 3.0.4 does not use the result.
    fixed = {"exp_rand_tree_size": False, "include_linear": False, "cv": False}
    model = RuleFitClassifier(n_trees, random_state=seed, **fixed, **penalty)
    with warnings.catch_warnings():
        # imodels 3.0.4 asks for L1 by an argument that scikit-learn 1.8 deprecated; it still obeys.
        warnings.filterwarnings("ignore", "'penalty' was deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "Inconsistent values: penalty", UserWarning)
        return model.fit(rows, wanted)


def rules_of(model):
    """Return the rules of a model as lists of terms, in the order of its coefficients."""
    return [
        [
            (int(name.removeprefix("X_")), sign, float(limit))
            for name, sign, limit in (term.split() for term in rule.rule.split(" and "))
        ]
        for rule in model.rules_without_feature_names_
    ]


def holds(rule, rows):
    """Return for which rows a rule holds, as an array of bool of shape (n_customers,)."""
    tests = [rows[:, i] > limit if sign == ">" else rows[:, i] <= limit for i, sign, limit in rule]
    return np.all(tests, axis=0)


def propose_rules(rows, wanted, n_trees=100, seed=0):
    """List the rules that RuleFit finds in favour of being wanted.

    Parameters
    ----------
    rows, wanted, n_trees, seed
        As for `fit_rulefit`.

    Returns
    -------
    list of rules
        Learned from as many customers of either side: where few are wanted, hardly any rule
        would speak for it.
    """
    rng = np.random.default_rng(seed)
    size = min(wanted.sum(), (~wanted).sum(), MAX_PER_SIDE)
    sides = (np.flatnonzero(wanted), np.flatnonzero(~wanted))
    drawn = np.concatenate([rng.choice(side, size, replace=False) for side in sides])
    # The penalty that scikit-learn's LogisticRegression has by default: one fit, no grid.
    model = fit_rulefit(rows[drawn], wanted[drawn], n_trees, seed, max_rules=None, alpha=1)
    return [rule for rule, effect in zip(rules_of(model), model.coef, strict=True) if effect > 0]


def choose_rules(rules, rows, worth, n_rules=5):
    """Choose rules one by one, each time the one that adds most worth.

    Parameters
    ----------
    rules : list of rules
    rows : array of shape (n_customers, n_columns)
    worth : array of float, shape (n_customers,)
        What it brings to choose a customer; negative if it costs.
    n_rules : int, optional
        At most; fewer where no further rule adds to the sum.

    Returns
    -------
    list of rules
        In the order in which they were chosen.
    """
    matches = [holds(rule, rows) for rule in rules]
    chosen, free = [], np.ones(len(rows), dtype=bool)
    while matches and len(chosen) < n_rules:
        gains = [worth[match & free].sum() for match in matches]
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        chosen.append(rules[best])
        free &= ~matches[best]
    return chosen


def learn_rules(rows, wanted, worth, n_rules=5, n_trees=100, seed=0):
    """Learn rules that choose customers.

    Parameters
    ----------
    rows, wanted, n_trees, seed
        As for `propose_rules`.
    worth, n_rules
        As for `choose_rules`.

    Returns
    -------
    list of rules
        That with the highest share of wanted customers first.
    """
    rules = choose_rules(propose_rules(rows, wanted, n_trees, seed), rows, worth, n_rules)
    return sorted(rules, key=lambda rule: -wanted[holds(rule, rows)].mean())


def first_rule(rules, rows):
    """Return for each row the place of the first rule that holds: its reason; -1 for none."""
    first = np.full(len(rows), -1)
    for place, rule in reversed(list(enumerate(rules))):
        first[holds(rule, rows)] = place
    return first


def in_words(rule, labels, whole):
    """Write a rule as a person would: two terms on one column become one.

    Parameters
    ----------
    rule : list of terms
    labels : sequence, one for each column
        Its name; of a column of 0 and 1 a pair, what it means to be 1 and to be 0; or a function
        of the lowest and the highest whole number that are meant, infinite where there is no end.
    whole : sequence of bool, one for each column
        Whether it has whole numbers only: "over 60.5" is then "61 or more".

    Returns
    -------
    str
    """
    limits = {}
    for i, sign, limit in rule:
        low, high = limits.get(i, (-np.inf, np.inf))
        limits[i] = (max(low, limit), high) if sign == ">" else (low, min(high, limit))
    return " and ".join(_condition(labels[i], *limits[i], whole[i]) for i in sorted(limits))


def _condition(label, low, high, whole):
    if isinstance(label, tuple):
        return label[int(low == -np.inf)]
    if not whole:
        above = [f"{label} > {low:.2f}"] * (low > -np.inf)
        below = [f"{label} ≤ {high:.2f}"] * (high < np.inf)
        return " and ".join(above + below)
    low, high = np.floor(low) + 1, np.floor(high)
    if callable(label):
        return label(low, high)
    if np.isfinite([low, high]).all():
        return f"{label} {low:,.0f} to {high:,.0f}"
    return f"{label} ≤ {high:,.0f}" if low == -np.inf else f"{label} ≥ {low:,.0f}"
