"""Notebooks as pages: folded code, described figures, formulas; nothing from elsewhere."""

import base64
import io
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segmentation.report.notebook_page import to_html


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
