"""Run the notebooks.

python -m segmentation.build                       the notebooks into build/, as pages
python -m segmentation.build --further             those of notebooks/further/ too
python -m segmentation.build --customers my.csv    on a table of one's own
python -m segmentation.build --transactions o.csv  on customers made of orders
python -m segmentation.build --render              in place, on the real table; refreshes img/
python -m segmentation.build --lab                 to be run by hand, in JupyterLab
python -m segmentation.build kmeans                only the notebooks named
"""

import argparse
import ast
import hashlib
import os
import re
import shutil
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat
import plotly.offline
from IPython.core.displayhook import DisplayHook
from IPython.core.inputtransformer2 import TransformerManager

from segmentation import files
from segmentation.customers import (
    DownloadError,
    TableError,
    describe_roles,
    describe_source,
    find_table,
    is_bank_marketing,
    load_customers,
    read_settings,
)
from segmentation.customers.source import BANK_MARKETING_SHA256
from segmentation.execution import NotebookError, execute
from segmentation.readings import keep_true
from segmentation.report import page
from segmentation.report.notebook_page import title_of, to_html

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
IMAGES = ROOT / "img"

#: What may have a docstring.
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

#: How the threads of OpenMP's two libraries wait: asleep.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}

#: Of the main notebooks, how many run at the same time: much of each keeps one core busy, so two
#: on two cores take 0.8 of the time that they take one after the other.
AT_ONCE = 2


def main(args=None):
    """Run the notebooks as the command line says.

    Returns
    -------
    int
        0, or 2 after a message on the standard error.
    """
    options = _parser().parse_args(args)
    try:
        table, orders = _find_customers(options)
        if not orders and BUILD.resolve() in table.resolve().parents:
            raise TableError(
                f"{table} lies in {BUILD}, whose files the notebooks replace: move it."
            )
        if options.render and not is_bank_marketing(table):
            raise TableError(
                f"{table.name} is not the published Bank Marketing table, and committed notebooks "
                "show that one: remove CUSTOMERS and data/train.csv, and it is downloaded."
            )
        notebooks = find_notebooks(options.further or options.render, options.notebooks)
        # Whatever makes the table unusable is said now, not after minutes.
        loaded = load_customers(table)
    except (TableError, DownloadError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(orders))
    print(_as_text(f"{describe_source(table)}\n\n{describe_roles(loaded)}"))
    _set_environment(table)
    try:
        if options.lab:
            return _open_lab()
        if options.render:
            return _render(notebooks)
        return _build(notebooks, loaded, table, orders)
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped.", file=sys.stderr)
        return 130


def _set_environment(table):
    """Set what the kernels of notebooks inherit."""
    # They find their table by this variable, so that none looks for the network again.
    os.environ["CUSTOMERS"] = str(table.resolve())
    # Before all other places of kernels, so that python3 is the Python which runs this.
    os.environ["JUPYTER_PATH"] = str(Path(sys.prefix, "share", "jupyter"))
    # Threads that wait by spinning take the cores from whoever else has work, ten times over.
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)


def _find_customers(options):
    """Return the customers' table, and what became of orders, if it was made of such."""
    orders = options.transactions or os.environ.get("TRANSACTIONS")
    if not orders:
        return find_table(options.customers), []
    if options.customers or os.environ.get("CUSTOMERS"):
        raise TableError("give CUSTOMERS, a table of customers, or TRANSACTIONS, orders: not both.")
    # Imported here: a table of customers needs no database.
    from segmentation.transactions import write_customers

    return write_customers(orders, BUILD / "orders")


def _parser():
    parser = argparse.ArgumentParser(prog="python -m segmentation.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebooks", nargs="*", help="names, such as kmeans; by default all")
    parser.add_argument("--customers", help="path of a customer table")
    parser.add_argument("--transactions", help="path of orders, of which customers are made")
    parser.add_argument("--further", action="store_true", help="also notebooks/further/")
    parser.add_argument("--render", action="store_true", help="in place, on the real table")
    parser.add_argument("--lab", action="store_true", help="open them in JupyterLab")
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


def _build(notebooks, loaded, table, orders):
    BUILD.mkdir(exist_ok=True)
    (BUILD / "plotly.min.js").write_text(plotly.offline.get_plotlyjs(), encoding="utf-8")
    for path in notebooks:
        # What an earlier run left may be of another table.
        (BUILD / f"{path.stem}.json").unlink(missing_ok=True)
    articles = dict.fromkeys(path.stem for path in notebooks)

    # What is typed about the bank's customers is of them alone, read in the usual way.
    usual = is_bank_marketing(table) and not read_settings(table)

    def finish(path, notebook):
        published = usual or not _needs_customers(notebook)
        notebook = keep_true(notebook, nbformat.read(path, 4) if published else None)
        files.write_text(BUILD / path.name, nbformat.writes(notebook))
        files.write_text(BUILD / f"{path.stem}.html", to_html(notebook))
        articles[path.stem] = _article(path, notebook)

    further = [path for path in notebooks if path.parent != NOTEBOOKS]
    execute([path for path in notebooks if path not in further], BUILD, finish, AT_ONCE)
    # One after the other: some measure how long things take.
    execute(further, BUILD, finish)
    page.write(BUILD, loaded, table, list(articles.values()), orders)
    print(f"Open {BUILD / 'index.html'}")
    return 0


def _needs_customers(notebook):
    """Say whether a notebook is about the table that is given, and not about one of its own."""
    return any(cell.cell_type == "code" and "find_table(" in cell.source for cell in notebook.cells)


def _render(notebooks):
    """Run notebooks in place on the real table, stamp them and copy their figures to img/."""

    def finish(path, notebook):
        notebook.metadata["stamp"] = stamp(notebook)
        files.write_text(path, nbformat.writes(notebook) + "\n")
        for old in IMAGES.glob(f"{path.stem}_*"):
            old.unlink()
        for new in (BUILD / "img").glob(f"{path.stem}_*"):
            shutil.copy(new, IMAGES)

    for path in notebooks:
        for old in (BUILD / "img").glob(f"{path.stem}_*"):
            old.unlink()
    # One after the other: some show how long things take.
    execute(notebooks, BUILD, finish)
    return 0


def _open_lab():
    """Open JupyterLab at the notebooks, and return when it is shut down."""
    # Imported here: pages need no server.
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={ROOT}",
            f"--FileContentsManager.preferred_dir={NOTEBOOKS}",
            "--KernelSpecManager.allowed_kernelspecs=python3",
        ]
    )
    return 0


def _article(path, notebook):
    """Return what the page shows of a notebook of which it has no facts."""
    figures = (
        output["data"]["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )
    return page.Article(
        path.stem,
        title_of(notebook),
        find_verdict(notebook),
        next(figures, None),
        further=path.parent != NOTEBOOKS,
    )


def find_verdict(notebook):
    """Return in Markdown what a notebook that ran has to say first.

    Why it ended early; else its verdict; else, of another table, its question.
    """
    if "ended" in notebook.metadata:
        return notebook.metadata["ended"]
    for cell in notebook.cells:
        if "verdict" in cell.metadata.get("tags", []):
            return cell.source
    asked = re.search(r"^\*\*Question\.\*\* (.+)$", notebook.cells[0].source, re.MULTILINE)
    return asked.group(1) if asked else ""


def stamp(notebook):
    """Hash what the outputs of a notebook depend on: code, without docstrings and comments.

    Returns
    -------
    dict of str to str
        SHA-256 of the code cells, of the modules of this repository that they import, directly
        or not, and of the real table.
    """
    to_python = TransformerManager().transform_cell
    cells = [to_python(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    # A semicolon at the end of a cell hides an output, and no syntax tree has it.
    hides = DisplayHook.semicolon_at_end_of_expression
    # The body alone: a cell that begins with a text may show it.
    code = [f"{_bare(ast.parse(cell).body)} {hides(cell)}" for cell in cells]
    modules = [_bare(ast.parse(path.read_bytes())) for path in _imported_files("".join(cells))]
    return {"code": _hash(code), "package": _hash(modules), "data": BANK_MARKETING_SHA256}


def _hash(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _bare(node):
    """Return a syntax tree as text, without docstrings and `pass`.

    Unlike `ast.dump` and `ast.unparse`, it gives the same on every version of Python.
    """
    if isinstance(node, list):
        return f"[{', '.join(_bare(part) for part in node if not isinstance(part, ast.Pass))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    texts = {name: _bare(part) for name, part in fields.items()}
    given = [f"{name}={text}" for name, text in texts.items() if text not in ("None", "[]")]
    return f"{type(node).__name__}({', '.join(given)})"


def _imported_files(code):
    """Return the files of this repository that code imports, with those that they import."""
    finder = ModuleFinder([str(ROOT)])
    finder.scan_code(compile(code, "notebook", "exec"), finder.add_module("notebook"))
    return sorted(Path(module.__file__) for module in finder.modules.values() if module.__file__)


def _as_text(markdown):
    return re.sub(r"\[([^]]*)\]\([^)]*\)|^> ?|[*`]", r"\1", markdown, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
