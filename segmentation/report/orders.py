"""Which order of contact finds most, in words, and whose groups to choose by."""

from segmentation.report.contacting import FIRST, MODEL
from segmentation.report.phrases import capital, listed, who
from segmentation.report.sentences import recommended


def for_contacts(methods, comparison):
    """Return the facts of the method to choose by whom to contact.

    Of those whose order reaches most of those sought, and of the others where the difference may
    be one by chance, that which describes best.
    """
    if comparison is None:
        return recommended(methods)
    best, ties = _best_orders(comparison)
    if best is None:
        return recommended(methods)
    return recommended([facts for facts in methods if facts["method"] in (best, *ties)])


def _best_orders(comparison):
    """Return the method whose first fifth reaches most, and those that may reach as many.

    None and nothing where none is better than chance.
    """
    ours = {name: curve.first for name, curve in comparison.curves.items() if name != MODEL}
    best = max(ours, key=lambda name: ours[name]["share"])
    if ours[best]["low"] <= FIRST:
        return None, []
    return best, [name for name in ours if name != best and ours[name]["high"] >= ours[best]["low"]]


def taken(methods, comparison, target):
    """Say why the groups of one method are those to choose by whom to contact."""
    name = for_contacts(methods, comparison)["method"]
    if comparison is None:
        return f"The groups are those of {name}, which describes customers best."
    best, ties = _best_orders(comparison)
    shares = {one: curve.first["share"] for one, curve in comparison.curves.items()}
    model = comparison.curves[MODEL].first
    if best == name and not ties:
        others = [f"{one} {shares[one]:.0%}" for one in shares if one not in (name, MODEL)]
        ordered = ", put in order by the rates before," if comparison.in_time else ""
        said = (
            f"The groups are those of {name}: a fifth of the customers{ordered} holds "
            f"{shares[name]:.0%} of {who(target)} ({', '.join([*others, 'by chance 20%'])})."
        )
    else:
        said = (
            f"The groups are those of {name}, which describes customers best; by contacting a "
            f"fifth of them, no other finds clearly more of {who(target)}."
        )
    if model["low"] > comparison.curves[best or name].first["high"]:
        said += (
            f" If you only want to know whom to contact, ask for a list by a model made for that "
            f"({MODEL}): it finds {model['share']:.0%}, these groups {shares[name]:.0%}."
        )
    return said


def contact_order(comparison, target):
    """Say by which order the first fifth of contacts reaches most of those who are sought."""
    if comparison is None:
        return ""
    start = ""
    if comparison.in_time:
        start = "In hindsight, put in order by the earlier customers and judged on the later: "
    model = comparison.curves[MODEL].first
    best, ties = _best_orders(comparison)
    if best is None:
        said = "no segments are clearly better than chance"
        return capital(f"{start}{said}; {_model(model, {'low': FIRST, 'high': FIRST})}")
    reached = comparison.curves[best].first
    as_good = f" ({listed(ties)} about as many)" if ties else ""
    said = (
        f"by contacting a fifth of the customers, {best} finds {reached['share']:.0%} of "
        f"{who(target)}{as_good}"
    )
    return capital(f"{start}{said}; {_model(model, reached)}")


def _model(model, best):
    finds = f"a model made for that alone ({MODEL}) finds {model['share']:.0%}"
    if model["low"] > best["high"]:
        return f"{finds}, so have one made if only the contacts count."
    return f"{finds}, {'fewer' if model['high'] < best['low'] else 'no clear difference'}."


def profit_order(comparison, money):
    """Say what choosing segments that should pay brings, against contacting everybody."""
    if comparison is None or comparison.everybody is None:
        return ""
    ours = {name: curve for name, curve in comparison.curves.items() if name != MODEL}
    best = max(ours, key=lambda name: ours[name].profit["mean"])
    profit, gained = ours[best].profit["mean"], ours[best].gained
    ties = [name for name in ours if name in comparison.as_good]
    as_good = f" ({listed(ties)}: no clear difference)" if ties else ""
    chosen, per = "whose expected profit is above 0", "customer"
    if comparison.in_time:
        chosen, per = f"above {money['break_even']:.1%} before", "later customer"
    said = (
        f"Contacting only the groups of {best} {chosen} brings {profit:+.2f} per {per}, contacted "
        f"or not{as_good}; contacting everybody brings {comparison.everybody['mean']:+.2f}"
    )
    if gained["low"] > 0:
        return f"{said}, which is less."
    if gained["high"] < 0:
        return f"{said}, which is more."
    return f"{said}, no clear difference."
