"""Whom to contact, in a short table and as a list: the groups of a method, best first."""

from typing import NamedTuple

import pandas as pd

from segmentation.outcomes import CONTACT, DO_NOT
from segmentation.report.judged import ASIDE, has_turned, in_time, judge, pooled
from segmentation.report.sentences import capital, count, have, last, terms

#: More groups than that are no short answer; the table of the method has the others.
MAX_LISTED = 8
#: Why the later customers are asked.
NEXT = "What held lately is the better guess for the next campaign, but a guess."


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
        answer = f"The segments of {facts['method']}, the highest first."
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
    segments = [group for group in ranked if group.segment is not None]
    n_pay = sum(group.now["profit"]["decision"] == CONTACT for group in segments)
    n, lately = len(facts["segments"]), in_time(facts)
    if n_pay:
        where = "every segment" if n_pay == n else f"{count(n_pay)} of {count(n)} segments"
        said = (
            f"a contact {'paid' if lately else 'pays'} in {where} of {facts['method']}. Best first:"
        )
    else:
        said = f"no segment of {facts['method']} is shown to pay for a contact."
    return capital(f"lately ({last(facts)} of the customers) {said}" if lately else said)


def _turned(groups):
    """Say, if a decision has turned, in how many segments a contact lost money or paid before."""
    if not any(map(has_turned, groups)):
        return []
    segments = [group for group in groups if group.segment is not None]
    decided = [group.before["profit"]["decision"] for group in segments if group.before]
    told = " and ".join(
        f"{what} in {count(decided.count(decision))}"
        for decision, what in ((DO_NOT, "lost money"), (CONTACT, "paid"))
        if decision in decided
    )
    return [f"Before, a contact {told} of these {count(len(segments))} segments. {NEXT}"]


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
    """List all customers, those of the best group first.

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
        The identifiers; ``rank`` of the group from 1, missing where nothing is known; ``segment``,
        missing for those set aside; ``group``, its name; ``rate`` or ``mean``; ``decision``,
        where money decides; and the target, under its name.
    """
    what = "rate" if ranked[0].now else "mean"
    told = pd.DataFrame.from_records(
        [
            {
                "key": group.segment or 0,
                "rank": i,
                what: round(_told(group), 4),
                "decision": _decision(group),
            }
            for i, group in enumerate(ranked, 1)
        ],
        index="key",
    ).dropna(axis="columns", how="all")
    kept = ~scored["outlier"]
    listed = told.reindex(scored["segment"].where(kept, 0)).set_axis(scored.index)
    listed = listed.assign(
        rank=listed["rank"].astype("Int64"),
        segment=scored["segment"].where(kept).astype("Int64"),
        group=scored["name"].where(kept, ASIDE),
    )
    listed = pd.concat([loaded.ids, listed, loaded.target], axis=1).rename_axis("row")
    return listed.sort_values("rank", kind="stable")


def _decision(group):
    return group.now and group.now["profit"] and group.now["profit"]["decision"]
