"""Sentences typed below the outputs that they read, and whether they are true of a run.

A Markdown cell tagged ``reading`` says what a person sees in the outputs above it; the one tagged
``verdict``, below the title, what the whole notebook finds. Both are about one table, so of a run
on another they are left out.
"""

import re

import nbformat

#: A number in a sentence: no part of a word, of a name in code or of a larger number.
NUMBER = re.compile(r"(?<![\w.,/])[+-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?\s?%?(?![\w])")
#: What is no sentence: code, and where a link leads.
NO_PROSE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)
#: A progress bar counts seconds, which nobody reads and no two runs share.
PROGRESS = re.compile(r".*%\|.*")


def is_reading(cell):
    """Say whether a cell is about what one run shows."""
    return bool({"reading", "verdict"} & set(cell.metadata.get("tags", [])))


def unfounded(notebook):
    """Find the numbers of readings that stand in no output.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs.

    Returns
    -------
    dict of int to list of str
        Of every cell that is a reading, by its place, the numbers that stand in no output above
        it; of the verdict, in no output at all. A number stands in an output that has it, or one
        that gives it when it is rounded: 0.2014 gives 0.20, and 20.1%, and 1362.3 gives 1,362.
        Whole numbers below 100 have to stand there as they are.
    """
    shown = [_text_of(cell) for cell in notebook.cells]
    found = {}
    for i, cell in enumerate(notebook.cells):
        if is_reading(cell):
            ahead = "verdict" not in cell.metadata.tags
            outputs = "\n".join(shown[:i] if ahead else shown)
            found[i] = _missing(cell.source, outputs)
    return found


def keep_true(notebook, published=None):
    """Leave out the readings that may not be true of a run.

    Parameters
    ----------
    notebook : NotebookNode
        That ran.
    published : NotebookNode, optional
        The same one with the outputs that its readings are about. Without it all go: the run was
        on another table.

    Returns
    -------
    NotebookNode
        A copy with the readings of which every number still stands where it was read: in the
        nearest output above that had it, or for a verdict in all that had it, whole numbers below
        100 in one of them. Words are not understood, so a number that moved takes its sentences
        with it, as on a machine on which, say, a map comes out a little differently.
    """
    kept = nbformat.from_dict(notebook)
    pairs = []
    if published is not None:
        read, ran = ([_shown(_text_of(cell)) for cell in n.cells] for n in (published, notebook))
        pairs = list(zip(read, ran, strict=False))  # A run that ended early is shorter.
    kept.cells = [
        cell
        for i, cell in enumerate(kept.cells)
        if not is_reading(cell) or (pairs and _still_true(cell, i, pairs))
    ]
    return kept


def _still_true(cell, i, pairs):
    verdict = "verdict" in cell.metadata.tags
    for number in _said(cell.source):
        above = pairs if verdict else pairs[:i]
        still = [_stands(number, ran) for read, ran in above if _stands(number, read)]
        where = still[-1:] if not verdict else [any(still)] if _is_small(number) else still
        if not where or not all(where):
            return False
    return True


def _missing(prose, outputs):
    shown = _shown(outputs)
    return [number for number in _said(prose) if not _stands(number, shown)]


def _said(prose):
    return [_plain(number) for number in NUMBER.findall(NO_PROSE.sub(" ", prose))]


def _shown(outputs):
    """Return the numbers of a text: as they are written, and by value and whether in percent."""
    exact = {_plain(match) for match in NUMBER.findall(outputs)}
    return exact, {(float(number.rstrip("% ")), number.endswith("%")) for number in exact}


def _stands(number, shown):
    exact, values = shown
    return number in exact or _rounded(number, values)


def _is_small(number):
    return number.isdigit() and float(number) < 100


def _plain(number):
    """Return a number without what only helps the eye, and its sign: "fell by 6.4" has none."""
    return re.sub(r"[,\s]", "", number).lstrip("+-")


def _rounded(number, values):
    """Say whether one of some values gives a number when it is rounded as that one is."""
    percent = number.endswith("%")
    digits = number.rstrip("%")
    if _is_small(number):
        # As 5 is written 5.0 in a column with fractions.
        return any(value == float(digits) and not of_percent for value, of_percent in values)
    n_decimals = len(digits.partition(".")[2])
    # A half may be rounded either way.
    tolerance = 0.5 * 10**-n_decimals * (1 + 1e-9)
    # A column may be in percent and say so in its head.
    found = {value for value, of_percent in values if percent or not of_percent}
    found |= {100 * value for value, of_percent in values if percent and not of_percent}
    return any(abs(value - float(digits)) <= tolerance for value in found)


def _text_of(cell):
    """Return what the outputs of a cell say in text, tables too."""
    texts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        table = re.sub("<[^>]*>", " ", data.get("text/html", ""))
        plain = "" if table else data.get("text/plain", "")
        printed = PROGRESS.sub("", output.get("text", ""))
        texts += [printed, data.get("text/markdown", ""), table, plain]
    return "\n".join(texts)
