"""Run the notebooks.

python -m segmentation.build                       the notebooks into build/, as pages
python -m segmentation.build --further             those of notebooks/further/ too
python -m segmentation.build --customers my.csv    on a table of one's own
python -m segmentation.build --render              in place, on the real table; refreshes img/
python -m segmentation.build kmeans                only the notebooks named
"""

import argparse
import ast
import hashlib
import html
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import papermill
import plotly.offline
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from papermill.exceptions import PapermillExecutionError

from segmentation import files
from segmentation.customers import (
    DownloadError,
    TableError,
    describe_source,
    find_table,
    is_bank_marketing,
)
from segmentation.customers.source import BANK_MARKETING_SHA256
from segmentation.notebook import NotApplicable

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
IMAGES = ROOT / "img"

PLOTLY_JSON = "application/vnd.plotly.v1+json"

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Customer segmentation</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222 }}
article {{ border-top: 1px solid #ccc; padding: 1rem 0 }}
article > div {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start }}
article section {{ flex: 1 1 20rem }}
img {{ max-width: 26rem; width: 100% }}
blockquote {{ background: #fff4d6; margin: 1rem 0; padding: .5rem 1rem }}
</style></head><body>
<h1>Customer segmentation</h1>
{source}
{articles}
</body></html>
"""

ARTICLE = """<article><h2><a href="{page}">{title}</a></h2><div>
<section>{verdict}<p><a href="{page}">Read the notebook</a></p></section>
{figure}</div></article>
"""


def main(args=None):
    """Run the notebooks as the command line says.

    Returns
    -------
    int
        0, or 2 after a message on the standard error.
    """
    options = _parser().parse_args(args)
    try:
        table = find_table(options.customers)
        if options.render and not is_bank_marketing(table):
            raise TableError(
                f"{table.name} is not the published Bank Marketing table, and committed notebooks "
                "show that one: remove CUSTOMERS and data/train.csv, and it is downloaded."
            )
        notebooks = find_notebooks(options.further or options.render, options.notebooks)
    except (TableError, DownloadError) as error:
        print(error, file=sys.stderr)
        return 2
    print(_as_text(describe_source(table)))
    # The notebooks find their table by this variable, so that none looks for the network again.
    os.environ["CUSTOMERS"] = str(table.resolve())
    try:
        return _render(notebooks) if options.render else _build(notebooks, table)
    except PapermillExecutionError as error:
        print(f"\n{error.ename}: {error.evalue}", file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="python -m segmentation.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebooks", nargs="*", help="names, such as kmeans; by default all")
    parser.add_argument("--customers", help="path of a customer table")
    parser.add_argument("--further", action="store_true", help="also notebooks/further/")
    parser.add_argument("--render", action="store_true", help="in place, on the real table")
    return parser


def find_notebooks(further, names=()):
    """Return the paths of the notebooks, in alphabetical order, those of ``further/`` last.

    Raises
    ------
    TableError
        If one that is named is not there.
    """
    found = sorted(NOTEBOOKS.glob("*.ipynb"))
    if further or names:
        found += sorted((NOTEBOOKS / "further").glob("*.ipynb"))
    absent = set(names) - {path.stem for path in found}
    if absent:
        known = ", ".join(path.stem for path in found)
        raise TableError(f"no notebook {', '.join(sorted(absent))}; there are: {known}.")
    return [path for path in found if not names or path.stem in names]


def _build(notebooks, table):
    BUILD.mkdir(exist_ok=True)
    (BUILD / "plotly.min.js").write_text(plotly.offline.get_plotlyjs(), encoding="utf-8")
    articles = []
    for number, path in enumerate(notebooks, start=1):
        notebook = _execute(path, f"[{number}/{len(notebooks)}] {path.stem}")
        files.write_text(BUILD / path.name, nbformat.writes(notebook))
        files.write_text(BUILD / f"{path.stem}.html", to_html(notebook))
        articles.append(_article(path.stem, notebook))
    source = markdown2html(describe_source(table))
    files.write_text(BUILD / "index.html", PAGE.format(source=source, articles="".join(articles)))
    print(f"Open {BUILD / 'index.html'}")
    return 0


def _render(notebooks):
    """Run notebooks in place on the real table, stamp them and copy their figures to img/."""
    for number, path in enumerate(notebooks, start=1):
        for old in (BUILD / "img").glob(f"{path.stem}_*"):
            old.unlink()
        notebook = _execute(path, f"[{number}/{len(notebooks)}] {path.stem}")
        for part in [notebook, *notebook.cells]:
            part.metadata.pop("papermill", None)
            part.metadata.pop("execution", None)
        notebook.metadata["stamp"] = stamp(notebook)
        files.write_text(path, nbformat.writes(notebook) + "\n")
        for old in IMAGES.glob(f"{path.stem}_*"):
            old.unlink()
        for new in (BUILD / "img").glob(f"{path.stem}_*"):
            shutil.copy(new, IMAGES)
    return 0


def _execute(path, description):
    """Run a notebook in its own folder with a progress line; return it with its outputs."""
    BUILD.mkdir(exist_ok=True)
    running = BUILD / f".{path.stem}.running.ipynb"
    try:
        try:
            notebook = papermill.execute_notebook(
                path, running, cwd=path.parent, progress_bar={"desc": description}
            )
        except PapermillExecutionError as error:
            if error.ename != NotApplicable.__name__:
                raise
            notebook = _cut_at_the_end(nbformat.read(running, as_version=4))
        # Of a progress bar, the last state is enough.
        return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]
    finally:
        running.unlink(missing_ok=True)


def _cut_at_the_end(notebook):
    """Return a notebook that ended early, without what it did not come to."""
    cells = []
    for cell in notebook.cells:
        if "papermill-error-cell-tag" in cell.metadata.get("tags", []):
            continue
        cells.append(cell)
        outputs = cell.get("outputs", [])
        if any(output.output_type == "error" for output in outputs):
            cell.outputs = [output for output in outputs if output.output_type != "error"]
            break
    notebook.cells = cells
    return notebook


def to_html(notebook):
    """Return a notebook as a page; its plotly figures turn, with no network."""
    page = nbformat.from_dict(notebook)
    for cell in page.cells:
        for output in cell.get("outputs", []):
            if figure := output.get("data", {}).get(PLOTLY_JSON):
                figure = plotly.io.from_json(json.dumps(figure))
                output.data["text/html"] = figure.to_html(full_html=False, include_plotlyjs=False)
    body, _ = HTMLExporter().from_notebook_node(page)
    return body.replace("</head>", '<script src="plotly.min.js"></script></head>', 1)


def _article(name, notebook):
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE).group(1)
    figures = (
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )
    png = next(figures, None)
    figure = f'<img alt="{html.escape(title)}" src="data:image/png;base64,{png}">' if png else ""
    verdict = markdown2html(find_verdict(notebook))
    return ARTICLE.format(
        page=f"{name}.html", title=html.escape(title), verdict=verdict, figure=figure
    )


def find_verdict(notebook):
    """Return the Markdown that the cell tagged ``verdict`` shows."""
    cell = next(cell for cell in notebook.cells if "verdict" in cell.metadata.get("tags", []))
    return "".join(
        output["data"]["text/markdown"]
        for output in cell.outputs
        if "text/markdown" in output.get("data", {})
    )


def stamp(notebook):
    """Hash what the outputs of a notebook depend on.

    Returns
    -------
    dict of str to str
        SHA-256 of the code cells, of the modules of this repository that they import, directly
        or not, and of the real table.
    """
    code = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    package = hashlib.sha256()
    for module in sorted(_imported_modules(code)):
        package.update(module.read_bytes())
    return {
        "code": hashlib.sha256(code.encode()).hexdigest(),
        "package": package.hexdigest(),
        "data": BANK_MARKETING_SHA256,
    }


def _imported_modules(code, found=frozenset()):
    """Return the files of this repository that code imports, with those that they import."""
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            path = (ROOT / name.replace(".", "/")).with_suffix(".py")
            if path.is_file() and path not in found:
                found = _imported_modules(path.read_text(encoding="utf-8"), found | {path})
    return found


def _as_text(markdown):
    return re.sub(r"\[([^]]*)\]\([^)]*\)|^> ?|[*`]", r"\1", markdown, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
