"""The runner: pages out of notebooks, and nothing of the repository touched."""

import re
import shutil
import signal
import sys
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segmentation import build, execution
from segmentation.customers import SAMPLE

pytestmark = pytest.mark.slow  # Most start a kernel.

VERDICT = "**Verdict.** 42 segments"
TAGGED = {"tags": ["verdict"]}
QUESTION = "# A & B\n\n**Question.** Which groups?"
SETUP = "from IPython.display import display"
BODY = """import json
import plotly.graph_objects as go
figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
png = "iVBORw0KGgo="
plotly_json = json.loads(figure.to_json())
display({"application/vnd.plotly.v1+json": plotly_json, "image/png": png}, raw=True)
print("42 segments")"""


def notebook_of(*sources):
    cells = [new_markdown_cell(QUESTION), *(new_code_cell(source) for source in sources)]
    # As it was when the verdict was typed.
    cells[-1].outputs = [new_output("stream", text="42 segments\n")]
    # At the end, where it is in nobody's way.
    cells.append(new_markdown_cell(VERDICT, metadata=TAGGED))
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
    nbformat.write(notebook_of(SETUP, BODY), tmp_path / "notebooks" / "small.ipynb")
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
    assert "small" in printed.err


def test_of_a_progress_bar_the_last_state_is_kept(house):
    bars = """from tqdm import tqdm
for kept in (True, False):
    for _ in tqdm(range(3), f"kept {kept}", leave=kept, mininterval=0): pass"""
    nbformat.write(notebook_of(SETUP, BODY, bars), house / "notebooks" / "small.ipynb")
    build.main([])
    cell = nbformat.read(house / "build" / "small.ipynb", as_version=4).cells[3]
    (left,) = cell.outputs
    assert "3/3" in left.text
    assert "1/3" not in left.text
    nbformat.write(
        notebook_of(SETUP, BODY, bars.replace("(True, False)", "[False]")),
        house / "notebooks" / "small.ipynb",
    )
    build.main([])
    assert not nbformat.read(house / "build" / "small.ipynb", as_version=4).cells[3].outputs


def test_index_shows_title_verdict_figure_and_notice(house):
    build.main([])
    index = (house / "build" / "index.html").read_text(encoding="utf-8")
    for part in ("A &amp; B", "42 segments", "data:image/png", 'href="small.html"', "synthetic"):
        assert part in index


def test_of_another_table_the_index_has_the_question(house):
    notebook = notebook_of("find_table = str", "path = find_table()", BODY)
    nbformat.write(notebook, house / "notebooks" / "small.ipynb")
    build.main([])
    index = (house / "build" / "index.html").read_text(encoding="utf-8")
    assert "Which groups?" in index
    assert "42 segments" not in index
    assert "42 segments</p>" not in (house / "build" / "small.html").read_text(encoding="utf-8")


def test_facts_of_an_earlier_run_are_not_taken(house):
    (house / "build").mkdir()
    (house / "build" / "small.json").write_text("of another table", encoding="utf-8")
    assert build.main([]) == 0
    assert not (house / "build" / "small.json").exists()


def test_pages_ask_no_server_for_anything(house):
    build.main([])
    for page in ("index.html", "small.html"):
        text = (house / "build" / page).read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!doi\.org)', text)


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
    broken = notebook_of(SETUP, "6 * 7", "1 / 0", "'never run'")
    nbformat.write(broken, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    cells = nbformat.read(failed, as_version=4).cells
    assert [cell.execution_count for cell in cells[1:-1]] == [1, 2, 3, None]
    assert cells[2].outputs[0]["data"]["text/plain"] == "42"
    assert cells[3].outputs[0]["ename"] == "ZeroDivisionError"
    nbformat.write(notebook_of(SETUP, BODY), house / "notebooks" / "small.ipynb")
    assert build.main([]) == 0
    assert not failed.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts no single process")
def test_a_stopped_run_says_where_and_leaves_what_ran(house, capsys, request):
    # Started in the background, a process is told to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    stop = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)"
    nbformat.write(notebook_of(SETUP, stop), house / "notebooks" / "small.ipynb")
    assert build.main([]) == 130
    said = capsys.readouterr().err
    assert "small.ipynb, cell 2" in said
    assert "Traceback" not in said
    left = nbformat.read(house / "build" / "small.failed.ipynb", as_version=4)
    assert left.cells[1].execution_count == 1


MEET = """from pathlib import Path
import time
Path("{me}.here").touch()
while not Path("{other}.here").exists():
    time.sleep(0.05)"""


def pair(house, then, other_then):
    """Write two notebooks of which none gets on before the other has started."""
    for me, other, last in (("small", "twin", then), ("twin", "small", other_then)):
        notebook = notebook_of(SETUP, MEET.format(me=me, other=other), last)
        nbformat.write(notebook, house / "notebooks" / f"{me}.ipynb")


def test_two_run_at_once_and_the_page_keeps_their_order(house):
    pair(house, BODY + "\ntime.sleep(1)", BODY)
    assert build.main([]) == 0
    index = (house / "build" / "index.html").read_text(encoding="utf-8")
    assert index.index('href="small.html"') < index.index('href="twin.html"')


def test_the_second_gives_way_to_the_first(house):
    pair(house, *["import psutil\nprint(psutil.Process().nice())"] * 2)
    assert build.main([]) == 0
    first, second = (
        nbformat.read(house / "build" / f"{name}.ipynb", 4).cells[3].outputs[0].text
        for name in ("small", "twin")
    )
    assert int(first) == psutil.Process().nice()
    assert first != second


@pytest.mark.skipif(sys.platform == "win32", reason="a copy of sleep stands in for Chrome")
def test_a_chrome_that_hangs_stops_no_notebook(house, monkeypatch):
    monkeypatch.setattr(execution, "MOST_SECONDS_OF_CHROME", 1)
    chrome = shutil.copy(shutil.which("sleep"), house / "chrome")
    hangs = f"import subprocess\nprint(subprocess.run([{str(chrome)!r}, '300']).returncode)"
    nbformat.write(notebook_of(hangs), house / "notebooks" / "small.ipynb")
    start = time.monotonic()
    assert build.main([]) == 0
    assert time.monotonic() - start < 200
    ended = nbformat.read(house / "build" / "small.ipynb", 4).cells[1].outputs[0].text
    assert int(ended) < 0


def test_one_that_fails_stops_the_other(house, capsys):
    pair(house, "time.sleep(60)", "1 / 0")
    assert build.main([]) == 2
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said.splitlines()[-2]
    assert "small.ipynb, cell 3 of 3 (time.sleep(60)): stopped" in said
    left = sorted(path.name for path in (house / "build").glob("*.ipynb"))
    assert left == ["small.failed.ipynb", "twin.failed.ipynb"]


def test_what_has_run_before_a_failure_is_kept(house):
    pair(house, BODY, "time.sleep(3)\n1 / 0")
    assert build.main([]) == 2
    left = sorted(path.name for path in (house / "build").glob("*.ipynb"))
    assert left == ["small.ipynb", "twin.failed.ipynb"]


def test_a_message_of_many_lines_becomes_one(house, capsys):
    broken = notebook_of(SETUP, "raise ValueError('one\\ntwo')")
    nbformat.write(broken, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    assert "ValueError: one two" in capsys.readouterr().err.splitlines()[-2]


def test_old_outputs_are_not_taken_for_new_ones(house):
    notebook = notebook_of(SETUP, "1 / 0", "1")
    for cell in notebook.cells[1:-1]:
        cell.execution_count = 9
        cell.outputs = [new_output("stream", text="old")]
    nbformat.write(notebook, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    assert "old" not in (house / "build" / "small.failed.ipynb").read_text(encoding="utf-8")


def test_a_kernel_that_dies_is_one_message(house, capsys):
    dying = notebook_of(SETUP, "import os\nos._exit(1)")
    nbformat.write(dying, house / "notebooks" / "small.ipynb")
    assert build.main([]) == 2
    assert "small.ipynb" in capsys.readouterr().err.splitlines()[-2]
    assert (house / "build" / "small.failed.ipynb").exists()


def test_a_notebook_that_is_not_for_a_table_says_so_and_ends(house, capsys):
    end = "from segmentation.notebook import end_notebook\nend_notebook('Not for this table.')"
    nbformat.write(notebook_of(SETUP, end, "1 / 0"), house / "notebooks" / "small.ipynb")
    assert build.main([]) == 0
    made = nbformat.read(house / "build" / "small.ipynb", as_version=4)
    assert [cell.source for cell in made.cells] == [QUESTION, SETUP, end]
    assert all(output.output_type != "error" for cell in made.cells[1:] for output in cell.outputs)
    assert build.find_verdict(made) == "Not for this table."
    assert "Not for this table" in (house / "build" / "index.html").read_text(encoding="utf-8")
    assert "NotApplicable" not in (house / "build" / "small.html").read_text(encoding="utf-8")
    assert "error" not in capsys.readouterr().out.lower()


def test_further_notebooks_only_when_asked(house):
    nbformat.write(notebook_of(SETUP, BODY), house / "notebooks" / "further" / "more.ipynb")
    assert [path.stem for path in build.find_notebooks(further=False)] == ["small"]
    assert [path.stem for path in build.find_notebooks(further=True)] == ["small", "more"]
    assert [path.stem for path in build.find_notebooks(False, ["more"])] == ["more"]
    assert build.main(["more"]) == 0
    index = (house / "build" / "index.html").read_text(encoding="utf-8")
    assert 'href="more.html"' in index
    assert 'href="small.html"' not in index


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
    nbformat.write(notebook_of(SETUP, BODY, save), house / "notebooks" / "small.ipynb")
    assert build.main(["--render", "--customers", str(bank_marketing)]) == 0
    rendered = nbformat.read(house / "notebooks" / "small.ipynb", as_version=4)
    assert [cell.execution_count for cell in rendered.cells[1:-1]] == [1, 2, 3]
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


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Point the runner at a repository of one package, whose module `it` is told what to say."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    (tmp_path / "pack" / "deep").mkdir(parents=True)
    for name in ("__init__.py", "deep/__init__.py", "deep/it.py", "other.py"):
        (tmp_path / "pack" / name).write_text("", encoding="utf-8")
    return tmp_path / "pack"


def stamps_of(path, codes, notebook):
    for code in codes:
        path.write_text(code, encoding="utf-8")
        yield build.stamp(notebook)["package"]


def test_words_leave_a_stamp_as_it_is(package):
    book = notebook_of("import pack.deep.it")
    codes = ["", '"""One."""', '"""Two."""  # words\n\n']
    assert len(set(stamps_of(package / "__init__.py", codes, book))) == 1
    assert len(set(stamps_of(package / "deep" / "it.py", [MODULE, SAME], book))) == 1


def test_any_change_of_code_changes_a_stamp(package):
    changes = [
        ("np", "numpy"),
        ("x):", "x=1):"),
        ("2", "2.0"),
        ("pass", "a = 'pass'"),
        ("Exc", "BaseExc"),
    ]
    codes = [MODULE, *(MODULE.replace(old, new) for old, new in changes)]
    stamps = list(stamps_of(package / "deep" / "it.py", codes, notebook_of("import pack.deep.it")))
    assert len(set(stamps)) == len(codes)


@pytest.mark.parametrize(
    "importing",
    [
        "import pack.deep.it",
        "from pack.deep import it",
        "from pack.deep.it import double",
        "def later():\n    from pack.deep import it",
        "from pack import other",
    ],
)
def test_a_stamp_follows_every_import(package, importing):
    (package / "other.py").write_text("def f():\n    from .deep import it\n", encoding="utf-8")
    codes = [MODULE, MODULE.replace("2 * x", "3 * x"), MODULE + "double.cache = {}\n"]
    assert len(set(stamps_of(package / "deep" / "it.py", codes, notebook_of(importing)))) == 3
    assert (
        len(set(stamps_of(package / "__init__.py", ["x = 1", "x = 2"], notebook_of(importing))))
        == 2
    )
    unrelated = notebook_of("import pack")
    assert len(set(stamps_of(package / "deep" / "it.py", codes, unrelated))) == 1


def test_a_stamp_of_cells():
    def code(*sources):
        return build.stamp(notebook_of(*sources))["code"]

    assert code("f(x)  # words\n\n") == code("# more words\nf( x )")
    assert code("f(x);") == code("f(x) ;  # hidden")
    assert code("def f():\n    'One.'\n    return 1") == code("def f():\n    return 1")
    different = [
        ("f(x)",),
        ("f(x);",),
        ("f(y)",),
        ("f", "x"),
        ("f\nx",),
        ("'f'",),
        ("'g'",),
        ("%f",),
    ]
    assert len({code(*sources) for sources in different}) == len(different)


def test_a_table_that_the_run_would_replace_is_refused(house, capsys):
    table = house / "build" / "segments_small.csv"
    table.parent.mkdir()
    table.write_bytes(SAMPLE.read_bytes())
    assert build.main(["--customers", str(table)]) == 2
    assert str(table) in capsys.readouterr().err
    assert [path.name for path in table.parent.iterdir()] == [table.name]
