"""What is typed about a run: its numbers stand in the outputs, and it goes where they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segmentation.readings import keep_true, unfounded


def notebook_of(output, *readings, tag="reading"):
    """Make a notebook of one output and what is said of it."""
    cells = [new_code_cell("1", outputs=[new_output("stream", text=output)])]
    cells += [new_markdown_cell(text, metadata={"tags": [tag]}) for text in readings]
    return new_notebook(cells=[*cells, new_markdown_cell("Of any table: 77.")])


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("40,691 customers", "40,691 customers"),
        ("40691", "40,691"),
        ("0.2014", "0.20, or 20.1%, or 20%"),
        ("-6.4 points", "it lost 6.4"),
        ("5.0", "5 segments"),
        ("1362.3", "1,362 euros"),
        ("11.0%", "11%"),
        ("99.6% (99.5%)", "99.6 % and 99.5%"),
        ("none", "`k = 5` and [a link](page_3.html) are no numbers"),
    ],
)
def test_what_stands_in_an_output_is_founded(output, said):
    assert unfounded(notebook_of(output, said)) == {1: []}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("40,691", "40,692"),
        ("0.2014", "0.21"),
        ("0.2014", "20.2%"),
        ("5.4", "5 segments"),
        ("40,691", "691"),
        ("12%", "12 customers"),
        ("x5y", "5"),
    ],
)
def test_what_stands_in_none_is_found(output, said):
    assert len(unfounded(notebook_of(output, said))[1]) == 1


@given(st.floats(0.001, 0.999), st.integers(1, 4))
def test_a_number_stands_there_however_it_is_rounded(share, n_decimals):
    said = f"{share:.{n_decimals}f} or {share:.{n_decimals}%}"
    assert unfounded(notebook_of(f"{share!r}", said)) == {1: []}


def test_tables_count_and_pictures_do_not():
    table = new_output("display_data", {"text/html": "<td>12.5</td>", "text/plain": "13.5"})
    picture = new_output("display_data", {"image/png": "14.5"})
    cells = [
        new_code_cell("1", outputs=[table, picture]),
        new_markdown_cell("12.5, 13.5, 14.5", metadata={"tags": ["reading"]}),
    ]
    assert unfounded(new_notebook(cells=cells)) == {1: ["13.5", "14.5"]}


def test_a_reading_stands_below_what_it_reads_and_a_verdict_anywhere():
    for tag, missing in (("reading", ["42"]), ("verdict", [])):
        notebook = notebook_of("42", "It is 42.", tag=tag)
        notebook.cells = notebook.cells[1::-1]
        assert unfounded(notebook) == {0: missing}


def test_only_what_is_true_is_kept():
    notebook = notebook_of("42 and 43", "It is 42.", "It is 44.", "It is 43.")
    before = notebook.copy()
    kept = [cell.source for cell in keep_true(notebook, True).cells]
    assert kept == ["1", "It is 42.", "It is 43.", "Of any table: 77."]
    assert [cell.source for cell in keep_true(notebook, False).cells] == ["1", "Of any table: 77."]
    assert notebook == before
