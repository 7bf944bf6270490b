"""Build the site: README, notebooks as committed and reference, for any static host.

python docs/build.py              into build/site
python docs/build.py some/folder  elsewhere
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from plotly.offline import get_plotlyjs
from sphinx.cmd.build import main as sphinx

from segmentation.build import BUILD, ROOT, find_notebooks
from segmentation.report.notebook_page import PLOTLY_JSON, without_network

DOCS = Path(__file__).resolve().parent

TEXTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "benchmarks/README.md"]

#: What these show or offer, besides notebooks.
SHOWN = [
    *("img/*.png", "benchmarks/*.png", "benchmarks/*.csv"),
    *("data/sample.csv", "LICENSE", "CITATION.cff"),
]

#: A link to a module, of which the site has the reference.
CODE = re.compile(r"\(((?:\.\./)*)(segmentation/[\w/]+?)(?:/__init__)?\.py\)")


def main(args):
    """Build the site, and return 0, or 1 after a warning of Sphinx."""
    target = Path(args[0]) if args else BUILD / "site"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source")
        _lay_out(source)
        warnings_fail = ["-W", "--keep-going"]
        return sphinx(["-q", *warnings_fail, "-d", f"{folder}/trees", str(source), str(target)])


def _lay_out(folder):
    """Put into one folder what Sphinx reads; it reads nothing from elsewhere."""
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("__pycache__", "build.py"))
    for path in (path for pattern in SHOWN for path in ROOT.glob(pattern)):
        shutil.copy(path, _place(folder, path))
    for path in map(ROOT.joinpath, TEXTS):
        text = CODE.sub(_to_reference, path.read_text(encoding="utf-8"))
        _place(folder, path).write_text(text, encoding="utf-8")
    for path in find_notebooks(further=True):
        nbformat.write(_page_of(path), _place(folder, path))
    (folder / "_static" / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    (folder / "reference").mkdir()
    for path in sorted((ROOT / "segmentation").rglob("*.py")):
        _write_reference(path, folder / "reference")


def _to_reference(link):
    up, module = link.groups()
    return f"({up}reference/{module.replace('/', '.')}.md)"


def _place(folder, path):
    """Return where a file of the repository goes, in a folder that is there."""
    place = folder / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _page_of(path):
    """Return a notebook as the site shows it: code folded, figures described and turning."""
    page = without_network(nbformat.read(path, as_version=4))
    script = f"{'../' * len(path.relative_to(ROOT).parents[:-1])}_static/plotly.min.js"
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.metadata.setdefault("tags", []).append("hide-input")
            for output in cell.outputs:
                _suit(cell, output, script)
    return page


def _suit(cell, output, script):
    """Give a figure what Sphinx needs for it: its description, and the script that turns it."""
    if alt := output.get("metadata", {}).get("alt"):
        cell.metadata["mystnb"] = {"image": {"alt": alt}}
    if output.get("data", {}).pop(PLOTLY_JSON, None):
        output.data["text/html"] = f'<script src="{script}"></script>{output.data["text/html"]}'


def _write_reference(path, folder):
    """Write the page of a module; of a package, what its first lines say."""
    *packages, name = path.relative_to(ROOT).with_suffix("").parts
    if name == "__init__":
        name, members = ".".join(packages), ""
    elif name.startswith("_"):
        return
    else:
        name, members = ".".join([*packages, name]), ":members:"
    title = name.removeprefix("segmentation.")
    text = f"# {title}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   {members}\n```\n"
    (folder / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
