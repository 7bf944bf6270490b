"""The phrases that the page is written in: numbers, the target, times, terms."""

from segmentation.report.judged import judge, pooled

#: How a table gets amounts of its own.
SET_MONEY = "Give the analyst yours, for cost and value in customers.toml."
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def count(number):
    """Write a small number as a word."""
    return COUNTS[number] if number < len(COUNTS) else f"{number:,}"


def counted(number, noun):
    """Write a number of things, with the plural in s."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def listed(texts):
    """Write texts as a list in a sentence."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def graded(value, grades):
    """Return the word of the first grade that a value reaches."""
    return next(word for least, word in grades if value >= least)


def capital(text):
    return text[:1].upper() + text[1:]


def which(target):
    """Name the customers whose share is the rate; `target` as in the facts."""
    return f"{target['label']} = {target['positive']}"


def title(target):
    """Name the rate, as the head of a column."""
    return capital(target.get("have", which(target)))


def have(target):
    """Say what they did or have, where there is a word for it with that."""
    return target.get("have") or f"have {which(target)}"


def who(target):
    """Name them, where there is a word for them with that."""
    return target.get("who") or f"those with {which(target)}"


def one(target):
    """Name one of them."""
    return target.get("one") or f"a customer with {which(target)}"


def last(facts):
    """Name the later customers, by their share of all whose outcome is known."""
    return f"the last {_later_share(facts):.0%}"


def since(facts):
    """Name the time of the later customers."""
    return f"since {facts['periods']['since']}"


def first(facts):
    """Name the earlier customers, so that they and `last` are all."""
    return f"the first {1 - round(_later_share(facts), 2):.0%}"


def _later_share(facts):
    groups = judge(facts)
    later, earlier = (pooled(groups, period)["customers"] for period in ("now", "before"))
    return later / (later + earlier)


def terms(facts):
    """Say from which rate on a contact pays, or what would have to be known for that."""
    money, target = facts["money"], facts["target"]
    if money:
        unit = f" {money['unit']}" if "unit" in money else ""
        cost, value = (f"{money[name]:,.10g}" for name in ("cost", "value"))
        said = (
            f"a contact costs {cost}{unit} and {one(target)} brings {value}{unit}, so that more "
            f"than {money['break_even']:.1%} ({cost} / {value}) of those contacted must be one."
        )
        if not money["example"]:
            return capital(said)
        return f"What pays is decided here by example amounts: {said} {SET_MONEY}"
    if target:
        return (
            f"Tell the analyst what a contact costs, and what it brings on average with "
            f"{one(target)}, counting those whom it does not change (cost and value in "
            "customers.toml): then it is said for each group whether a contact pays."
        )
    return ""
