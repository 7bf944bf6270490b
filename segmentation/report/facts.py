"""What a notebook leaves of its segments for the page, the shell and the database."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from segmentation import files, profiles, segmenter
from segmentation.customers import describe_source
from segmentation.customers.names import is_money_name
from segmentation.outcomes import (
    UNDECIDED,
    find_measure,
    find_outcome,
    mean_of,
    money_of,
    profit_of,
    rate_of,
)
from segmentation.report.periods import EARLIER, decide, find_later, rates_then_and_now
from segmentation.stability import DISSOLVED, STABLE, found_again
from segmentation.wording import Wording, groups_in_words

FORMAT = 1
MAX_TRAITS = 6
#: Cohen's (1988) small effect: less does not set a segment apart.
LEAST_EFFECT = 0.2


def leave(
    folder,
    notebook,
    method,
    path,
    loaded,
    frozen,
    scored,
    names,
    suggestion,
    seeds,
    model,
    X,
    points=None,
):
    """Write what a notebook leaves: its facts, and the segments as CSV, Parquet and SQL.

    Parameters
    ----------
    folder : str or Path
        Where ``<notebook>.json`` and ``segments_<notebook>.csv`` and the like go.
    notebook, method : str
    path : Path
        The table, as `segmentation.customers.find_table` returned it.
    loaded : Customers
    frozen : Segmenter
    scored : DataFrame
        As `segmentation.segmenter.score` gives it for the table.
    names : DataFrame
        As `segmentation.profiles.name_segments` gives it.
    suggestion : Suggestion
        As `segmentation.evaluation.suggest_k` gives it.
    seeds : array-like of float
        Adjusted Rand indices with other seeds.
    model, X
        What found the segments of the customers that are no outliers, and in what, as for
        `segmentation.stability.found_again`.
    points : array of shape (n_customers, n_features), optional
        The embedding, for a segmenter that has an encoder.

    Returns
    -------
    str
        The facts in words, in Markdown, as `decisions` gives them.
    """
    segments = scored["segment"][~scored["outlier"]].to_numpy()
    again = found_again(model, X, segments)
    distances = segmenter.distances(frozen, loaded.raw, points)
    facts = _gather(notebook, method, path, loaded, scored, names, suggestion, again, distances)
    facts["seeds"] = {"low": float(np.min(seeds)), "high": float(np.max(seeds))}
    folder = Path(folder)
    stem = folder / f"segments_{notebook}"
    with files.written_whole(stem.with_suffix(".csv")) as beside:
        scored.to_csv(beside, index_label="row")
    with files.written_whole(stem.with_suffix(".parquet")) as beside:
        scored.rename_axis("row").reset_index().to_parquet(beside, index=False)
    files.write_text(stem.with_suffix(".sql"), to_sql(facts))
    files.write_text(folder / f"{notebook}.json", json.dumps(facts, indent=1))
    return decisions(facts)


def _gather(notebook, method, path, loaded, scored, names, suggestion, again, distances):
    kept = ~scored["outlier"].to_numpy()
    segments = scored["segment"].to_numpy()
    wording = Wording(loaded.table, loaded.labels)
    outcome = find_outcome(loaded.target)
    money = money_of(loaded.settings) if outcome is not None else None
    in_time = find_later(loaded, path) if outcome is not None else None
    judge = partial(_judge, outcome=outcome, money=money, later=in_time and in_time.later)
    measured = find_measure(loaded.target)

    def measure(own):
        return {"measure": None if measured is None else mean_of(measured, own)}

    facts = {
        "format": FORMAT,
        "notebook": notebook,
        "method": method,
        "table": {
            "name": path.name,
            "source": describe_source(path),
            "customers": len(kept),
            "kept": int(kept.sum()),
            "columns": [wording.label(name) for name in loaded.table],
        },
        "target": None,
        "measure": _measure(measured, loaded, kept, wording),
        "money": money,
        "periods": in_time and {"by": in_time.by, "since": in_time.since, "earlier": EARLIER},
        "set_aside": {"customers": int((~kept).sum())}
        | {"traits": _traits_of_aside(loaded.table, kept, wording)}
        | judge(~kept)
        | measure(~kept),
        "groups": {
            "found": suggestion.k > 1,
            "p": float(suggestion.p.min()),
            "n_twins": len(suggestion.silhouettes) - 1,
            "k": int(suggestion.k),
            "sentence": groups_in_words(suggestion, len(names)),
        },
        "downloads": [f"segments_{notebook}.{ending}" for ending in ("csv", "parquet", "sql")]
        + [f"{notebook}.segmenter"],
    }
    if outcome is not None:
        facts["target"] = {
            "column": loaded.target.name,
            "label": wording.label(loaded.target.name),
            "positive": outcome.name,
            "rate": rate_of(outcome[kept]),
        }
    traits = profiles.traits(loaded.table[kept], segments[kept])
    facts["segments"] = [
        _identity(segment, row, kept, segments)
        | {"typical": _typical(loaded.table, distances[segment], own, wording)}
        | {"traits": _traits(traits.loc[segment], wording)}
        | {"amounts": _amounts(loaded.table, kept, own, wording)}
        | {"stability": _stability(again[segment])}
        | {"confidence": float(scored["confidence"][own].median())}
        | {"next": _next(distances[own], segment)}
        | judge(own)
        | measure(own)
        for segment, row in names.assign(mixed=profiles.is_mixed(names)).iterrows()
        for own in [kept & (segments == segment)]
    ]
    return facts


def _measure(measured, loaded, kept, wording):
    """Return what the target measures of those in segments, or None if it is no number."""
    if measured is None:
        return None
    found = mean_of(measured, kept)
    return {
        "column": measured.name,
        "label": wording.label(measured.name),
        "money": is_money_name(wording.label(measured.name)),
        "all": found,
    }


def _judge(own, outcome, money, later):
    """Return what the target says of some customers: rates, and what to do."""
    found = None if outcome is None else rate_of(outcome[own])
    periods = None
    if found and later is not None:
        periods = rates_then_and_now(outcome[own], later[own], money)
    return {
        "target": found,
        "periods": periods,
        "profit": decide(profit_of(found, money), periods),
    }


def _identity(segment, row, kept, segments):
    size = int((segments[kept] == segment).sum())
    return {
        "segment": int(segment),
        "name": row["name"],
        "mixed": bool(row["mixed"]),
        "rule": row["rule"],
        "precision": float(row["precision"]),
        "recall": float(row["recall"]),
        "f1": float(row["f1"]),
        "customers": size,
        "share": size / int(kept.sum()),
        "set_aside": int((segments[~kept] == segment).sum()),
    }


def _typical(customers, distances, own, wording):
    row = customers.iloc[np.flatnonzero(own)[distances[own].to_numpy().argmin()]]
    return [
        {
            "label": wording.label(name),
            "value": value if isinstance(value, str) else f"{value:,.10g}",
        }
        for name, value in row.items()
    ]


def _traits_of_aside(customers, kept, wording):
    """Return what sets those apart who are set aside, from all customers."""
    if kept.all():
        return []
    return _traits(profiles.traits(customers, kept).loc[False], wording)


def _traits(traits, wording):
    table = traits.reset_index()
    far = table[table["effect"].abs() >= LEAST_EFFECT]
    # Of yes and no, that which is frequent reads more easily than that which is rare.
    far = far.sort_values("effect", ascending=False, kind="stable")
    far = far.sort_values("effect", key=lambda effect: -effect.abs().round(9), kind="stable")
    far = far.drop_duplicates("column")
    # What several columns say of the same customers, such as that there is no internet, is one.
    far = far[~far[["value", "overall"]].round(9).duplicated()].head(MAX_TRAITS)
    return [_trait(trait, wording) for trait in far.itertuples()]


def _trait(trait, wording):
    number = trait.category == ""
    label, text = wording.label(trait.column), "{:.0%} against {:.0%}"
    if not number:
        label = wording.category(trait.column, trait.category)
    shown = (trait.value, trait.overall)
    if number:
        text, shown = "mean {} against {}", map(profiles.in_short, shown)
    return {
        "label": label,
        "value": float(trait.value),
        "overall": float(trait.overall),
        "effect": float(trait.effect),
        "number": number,
        "text": text.format(*shown),
    }


def _amounts(customers, kept, own, wording):
    shares = profiles.shares_of_money(customers[kept], own[kept])
    return [
        {
            "label": wording.label(name),
            "mean": float(customers[name][own].mean()),
            "overall": float(customers[name][kept].mean()),
            "share": None if np.isnan(share) else float(share),
        }
        for name, share in shares.items()
    ]


def _stability(jaccard):
    mean = float(jaccard.mean())
    verdict = "stable" if mean >= STABLE else "dissolved" if mean < DISSOLVED else "doubtful"
    low, high = jaccard.quantile([0.025, 0.975])
    return {"jaccard": mean, "low": float(low), "high": float(high), "verdict": verdict}


def _next(distances, segment):
    nearest = distances.drop(columns=segment).idxmin(axis=1).value_counts(normalize=True)
    return {"segment": int(nearest.index[0]), "share": float(nearest.iloc[0])}


def to_sql(facts):
    """Write the rules of the segments as a query: the first that describes a customer counts.

    Parameters
    ----------
    facts : dict
        As `leave` writes it.

    Returns
    -------
    str
        Standard SQL for a table ``customers`` with the columns as they are cleaned: yes and no,
        categories as text, numbers without units, none missing. The most precise rule comes first.
    """
    ruled = [some for some in facts["segments"] if some["rule"]]
    ruled.sort(key=lambda some: -some["precision"])
    lines = [
        f"  WHEN {some['rule']} THEN {some['segment']}"
        f"  -- {' '.join(some['name'].split())}: precision {some['precision']:.0%}, "
        f"recall {some['recall']:.0%}"
        for some in ruled
    ]
    case = "\n".join(["CASE", *lines, "END"]) if lines else "NULL"
    return (
        f"-- The segments of {facts['method']} by their rules. A rule is not the segment: the "
        f"precision says\n-- how many of those whom it describes are in it, the recall how many "
        f"of it are described. Rates and\n-- decisions are those of the segments, not of whom the "
        f"rules describe.\n"
        f"SELECT customers.*, {case} AS segment\nFROM customers;\n"
    )


def decisions(facts):
    """Put the facts of the segments into words, as the cards of the page have them.

    Parameters
    ----------
    facts : dict
        As `leave` writes it.

    Returns
    -------
    str
        Markdown: a heading, what a contact costs and a success is worth, a list of the segments.
    """
    lines = ["### What follows, segment by segment", "", _terms(facts), ""]
    lines += [f"1. {_decision(some, facts)}" for some in facts["segments"]]
    aside = facts["set_aside"]
    if aside["target"] or aside["measure"]:
        said = _judged(aside, facts) if aside["target"] else _measured(aside, facts)
        lines += ["", f"The {aside['customers']:,} customers set aside: {said}"]
    return "\n".join(lines)


def _terms(facts):
    target, money = facts["target"], facts["money"]
    if measure := facts["measure"]:
        return (
            f"The target is {measure['label']}: of the {measure['all']['customers']:,} customers "
            f"in segments it is {_around(measure['all'])} on average."
        )
    if target is None:
        return "No column of this table tells what a contact would bring, so none is decided on."
    found, which = target["rate"], f"{target['label']} = {target['positive']}"
    said = (
        f"Of the {found['customers']:,} customers in segments {found['share']:.1%} have {which}. "
    )
    if money is None:
        return said + (
            "With `value` and `cost` in `customers.toml`, what one of them is worth and a contact "
            "costs, each segment gets a decision."
        )
    whose = "Taken as an example, a" if money["example"] else "A"
    return said + (
        f"{whose} contact costs {money['cost']:g} and brings {money['value']:g} where the customer "
        f"has {which}, so that it pays from a rate of {money['break_even']:.1%} on."
    )


def _decision(some, facts):
    stability, near = some["stability"], some["next"]
    said = (
        f"**{some['name']}** ({some['customers']:,} customers, {some['share']:.0%}). "
        f"Of those whom the name describes {some['precision']:.0%} are in the segment, and of the "
        f"segment it describes {some['recall']:.0%}. Found again in other samples: "
        f"{stability['verdict']} ({stability['jaccard']:.2f}). Next to it: segment "
        f"{near['segment']}. "
    )
    if some["measure"]:
        return said + _measured(some, facts)
    return said + (_judged(some, facts) if some["target"] else "")


def _measured(some, facts):
    """Say what the target measures of a segment, or of those set aside."""
    found, label = some["measure"], facts["measure"]["label"]
    part = "" if found["share"] is None else f", {found['share']:.0%} of that of all customers"
    return f"{label[:1].upper()}{label[1:]}: {_around(found)}{part}."


def _around(found):
    return f"{found['mean']:,.2f} ({found['low']:,.2f} to {found['high']:,.2f})"


def _judged(some, facts):
    """Say what the target says of a segment, or of those set aside."""
    found, profit, periods = some["target"], some["profit"], some["periods"]
    said = f"Rate {_between(found)}"
    if profit:
        decision = profit["decision"]
        decided = "not decided by these data" if decision == UNDECIDED else decision
        said += (
            f", {profit['mean']:+.2f} per contact ({profit['low']:+.2f} to {profit['high']:+.2f}): "
            f"**{decided}**"
        )
    if periods:
        share = facts["periods"]["earlier"]
        said += (
            f". Of the first {share:.0%} it was {_between(periods['earlier'])}, since then "
            f"{_between(periods['later'])}"
        )
    return f"{said}."


def _between(found):
    return f"{found['share']:.1%} ({found['low']:.1%} to {found['high']:.1%})"
