"""The runner: pages out of notebooks, and nothing of the repository touched."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from segmentation import build
from segmentation.customers import SAMPLE

VERDICT = """from IPython.display import Markdown, display, update_display
display(Markdown("not yet"), display_id="verdict");"""
BODY = """import json
import plotly.graph_objects as go
figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
png = "iVBORw0KGgo="
plotly_json = json.loads(figure.to_json())
display({"application/vnd.plotly.v1+json": plotly_json, "image/png": png}, raw=True)
update_display(Markdown("**Verdict.** 42 segments"), display_id="verdict")"""


def notebook_of(*sources):
    cells = [new_markdown_cell("# A & B")]
    cells += [new_code_cell(source) for source in sources]
    cells[1].metadata["tags"] = ["verdict"]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Point the runner at a folder of one small notebook."""
    for name in ("NOTEBOOKS", "BUILD", "IMAGES"):
        monkeypatch.setattr(build, name, tmp_path / name.lower())
    monkeypatch.setenv("CUSTOMERS", str(SAMPLE))
    (tmp_path / "notebooks" / "further").mkdir(parents=True)
    (tmp_path / "images").mkdir()
    nbformat.write(notebook_of(VERDICT, BODY), tmp_path / "notebooks" / "small.ipynb")
    return tmp_path


def test_build_makes_pages_and_touches_nothing_else(house, capsys):
    source = (house / "notebooks" / "small.ipynb").read_bytes()
    assert build.main([]) == 0
    assert (house / "notebooks" / "small.ipynb").read_bytes() == source
    made = sorted(path.name for path in (house / "build").iterdir())
    assert made == ["index.html", "plotly.min.js", "small.html", "small.ipynb"]
    assert not list((house / "images").iterdir())
    printed = capsys.readouterr()
    assert "synthetic" in printed.out
    assert printed.out.strip().endswith("index.html")
    assert "[1/1] small" in printed.err


def test_index_shows_title_verdict_figure_and_notice(house):
    build.main([])
    index = (house / "build" / "index.html").read_text(encoding="utf-8")
    for part in ("A &amp; B", "42 segments", "data:image/png", 'href="small.html"', "synthetic"):
        assert part in index
    assert "not yet" not in index


def test_plotly_figures_turn_on_the_page_without_a_network(house):
    build.main([])
    page = (house / "build" / "small.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert '<script src="plotly.min.js">' in page
    assert len(page) < 1_000_000


def test_error_of_a_notebook_is_one_message(house, capsys):
    broken = notebook_of("raise ValueError('no such column')")
    nbformat.write(broken, house / "notebooks" / "broken.ipynb")
    assert build.main([]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "ValueError: no such column" in said[-2]
    assert "broken.ipynb" in said[-2]
    assert "cell 1" in said[-2]
    assert not (house / "build" / "broken.ipynb").exists()


def test_a_failed_notebook_leaves_what_ran(house):
    failed = house / "build" / "small.failed.ipynb"
    broken = notebook_of(VERDICT, "6 * 7", "1 / 0", "'never run'")
    nbformat.write(broken, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    cells = nbformat.read(failed, as_version=4).cells
    assert [cell.execution_count for cell in cells[1:]] == [1, 2, 3, None]
    assert cells[2].outputs[0]["data"]["text/plain"] == "42"
    assert cells[3].outputs[0]["ename"] == "ZeroDivisionError"
    nbformat.write(notebook_of(VERDICT, BODY), house / "notebooks" / "small.ipynb")
    assert build.main([]) == 0
    assert not failed.exists()


def test_a_kernel_that_dies_is_one_message(house, capsys):
    dying = notebook_of(VERDICT, "import os\nos._exit(1)")
    nbformat.write(dying, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    assert "small.ipynb" in capsys.readouterr().err.splitlines()[-2]
    assert (house / "build" / "small.failed.ipynb").exists()


def test_a_notebook_that_is_not_for_a_table_says_so_and_ends(house, capsys):
    end = "from segmentation.notebook import end_notebook\nend_notebook('Not for this table.')"
    nbformat.write(notebook_of(VERDICT, end, "1 / 0"), house / "notebooks" / "small.ipynb")
    assert build.main([]) == 0
    made = nbformat.read(house / "build" / "small.ipynb", as_version=4)
    assert [cell.source for cell in made.cells] == ["# A & B", VERDICT, end]
    assert all(output.output_type != "error" for cell in made.cells[1:] for output in cell.outputs)
    assert build.find_verdict(made) == "**Verdict.** Not for this table."
    assert "Not for this table" in (house / "build" / "index.html").read_text(encoding="utf-8")
    assert "NotApplicable" not in (house / "build" / "small.html").read_text(encoding="utf-8")
    assert "error" not in capsys.readouterr().out.lower()


def test_further_notebooks_only_when_asked(house):
    nbformat.write(notebook_of(VERDICT, BODY), house / "notebooks" / "further" / "more.ipynb")
    assert [path.stem for path in build.find_notebooks(further=False)] == ["small"]
    assert [path.stem for path in build.find_notebooks(further=True)] == ["small", "more"]
    assert [path.stem for path in build.find_notebooks(False, ["more"])] == ["more"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "no notebook none; there are: small"),
        (["--customers", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--render"], "sample.csv is not the published Bank Marketing table"),
    ],
)
def test_bad_arguments_are_one_message(house, capsys, arguments, message):
    assert build.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (house / "build").exists()


def test_render_runs_in_place_and_refreshes_img(house, bank_marketing):
    (house / "images" / "small_old.png").write_bytes(b"old")
    (house / "images" / "other_old.png").write_bytes(b"old")
    (house / "build" / "img").mkdir(parents=True)
    save = "from pathlib import Path\nPath('../build/img/small_new.png').write_bytes(b'new')"
    nbformat.write(notebook_of(VERDICT, BODY, save), house / "notebooks" / "small.ipynb")
    assert build.main(["--render", "--customers", str(bank_marketing)]) == 0
    rendered = nbformat.read(house / "notebooks" / "small.ipynb", as_version=4)
    assert [cell.execution_count for cell in rendered.cells[1:]] == [1, 2, 3]
    assert rendered.metadata["stamp"] == build.stamp(rendered)
    images = sorted(path.name for path in (house / "images").iterdir())
    assert images == ["other_old.png", "small_new.png"]


def test_stamp_follows_code_and_imported_modules_only():
    plain = build.stamp(notebook_of("1 + 1"))
    assert plain != build.stamp(notebook_of("1 + 2"))
    assert plain != build.stamp(notebook_of("1 + 1;"))
    imports = notebook_of("from segmentation.customers import load_table")
    both = notebook_of("from segmentation import customers, profiles")
    inside = notebook_of("def f():\n    from segmentation.customers import load_table")
    packages = [build.stamp(book)["package"] for book in (notebook_of("1"), imports, both, inside)]
    assert len(set(packages)) == 3
    assert packages[1] == packages[3]


MODULE = """import numpy as np

def double(x):
    return 2 * x

class Empty(Exception):
    pass
"""
SAME = '''"""A module."""
import numpy as np  # needed


def double(x):
    """Double it."""
    # Twice.
    return 2 * x


class Empty(Exception):
    """Nothing is here."""
'''


def test_words_leave_a_stamp_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from pack.it import double")
    book = notebook_of("# Words.\nimport pack  # more\npack.double(2)")
    stamps = []
    for code in (MODULE, SAME, MODULE.replace("2 * x", "3 * x"), SAME + "\ndouble.cache = {}\n"):
        (tmp_path / "pack" / "it.py").write_text(code)
        stamps.append(build.stamp(book))
    assert stamps[0] == stamps[1]
    assert len({stamp["package"] for stamp in stamps}) == 3
    assert build.stamp(notebook_of("import pack\npack.double(2)")) == stamps[-1]
