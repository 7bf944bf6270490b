"""Whom to contact, in a short table and as a list: the groups of a method, best first."""

from typing import NamedTuple

import pandas as pd

from segmentation.outcomes import CONTACT, DO_NOT, find_outcome
from segmentation.report.judged import ASIDE, has_turned, in_time, judge, pooled
from segmentation.report.phrases import capital, count, have, lately, terms

#: More groups than that are no short answer; the table of the method has the others.
MAX_LISTED = 8
#: What has to be known where decisions turned.
NEXT = (
    "Why is not known: if rates fall back, so do the decisions. Try a few hundred customers first."
)


class Advice(NamedTuple):
    """A question, its answer, the groups that it is of, the best first, and what to know of them.

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
    notes: list


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
        question = (
            f"How many {have(target)}?" if target else f"Where is {measure['label']} highest?"
        )
        answer = f"Groups of {facts['method']}, the highest first."
    return Advice(
        question,
        answer,
        ranked,
        pooled(groups, "now"),
        pooled(groups, "before"),
        terms(facts),
        [*_turned(groups), *_moved(groups)],
    )


def _told(group):
    if group.now:
        return group.now["share"]
    return group.measure and group.measure["mean"]


def _where_it_pays(facts, ranked):
    n_pay = sum(group.now["profit"]["decision"] == CONTACT for group in ranked)
    where = f"{_of_these(n_pay, len(ranked))}, the best first"
    if not n_pay:
        where = f"no group of {facts['method']}"
    if in_time(facts):
        return capital(f"{lately(facts)} a contact paid in {where}.")
    return f"A contact {'pays' if n_pay else 'is shown to pay'} in {where}."


def _of_these(n, n_groups):
    return f"{'all' if n == n_groups else f'{count(n)} of'} these {count(n_groups)} groups"


def _turned(groups):
    """Say, if a decision has turned, in how many groups a contact lost money or paid before."""
    if not any(map(has_turned, groups)):
        return []
    decided = [group.before["profit"]["decision"] for group in groups if group.before]
    told = " and ".join(
        f"{what} in {_of_these(decided.count(decision), len(decided))}"
        for decision, what in ((DO_NOT, "lost money"), (CONTACT, "paid"))
        if decision in decided
    )
    return [f"Before, a contact {told}. {NEXT}"]


def _moved(groups):
    """Say if the rates of all groups have moved the same way, which makes no group better."""
    moved = [(group.now, group.before) for group in groups if group.now and group.before]
    for way, sign in (("rose", 1), ("fell", -1)):
        ends = ("low", "high")[::sign]
        if moved and all(sign * now[ends[0]] > sign * before[ends[1]] for now, before in moved):
            return [
                f"Rates {way} in every group: compare each with all customers of the same time."
            ]
    return []


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
        The identifiers; ``rank`` of the group from 1, missing where nothing is known of it;
        ``group``, its name; ``segment``, missing for those set aside; ``group_rate`` or
        ``group_mean``; and ``decision``, where money decides.
    """
    what = "group_rate" if ranked[0].now else "group_mean"
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
        rank=own.pop("rank").astype("Int64"),
        group=scored["name"].where(kept, ASIDE),
        segment=scored["segment"].where(kept).astype("Int64"),
        **own,
    ).rename_axis("row")
    outcome = find_outcome(loaded.target)
    if outcome is not None:
        listed = listed[outcome.ne(1).to_numpy()]
    # In random order, so that the first hundred of a group are a fair sample of it.
    return listed.sample(frac=1, random_state=0).sort_values("rank", kind="stable")
