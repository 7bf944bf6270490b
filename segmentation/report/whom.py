"""Whom to contact, in a short table and as a list: the groups of a method, best first."""

from typing import NamedTuple

import pandas as pd

from segmentation.outcomes import CONTACT, DO_NOT, find_outcome
from segmentation.profiles import in_short
from segmentation.report.judged import ASIDE, has_turned, in_time, judge, pooled
from segmentation.report.phrases import capital, count, have, last, since, terms
from segmentation.report.sentences import against_all, against_mean

#: More groups than that are no short answer; the table of the method has the others.
MAX_LISTED = 8
#: What has to be known where decisions turned.
NEXT = "Why is not known: if the old rates come back, so do the old answers."


class Advice(NamedTuple):
    """A question, its answer, and the groups that it is of, the best first.

    `ranked` are groups of `segmentation.report.judged.judge`, the first `MAX_LISTED` of which are
    for the table; `now` and `before` are the rates of all customers, None where none is told;
    `terms` say from which rate on a contact pays.
    """

    question: str
    answer: str
    ranked: list
    now: dict | None
    before: dict | None
    terms: str


def advise(facts):
    """Say what the target says first: whom to contact, or else where it is highest.

    Parameters
    ----------
    facts : dict
        Of one method.

    Returns
    -------
    Advice or None
        None without a target.
    """
    target, measure = facts["target"], facts["measure"]
    if not target and not measure:
        return None
    groups = judge(facts)
    ranked = sorted(filter(_told, groups), key=lambda group: -_told(group))
    if facts["money"]:
        question, answer = "Whom to contact?", _where_it_pays(facts, ranked)
    else:
        question = f"How many {have(target)}?" if target else f"How high is {measure['label']}?"
        answer = f"Groups of {facts['method']}, the highest first."
    return Advice(
        question,
        answer,
        ranked,
        pooled(groups, "now"),
        pooled(groups, "before"),
        terms(facts),
    )


def _told(group):
    if group.now:
        return group.now["share"]
    return group.measure and group.measure["mean"]


def _where_it_pays(facts, ranked):
    n_pay = sum(group.now["profit"]["decision"] == CONTACT for group in ranked)
    if n_pay:
        where = f"{_of_these(n_pay, len(ranked))}, the best first"
    else:
        where = f"no group of {facts['method']}"
    if not in_time(facts):
        return f"A contact {'pays' if n_pay else 'is shown to pay'} in {where}."
    when = f"{capital(since(facts))} ({last(facts)} of the customers)"
    paid = f"{when} a contact {'paid' if n_pay else 'is shown to have paid'} in {where}."
    return " ".join([paid, *_turned(ranked)])


def _of_these(n, n_groups):
    return f"{'all' if n == n_groups else f'{count(n)} of'} these {count(n_groups)} groups"


def _turned(ranked):
    """Say, if a decision has turned, in how many groups a contact lost money and paid before."""
    if not any(map(has_turned, ranked)):
        return []
    decided = [group.before["profit"]["decision"] for group in ranked if group.before]
    lost, paid = (decided.count(decision) for decision in (DO_NOT, CONTACT))
    return [
        f"Before, it lost money in {count(lost) if lost else 'none'} and paid in "
        f"{count(paid) if paid else 'none'}. {NEXT}"
    ]


def headline(facts, advice):
    """Say which segment has clearly the most, against all customers, or None.

    Parameters
    ----------
    facts : dict
        Of the method whose groups the advice is of.
    advice : Advice

    Returns
    -------
    str or None
        None where the segment with the highest rate or mean is not clearly above all.
    """
    best = next((group for group in advice.ranked if group.segment is not None), None)
    if best is None:
        return None
    if best.now:
        if against_all(best.now, advice.now) != "above":
            return None
        when = f" {since(facts)}" if in_time(facts) else ""
        return (
            f"{best.name}: {best.now['share']:.0%} {have(facts['target'])}{when}, of all customers "
            f"{advice.now['share']:.0%}"
        )
    everybody = facts["measure"]["all"]
    if against_mean(best.measure, everybody) != "above":
        return None
    return (
        f"{best.name}: {facts['measure']['label']} {in_short(best.measure['mean'])} on average, "
        f"of all in segments {in_short(everybody['mean'])}"
    )


def list_customers(ranked, scored, loaded):
    """List the customers of the best group first, within a group in random order.

    Who has the target's value already whose rate is told needs no contact for it, and is left out.

    Parameters
    ----------
    ranked : list of Group
        As in `Advice`.
    scored : DataFrame
        By the method, ``segment``, ``name`` and ``outlier`` of every customer of the table.
    loaded : Customers

    Returns
    -------
    DataFrame of shape (n_customers, n_columns), indexed by ``row`` of the table, from 0
        The identifiers; ``group_rank`` from 1, missing where nothing is known of it; ``group``,
        its name; ``rate_of_group`` or ``mean_of_group``; and ``decision``, where money decides.
    """
    what = "rate_of_group" if ranked[0].now else "mean_of_group"
    told = pd.DataFrame.from_records(
        [
            {
                "key": group.segment or 0,
                "rank": rank,
                what: round(_told(group), 4),
                "decision": group.now and group.now["profit"] and group.now["profit"]["decision"],
            }
            for rank, group in enumerate(ranked, 1)
        ],
        index="key",
    ).dropna(axis="columns", how="all")
    kept = ~scored["outlier"]
    own = told.reindex(scored["segment"].where(kept, 0)).set_axis(scored.index)
    listed = loaded.ids.assign(
        group_rank=own.pop("rank").astype("Int64"),
        group=scored["name"].where(kept, ASIDE),
        **own,
    ).rename_axis("row")
    outcome = find_outcome(loaded.target)
    if outcome is not None:
        listed = listed[outcome.ne(1).to_numpy()]
    # In random order, so that the first hundred of a group are a fair sample of it.
    return listed.sample(frac=1, random_state=0).sort_values("group_rank", kind="stable")
