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
from segmentation.report import contacting, drawing, sentences, whom
from segmentation.report.periods import DEPENDS

#: Of the table with dates in the order of its rows (Moro, Rita and Cortez 2014).
BANK_MARKETING_PERIOD = "May 2008 to November 2010"
#: What its column y says.
BANK_MARKETING_OUTCOME = "subscribed"
BANK_MARKETING_WHO = "the subscribers"
#: Sizes of the curves: beside a text, and on a phone.
SIZES = {"wide": (760, 430), "narrow": (370, 460)}
#: How many columns of a typical customer are shown before the others are asked for.
MAX_TYPICAL = 8
DOWNLOADS = {
    ".csv": "every customer with segment and name, for a spreadsheet: take it to contact them; "
    "those with outlier = False are the segments as shown here",
    ".parquet": "the same, for data tools",
    ".sql": "the names as conditions, for a database; they describe others too",
    ".segmenter": "gives new customers their segments",
}
DECISIONS = {
    CONTACT: ("Contact", "yes"),
    DO_NOT: ("Do not contact", "no"),
    DEPENDS: ("Depends on the period", "open"),
}


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
    if methods:
        context |= _comparison(methods, loaded, folder)
    files.write_text(
        folder / "index.html", _environment().get_template("index.html.j2").render(context)
    )


def _read_facts(left, path):
    facts = json.loads(left.read_text(encoding="utf-8"))
    if facts["target"] and facts["target"]["rate"] is None:
        # Of nobody who was kept it is known.
        facts["target"] = facts["money"] = None
    if facts["target"] and is_bank_marketing(path):
        facts["target"] |= {"label": BANK_MARKETING_OUTCOME, "who": BANK_MARKETING_WHO}
    return facts


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
        "plain": lambda number: f"{number:,.10g}",
        "markdown": as_html,
        "at": lambda share: f"{100 * share:.2f}%",
        "capital": lambda text: text[:1].upper() + text[1:],
    }
    environment.globals |= {"words": sentences, "decisions": DECISIONS, "sizes": SIZES}
    environment.globals |= {"depends": DEPENDS, "next_campaign": whom.NEXT}
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
        "n_columns": loaded.table.shape[1],
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
        {
            "name": article.name,
            "label": by_name[article.name]["method"] if article.name in by_name else short,
            "article": article,
            "facts": by_name.get(article.name),
            "cards": _cards(by_name[article.name]) if article.name in by_name else [],
            "downloads": _downloads(by_name.get(article.name), folder),
        }
        for article in articles
        for short in [article.title.partition(":")[0]]
        if not article.further
    ]


def _downloads(facts, folder):
    names = facts["downloads"] if facts else []
    return [
        (name, DOWNLOADS.get(Path(name).suffix, ""))
        for name in names
        if (folder / name).is_file() and Path(name).name == name
    ]


def _cards(facts):
    """Add to the segments of a method what their graphics need."""
    segments = facts["segments"]
    names = {some["segment"]: some["name"] for some in segments}
    top = _top_rate(facts)
    return [
        some
        | {
            "colour": colour,
            "border": sentences.graded(some["confidence"], sentences.BORDERS),
            "again": sentences.again(some["stability"]),
            "next_name": names.get(some["next"]["segment"]) if some["next"] else None,
            "typical": some["typical"][:MAX_TYPICAL],
            "typical_rest": some["typical"][MAX_TYPICAL:],
            "traits": [trait | _bar(trait) for trait in some["traits"]],
            "top": top,
        }
        for some, colour in zip(segments, segment_colours(len(segments)), strict=True)
    ]


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


def _top_rate(facts):
    """Return the rate at the right end of the scale that all segments of a method share."""
    found = [some["target"]["high"] for some in facts["segments"] if some["target"]]
    if facts["target"]:
        found.append(facts["target"]["rate"]["high"])
    if facts["money"]:
        found.append(facts["money"]["break_even"])
    return min(1.15 * max(found, default=1), 1) or 1


def _comparison(methods, loaded, folder):
    scored = {
        facts["method"]: pd.read_csv(
            folder / f"segments_{facts['notebook']}.csv", usecols=["segment", "outlier"]
        )
        for facts in methods
    }
    money = methods[0]["money"]
    agreements = contacting.agreement(scored)
    compared = contacting.compare(loaded, scored, money)
    target, best = methods[0]["target"], sentences.recommended(methods)
    return {
        "advice": whom.advise(best),
        "headline": sentences.headline(methods, agreements),
        "first": best["notebook"],
        "answers": sentences.answers(methods, agreements, compared),
        "agreements": agreements,
        "compared": compared,
        "money": money,
        "target": target and target | {"rate": rate_of(find_outcome(loaded.target))},
        "charts": _charts(compared, money) if compared else {},
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
