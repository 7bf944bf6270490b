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
import plotly.offline
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from tqdm import tqdm

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


class NotebookError(RuntimeError):
    """A notebook failed; the message names the cell and the error."""


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
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the notebooks that were done are in build/.", file=sys.stderr)
        return 130


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
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    if further or names:
        paths += sorted((NOTEBOOKS / "further").glob("*.ipynb"))
    absent = set(names) - {path.stem for path in paths}
    if absent:
        known = ", ".join(path.stem for path in paths)
        raise TableError(f"no notebook {', '.join(sorted(absent))}; there are: {known}.")
    return [path for path in paths if not names or path.stem in names]


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
        notebook.metadata["stamp"] = stamp(notebook)
        files.write_text(path, nbformat.writes(notebook) + "\n")
        for old in IMAGES.glob(f"{path.stem}_*"):
            old.unlink()
        for new in (BUILD / "img").glob(f"{path.stem}_*"):
            shutil.copy(new, IMAGES)
    return 0


def _execute(path, description):
    """Run a notebook in its own folder with a progress line; return it with its outputs.

    Raises
    ------
    NotebookError
        If a cell fails. What ran until then is kept in build/.
    """
    BUILD.mkdir(exist_ok=True)
    failed = BUILD / f"{path.stem}.failed.ipynb"
    failed.unlink(missing_ok=True)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    try:
        _run_cells(notebook, path.parent, description)
    except (CellExecutionError, DeadKernelError) as error:
        if getattr(error, "ename", "") != NotApplicable.__name__:
            files.write_text(failed, nbformat.writes(notebook))
            raise NotebookError(_name_failure(path.stem, notebook, error, failed)) from error
        _end_at_last_output(notebook)
    # Of a progress bar, the last state is enough.
    return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]


def _run_cells(notebook, folder, description):
    client = NotebookClient(
        notebook,
        timeout=None,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        # Else every kernel warns that it talks to this process over TCP.
        extra_arguments=["--log-level=40"],
    )
    n_cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tqdm(total=n_cells, desc=description, unit=" cells") as bar:
        client.on_cell_executed = lambda **_: bar.update()
        client.execute()


def _last_run(notebook):
    """Return the index of the last cell that was run."""
    return max(i for i, cell in enumerate(notebook.cells) if cell.get("execution_count"))


def _end_at_last_output(notebook):
    """Drop the cells that a notebook which ended early did not come to."""
    last = _last_run(notebook)
    del notebook.cells[last + 1 :]
    cell = notebook.cells[last]
    cell.outputs = [output for output in cell.outputs if output.output_type != "error"]


def _name_failure(name, notebook, error, failed):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    run = [cell for cell in cells if cell.execution_count or cell.outputs]
    where = (
        f"cell {len(run)} of {len(cells)} ({run[-1].source.splitlines()[0]})" if run else "start"
    )
    what = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else str(error)
    return f"{name}.ipynb, {where}: {what}\nWhat ran until then: {failed}"


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
    """Hash what the outputs of a notebook depend on; docstrings and comments are not.

    Returns
    -------
    dict of str to str
        SHA-256 of the code cells, of the modules of this repository that they import, directly
        or not, and of the real table.
    """
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    package = hashlib.sha256()
    for module in sorted(_imported_modules("\n\n".join(cells))):
        package.update(_bare(module.read_text(encoding="utf-8")).encode())
    return {
        # A semicolon at the end hides an output.
        "code": _hash([f"{_bare(cell)}{cell.rstrip()[-1:] == ';'}" for cell in cells]),
        "package": package.hexdigest(),
        "data": BANK_MARKETING_SHA256,
    }


def _hash(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _bare(code):
    """Return code without docstrings, comments and blank lines."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            # A cell that is one text shows it, so that text is no docstring.
            if ast.get_docstring(node) is not None and len(node.body) > 1:
                del node.body[0]
            elif ast.get_docstring(node) is not None and not isinstance(node, ast.Module):
                node.body[0] = ast.Pass()
    return ast.unparse(tree)


def _imported_modules(code, seen=frozenset()):
    """Return the files of this repository that code imports, with those that they import."""
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            for path in _files_of(name):
                if path not in seen:
                    seen = _imported_modules(path.read_text(encoding="utf-8"), seen | {path})
    return seen


def _files_of(name):
    """Return the files that the import of a module runs: its own, and those of its packages."""
    parts = name.split(".")
    packages = [ROOT.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts) + 1)]
    own = ROOT.joinpath(*parts).with_suffix(".py")
    return [path for path in [*packages, own] if path.is_file()]


def _as_text(markdown):
    return re.sub(r"\[([^]]*)\]\([^)]*\)|^> ?|[*`]", r"\1", markdown, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
