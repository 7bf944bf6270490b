"""Delimited text as cells: its encoding, its separator, its header, and the lines of its rows."""

import codecs
import csv
import gzip
import re
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

SEPARATORS = ";,\t|"

#: The encoding that is tried where a file is not UTF-8: what Windows writes in the West.
FALLBACK = "windows-1252"

#: How files of Excel begin, old or protected ones and .xlsx, whatever they are called.
OLD_EXCEL = bytes.fromhex("D0CF11E0A1B11AE1")
EXCEL = (OLD_EXCEL, b"PK\x03\x04")

#: A first line for Excel alone.
SEPARATOR_LINE = re.compile(r"sep=([;,\t|])\s*", re.IGNORECASE)

#: Lines that a header with line breaks in its names may have.
MAX_HEADER_LINES = 20

BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_delimited(path, encoding):
    """Return a table of text, and how it was read."""
    for tried in [encoding] if encoding else [_marked_encoding(path), FALLBACK]:
        try:
            separator = _separator_of(path, tried)
            table = _read_text(path, tried, separator)
        except UnicodeDecodeError:
            if tried in (encoding, FALLBACK):
                raise
        else:
            return table, {"encoding": tried, "separator": separator}
    raise AssertionError("the fallback is tried last")


def _marked_encoding(path):
    with _opened(path, "rb") as file:
        start = file.read(1000)
    if start.startswith(EXCEL):
        raise ValueError("it is an Excel file. Save it in Excel as .xlsx, and give that.")
    if start[:2] not in BYTE_ORDER_MARKS and b"\0" in start:
        raise ValueError(
            "it holds zero bytes. If it is UTF-16 without a byte order mark, say in customers.toml "
            'beside it: encoding = "utf-16-le". Else it is no text.'
        )
    return BYTE_ORDER_MARKS.get(start[:2], "utf-8-sig")


def _opened(path, mode, **options):
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, mode, **options)


def _is_utf8(encoding):
    return codecs.lookup(encoding).name == "utf-8"


def _text_lines(path, encoding):
    """Open delimited text; a byte order mark is passed over."""
    return _opened(path, "rt", encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="")


def _separator_of(path, encoding):
    if ".tsv" in path.name.lower():
        return "\t"
    with _text_lines(path, encoding) as lines:
        header = next((line for line in lines if line.strip()), "")
        if declared := SEPARATOR_LINE.fullmatch(header):
            return declared[1]
        # A name in quotes may go on in the next lines.
        for line in islice(lines, MAX_HEADER_LINES):
            if header.count('"') % 2 == 0:
                break
            header += line
    return find_separator(header)


def find_separator(header):
    """Return whichever of `SEPARATORS` splits a header into most fields."""
    lines = header.splitlines(keepends=True)

    def n_fields(separator):
        return len(next(csv.reader(lines, delimiter=separator, skipinitialspace=True), []))

    return max(SEPARATORS, key=n_fields)


def _read_text(path, encoding, separator):
    with warnings.catch_warnings():
        # Fields beyond those of the header would be lost.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # Text such as "None" or "NA" is a category until an empty field says otherwise.
        cells = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=_declares_separator(path, encoding),
            encoding="utf-8-sig" if _is_utf8(encoding) else encoding,
            index_col=False,
            skipinitialspace=True,
            dtype="str",
            keep_default_na=False,
            na_values=["", "NaN", "nan"],
        )
    table = with_header(cells)
    return table.apply(lambda column: column.str.strip()).replace("", np.nan)


def _declares_separator(path, encoding):
    """Return how many lines only say to Excel what separates the fields: 0 or 1."""
    with _text_lines(path, encoding) as lines:
        return int(SEPARATOR_LINE.fullmatch(next(lines, "")) is not None)


def lines_of(table, rows):
    """Name the lines of a file in which some rows stand: the first five.

    Parameters
    ----------
    table : DataFrame
        As `load_table` read it, or some of its rows.
    rows : sequence of int
        Numbers of rows, from 0.

    Returns
    -------
    str
        "line 7" or "lines 7, 9 and 40 more"; "row" for files that have no lines: that of the
        sheet, or of the table. Line 1 is the header's, blank lines and line breaks within quotes
        count.
    """
    separator = table.attrs.get("separator")
    shown = list(rows[:5])
    if separator is None:
        kind, numbers = "row", [row + table.attrs.get("first_row", 1) for row in shown]
    else:
        kind = "line"
        lines = _line_numbers(Path(table.attrs["path"]), table.attrs["encoding"], separator)
        numbers = list(islice(lines, max(shown) + 1))
        numbers = [numbers[row] for row in shown]
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"{kind}{'s' if len(rows) > 1 else ''} {', '.join(map(str, numbers))}{more}"


def _line_numbers(path, encoding, separator):
    """Yield the line in which each row begins; pandas passes over blank lines too."""
    n_passed = _declares_separator(path, encoding)
    with _text_lines(path, encoding) as lines:
        lines = islice(lines, n_passed, None)
        reader, first, header = csv.reader(lines, delimiter=separator), 1 + n_passed, True
        for fields in reader:
            if fields and (len(fields) > 1 or fields[0] == "" or fields[0].strip(" \t")):
                if not header:
                    yield first
                header = False
            first = n_passed + reader.line_num + 1


def with_header(cells):
    """Return a table of cells whose first row is the header."""
    return cells.iloc[1:].set_axis(cells.iloc[0].fillna("").astype(str), axis=1)
