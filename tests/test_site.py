"""The site: built without a warning, it is whole, its links lead somewhere, no network is asked."""

import subprocess
import sys
from collections import defaultdict
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest

from segmentation.build import ROOT, find_notebooks

pytestmark = pytest.mark.slow


class _Page(HTMLParser):
    """The anchors of a page, its links, and what a browser asks for to show it."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.needs = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = {name: value for name, value in attrs if value}
        self.anchors |= {attrs[name] for name in ("id", "name") if name in attrs}
        if tag == "a" and "href" in attrs:
            self.links.add(attrs["href"])
        elif link := attrs.get("src") or attrs.get("href"):
            self.needs.add(link)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, or skip with the reason."""
    pytest.importorskip("sphinx", reason="no Sphinx: requirements-site.txt is not installed")
    folder = tmp_path_factory.mktemp("site")
    # Warnings of Sphinx are errors.
    subprocess.run([sys.executable, ROOT / "docs" / "build.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: _Page(path) for path in site.rglob("*.html")}


def test_every_notebook_and_module_has_a_page(site):
    notebooks = [path.relative_to(ROOT).with_suffix(".html") for path in find_notebooks(True)]
    assert [path for path in notebooks if not (site / path).is_file()] == []
    modules = (path for path in (ROOT / "segmentation").rglob("*.py") if path.stem[0] != "_")
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules]
    assert [name for name in names if not (site / "reference" / f"{name}.html").is_file()] == []


def test_links_lead_somewhere(pages):
    broken = defaultdict(set)
    for path, page in pages.items():
        for link in page.links | page.needs:
            url = urlsplit(link)
            if url.scheme:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            there = target.is_file() and url.fragment in ("", *pages.get(target, page).anchors)
            if not there:
                broken[path.name].add(link)
    assert not broken


def test_pages_ask_no_server_for_anything(pages):
    asked = {link for page in pages.values() for link in page.needs if urlsplit(link).netloc}
    assert not asked


@pytest.fixture(scope="module")
def tab(site, browser):
    """Return a tab of a browser that is at the site, on a static host; it must ask no other."""
    handler = partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        Thread(target=host.serve_forever).start()
        url, said = f"http://127.0.0.1:{host.server_port}/", []
        tab = browser.new_context(base_url=url).new_page()
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: url in request.url or said.append(request.url))
        yield tab
        tab.context.close()
        host.shutdown()
    assert not [what for what in said if not what.startswith(("data:", "blob:"))]


def test_figures_turn(tab):
    tab.goto("notebooks/kmeans.html")
    tab.wait_for_selector(".js-plotly-plot .main-svg", state="attached")


def test_the_search_finds_a_function(tab):
    tab.goto("search.html?q=silhouette_samples")
    tab.wait_for_selector('#search-results a[href*="reference/segmentation.silhouette.html"]')
    # It fetches the pages found, to quote them.
    tab.wait_for_load_state("networkidle")


@pytest.mark.parametrize("page", ["index", "notebooks/kmeans", "reference/segmentation.rules"])
def test_a_telephone_shows_the_whole_width(tab, page):
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(f"{page}.html")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
