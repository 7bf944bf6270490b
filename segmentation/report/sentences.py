"""What the facts say in plain words, by rules that never say more than they do."""

import math

from segmentation.profiles import MIXED_BELOW
from segmentation.report.phrases import capital, count, graded, listed
from segmentation.stability import STABLE

#: From this agreement (adjusted Rand index) on, two divisions are nearly the same.
SAME_GROUPS = 0.9
LARGELY_SAME = 0.6
PARTLY_SAME = 0.3

AGREEMENTS = (
    (SAME_GROUPS, "nearly the same groups"),
    (LARGELY_SAME, "largely the same groups"),
    (PARTLY_SAME, "partly the same groups"),
    (0.1, "hardly the same groups"),
    (-1, "unrelated groups"),
)
#: By the median confidence: 0 on the border to the next segment, 1 on the centre of one's own.
BORDERS = ((0.5, "clear"), (0.3, "soft"), (-1, "very soft"))
BORDERS_MEAN = {
    "clear": "",
    "soft": ": many of its customers are close to another segment",
    "very soft": ": most of its customers are close to another segment, so do not read much into "
    "the segment of a single one",
}
STABILITY = {"stable": "in most samples", "doubtful": "not always", "dissolved": "rarely"}


def again(stability):
    """Say how a segment is found again; `stability` as in the facts."""
    if stability["verdict"] == "stable" and stability["low"] >= STABLE:
        return "in nearly every sample"
    return STABILITY[stability["verdict"]]


def checks(facts):
    """Say which of four checks the segments of a method pass.

    Parameters
    ----------
    facts : dict
        Of one method.

    Returns
    -------
    dict of str to (bool, str)
        Whether each is passed, and in a few words what was found.
    """
    segments, n = facts["segments"], len(facts["segments"])
    stable = sum(some["stability"]["verdict"] == "stable" for some in segments)
    named = sum(not some["mixed"] for some in segments)
    low = facts["seeds"]["low"]
    return {
        "More grouped than chance": (shown_to_be_groups(facts), _twins(facts["groups"], n)),
        "Found again in other samples": (stable == n, f"{stable} of {n} segments"),
        "Names fit": (named == n, f"{named} of {n} names"),
        "Same with another start": (low >= SAME_GROUPS, f"lowest agreement {low:.2f}"),
    }


def n_passed(facts):
    """Count the checks of `checks` that a method passes."""
    return sum(passed for passed, _ in checks(facts).values())


def shown_to_be_groups(facts):
    """Say whether there is a sign of groups, and of as many as are shown."""
    return facts["groups"]["found"] and facts["groups"]["k"] == len(facts["segments"])


def _twins(groups, n):
    if groups["found"] and groups["k"] != n:
        return f"{groups['k']} groups are, not {n}"
    return f"matched by {_n_twins_as_good(groups)} of {groups['n_twins']}"


def _n_twins_as_good(groups):
    """Count the tables without groups that the p-value says look as grouped."""
    return max(round(groups["p"] * (groups["n_twins"] + 1)) - 1, 0)


def headline(methods, agreements):
    """Say in one sentence whether there are groups, or only ways to sort customers.

    Parameters
    ----------
    methods : list of dict
        The facts of each method.
    agreements : dict of (str, str) to float
        As `segmentation.report.contacting.agreement` gives it.

    Returns
    -------
    str
    """
    found = sum(facts["groups"]["found"] for facts in methods)
    stable, n = _n_stable(methods)
    if not found:
        return "No sign of separate groups among these customers: segments are a way to sort them."
    if found < len(methods):
        return (
            f"{capital(count(found))} of {count(len(methods))} methods find{'s' * (found == 1)} "
            "signs of groups among these customers: take segments as a way to sort them."
        )
    if any(value < LARGELY_SAME for value in agreements.values()):
        return "There are groups among these customers, but each method draws them differently."
    if stable < n:
        return "There are groups among these customers, but not every border between them holds."
    return "There are groups among these customers, and other samples of them show the same."


def _n_stable(methods):
    verdicts = [some["stability"]["verdict"] for facts in methods for some in facts["segments"]]
    return verdicts.count("stable"), len(verdicts)


def answers(methods, agreements):
    """Answer what whoever decides asks first.

    Parameters
    ----------
    methods : list of dict
    agreements : dict of (str, str) to float
        As `segmentation.report.contacting.agreement` gives it.

    Returns
    -------
    list of (str, str)
        Questions, and an answer of two or three sentences to each.
    """
    return [
        ("Are there groups?", groups_or_not(methods)),
        ("Which describes them best?", which_method(methods)),
        ("How sure is it?", how_sure(methods, agreements)),
    ]


def groups_or_not(methods):
    """Say how many methods find more than one group, and what that means."""
    found = [facts for facts in methods if facts["groups"]["found"]]
    who = "Each method" if len(methods) > 1 else "The method"
    twins = f"{who} was also run on made-up tables that are like this one but hold no groups."
    if not found:
        return f"{twins} The real table is not shown to be more grouped than those."
    of_those = "nearly all" if any(_n_twins_as_good(facts["groups"]) for facts in found) else "any"
    finders = f"{listed([facts['method'] for facts in found])} find{'s' * (len(found) == 1)}"
    if len(found) == len(methods) > 1:
        finders = "All find"
    others = [facts["method"] for facts in methods if facts not in found]
    but = f"; {listed(others)} do{'es' * (len(others) == 1)} not" if others else ""
    said = f"{twins} {capital(finders)} the real table more grouped than {of_those} of those{but}."
    draw = "Only a sample of the customers is tested: a sign in one may be missing from another."
    return " ".join([said, *filter(None, map(_another_number, found)), draw])


def _another_number(facts):
    """Say if a sign of groups is one of another number of groups than is shown."""
    k, n = facts["groups"]["k"], len(facts["segments"])
    return f"For {facts['method']} that is so of {k} groups, not of the {n} shown." * (k != n)


def which_method(methods):
    """Say which method describes customers best."""
    best = recommended(methods)
    segments = best["segments"]
    named = sum(not some["mixed"] for some in segments)
    said = (
        f"{capital(best['method'])} passes {n_passed(best)} of 4 checks, and "
        f"{_of_all(named, len(segments))} names fit well enough (score {MIXED_BELOW} or more)."
    )
    others = [
        facts["method"] for facts in methods if facts != best and n_passed(facts) == n_passed(best)
    ]
    if not others:
        return said
    passes = f"pass{'es' * (len(others) == 1)} as many"
    return f"{said} {capital(listed(others))} {passes}, with names that fit less well on average."


def _of_all(number, of):
    return f"all {of}" if number == of else f"{number} of {of}"


def recommended(methods):
    """Return the facts of the method that describes best: by checks passed, then by its names."""
    return max(methods, key=_merit)


def _merit(facts):
    return n_passed(facts), sum(some["f1"] for some in facts["segments"]) / len(facts["segments"])


def how_sure(methods, agreements):
    """Say how often segments are found again, and how far the methods agree."""
    stable, n = _n_stable(methods)
    firm = sum(
        again(some["stability"]) == again({"verdict": "stable", "low": STABLE})
        for facts in methods
        for some in facts["segments"]
    )
    most = f"most samples of the customers, {firm} in nearly every one"
    said = (
        f"Of the segments, {_of_all(stable, n)} come back in "
        f"{'nearly every sample of the customers' if firm == stable > 0 else most}."
    )
    known = {pair: value for pair, value in agreements.items() if not math.isnan(value)}
    return " ".join([said, *_alike(known), _ground(recommended(methods), known)])


def _alike(agreements):
    """Say how alike the two methods group customers that agree most."""
    if not agreements:
        return []
    best = max(agreements, key=agreements.get)
    apart = agreements[best] < PARTLY_SAME
    pair = listed(best)
    if len(agreements) > 1:
        pair = f"{'Even t' if apart else 'T'}he two most alike methods, {pair},"
    alike = graded(agreements[best], AGREEMENTS)
    return [capital(f"{pair} group customers differently." if apart else f"{pair} make {alike}.")]


def _ground(facts, agreements):
    """Say how far the method that passes most checks can be relied on."""
    method = facts["method"]
    if not all(passed for passed, _ in checks(facts).values()):
        return f"Take the segments of {method} as no more than a first look."
    apart = bool(agreements) and max(agreements.values()) < LARGELY_SAME
    but = "; another method would draw other lines" if apart else ""
    return f"The segments of {method} can be drawn again{but}."


def reality(facts):
    """Say in a sentence whether the groups of a method are more than a way to sort customers."""
    if shown_to_be_groups(facts):
        return "There is a sign that these groups are more than a way to sort customers."
    if facts["groups"]["found"]:
        return (
            f"There is a sign of groups, of {facts['groups']['k']} and not of these "
            f"{len(facts['segments'])}: take these as a way to sort customers."
        )
    return "Nothing shows that these groups are more than a way to sort customers."


def method_finding(facts):
    """Say in a sentence or two what one method finds."""
    groups, n = facts["groups"], len(facts["segments"])
    as_good = _n_twins_as_good(groups)
    who = capital(count(as_good)) if as_good else "None"
    said = (
        f"{who} of {groups['n_twins']} tables made up to be like this one, but without groups, "
        f"look{'s' * (as_good < 2)} as grouped as the real one"
    )
    if groups["found"]:
        said += ": a sign of groups."
    else:
        said += ", so nothing shows that these segments are more than a way to sort customers."
    if groups["found"] and groups["k"] != n:
        said += f" By this measure {groups['k']} groups fit best; shown are {n}."
    seeds = facts["seeds"]["low"]
    if seeds < SAME_GROUPS:
        said += (
            " Started anew, the method does not always give the same segments: their agreement can "
            f"be as low as {seeds:.2f}, where 1 is the same."
        )
    return said


def against_all(found, overall):
    """Say how a rate differs from that of all in segments."""
    return _against(found, overall["share"])


def against_mean(found, overall):
    """Say how a mean differs from that of all in segments."""
    return _against(found, overall["mean"])


def _against(found, value):
    if found["low"] > value:
        return "above"
    return "below" if found["high"] < value else "not clearly different from"
