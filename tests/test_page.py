"""The page for who decides: what it says is what the data say, for everybody who reads it."""

import html
import json
import re

import pandas as pd
import pytest
from left import METHODS, MONEY, articles_of, leave, numbers, shows, wilson, write

from segmentation.customers import SAMPLE
from segmentation.report import page, sentences, whom

ODD = '<script>alert("x")</script> & "quoted"'


@pytest.fixture(scope="module")
def made(synthetic, tmp_path_factory):
    """Return a folder with the page of three methods, one of them with odd names."""
    folder = tmp_path_factory.mktemp("made")
    leave(folder, synthetic, "embedding", [ODD, "Kunden aus Köln, 東京の顧客, عملاء"], found=False)
    leave(folder, synthetic, "kmeans", ["Aged 35 or more", "Housing loan", "Personal loan"])
    leave(folder, synthetic, "kprototypes", [f"Segment {'of many words ' * i}" for i in range(10)])
    further = page.Article("more", "More <of> it", "**Verdict.** Also <b>this</b>.", None, True)
    write(folder, synthetic, *articles_of(*METHODS), further)
    return folder


@pytest.fixture(scope="module")
def written(made):
    return (made / "index.html").read_text(encoding="utf-8")


def test_every_number_of_a_card_is_that_of_the_table(made, written, synthetic):
    shown = numbers(written)
    yes = (synthetic.target == "yes").astype(int)
    split = int(0.7 * len(yes))
    periods = {"now": yes.index >= split, "before": yes.index < split}
    for notebook in METHODS:
        scored = pd.read_csv(made / f"segments_{notebook}.csv")
        kept = ~scored["outlier"]
        for segment in scored["segment"].unique():
            own = kept & (scored["segment"] == segment)
            expected = {
                "customers": own.sum(),
                "share": own.sum() / len(kept),
                "set_aside": (~kept & (scored["segment"] == segment)).sum(),
            }
            for what, value in expected.items():
                assert shows(shown[f"{notebook}.{segment}.{what}"], value), (segment, what)
            for period, of_period in periods.items():
                check_rate(shown, f"{notebook}.{segment}.{period}", yes[own & of_period])
        for period, of_period in periods.items():
            check_rate(shown, f"{notebook}.aside.{period}", yes[~kept & of_period])


def check_rate(shown, key, known):
    low, high = wilson(known.sum(), len(known))
    expected = {
        "": known.mean(),
        ".low": low,
        ".high": high,
        ".positives": known.sum(),
        ".known": len(known),
        ".profit": 60 * known.mean() - 5,
        ".profit_low": 60 * low - 5,
        ".profit_high": 60 * high - 5,
    }
    for what, value in expected.items():
        assert shows(shown[f"{key}{what}"], value), (key, what)


def test_all_customers_are_those_of_the_table(written, synthetic):
    yes = synthetic.target == "yes"
    split = int(0.7 * len(yes))
    shown = numbers(written)
    assert shows(shown["whom.all"], yes[split:].mean())
    assert shows(shown["whom.all.before"], yes[:split].mean())


def test_the_list_has_who_is_still_sought_the_best_group_first(made, written, synthetic):
    listed = pd.read_csv(made / page.LIST, index_col="row", encoding="utf-8-sig")
    yes = synthetic.target == "yes"
    assert sorted(listed.index) == yes.index[~yes].tolist()
    assert listed["group_rank"].is_monotonic_increasing
    assert listed["rate_of_group"].is_monotonic_decreasing
    (best,) = set(re.findall(r'<a href="#(\w+)-1">', written.partition("</header>")[0]))
    scored = pd.read_csv(made / f"segments_{best}.csv")
    segment = scored["segment"].where(~scored["outlier"], 0)
    shown, late = numbers(written), yes.index >= int(0.7 * len(yes))
    for (key, rank), of_group in listed.groupby([segment[listed.index], "group_rank"]):
        assert len(of_group) == (~yes & (segment == key)).sum()
        rate = yes[late & (segment == key)].mean()
        assert of_group["rate_of_group"].to_numpy() == pytest.approx(rate, abs=1e-4)
        assert of_group["group"].nunique() == 1
        # A group has no order: who stands first in it is who was drawn first.
        assert not of_group.index.is_monotonic_increasing
        if rank <= whom.MAX_LISTED:
            assert shows(shown[f"whom.{key or 'aside'}.listed"], len(of_group))


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


def test_example_amounts_are_called_examples(tmp_path, synthetic, written):
    assert "customers.toml" in written
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], MONEY | {"example": False})
    own = write(tmp_path, synthetic, *articles_of("kmeans"))
    assert facts["money"]["break_even"] == MONEY["break_even"]
    assert "customers.toml" not in own.partition('class="roles"')[0]


def test_without_money_no_profit_is_said(tmp_path, synthetic):
    leave(tmp_path, synthetic, "kmeans", ["One", "Two"], money=None)
    written = write(tmp_path, synthetic, *articles_of("kmeans"))
    shown = numbers(written)
    assert "kmeans.1.now" in shown
    assert "kmeans.1.now.profit" not in shown


def test_without_a_target_nothing_is_said_of_one(tmp_path, synthetic):
    leave(tmp_path, synthetic, "kmeans", ["One", "Two"], target=False)
    written = write(tmp_path, synthetic._replace(target=None), *articles_of("kmeans"))
    shown = numbers(written)
    assert "kmeans.2.customers" in shown
    assert not any("now" in key or "profit" in key for key in shown)
    assert not (tmp_path / page.LIST).exists()
    assert "LightGBM" not in written
    assert 'id="compare"' in written


def test_a_target_that_is_a_number_is_told_as_a_mean(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"], target=False)
    found = {"mean": 31.25, "low": 28.0, "high": 34.5, "share": 0.4, "customers": 900}
    facts["measure"] = {"column": "m", "label": "money", "money": True, "all": found | {"mean": 9}}
    facts["set_aside"]["measure"] = found | {"mean": 77.0}
    facts["segments"][0]["measure"] = found
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    page.write(
        tmp_path, synthetic._replace(target=None), SAMPLE, articles_of("kmeans"), ["12 lines"]
    )
    written = (tmp_path / "index.html").read_text(encoding="utf-8")
    shown = numbers(written)
    listed = pd.read_csv(tmp_path / page.LIST, encoding="utf-8-sig")
    assert len(listed) == len(synthetic.table)
    assert shows(shown["kmeans.1.mean"], 31)
    assert shows(shown["kmeans.1.mean_low"], 28)
    assert shows(shown["kmeans.1.mean_share"], 0.4)
    assert "kmeans.2.mean" not in shown
    assert ">77<" in written
    assert "12 lines" in written
    assert sentences.against_mean(found, {"mean": 9}) != sentences.against_mean(found, {"mean": 30})


def test_a_segment_whose_target_nobody_knows_has_no_rate(tmp_path, synthetic):
    facts = leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    facts["segments"][0] |= {
        "target": None,
        "periods": None,
        "profit": None,
        "next": None,
        "rule": "",
    }
    (tmp_path / "kmeans.json").write_text(json.dumps(facts), encoding="utf-8")
    shown = numbers(write(tmp_path, synthetic, *articles_of("kmeans")))
    assert "kmeans.1.now" not in shown
    assert "kmeans.1.precision" not in shown
    assert "kmeans.2.now" in shown
    assert "whom.1" not in shown


def test_a_method_without_facts_says_why(tmp_path, synthetic):
    leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    why = page.Article("kprototypes", "K-Prototypes: a title", "**Verdict.** Not for this table.")
    written = write(tmp_path, synthetic, *articles_of("kmeans"), why)
    assert "Not for this table" in written
    assert 'href="#kprototypes"' in written
    assert "kprototypes.1.customers" not in numbers(written)


def test_notebooks_without_facts_make_a_page(tmp_path, synthetic):
    further = page.Article("more", "More", "**Verdict.** Also this.", "aGk=", True)
    only = write(tmp_path, synthetic, further)
    assert "Also" in only
    assert "data:image/png;base64,aGk=" in only
    assert "data-tabs" not in only
    assert "Said" in write(tmp_path, synthetic, *articles_of("kmeans"), further)


def test_facts_of_a_further_notebook_are_none_of_a_method(tmp_path, synthetic):
    leave(tmp_path, synthetic, "kmeans", ["One", "Two"])
    written = write(tmp_path, synthetic, articles_of("kmeans")[0]._replace(further=True))
    assert not numbers(written)


def test_a_mixed_segment_is_called_mixed(written):
    cards = written.partition('id="kmeans-1"')[2].split("<article")
    assert "Mixed" in cards[1]
    assert "Mixed" not in cards[0]


# --- In a browser -------------------------------------------------------------------------------


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


def test_the_method_opens_that_the_list_is_of(made, written, visit):
    (best,) = set(re.findall(r'<a href="#(\w+)-1">', written.partition("</header>")[0]))
    assert best != VIEWS[0]
    tab = visit(made / "index.html")
    assert shown(tab) == [best]
    tab.get_by_role("tab", name="Compare").click()
    tab.locator(".whom tbody a").first.click()
    assert shown(tab) == [best]


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
    size = f"{facts['segments'][0]['customers']:,}"
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
