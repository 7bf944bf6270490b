"""A delimited table on Apache Spark, read row by row as `load_table` reads a file.

It is split at its line breaks and parsed piece by piece. How numbers are written, and whether a
column holds nothing else, is decided from all pieces, so a row has the same values here and on one
machine.
"""

import codecs
import csv
import json
import pickle
import re
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pandas as pd

from segmentation.customers import TableError, load_table, read_settings
from segmentation.customers.delimited import SEPARATOR_LINE, find_separator
from segmentation.customers.numbers import CONVENTIONS, Evidence
from segmentation.customers.table import decide_conventions, examine_columns
from segmentation.spark import as_pattern, as_url, refused


class Table:
    """A delimited table with one header line per file, its rows numbered from 0.

    Rows are numbered in the order of the files' names, then of their lines. Nothing is held in
    memory: the files are read once here, to count and to check, and again by each `map`.

    Parameters
    ----------
    spark : SparkSession
    place : Path or str
        A file, a folder of files with the same header, or any URL or pattern that Spark reads. A
        ``customers.toml`` beside a local file or folder is obeyed.
    limit : int, optional
        Take only the first rows.

    Attributes
    ----------
    columns : list of str
    n_rows : int
    conventions : dict of str to str or None
        How the numbers of each column are written; None if it is a column of text.

    Raises
    ------
    TableError
        If there is nothing to read, or a file cannot be read as a table.
    """

    def __init__(self, spark, place, limit=None):
        self.spark = spark
        self.settings = _settings(place)
        self._lines = _read_lines(spark, place)
        first = self._lines.where(
            "start = 0 and trim(both ' \t' from cast(line as string)) != ''"
        ).first()
        if first is None:
            raise TableError(f"{place} is empty.")
        if SEPARATOR_LINE.fullmatch(bytes(first["line"]).decode("latin-1")):
            raise TableError(f"{place} begins with a line for Excel, sep=. Delete that line.")
        encoding = self.settings.get("encoding")
        if encoding and codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            raise TableError(f"{place} is {encoding}, which Spark cannot split. Save it as UTF-8.")
        self._reading = Reading(bytes(first["line"]), encoding, None)
        splits = self._lines.mapInPandas(
            partial(_survey, self._reading),
            "file string, start long, n_rows long, said string, problem string",
        ).collect()
        splits.sort(key=lambda split: (split["file"], split["start"]))
        for split in splits:
            if split["problem"]:
                raise TableError(split["problem"])
        self._decide([json.loads(split["said"]) for split in splits])
        self._first_rows, self.n_rows = {}, 0
        for split in splits:
            self._first_rows[split["file"], split["start"]] = self.n_rows
            self.n_rows += split["n_rows"]
        self._n_all = self.n_rows
        self.n_rows = min(self.n_rows, self.n_rows if limit is None else limit)

    def _decide(self, said):
        """Join what the pieces say of the columns."""
        said = [some for some in said if some]
        self.columns = list(said[0]["evidence"])
        evidence, n_words = {}, Counter()
        for name in self.columns:
            parts = [Evidence(*some["evidence"][name]) for some in said]
            evidence[name] = sum(parts[1:], parts[0])
            n_words[name] = sum(some["words"][name] for some in said)
        encodings = {some["encoding"] for some in said}
        encoding = encodings.pop() if len(encodings) == 1 else max(encodings, key=_is_fallback)
        separator = find_separator(self._reading.header.decode(encoding))
        decided, _ = decide_conventions(evidence, self.settings, separator)
        #: What numbers are written by, also where not all values are numbers.
        self.mostly = decided
        self.conventions = {
            name: decided[name]
            if name in decided and _all_parsed(evidence[name], decided[name], n_words[name])
            else None
            for name in self.columns
        }
        self._reading = self._reading._replace(encoding=encoding, conventions=self.conventions)

    def map(self, function, schema):
        """Apply a function to the rows, piece by piece.

        Parameters
        ----------
        function : callable
            Takes a DataFrame of some rows, indexed by their numbers, and returns a DataFrame.
        schema : str
            What it returns, as Spark writes it: ``"row long, text string"``.

        Returns
        -------
        pyspark DataFrame
        """
        return self._map(function, schema, self.n_rows)

    def _map(self, function, schema, n_rows):
        apply = partial(_map, function, self._reading, self._first_rows, n_rows)
        return self._lines.mapInPandas(apply, schema)

    def head(self, n_rows):
        """Return the first rows, whatever `limit` is.

        Returns
        -------
        DataFrame of shape (min(n_rows, all), n_columns)
        """
        pieces = self._map(_packed, "row long, piece binary", min(n_rows, self._n_all))
        ordered = sorted(pieces.collect(), key=lambda piece: piece["row"])
        table = pd.concat([pickle.loads(piece["piece"]) for piece in ordered])
        table.attrs = {"conventions": self.mostly}
        return table


class Reading(NamedTuple):
    """How the pieces of a table are read: header line, encoding, conventions of numbers."""

    header: bytes
    encoding: str | None
    conventions: dict | None


def _settings(place):
    if not isinstance(place, Path):
        return {}
    return read_settings(place)


def _is_fallback(encoding):
    return not codecs.lookup(encoding).name.startswith("utf-8")


def _all_parsed(evidence, convention, n_words):
    return evidence.n_parsed[CONVENTIONS.index(convention)] == evidence.n_values and not n_words


def _packed(table):
    return pd.DataFrame({"row": [table.index[0]], "piece": [pickle.dumps(table)]})


def _read_lines(spark, place):
    from pyspark.sql.functions import col

    url = as_url(place)
    with refused(f"{place} cannot be read"):
        lines = spark.read.text(as_pattern(url) if isinstance(place, Path) else url)
    return lines.select(
        col("_metadata.file_path").alias("file"),
        col("_metadata.file_block_start").alias("start"),
        # As bytes, or what is not UTF-8 would be mended in silence.
        col("value").cast("binary").alias("line"),
    )


def _survey(reading, batches):
    """Count the rows of each split of a file, and say what its columns hold, or a problem."""
    splits = {}
    for file, start, first, lines in _pieces(reading, batches):
        _, said, problem = splits.get((file, start), (0, {}, None))
        try:
            said = _join(said, _examine(_parse(file, reading, first, lines)))
        except TableError as error:
            problem = problem or str(error)
        # A file that begins with blank lines has no row before its header.
        splits[file, start] = max(0, first + len(lines)), said, problem
    rows = [(*split, n, json.dumps(said), problem) for split, (n, said, problem) in splits.items()]
    yield pd.DataFrame(rows, columns=["file", "start", "n_rows", "said", "problem"])


def _examine(table):
    """Return what the columns of a piece hold, in values that JSON can hold."""
    texts, evidence = examine_columns(table)
    nothing = Evidence()
    # What keeps `load_table` from reading a column as numbers: words, and numbers of many digits.
    words = {
        name: len(texts[name])
        - some.n_values
        + int(texts[name].str.fullmatch(r"[-+]?\d{16,}").sum())
        for name, some in evidence.items()
    }
    return {
        "evidence": {name: evidence.get(name, nothing) for name in table},
        "words": {name: words.get(name, 0) for name in table},
        "encoding": table.attrs["encoding"],
    }


def _join(said, other):
    if not said:
        return other
    evidence = {
        name: Evidence(*some) + Evidence(*other["evidence"][name])
        for name, some in said["evidence"].items()
    }
    words = {name: count + other["words"][name] for name, count in said["words"].items()}
    encoding = max(said["encoding"], other["encoding"], key=_is_fallback)
    return {"evidence": evidence, "words": words, "encoding": encoding}


def _map(function, reading, first_rows, n_rows, batches):
    """Yield what a function makes of each piece of a table."""
    for file, start, first, lines in _pieces(reading, batches):
        table = _parse(file, reading, first, lines)
        table.index += first_rows[file, start]
        table = table[table.index < n_rows]
        if len(table):
            yield function(table)


def _pieces(reading, batches):
    """Yield (file, start, first, lines) of each run of lines in one split of a file.

    ``first`` is the row of the first line within the split; that of a header is -1.
    """
    # pandas skips blank lines too; between tabs there are fields.
    separator = find_separator(reading.header.decode("latin-1"))
    blank = b" " if separator == "\t" else b" \t"
    n_lines = Counter()
    for batch in batches:
        for (file, start), lines in batch.groupby(["file", "start"], sort=False)["line"]:
            lines = [line for line in lines if line.strip(blank)]
            yield file, int(start), n_lines[file, start] - (start == 0), lines
            n_lines[file, start] += len(lines)


def _parse(file, reading, first, lines):
    """Parse lines as `load_table` parses a file; numbered by their rows within the split.

    Before anything is decided, all columns are text.
    """
    name = unquote(file.rsplit("/", 1)[-1])
    header = reading.header
    if first < 0 and lines and lines[0] != header:
        raise TableError(f"{name} has another header than the other files.")
    lines = lines[-min(first, 0) :]
    if any(b'"' in line and _ends_in_quotes(header, line) for line in lines):
        raise TableError(
            f"{name} has a quote that its line does not close. Spark splits a table at its line "
            "breaks, so no value may hold one."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.csv"
        path.write_bytes(b"\n".join([header, *lines]))
        try:
            table = load_table(path, reading.encoding, conventions=reading.conventions or AS_TEXT)
        except TableError as error:
            # The line within the piece would mislead.
            said = re.sub(r" in line \d+", "", str(error)).replace("piece.csv", name)
            raise TableError(said) from error
    return table.set_axis(range(max(0, first), max(0, first) + len(table)))


class _AsText(dict):
    """Conventions by which every column is text."""

    def __bool__(self):
        return True

    def __contains__(self, name):
        return True

    def __missing__(self, name):
        return None


AS_TEXT = _AsText()


def _ends_in_quotes(header, line):
    """Whether a line ends within a quoted field; a quote within a plain field opens none."""
    separator = find_separator(header.decode("latin-1"))
    rows = csv.reader([line.decode("latin-1") + "\n", "next\n"], delimiter=separator)
    return len(list(rows)) == 1
