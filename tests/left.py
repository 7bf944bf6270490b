"""What notebooks leave for the page, made up on the synthetic customers."""

import html
import json
import re

import numpy as np
import pandas as pd

from segmentation.customers import SAMPLE
from segmentation.report import page

NUMBER = re.compile(r'<span data-number="([^"]+)">([^<]*)</span>')
MONEY = {"value": 60.0, "cost": 5.0, "break_even": 5 / 60, "example": True}
TRAIT = {
    "label": "balance",
    "value": -20.0,
    "overall": 1200.0,
    "effect": -0.5,
    "number": True,
    "text": "mean -20 against 1,200",
}
METHODS = {"embedding": "text embedding", "kmeans": "k-means", "kprototypes": "K-Prototypes"}


def wilson(positives, n):
    """Return the interval as Wilson (1927) wrote it."""
    z, share = 1.959963984540054, positives / n
    centre, margin = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / 4 / n**2)
    return [(centre + sign * margin) / (1 + z**2 / n) for sign in (-1, 1)]


def segments_of(loaded, names, seed):
    """Cut customers by a blend of their ages, balances and noise."""
    rng = np.random.default_rng(seed)
    ranks = loaded.table[["age", "balance"]].rank(pct=True) @ [seed / 3, 1 - seed / 3]
    ranks = (ranks + 0.3 * rng.random(len(ranks))).rank(pct=True)
    segments = np.ceil(ranks * len(names)).astype(int)
    return pd.DataFrame(
        {
            "segment": segments,
            "name": [names[i - 1] for i in segments],
            "confidence": rng.random(len(ranks)),
            "outlier": rng.random(len(ranks)) < 0.1,
            "unknown": 0,
        }
    )


def rate_of(known):
    low, high = wilson(known.sum(), len(known))
    return {
        "share": float(known.mean()),
        "low": low,
        "high": high,
        "customers": len(known),
        "positives": int(known.sum()),
    }


def profit_of(rate, money):
    mean, low, high = (
        rate[end] * money["value"] - money["cost"] for end in ("share", "low", "high")
    )
    decision = "contact" if low > 0 else "do not contact" if high < 0 else "not decided"
    return {"mean": mean, "low": low, "high": high, "decision": decision}


def segment_of(i, name, own, kept, known, money):
    found = None if known is None else rate_of(known[own.index])
    return {
        "segment": i,
        "name": name,
        "mixed": i == 2,
        "rule": '"housing" = \'no\' AND "age" < 35',
        "precision": 0.87,
        "recall": 0.92,
        "f1": 0.65 if i == 2 else 0.89,
        "customers": len(own),
        "share": len(own) / len(kept),
        "set_aside": 10 * i,
        "typical": [{"label": f"column {j}", "value": "47"} for j in range(12)],
        "traits": [
            TRAIT,
            {
                "label": name,
                "value": 0.8,
                "overall": 0.4,
                "effect": 0.8,
                "number": False,
                "text": "80% against 40%",
            },
        ],
        "target": found,
        "periods": None,
        "measure": None,
        "amounts": [{"label": "balance", "mean": 1441.8, "overall": 1173.6, "share": None}],
        "stability": {"jaccard": 0.93, "low": 0.81, "high": 0.99, "verdict": "stable"},
        "confidence": float(own["confidence"].median()),
        "next": {"segment": 1 + i % 2, "share": 0.55},
        "profit": profit_of(found, money) if money else None,
    }


def periods_of(own, known):
    """Tell the rates of the first seven tenths of the rows and of the others, if any is told."""
    if known is None:
        return None
    split = int(0.7 * len(known))
    return {
        name: rate_of(known[rows]) | {"decision": "contact"}
        for name, rows in (("earlier", own[own < split]), ("later", own[own >= split]))
    }


def set_aside(aside, known, money):
    rate = None if known is None else rate_of(known[aside.index])
    profit = profit_of(rate, money) if rate and money else None
    return {
        "customers": len(aside),
        "traits": [TRAIT],
        "target": rate,
        "measure": None,
        "periods": periods_of(aside.index, known),
        "profit": profit,
    }


def leave(folder, loaded, notebook, names, money=MONEY, target=True, found=True):
    """Write what a notebook leaves."""
    scored = segments_of(loaded, names, 1 + list(METHODS).index(notebook))
    scored.to_csv(folder / f"segments_{notebook}.csv", index_label="row")
    kept = scored[~scored["outlier"]]
    known = (loaded.target == "yes").astype(int) if target else None
    groups = {"found": found, "p": 0.05 if found else 0.4, "n_twins": 19, "k": len(names)}
    told = None if known is None else {"column": "y", "label": "y", "positive": "yes"}
    segments = [
        segment_of(i, name, kept[kept["segment"] == i], kept, known, money if target else None)
        for i, name in enumerate(names, 1)
    ]
    for some in segments:
        aside = scored["outlier"] & (scored["segment"] == some["segment"])
        some["set_aside"] = int(aside.sum())
        own = kept.index[kept["segment"] == some["segment"]]
        some["periods"] = periods_of(own, known)
    facts = {
        "format": 1,
        "notebook": notebook,
        "method": METHODS[notebook],
        "table": {
            "name": "sample.csv",
            "source": "The customers.",
            "customers": len(scored),
            "kept": len(kept),
            "columns": list(loaded.table),
        },
        "target": told | {"rate": rate_of(known[kept.index])} if told else None,
        "measure": None,
        "money": money if target else None,
        "periods": told and {"by": "the rows", "since": "May 2024", "earlier": 0.7},
        "set_aside": set_aside(scored[scored["outlier"]], known, money),
        "groups": groups | {"sentence": ""},
        "seeds": {"low": 0.99, "high": 1.0},
        "segments": segments,
        "downloads": [f"segments_{notebook}.csv", f"segments_{notebook}.sql", "../outside.csv"],
    }
    (folder / f"{notebook}.json").write_text(json.dumps(facts), encoding="utf-8")
    return facts


def articles_of(*names):
    return [page.Article(name, f"{METHODS[name]}: a title", "**Verdict.** Said.") for name in names]


def write(folder, loaded, *articles):
    page.write(folder, loaded, SAMPLE, list(articles))
    return (folder / "index.html").read_text(encoding="utf-8")


def numbers(written):
    return {key: html.unescape(text) for key, text in NUMBER.findall(written)}


def shows(text, value):
    """Whether a text is a value, rounded as it is written."""
    written = text.replace("\N{MINUS SIGN}", "-").replace(",", "").removesuffix("%")
    digits = len(written.partition(".")[2])
    value = 100 * value if text.endswith("%") else value
    return abs(float(written) - value) <= 0.5001 * 10**-digits
