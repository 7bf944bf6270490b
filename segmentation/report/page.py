"""The page for who decides: cards of the segments, a view per method, and their comparison."""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from segmentation import files
from segmentation.customers import describe_roles, describe_source, is_bank_marketing, is_sample
from segmentation.figures import segment_colours
from segmentation.outcomes import CONTACT, DO_NOT, find_outcome, rate_of
from segmentation.profiles import in_short
from segmentation.report import contacting, drawing, orders, phrases, sentences, whom
from segmentation.report.judged import in_time, judge
from segmentation.report.periods import find_later

#: Of the table with dates in the order of its rows (Moro, Rita and Cortez 2014).
BANK_MARKETING_PERIOD = "May 2008 to November 2010"
#: What its column y says.
BANK_MARKETING_WORDS = {
    "label": "subscribed",
    "have": "subscribed",
    "who": "the subscribers",
    "one": "a subscriber",
    "means": "took a term deposit",
}
#: In what its amounts are (Moro, Rita and Cortez 2014), and the example of what a call costs.
BANK_MARKETING_UNIT = "euros"
#: The file of the customers, those of the best group first.
LIST = "contact_list.csv"
#: Sizes of the curves: beside a text, and on a phone.
SIZES = {"wide": (760, 430), "narrow": (370, 460)}
#: How many columns of a typical customer are shown before the others are asked for.
MAX_TYPICAL = 8
DOWNLOADS = {
    ".csv": "every customer with segment and name, for a spreadsheet; those with outlier = False "
    "are the segments as shown here; confidence is 0 on the border of a segment, 1 at its centre",
    ".parquet": "the same, for data tools",
    ".sql": "the names as conditions, for a database; they describe others too",
    ".segmenter": "gives new customers their segments",
}
DECISIONS = {
    CONTACT: ("Contact", "yes"),
    DO_NOT: ("Do not contact", "no"),
}
#: The same, of earlier customers.
OUTCOMES_BEFORE = {CONTACT: ("Paid", "yes"), DO_NOT: ("Lost money", "no")}


class Article(NamedTuple):
    """A notebook that ran: its `name`, its title, its verdict in Markdown, its first figure.

    `figure` is a PNG in base64, or None; `further` says that it is none of the main ones.
    """

    name: str
    title: str
    verdict: str
    figure: str | None = None
    further: bool = False


def write(folder, loaded, path, articles, orders=()):
    """Write ``index.html``, from the files that the notebooks left beside it.

    Parameters
    ----------
    folder : str or Path
    loaded : Customers
    path : Path
        The table, as `segmentation.customers.find_table` returned it.
    articles : list of Article
        The notebooks that ran; of the main ones those that left no ``<name>.json`` show what they
        say instead.
    orders : sequence of str, optional
        What became of the orders that the customers were made of, in sentences.
    """
    folder = Path(folder)
    methods = [
        _read_facts(left, path)
        for article in articles
        for left in [folder / f"{article.name}.json"]
        if left.is_file() and not article.further
    ]
    context = {
        "table": _table(loaded, path, orders),
        "methods": methods,
        "views": _views(methods, articles, folder),
        "further": [article for article in articles if article.further],
    }
    (folder / LIST).unlink(missing_ok=True)
    if methods:
        context |= _comparison(methods, loaded, path, folder)
    files.write_text(
        folder / "index.html", _environment().get_template("index.html.j2").render(context)
    )


def _read_facts(left, path):
    facts = json.loads(left.read_text(encoding="utf-8"))
    if facts["target"] and facts["target"]["rate"] is None:
        # Of nobody who was kept it is known.
        facts["target"] = facts["money"] = None
    if is_bank_marketing(path):
        _use_words_of_the_bank(facts)
    return facts


def _use_words_of_the_bank(facts):
    if facts["target"]:
        facts["target"] |= BANK_MARKETING_WORDS
    if facts["money"]:
        facts["money"]["unit"] = BANK_MARKETING_UNIT
    for some in facts["segments"]:
        for amount in some["amounts"]:
            amount["label"] += f" in {BANK_MARKETING_UNIT}"


def _environment():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": lambda share: f"{share:.0%}" if share >= 0.01 or not share else f"{share:.1%}",
        "rate": "{:.1%}".format,
        "of_100": lambda share: f"{100 * share:.0f}",
        "whole": "{:,}".format,
        "amount": lambda number: in_short(number).replace("-", "\N{MINUS SIGN}"),
        "signed": lambda number: f"{number:+,.2f}".replace("-", "\N{MINUS SIGN}"),
        "markdown": as_html,
        "at": lambda share: f"{100 * share:.2f}%",
        "capital": lambda text: text[:1].upper() + text[1:],
    }
    environment.globals |= {
        "words": sentences,
        "phrases": phrases,
        "orders": orders,
        "model_name": contacting.MODEL,
        "in_time": in_time,
        "decisions": DECISIONS,
        "outcomes_before": OUTCOMES_BEFORE,
        "colours": segment_colours,
        "max_listed": whom.MAX_LISTED,
    }
    return environment


def as_html(markdown):
    """Turn Markdown into HTML; what looks like HTML in it stays text."""
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False)
    # What it has is of columns and categories, so of whoever wrote the table.
    return Markup(MarkdownWithMath(renderer=renderer).render(markdown))


def _table(loaded, path, orders):
    if orders:
        # The file is of this run, and says itself of when the customers are.
        when = None
    elif is_bank_marketing(path):
        when = ("Period", f"{BANK_MARKETING_PERIOD}; the rows are in order of date")
    else:
        changed = datetime.fromtimestamp(Path(path).stat().st_mtime)
        when = ("Date of the file", f"last changed on {changed:%d} {changed:%B} {changed:%Y}")
    return {
        "name": Path(path).name,
        "customers": len(loaded.table),
        "ids": list(loaded.ids),
        "when": when,
        "source": " ".join([describe_source(path), *orders[:2]]),
        "orders": orders,
        "roles": describe_roles(loaded),
        "synthetic": is_sample(path),
    }


def _views(methods, articles, folder):
    """Return what each tab shows, in the order of the notebooks."""
    by_name = {facts["notebook"]: facts for facts in methods}
    return [
        _view(article, by_name.get(article.name), folder)
        for article in articles
        if not article.further
    ]


def _view(article, facts, folder):
    *cards, aside = _cards(facts) if facts else [None]
    return {
        "name": article.name,
        "label": facts["method"] if facts else article.title.partition(":")[0],
        "article": article,
        "facts": facts,
        "cards": cards,
        "aside": aside,
        "downloads": _downloads(facts, folder),
    }


def _downloads(facts, folder):
    names = facts["downloads"] if facts else []
    return [
        (name, DOWNLOADS.get(Path(name).suffix, ""))
        for name in names
        if (folder / name).is_file() and Path(name).name == name
    ]


def _cards(facts):
    """Add to the segments of a method, and to those set aside, what their graphics need."""
    segments, groups = facts["segments"], judge(facts)
    names = {some["segment"]: some["name"] for some in segments}
    colours = [*segment_colours(len(segments)), None]
    top = _top_rate(groups, facts["money"])
    cards = [
        some
        | group._asdict()
        | {
            "id": f"{facts['notebook']}-{group.segment or 'aside'}",
            "colour": colour,
            "traits": [trait | _bar(trait) for trait in some["traits"]],
            "top": top,
        }
        for some, group, colour in zip(
            [*segments, facts["set_aside"]], groups, colours, strict=True
        )
    ]
    for card in cards[:-1]:
        card |= {
            "border": phrases.graded(card["confidence"], sentences.BORDERS),
            "again": sentences.again(card["stability"]),
            "next_name": names.get(card["next"]["segment"]) if card["next"] else None,
            "typical_rest": card["typical"][MAX_TYPICAL:],
            "typical": card["typical"][:MAX_TYPICAL],
        }
    return cards


def _bar(trait):
    """Return from where to where a trait's bar goes, and where 0 and the value of all are."""
    value, overall = trait["value"], trait["overall"]
    low, high = (
        (0.0, 1.0) if not trait["number"] else (min(0, value, overall), max(0, value, overall))
    )
    span = (high - low) * (1 if not trait["number"] else 1.15) or 1
    return {
        "start": (min(value, 0) - low) / span,
        "length": abs(value) / span,
        "mark": (overall - low) / span,
        "zero": -low / span,
    }


def _top_rate(groups, money):
    """Return the rate at the right end of the scale that all groups of a method share."""
    found = [rate["high"] for group in groups for rate in (group.now, group.before) if rate]
    if money:
        found.append(money["break_even"])
    return min(1.15 * max(found, default=1), 1) or 1


def _comparison(methods, loaded, path, folder):
    scored = {
        facts["method"]: pd.read_csv(
            folder / f"segments_{facts['notebook']}.csv", usecols=["segment", "name", "outlier"]
        )
        for facts in methods
    }
    money, target = methods[0]["money"], methods[0]["target"]
    ordered = find_later(loaded, path)
    agreements = contacting.agreement(scored)
    compared = contacting.compare(loaded, scored, money, ordered and ordered.later)
    best = orders.for_contacts(methods, compared)
    advice = whom.advise(best)
    return {
        "advice": advice,
        "listed": advice and _list(folder, advice.ranked, scored[best["method"]], loaded),
        "taken": orders.taken(methods, compared, target) if len(methods) > 1 else "",
        "best": best,
        "headline": advice and whom.headline(best, advice),
        "grouped": sentences.headline(methods, agreements),
        "reality": sentences.reality(best),
        "answers": sentences.answers(methods, agreements),
        "agreements": agreements,
        "compared": compared,
        "money": money,
        "target": target and target | {"rate": rate_of(find_outcome(loaded.target))},
        "charts": _charts(compared, money) if compared else {},
    }


def _list(folder, ranked, scored, loaded):
    """Write the list, and return how many of each group it has and leaves out."""
    listed = whom.list_customers(ranked, scored, loaded)
    with files.written_whole(folder / LIST) as beside:
        # With a mark, by which spreadsheets know that it is UTF-8.
        listed.to_csv(beside, encoding="utf-8-sig")
    pays = listed.get("decision") == CONTACT
    return {
        "name": LIST,
        "customers": len(listed),
        "left_out": len(scored) - len(listed),
        "by_rank": listed["group_rank"].value_counts().to_dict(),
        "pays": int(np.sum(pays)),
    }


def _charts(compared, money):
    """Lay out the curves for each size: the profit per customer, or the share reached."""

    def heights(reached):
        if money is None:
            return reached
        return money["value"] * compared.rate * reached - money["cost"] * contacting.CONTACTED

    styles = [f"line-{i}" for i in range(1, len(compared.curves))] + ["line-model"]
    lines = [
        drawing.Line(name, style, heights(curve.reached), curve.contacted)
        for (name, curve), style in zip(compared.curves.items(), styles, strict=True)
    ]
    lines.append(drawing.Line("at random", "line-random", heights(contacting.CONTACTED)))
    tenths = np.arange(10, 101, 10)
    return {
        "drawn": {name: drawing.chart(lines, size) for name, size in SIZES.items()},
        "labels": [line.label for line in lines],
        "rows": [(i / 100, [line.heights[i] for line in lines]) for i in tenths],
    }
