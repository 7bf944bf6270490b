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


def test_progress_bars_are_no_outputs():
    bar = "best k: 100%|█████| 12/12 [00:48<00:00,  4.05s/it]"
    assert unfounded(notebook_of(f"{bar}\n7 segments", "7 of 12 in 48 s")) == {1: ["12", "48"]}
    read, ran = (notebook_of(f"{some}\n12 customers", "12 customers") for some in (bar, ""))
    assert len(keep_true(ran, read).cells) == len(ran.cells)


def test_a_reading_stands_below_what_it_reads_and_a_verdict_anywhere():
    for tag, missing in (("reading", ["42"]), ("verdict", [])):
        notebook = notebook_of("42", "It is 42.", tag=tag)
        notebook.cells = notebook.cells[1::-1]
        assert unfounded(notebook) == {0: missing}


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_only_what_is_still_true_is_kept():
    published = notebook_of("42 and 43 and 44", "It is 42.", "It is 44.", "It is 43.")
    notebook = notebook_of("42 and 43", *sources(published)[1:4])
    before = notebook.copy()
    kept = sources(keep_true(notebook, published))
    assert kept == ["1", "It is 42.", "It is 43.", "Of any table: 77."]
    assert sources(keep_true(published, published)) == sources(published)
    assert sources(keep_true(notebook)) == ["1", "Of any table: 77."]
    assert notebook == before


def test_a_number_that_stands_elsewhere_only_is_not_what_was_read():
    def run(*outputs):
        cells = [new_code_cell("1", outputs=[new_output("stream", text=o)]) for o in outputs]
        cells += [
            new_markdown_cell(text, metadata={"tags": [tag]})
            for text, tag in (("p is 0.72.", "reading"), ("p is 0.72, of 9.", "verdict"))
        ]
        return new_notebook(cells=cells)

    published = run("0.72 of 9", "9", "0.72")
    for outputs, left in (
        (("0.72 of 9", "8", "0.721"), 2),  # Rounded, it is what it was; 9 is somewhere.
        (("0.11 of 9", "9", "0.72"), 1),  # Not where the verdict had it as well.
        (("0.72 of 9", "9", "0.82"), 0),
        (("0.72 of 8", "8", "0.72"), 1),
        (("0.72 of 9",), 0),
    ):
        run_now = run(*outputs)
        if len(outputs) < 3:
            run_now.cells = run_now.cells[:1] + [new_code_cell("1")] * 2 + run_now.cells[1:]
        assert len(keep_true(run_now, published).cells) == 3 + left, outputs


def test_a_notebook_that_was_never_run_has_no_readings():
    notebook = notebook_of("42", "It is 42.")
    bare = notebook_of("", "It is 42.")
    assert sources(keep_true(notebook, bare)) == ["1", "Of any table: 77."]
