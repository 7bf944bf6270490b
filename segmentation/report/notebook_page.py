"""A notebook as a page: figures turn, formulas show and code is folded, all with no network."""

import html
import json
import re
from pathlib import Path

import jinja2
import latex2mathml.converter
import nbformat
import plotly.io
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html

from segmentation.readings import is_reading

PLOTLY_JSON = "application/vnd.plotly.v1+json"
#: Where no text stands above a figure.
NO_CAPTION = "A figure; the text beside it says what it shows."
#: What stands between dollars, and, so that it is passed over, code.
MATH = re.compile(
    r"```.*?```|`[^`]*`|\$\$(.+?)\$\$|\$([^$\s](?:[^$\n]*[^$\s])?)\$(?!\d)", re.DOTALL
)


def to_html(notebook):
    """Return a notebook as a page.

    Parameters
    ----------
    notebook : NotebookNode
        That ran.

    Returns
    -------
    str
        It asks for ``plotly.min.js`` beside it, and for nothing else.
    """
    page = without_network(notebook)
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    exporter = HTMLExporter(
        extra_loaders=[loader],
        template_file="notebook.html.j2",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(page, {"metadata": {"name": title_of(notebook)}})
    return body


def without_network(notebook):
    """Return a copy of a notebook whose formulas and figures no page needs a network for.

    Parameters
    ----------
    notebook : NotebookNode
        That ran.

    Returns
    -------
    NotebookNode
        Formulas are MathML; figures to turn are HTML, which needs Plotly's script on the page, and
        every PNG has its caption in the metadata of its output, as ``alt``.
    """
    page = nbformat.from_dict(notebook)
    above = ""
    for cell in page.cells:
        if cell.cell_type == "markdown":
            above = above if is_reading(cell) else cell.source
            cell.source = MATH.sub(_to_mathml, cell.source)
        for output in cell.get("outputs", []):
            _describe(output, _caption(above))
    return page


def title_of(notebook):
    """Return the title of a notebook, as its first cell has it."""
    return re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE).group(1)


def _to_mathml(found):
    block, inline = found.groups()
    if block is None and inline is None:
        return found.group()
    display = "inline" if block is None else "block"
    return latex2mathml.converter.convert(block or inline, display=display)


def _describe(output, caption):
    """Give a figure of an output its caption for who cannot see it."""
    data = output.get("data", {})
    if "image/png" in data:
        output.metadata["alt"] = caption
    if figure := data.get(PLOTLY_JSON):
        figure = plotly.io.from_json(json.dumps(figure))
        drawn = figure.to_html(full_html=False, include_plotlyjs=False)
        label = html.escape(caption)
        data["text/html"] = f'<div role="group" aria-label="{label}">{drawn}</div>'


def _caption(above):
    """Return as plain text the last paragraph above a figure, which says how to read it."""
    paragraph = above.strip().rpartition("\n\n")[2]
    text = re.sub(r"<[^>]*>", "", markdown2html(paragraph))
    return " ".join(html.unescape(text).split()) or NO_CAPTION
