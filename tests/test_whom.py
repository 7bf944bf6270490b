"""What is said first: whether there are groups, which method, whom to contact."""

import json
import re

import numpy as np
import pandas as pd
from left import METHODS, articles_of, leave, numbers, write

from segmentation.report import phrases, sentences, whom


def test_the_verdict_claims_groups_only_where_they_are_found(tmp_path, synthetic):
    said = set()
    for found in ((True, True), (True, False), (False, False)):
        methods = [
            leave(tmp_path, synthetic, name, ["One", "Two"], found=one)
            for name, one in zip(("kmeans", "kprototypes"), found, strict=True)
        ]
        said.add(sentences.headline(methods, {("k-means", "K-Prototypes"): 0.95}))
        assert sentences.checks(methods[1])["More grouped than chance"][0] is found[1]
    assert len(said) == 3
    methods[0]["groups"]["found"] = methods[1]["groups"]["found"] = True
    said.add(sentences.headline(methods, {("k-means", "K-Prototypes"): 0.2}))
    assert len(said) == 4


def test_groups_are_called_real_only_where_as_many_are_found(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    said = [sentences.reality(facts)]
    assert sentences.shown_to_be_groups(facts)
    for change in ({"k": 17}, {"found": False}):
        facts["groups"] |= change
        assert not sentences.shown_to_be_groups(facts)
        said.append(sentences.reality(facts))
    assert len(set(said)) == 3
    assert "17" in said[1]


def test_checks_ask_for_every_segment(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    for part in facts["segments"]:
        part["mixed"] = False
    assert sentences.n_passed(facts) == 4
    facts["segments"][1]["mixed"] = True
    facts["segments"][0]["stability"]["verdict"] = "doubtful"
    facts["seeds"]["low"] = 0.89
    assert sentences.n_passed(facts) == 1


def test_a_sign_of_another_number_of_groups_is_called_that(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    said = sentences.groups_or_not([facts])
    facts["groups"]["k"] = 17
    with_it = sentences.groups_or_not([facts])
    assert "17" in with_it
    assert "17" not in said
    assert len(with_it) > len(said)


def test_how_alike_methods_are_is_said_of_the_two_most_alike(tmp_path, synthetic):
    methods = [leave(tmp_path, synthetic, name, ["One", "Two"]) for name in METHODS]
    pairs = [("text embedding", "k-means"), ("k-means", "K-Prototypes")]
    said = [
        sentences.how_sure(methods, dict(zip(pairs, values, strict=True)))
        for values in ((0.95, 0.1), (0.1, 0.95), (0.2, 0.1), (0.2, np.nan))
    ]
    assert ["K-Prototypes" in text for text in said] == [False, True, False, False]
    assert len(set(said)) == 4


def asking(facts, *later):
    """Give the segments rates of later customers, and those set aside a low one."""
    groups = [*facts["segments"], facts["set_aside"]]
    for some, (share, low, high) in zip(groups, (*later, (0.01, 0, 0.02)), strict=True):
        some["periods"]["later"] |= {"share": share, "low": low, "high": high}
    return facts


def listed(facts):
    return [
        (group.segment, group.now and group.now["share"]) for group in whom.advise(facts).ranked
    ]


def test_the_highest_rate_of_later_customers_comes_first(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two", "Three"])
    asking(facts, (0.2, 0.1, 0.3), (0.4, 0.3, 0.5), (0.1, 0.05, 0.2))
    assert listed(facts) == [(2, 0.4), (1, 0.2), (3, 0.1), (None, 0.01)]
    decisions = [group.now["profit"]["decision"] for group in whom.advise(facts).ranked]
    assert decisions == ["contact", "contact", "not decided", "do not contact"]
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    written = write(tmp_path, synthetic, *articles_of("kmeans"))
    shown = numbers(written)
    assert [shown[f"whom.{segment}"] for segment in (2, 1, 3, "aside")] == [
        "40.0%",
        "20.0%",
        "10.0%",
        "1.0%",
    ]
    box = written.partition("</header>")[0]
    places = [box.index(f'data-number="whom.{segment}"') for segment in (2, 1, 3, "aside")]
    assert places == sorted(places)


def test_where_a_contact_pays_is_counted(tmp_path, synthetic):
    said = set()
    for low in ([0.1, 0.1, 0.1], [0.1, 0.1, 0.0], [0.0, 0.0, 0.0]):
        facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two", "Three"])
        said.add(whom.advise(asking(facts, *[(0.2, end, 0.3) for end in low])).answer)
    assert len(said) == 3


def test_that_decisions_turned_is_said_where_they_did(tmp_path, synthetic):
    facts = asking(leave(tmp_path, synthetic, "kmeans", ["One", "Two"]), *[(0.2, 0.1, 0.3)] * 2)
    for some in facts["segments"]:
        some["periods"]["earlier"] |= {"share": 0.2, "low": 0.1, "high": 0.3}
    assert whom.NEXT not in whom.advise(facts).answer
    facts["segments"][0]["periods"]["earlier"] |= {"share": 0.02, "low": 0.01, "high": 0.03}
    assert whom.NEXT in whom.advise(facts).answer


def test_the_headline_names_a_segment_that_is_clearly_above_all(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    for more, less in ((0, 1), (1, 0)):
        for some, share in ((facts["segments"][more], 0.9), (facts["segments"][less], 0.0)):
            some["periods"]["later"] |= {"share": share, "low": share, "high": share}
        said = whom.headline(facts, whom.advise(facts))
        assert said.startswith(facts["segments"][more]["name"])
        assert "90%" in said
    for some in facts["segments"]:
        some["periods"]["later"] |= {"low": 0.0, "high": 1.0}
    assert whom.headline(facts, whom.advise(facts)) is None
    measured = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], target=False)
    found = {"mean": 31.25, "low": 28.0, "high": 34.5, "share": 0.4, "customers": 900}
    measured["measure"] = {"column": "m", "label": "money", "money": True, "all": found}
    measured["segments"][1]["measure"] = found | {"mean": 50.0, "low": 40.0}
    said = whom.headline(measured, whom.advise(measured))
    assert said.startswith("Two")
    assert "50" in said
    measured["segments"][1]["measure"] = found
    assert whom.headline(measured, whom.advise(measured)) is None


def test_without_periods_or_money_what_is_known_is_told(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], money=None)
    asking(facts, (0.2, 0.1, 0.3), (0.4, 0.3, 0.5))
    assert listed(facts) == [(2, 0.4), (1, 0.2), (None, 0.01)]
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    for some in (*facts["segments"], facts["set_aside"]):
        some["periods"] = None
    for some, share in zip(facts["segments"], (0.5, 0.6), strict=True):
        some["target"]["share"] = share
    assert listed(facts | {"periods": None})[:2] == [(2, 0.6), (1, 0.5)]
    assert whom.advise(facts).before is None
    untold = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], target=False)
    assert whom.advise(untold) is None


def test_a_list_of_means_has_those_of_whom_nothing_is_known_last(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], target=False)
    found = {"mean": 31.25, "low": 28.0, "high": 34.5, "share": 0.4, "customers": 900}
    facts["measure"] = {"column": "m", "label": "money", "money": True, "all": found}
    facts["segments"][1]["measure"] = found
    scored = pd.read_csv(tmp_path / "segments_kmeans.csv")
    ranked = whom.advise(facts).ranked
    told = whom.list_customers(ranked, scored, synthetic._replace(target=None))
    assert sorted(told.index) == list(scored.index)
    known = told["group_rank"].notna()
    assert set(told["mean_of_group"][known]) == {31.25}
    assert set(told["group"][known]) == {"Two"}
    assert (~known).sum() == len(scored) - known.sum() > 0
    assert not known.iloc[known.sum() :].any()
    assert "decision" not in told


def test_both_periods_are_named_by_their_shares(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    shares = [re.search(r"(\d+)%", name(facts)) for name in (phrases.first, phrases.last)]
    assert [int(share.group(1)) for share in shares] == [70, 30]
