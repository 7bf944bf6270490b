"""Whom to contact, in a few lines: the segments of a method, best first, by later customers."""

from typing import NamedTuple

from segmentation.outcomes import CONTACT
from segmentation.profiles import in_short
from segmentation.report.periods import DEPENDS
from segmentation.report.sentences import capital, count, in_time, last, which

#: More segments than that are no short answer; the table of the method has the others.
MAX_LISTED = 6
#: Of those who are not in a list of whom to contact.
NOT_SHOWN = "The rest is not shown to pay."
#: What stands behind a number.
INTERVAL = "the range in which the true value likely lies (95% interval)"
#: Why the later customers are asked.
NEXT = "The next campaign will be more like the last ones, unless something has changed since."


class Advice(NamedTuple):
    """A question, what leads to the list, the list, and what has to be known of it.

    `ranked` holds the number of a segment (None for those set aside), its name, and as text its
    rate or mean, and the interval of 95 % of that.
    """

    question: str
    lead: str
    ranked: list
    rest: str


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
    if facts["money"]:
        return _whom_to_contact(facts)
    if facts["target"]:
        return _most_frequent(facts)
    return _highest(facts) if facts["measure"] else None


def _whom_to_contact(facts):
    pay = [some for some in _rated(facts) if some["decision"] == CONTACT]
    n_pay, n = sum(some["segment"] is not None for some in pay), len(facts["segments"])
    which_pay = f"{_pays(n_pay, n)} of {facts['method']}."
    if n_pay:
        which_pay += (
            f" Best first, in brackets how many have {which(facts['target'])}, and {INTERVAL}:"
        )
    others = [NOT_SHOWN] if 0 < n_pay < n else []
    return Advice(
        "Whom to contact?",
        capital(_when(facts) + which_pay),
        _listed(pay if n_pay else [], "share"),
        " ".join([*_terms(facts), *_unlisted(pay), *others, *_turned(facts)]),
    )


def _pays(n_pay, n):
    if not n_pay:
        return "a contact is not shown to pay in any segment"
    if n_pay == n:
        return "a contact pays in every segment"
    return f"a contact pays in {count(n_pay)} of {count(n)} segments"


def _most_frequent(facts):
    rated = _rated(facts)
    return Advice(
        f"Where is {which(facts['target'])} most frequent?",
        capital(
            f"{_when(facts)}the segments of {facts['method']}, the most first, with {INTERVAL}:"
        ),
        _listed(rated, "share"),
        " ".join(_unlisted(rated)),
    )


def _highest(facts):
    known = [some | some["measure"] for some in _with_aside(facts) if some["measure"]]
    known.sort(key=lambda some: -some["mean"])
    return Advice(
        f"Where is {facts['measure']['label']} highest?",
        f"On average per customer, by the segments of {facts['method']}, the highest first, with "
        f"{INTERVAL}:",
        _listed(known, "mean"),
        " ".join(_unlisted(known)),
    )


def _with_aside(facts):
    aside = {"segment": None, "name": "Set aside as unusual"}
    return [*facts["segments"], facts["set_aside"] | aside]


def _rated(facts):
    """Return those of whom a rate is known, of the later customers if any are, the highest first.

    Each has the ``share`` and the ``decision`` that it asks for, None without money.
    """
    known = [some for some in _with_aside(facts) if some["target"]]
    rated = [
        some | some["target"] | {"decision": some["profit"] and some["profit"]["decision"]}
        for some in known
    ]
    if in_time(facts):
        rated = [some | some["periods"]["later"] for some in known if some["periods"]]
    return sorted(rated, key=lambda some: -some["share"])


def _when(facts):
    return f"by the later customers ({last(facts)}) " if in_time(facts) else ""


def _listed(ranked, what):
    told = {"share": "{:.1%}".format, "mean": in_short}[what]
    return [
        (
            some["segment"],
            some["name"],
            told(some[what]),
            f"{told(some['low'])} to {told(some['high'])}",
        )
        for some in ranked[:MAX_LISTED]
    ]


def _terms(facts):
    money = facts["money"]
    amounts = ", with example amounts" if money["example"] else ""
    return [f"A contact pays from {money['break_even']:.1%} on{amounts}."]


def _unlisted(ranked):
    return ["The table below has the rest of the list."] * (len(ranked) > MAX_LISTED)


def _turned(facts):
    """Say for how many segments the earlier customers ask for the opposite."""
    decided = [some["profit"]["decision"] for some in facts["segments"] if some["profit"]]
    n, n_turned = len(facts["segments"]), decided.count(DEPENDS)
    said = (
        f"The earlier customers ask for the opposite in {count(n_turned)} of {count(n)} segments."
    )
    return [said, NEXT] if n_turned else []
