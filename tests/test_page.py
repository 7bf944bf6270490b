"""The page for who decides: what it says is what the data say, for everybody who reads it."""

import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segmentation.customers import SAMPLE, load_customers
from segmentation.report import contacting, drawing, page, sentences, whom
from segmentation.report.notebook_page import to_html
from segmentation.report.periods import DEPENDS

NUMBER = re.compile(r'<span data-number="([^"]+)">([^<]*)</span>')
MONEY = {"value": 60.0, "cost": 5.0, "break_even": 5 / 60, "example": True}
METHODS = {"embedding": "text embedding", "kmeans": "k-means", "kprototypes": "K-Prototypes"}
ODD = '<script>alert("x")</script> & "quoted"'


@pytest.fixture(scope="module")
def loaded():
    return load_customers(SAMPLE)


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
            {
                "label": "balance",
                "value": -20.0,
                "overall": 1200.0,
                "effect": -0.5,
                "number": True,
                "text": "mean -20 against 1,200",
            },
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
        "periods": told and {"by": "the order of the rows", "earlier": 0.7},
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


@pytest.fixture(scope="module")
def made(loaded, tmp_path_factory):
    """Return a folder with the page of three methods, one of them with odd names."""
    folder = tmp_path_factory.mktemp("made")
    leave(folder, loaded, "embedding", [ODD, "Kunden aus Köln, 東京の顧客, عملاء"], found=False)
    leave(folder, loaded, "kmeans", ["Aged 35 or more", "Housing loan", "Personal loan"])
    leave(folder, loaded, "kprototypes", [f"Segment {'of many words ' * i}" for i in range(10)])
    further = page.Article("more", "More <of> it", "**Verdict.** Also <b>this</b>.", None, True)
    write(folder, loaded, *articles_of(*METHODS), further)
    return folder


@pytest.fixture(scope="module")
def written(made):
    return (made / "index.html").read_text(encoding="utf-8")


def test_every_number_of_a_card_is_that_of_the_table(made, written, loaded):
    shown = numbers(written)
    yes = (loaded.target == "yes").astype(int)
    for notebook in METHODS:
        scored = pd.read_csv(made / f"segments_{notebook}.csv")
        kept = scored[~scored["outlier"]]
        for segment, own in kept.groupby("segment"):
            known = yes[own.index]
            low, high = wilson(known.sum(), len(known))
            aside = ((scored["segment"] == segment) & scored["outlier"]).sum()
            expected = {
                "customers": len(own),
                "share": len(own) / len(kept),
                "set_aside": aside,
                "confidence": own["confidence"].median(),
                "rate": known.mean(),
                "rate_low": low,
                "rate_high": high,
                "positives": known.sum(),
                "known": len(known),
                "profit": 60 * known.mean() - 5,
                "profit_low": 60 * low - 5,
                "profit_high": 60 * high - 5,
                "earlier": known[known.index < 0.7 * len(yes) - 1e-9].mean(),
                "later": known[known.index >= int(0.7 * len(yes))].mean(),
            }
            for what, value in expected.items():
                assert shows(shown[f"{notebook}.{segment}.{what}"], value), (segment, what)


def test_numbers_of_the_rest_are_those_of_the_file(made, written):
    shown = numbers(written)
    facts = json.loads((made / "kmeans.json").read_text(encoding="utf-8"))
    for some in facts["segments"]:
        key = f"kmeans.{some['segment']}"
        assert shows(shown[f"{key}.precision"], 100 * some["precision"])
        assert shows(shown[f"{key}.recall"], 100 * some["recall"])
        assert shows(shown[f"{key}.jaccard"], some["stability"]["jaccard"])
        assert shows(shown[f"{key}.amount.1"], some["amounts"][0]["mean"])


def test_agreement_is_of_those_whom_neither_sets_aside(made, written):
    from sklearn.metrics import adjusted_rand_score

    one, other = (pd.read_csv(made / f"segments_{name}.csv") for name in ("embedding", "kmeans"))
    both = ~one["outlier"] & ~other["outlier"]
    expected = adjusted_rand_score(one["segment"][both], other["segment"][both])
    assert shows(numbers(written)["agreement.text embedding.k-means"], expected)


def test_what_stands_in_a_table_stays_text(written):
    assert "<script>alert" not in written
    assert html.escape(ODD).replace("&quot;", "&#34;") in written
    assert "東京の顧客, عملاء" in written
    assert "More &lt;of&gt; it" in written
    assert "<b>this</b>" not in written


def test_files_are_linked_that_are_there(written):
    assert 'href="segments_kmeans.csv"' in written
    assert "segments_kmeans.sql" not in written
    assert "outside.csv" not in written
    assert 'href="kmeans.html"' in written
    assert 'href="more.html"' in written


def test_example_amounts_are_called_examples(tmp_path, loaded, written):
    assert "customers.toml" in written
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"], MONEY | {"example": False})
    own = write(tmp_path, loaded, *articles_of("kmeans"))
    assert facts["money"]["break_even"] == MONEY["break_even"]
    assert "customers.toml" not in own.partition("<main")[2].partition('class="roles"')[0]


def test_without_money_the_break_even_is_said(tmp_path, loaded):
    leave(tmp_path, loaded, "kmeans", ["One", "Two"], money=None)
    written = write(tmp_path, loaded, *articles_of("kmeans"))
    shown = numbers(written)
    assert "kmeans.1.rate" in shown
    assert "kmeans.1.profit" not in shown
    rate = (loaded.target == "yes").mean()
    # One success pays for as many contacts as it takes.
    assert re.search(rf"more than {1 / rate:.0f}|more than {1 / rate:.2g}|contacts? cost", written)


def test_without_a_target_nothing_is_said_of_one(tmp_path, loaded):
    leave(tmp_path, loaded, "kmeans", ["One", "Two"], target=False)
    written = write(tmp_path, loaded._replace(target=None), *articles_of("kmeans"))
    shown = numbers(written)
    assert "kmeans.2.customers" in shown
    assert not any("rate" in key or "profit" in key for key in shown)
    assert "LightGBM" not in written
    assert 'id="compare"' in written


def test_a_target_that_is_a_number_is_told_as_a_mean(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"], target=False)
    found = {"mean": 31.25, "low": 28.0, "high": 34.5, "share": 0.4, "customers": 900}
    facts["measure"] = {"column": "m", "label": "money", "money": True, "all": found | {"mean": 9}}
    facts["set_aside"]["measure"] = found | {"mean": 77.0}
    facts["segments"][0]["measure"] = found
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    page.write(tmp_path, loaded._replace(target=None), SAMPLE, articles_of("kmeans"), ["12 lines"])
    written = (tmp_path / "index.html").read_text(encoding="utf-8")
    shown = numbers(written)
    assert shows(shown["kmeans.1.mean"], 31)
    assert shows(shown["kmeans.1.mean_low"], 28)
    assert shows(shown["kmeans.1.mean_share"], 0.4)
    assert "kmeans.2.mean" not in shown
    assert ">77<" in written
    assert "12 lines" in written
    assert sentences.against_mean(found, {"mean": 9}) != sentences.against_mean(found, {"mean": 30})


def test_a_segment_whose_target_nobody_knows_has_no_rate(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    facts["segments"][0] |= {"target": None, "profit": None, "next": None, "rule": ""}
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    shown = numbers(write(tmp_path, loaded, *articles_of("kmeans")))
    assert "kmeans.1.rate" not in shown
    assert "kmeans.1.precision" not in shown
    assert "kmeans.2.rate" in shown


def test_a_method_without_facts_says_why(tmp_path, loaded):
    leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    why = page.Article("kprototypes", "K-Prototypes: a title", "**Verdict.** Not for this table.")
    written = write(tmp_path, loaded, *articles_of("kmeans"), why)
    assert "Not for this table" in written
    assert 'href="#kprototypes"' in written
    assert "kprototypes.1.customers" not in numbers(written)


def test_notebooks_without_facts_make_a_page(tmp_path, loaded):
    further = page.Article("more", "More", "**Verdict.** Also this.", "aGk=", True)
    only = write(tmp_path, loaded, further)
    assert "Also" in only
    assert "data:image/png;base64,aGk=" in only
    assert "data-tabs" not in only
    assert "Said" in write(tmp_path, loaded, *articles_of("kmeans"), further)


def test_facts_of_a_further_notebook_are_none_of_a_method(tmp_path, loaded):
    leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    written = write(tmp_path, loaded, articles_of("kmeans")[0]._replace(further=True))
    assert not numbers(written)


def test_a_mixed_segment_is_called_mixed(written):
    cards = written.partition('id="kmeans-1"')[2].split("<article")
    assert "Mixed" in cards[1]
    assert "Mixed" not in cards[0]


def test_the_verdict_claims_groups_only_where_they_are_found(tmp_path, loaded):
    said = set()
    for found in ((True, True), (True, False), (False, False)):
        methods = [
            leave(tmp_path, loaded, name, ["One", "Two"], found=one)
            for name, one in zip(("kmeans", "kprototypes"), found, strict=True)
        ]
        said.add(sentences.headline(methods, {("k-means", "K-Prototypes"): 0.95}))
        assert sentences.checks(methods[1])["More than one group"][0] is found[1]
    assert len(said) == 3
    methods[0]["groups"]["found"] = methods[1]["groups"]["found"] = True
    said.add(sentences.headline(methods, {("k-means", "K-Prototypes"): 0.2}))
    assert len(said) == 4


def test_checks_ask_for_every_segment(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    for part in facts["segments"]:
        part["mixed"] = False
    assert sentences.n_passed(facts) == 4
    facts["segments"][1]["mixed"] = True
    facts["segments"][0]["stability"]["verdict"] = "doubtful"
    facts["seeds"]["low"] = 0.89
    assert sentences.n_passed(facts) == 1


def test_a_sign_of_another_number_of_groups_is_called_that(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    said = sentences.groups_or_cuts([facts])
    facts["groups"]["k"] = 17
    with_it = sentences.groups_or_cuts([facts])
    assert "17" in with_it
    assert "17" not in said
    assert len(with_it) > len(said)


def test_how_alike_methods_are_is_said_of_the_two_most_alike(tmp_path, loaded):
    methods = [leave(tmp_path, loaded, name, ["One", "Two"]) for name in METHODS]
    pairs = [("text embedding", "k-means"), ("k-means", "K-Prototypes")]
    said = [
        sentences.how_sure(methods, dict(zip(pairs, values, strict=True)))
        for values in ((0.95, 0.1), (0.1, 0.95), (0.2, 0.1), (0.2, np.nan))
    ]
    assert ["K-Prototypes" in text for text in said] == [False, True, False, False]
    assert len(set(said)) == 4


# --- Whom to contact ----------------------------------------------------------------------------


def asking(facts, *later):
    """Give the segments rates of later customers, and the decisions that these ask for."""
    for some, (share, decision) in zip(facts["segments"], later, strict=True):
        some["periods"]["later"] |= {"share": share, "decision": decision}
    facts["set_aside"]["periods"]["later"] |= {"share": 0.01, "decision": "do not contact"}
    return facts


def listed(facts):
    return [(segment, told) for segment, _, told, _ in whom.advise(facts).ranked]


def test_whom_to_contact_is_who_pays_lately_the_best_first(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two", "Three"])
    asking(facts, (0.2, "contact"), (0.4, "contact"), (0.7, "not decided"))
    assert listed(facts) == [(2, "40.0%"), (1, "20.0%")]
    assert whom.NOT_SHOWN in whom.advise(facts).rest
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    written = write(tmp_path, loaded, *articles_of("kmeans"))
    assert numbers(written)["whom.2"] == "40.0%"
    later = facts["segments"][1]["periods"]["later"]
    assert f"{later['low']:.1%} to {later['high']:.1%})</li>" in written
    assert written.index('data-number="whom.2"') < written.index('data-number="whom.1"')
    assert written.index('data-number="whom.1"') < written.index("data-tabs")
    asking(facts, *[(0.2, "do not contact")] * 3)
    assert listed(facts) == []
    asking(facts, *[(0.2, "contact")] * 3)
    facts["set_aside"]["periods"]["later"] |= {"share": 0.3, "decision": "contact"}
    assert listed(facts) == [(None, "30.0%"), (1, "20.0%"), (2, "20.0%"), (3, "20.0%")]
    assert whom.NOT_SHOWN not in whom.advise(facts).rest


def test_that_decisions_turned_is_said_where_they_did(tmp_path, loaded):
    facts = asking(leave(tmp_path, loaded, "kmeans", ["One", "Two"]), *[(0.2, "contact")] * 2)
    assert whom.NEXT not in whom.advise(facts).rest
    facts["segments"][0]["profit"]["decision"] = DEPENDS
    assert whom.NEXT in whom.advise(facts).rest


def test_without_periods_or_money_what_is_known_is_told(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"], money=None)
    asking(facts, (0.2, None), (0.4, None))
    assert listed(facts) == [(2, "40.0%"), (1, "20.0%"), (None, "1.0%")]
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    for some in (*facts["segments"], facts["set_aside"]):
        some["periods"] = None
    for some, share in zip(facts["segments"], (0.5, 0.6), strict=True):
        some["target"]["share"], some["profit"]["decision"] = share, "contact"
    assert listed(facts | {"periods": None})[:2] == [(2, "60.0%"), (1, "50.0%")]
    untold = leave(tmp_path, loaded, "kmeans", ["One", "Two"], target=False)
    assert whom.advise(untold) is None


def test_that_later_customers_may_differ_is_said_where_rates_moved(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    then, now = (facts["segments"][0]["periods"][name] for name in ("earlier", "later"))
    now |= {name: then[name] for name in ("low", "high")}
    others = (facts["segments"][1], facts["set_aside"])
    for some in others:
        some["periods"] = None
    assert sentences.same_time([facts]) == ""
    now |= {"low": then["high"] + 0.01, "high": then["high"] + 0.02}
    assert sentences.same_time([facts])


def test_both_periods_are_named_by_their_shares(tmp_path, loaded):
    facts = leave(tmp_path, loaded, "kmeans", ["One", "Two"])
    shares = [re.search(r"(\d+)%", name(facts)) for name in (sentences.first, sentences.last)]
    assert [int(share.group(1)) for share in shares] == [70, 30]


def scored_by(segments):
    return pd.DataFrame({"segment": np.asarray(segments), "outlier": False})


def test_segments_that_are_the_target_reach_all_first(loaded):
    yes = (loaded.target == "yes").astype(int)
    noise = np.random.default_rng(0).integers(5, size=len(yes))
    found = contacting.compare(loaded, {"knows": scored_by(yes), "noise": scored_by(noise)}, MONEY)
    assert found.curves["knows"].first["share"] == pytest.approx(1)
    assert found.curves["knows"].profit["mean"] == pytest.approx(55 * yes.mean())
    assert found.curves["knows"].contacted == pytest.approx(yes.mean())
    noise = found.curves["noise"].first
    assert noise["low"] < contacting.FIRST < noise["high"]
    assert found.everybody["mean"] == pytest.approx(60 * yes.mean() - 5)
    assert "knows" in sentences.contact_order(found, {"label": "y", "positive": "yes"})
    assert "noise" not in found.as_good


def test_no_method_is_preferred_for_a_difference_by_chance(loaded):
    target = (loaded.target == "yes").to_numpy()
    rng = np.random.default_rng(0)
    told = {name: scored_by(target ^ (rng.random(len(target)) < 0.2)) for name in ("one", "other")}
    found = contacting.compare(
        loaded, told | {"noise": scored_by(rng.integers(5, size=len(target)))}, MONEY
    )
    assert len(found.as_good) == 1
    assert found.as_good[0] in told


def test_an_order_is_judged_on_customers_it_was_not_chosen_on(loaded):
    # Each customer alone: what is known of the others says nothing.
    alone = contacting.compare(loaded, {"alone": scored_by(range(len(loaded.table)))})
    assert alone.curves["alone"].first["share"] == pytest.approx(contacting.FIRST, abs=0.03)


def test_who_did_not_answer_is_left_out(loaded):
    target = loaded.target.where(np.arange(len(loaded.target)) % 3 > 0)
    found = contacting.compare(
        loaded._replace(target=target), {"one": scored_by(np.arange(len(target)) % 4)}
    )
    assert found.customers == target.notna().sum()
    assert found.positives == (target == "yes").sum()


def test_of_a_large_table_a_part_is_drawn(loaded, monkeypatch):
    monkeypatch.setattr(contacting, "MAX_CUSTOMERS", 500)
    one = {"one": scored_by(np.arange(len(loaded.table)) % 4)}
    first, again = (contacting.compare(loaded, one) for _ in range(2))
    assert first.customers == 500
    np.testing.assert_array_equal(
        first.curves[contacting.MODEL].reached, again.curves[contacting.MODEL].reached
    )


def test_too_few_successes_are_not_compared(loaded):
    target = pd.Series(np.where(np.arange(len(loaded.table)) < 4, "yes", "no"))
    one = {"one": scored_by(np.arange(len(target)) % 4)}
    assert contacting.compare(loaded._replace(target=target), one) is None


@pytest.mark.parametrize("size", page.SIZES.values())
def test_labels_lie_apart_and_inside(size):
    x = np.linspace(0, 1, 101)
    powers = {"text embedding": 0.6, "k-means": 0.62, "K-Prototypes": 0.61, "at random": 1}
    lines = [drawing.Line(name, "line", x**power) for name, power in powers.items()]
    drawn = drawing.chart(lines, size)
    left, top, right, bottom = drawn["frame"]
    boxes = [
        (line["at"].x, line["at"].y, len(line["label"]) * drawing.LETTER) for line in drawn["lines"]
    ]
    for i, (x, y, width) in enumerate(boxes):
        assert left <= x < x + width <= right
        assert top <= y < y + drawing.LINE <= bottom
        for other, over, wide in boxes[:i]:
            apart = x >= other + wide or other >= x + width
            assert apart or abs(y - over) >= drawing.LINE


def test_a_dot_lies_on_its_line():
    lines = [
        drawing.Line("up", "line", np.linspace(0, 1, 101), 0.25),
        drawing.Line("down", "line", np.linspace(1, 0, 101)),
    ]
    drawn = drawing.chart(lines, (760, 430))
    left, _, right, bottom = drawn["frame"]
    (x, y), none = (line["dot"] for line in drawn["lines"])
    (_, zero), *_, (_, one) = (tick for tick in drawn["ticks"] if tick[0] in (0, 1))
    assert zero == pytest.approx(bottom)
    assert x == pytest.approx(left + 0.25 * (right - left))
    assert y == pytest.approx(zero + 0.25 * (one - zero))
    assert none is None


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 0.4), (0, 2.7), (0, 1234), (-1e-4, 2e-4)])
def test_ticks_are_few_and_round(low, high):
    found = drawing.ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] < found[-1] <= high


# --- Notebooks as pages -------------------------------------------------------------------------


@pytest.fixture
def notebook():
    png = new_output("display_data", {"image/png": "aGk="})
    caption = new_markdown_cell('Where to.\n\nIt *rises* to **5** & "falls".')
    reading = new_markdown_cell("It rose.", metadata={"tags": ["reading"]})
    plotly = new_output(
        "display_data",
        {"application/vnd.plotly.v1+json": {"data": [{"type": "scatter", "y": [1, 2]}]}},
    )
    cells = [
        new_markdown_cell("# A & B\n\nA share $\\pi_j$, and `$code$`, of $5 and $6.\n\n$$x^2$$"),
        new_code_cell("print('three')", outputs=[png]),
        caption,
        new_code_cell("print('one')", outputs=[png]),
        reading,
        new_code_cell("print('two')", outputs=[plotly]),
    ]
    return nbformat.from_dict(new_notebook(cells=cells))


def test_a_notebook_asks_for_nothing_but_what_is_beside_it(notebook):
    written = to_html(notebook)
    assert re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', written) == [
        "plotly.min.js",
        "data:,",
    ]
    assert 'href="index.html"' in written


def test_a_figure_is_described_by_its_caption(notebook):
    described = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: described.append((tag, dict(attributes)))
    reader.feed(to_html(notebook))
    images = [attributes["alt"] for tag, attributes in described if tag == "img"]
    assert images[0]
    assert images[1] == 'It rises to 5 & "falls".'
    assert not any(alt.startswith("No description") for alt in images)
    assert 'It rises to 5 & "falls".' in [some.get("aria-label") for _, some in described]


def test_code_is_folded_and_formulas_show(notebook):
    written = to_html(notebook)
    assert written.count("<details") == 3
    assert written.count("</math>") == 2
    assert "$code$" in written
    assert "of $5 and $6" in written


# --- In a browser -------------------------------------------------------------------------------


@pytest.fixture
def visit(browser):
    """Return a way to open a page, which at the end must have said and asked nothing."""
    opened, said = [], []

    def visit(path, anchor="", width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        opened.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:")) or said.append(request.url),
        )
        tab.goto(path.as_uri() + anchor)
        return tab

    yield visit
    for context in opened:
        context.close()
    assert not said


VIEWS = [*METHODS, "compare"]


def shown(tab):
    return [view for view in VIEWS if tab.locator(f"#{view}").is_visible()]


def test_a_view_has_an_address(made, visit):
    tab = visit(made / "index.html", "#kprototypes")
    assert shown(tab) == ["kprototypes"]
    inside = visit(made / "index.html", "#kmeans-3")
    assert shown(inside) == ["kmeans"]
    assert inside.locator("#kmeans-3").evaluate("card => card.getBoundingClientRect().top") < 400
    tab.get_by_role("tab", name="Compare").click()
    assert tab.url.endswith("#compare")
    assert shown(tab) == ["compare"]
    tab.go_back()
    assert shown(tab) == ["kprototypes"]


def test_the_method_that_describes_best_opens(made, visit):
    told = [json.loads((made / f"{name}.json").read_text(encoding="utf-8")) for name in METHODS]
    best = sentences.recommended(told)["notebook"]
    assert best != VIEWS[0]
    assert shown(visit(made / "index.html")) == [best]


def test_tabs_by_keyboard(made, visit):
    tab = visit(made / "index.html", "#embedding")
    tab.locator("#tab-embedding").focus()
    for key, view in (
        ("ArrowRight", "kmeans"),
        ("End", "compare"),
        ("ArrowRight", "embedding"),
        ("ArrowLeft", "compare"),
        ("Home", "embedding"),
    ):
        tab.keyboard.press(key)
        assert shown(tab) == [view]
        focused = tab.evaluate("document.activeElement.id")
        assert focused == f"tab-{view}"
        selected = tab.locator("[role=tab][aria-selected=true]")
        assert selected.evaluate_all("tabs => tabs.map(tab => [tab.id, tab.tabIndex])") == [
            [focused, 0]
        ]
    assert tab.locator("[role=tab][tabindex='-1']").count() == len(VIEWS) - 1
    panels = tab.locator("[role=tabpanel]")
    labels = panels.evaluate_all("all => all.map(one => one.getAttribute('aria-labelledby'))")
    assert labels == [f"tab-{view}" for view in VIEWS]


def test_without_scripts_all_views_are_read(made, visit):
    assert shown(visit(made / "index.html", java_script_enabled=False)) == VIEWS


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(made, visit, width):
    for view in VIEWS:
        tab = visit(made / "index.html", f"#{view}", width)
        assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_on_a_phone_sizes_stand_below_names(made, visit):
    facts = json.loads((made / "kmeans.json").read_text(encoding="utf-8"))
    size = f"{facts['segments'][0]['share']:.0%}"
    row = "#kmeans .glance tbody tr:first-child"
    narrow, wide = (
        visit(made / "index.html", "#kmeans", width).locator(row) for width in (390, 1280)
    )
    assert size in narrow.inner_text()
    assert wide.inner_text().count(size) == narrow.inner_text().count(size)


def test_on_paper_every_view_is_there_and_no_tab(made, visit):
    tab = visit(made / "index.html", "#kmeans")
    tab.emulate_media(media="print")
    assert shown(tab) == VIEWS
    assert not tab.get_by_role("tablist").is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(made, visit, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core").Axe()
    for view in VIEWS:
        tab = visit(made / "index.html", f"#{view}", color_scheme=scheme)
        for detail in tab.locator("details:visible").all():
            detail.evaluate("some => some.open = true")
        broken = axe.run(tab).response["violations"]
        assert [some["id"] for some in broken if some["impact"] in ("serious", "critical")] == []


def test_figures_stay_readable_on_a_phone(notebook, tmp_path, visit):
    drawn = io.BytesIO()
    plt.imsave(drawn, np.zeros((300, 640)))
    png = base64.b64encode(drawn.getvalue()).decode()
    notebook.cells[1].outputs[0].data["image/png"] = png
    (tmp_path / "plotly.min.js").write_text("Plotly = { newPlot() {} };", encoding="utf-8")
    (tmp_path / "it.html").write_text(to_html(notebook), encoding="utf-8")
    for width, least in ((420, 600), (1280, 640)):
        tab = visit(tmp_path / "it.html", width=width)
        image = tab.locator("img").first
        assert image.evaluate("image => image.clientWidth") >= least
        assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_code_opens_on_demand(notebook, tmp_path, visit):
    (tmp_path / "plotly.min.js").write_text("Plotly = { newPlot() {} };", encoding="utf-8")
    (tmp_path / "it.html").write_text(to_html(notebook), encoding="utf-8")
    tab = visit(tmp_path / "it.html")
    code = tab.get_by_text("print(", exact=False)
    assert code.evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 0
    tab.locator("summary").first.click()
    assert tab.locator("details[open]").count() == 1
    tab.get_by_role("button").click()
    assert tab.locator("details[open]").count() == 3
    tab.get_by_role("button").click()
    assert tab.locator("details[open]").count() == 0
