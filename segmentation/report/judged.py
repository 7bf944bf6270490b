"""How each group is judged: by its later customers, where it is known who came later."""

from typing import NamedTuple

from segmentation.outcomes import CONTACT, DO_NOT, profit_of

#: What those are called who are in no segment.
ASIDE = "Set aside as unusual"


class Group(NamedTuple):
    """A segment, or those set aside as unusual, whose `segment` is None.

    `now` and `before` are rates as `segmentation.outcomes.rate_of` gives them, each with its
    ``profit`` as `segmentation.outcomes.profit_of` gives it: of the later and of the earlier
    customers, or, without an order of time, of all and None. `measure` is the mean of a target that
    is a number. What is not known is None.
    """

    segment: int | None
    name: str
    customers: int
    now: dict | None
    before: dict | None
    measure: dict | None


def judge(facts):
    """Judge the segments of a method, and those set aside.

    Parameters
    ----------
    facts : dict
        Of one method.

    Returns
    -------
    list of Group
        The segments in their order; those set aside come last.
    """
    aside = facts["set_aside"] | {"segment": None, "name": ASIDE}
    return [_judge(some, facts) for some in (*facts["segments"], aside)]


def _judge(some, facts):
    now, before = some["target"], None
    if in_time(facts):
        now, before = ((some["periods"] or {}).get(period) for period in ("later", "earlier"))
    rates = (rate and rate | {"profit": profit_of(rate, facts["money"])} for rate in (now, before))
    return Group(some["segment"], some["name"], some["customers"], *rates, some["measure"])


def in_time(facts):
    """Say whether rates of earlier and of later customers are known."""
    return any(some["periods"] for some in (*facts["segments"], facts["set_aside"]))


def pooled(groups, period):
    """Return the rate of all groups together, or None if nobody's is known.

    Parameters
    ----------
    groups : list of Group
    period : {"now", "before"}

    Returns
    -------
    dict or None
        ``share``, ``customers`` and ``positives``.
    """
    rates = [rate for group in groups if (rate := getattr(group, period))]
    if not rates:
        return None
    customers, positives = (
        sum(rate[name] for rate in rates) for name in ("customers", "positives")
    )
    return {"share": positives / customers, "customers": customers, "positives": positives}


def has_turned(group):
    """Say whether a contact clearly pays now and clearly lost money before, or the other way."""
    if not (group.before and group.before["profit"]):
        return False
    decisions = {rate["profit"]["decision"] for rate in (group.now, group.before)}
    return decisions == {CONTACT, DO_NOT}
