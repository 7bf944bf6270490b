"""Tables too large for one machine, on Apache Spark: read row by row, and written whole.

Needs requirements-spark.txt and Java 17 or later; nothing else of this repository does. On a
cluster, every machine needs this package: what runs on the workers is found there by its name.

A delimited table is split at its line breaks, and each piece is parsed as `load_table` parses a
file, so a row has the same values here and on one machine. A column of numbers in one piece and of
text in another is text, as it is in the whole file.
"""

import csv
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
from pandas.api.types import infer_dtype, is_numeric_dtype

from segmentation.customers import TableError, load_table
from segmentation.customers.table import SEPARATORS
from segmentation.files import hash_parts

MIN_JAVA = 17

#: A value of each kind of column, as a file holds it.
EXAMPLES = {"text": "text", "number": "0", "boolean": "True", "missing": '""'}

#: Spark names so the files that hold rows.
PART_FILES = "part-*"
SUCCESS = "_SUCCESS"


class JobError(ChildProcessError):
    """Spark gave up; the message names the cause. What was written before is as it was."""


def find_problem():
    """Say why Spark cannot run here.

    Returns
    -------
    str or None
        What is missing and how to get it; None if nothing is.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=Path(home, "bin") if home else None)
    advice = f"Install Java {MIN_JAVA} or later, such as openjdk-{MIN_JAVA}-jre-headless."
    if java is None:
        return f"Spark needs Java, and there is none in {'JAVA_HOME' if home else 'PATH'}. {advice}"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "((\d+)[^"]*)"', said)
    if found is None or int(found[2]) < MIN_JAVA:
        return f"Spark needs another Java than {found[1] if found else 'this'} ({java}). {advice}"
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install -r requirements-spark.txt"
    return None


@contextmanager
def session(settings=(), log=None):
    """Start Spark, and stop it at the end.

    Parameters
    ----------
    settings : dict of str to str, optional
        Spark's own settings, such as ``{"spark.master": "local[2]"}``. By default those of
        spark-submit or spark-defaults.conf, and without any the cores of this machine.
    log : Path, optional
        A file for what Spark prints, progress included; by default, where this process prints.

    Yields
    ------
    SparkSession

    Raises
    ------
    JobError
        If Spark cannot start, or gives up on a job that was started within.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    # Else the workers would take whichever python3 comes first in PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        running = _start(dict(settings), log)
        try:
            yield running
        finally:
            running.stop()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing was written.") from None
    except (PySparkException, Py4JError, ConnectionError) as error:
        raise JobError(f"Spark gave up: {_cause(error)}. Nothing was written") from error


def _start(settings, log):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("customer segmentation")
    for name, value in ({"spark.ui.showConsoleProgress": "true"} | settings).items():
        builder = builder.config(name, value)
    # pyspark 4.3 has not been released for pandas 3 yet; what is used of it here is under test.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    with _printing_to(log):
        running = builder.getOrCreate()
    # What matters is in the error that is raised; a failed task would print pages.
    running.sparkContext.setLogLevel("FATAL")
    return running


@contextmanager
def _printing_to(log):
    """Let the processes that are started meanwhile print to a file."""
    if log is None:
        yield
        return
    saved = os.dup(1), os.dup(2)
    with open(log, "ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    try:
        yield
    finally:
        for descriptor, before in zip((1, 2), saved, strict=True):
            os.dup2(before, descriptor)
            os.close(before)


def _cause(error):
    """Return in one line what lies at the bottom of an error of Spark."""
    java = getattr(error, "java_exception", None)
    while java is not None and java.getCause() is not None:
        java = java.getCause()
    said = str(java.getMessage() if java is not None else error)
    lines = [line.strip() for line in re.sub(r" ?SQLSTATE: \w+", "", said).splitlines()]
    lines = list(filter(None, lines)) or [type(error).__name__]
    # Of an error in Python, the last line says what it is.
    return lines[-1 if any("Traceback" in line for line in lines) else 0][:300].rstrip(".:")


# --- Places: a local path, or any URL that Spark reads ------------------------------------------


def as_url(place):
    """Return a Path as a URL, whatever the cluster's default file system; a URL as it is."""
    return f"file://{place.resolve().as_posix()}" if isinstance(place, Path) else place


def _as_pattern(url):
    """Return a URL for Spark's readers, which would take some letters as wildcards."""
    return re.sub(r"([\\{}\[\]*?^])", r"\\\1", url)


@contextmanager
def _refused(message):
    """Turn an error of Spark about a place into one about the input."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise TableError(f"{message}: {_cause(error)}.") from error


def _hadoop(spark, url):
    """Return Hadoop's file system and path of a URL."""
    path = spark._jvm.org.apache.hadoop.fs.Path(url)
    files = path.getFileSystem(spark._jsc.hadoopConfiguration())
    files.setWriteChecksum(False)  # Or each local file would get a hidden one beside it.
    return files, path


# --- Reading ------------------------------------------------------------------------------------


class Table:
    """A delimited table with one header line per file, its rows numbered from 0.

    Rows are numbered in the order of the files' names, then of their lines. Nothing is held in
    memory: the files are read once here, to count and to check, and again by each `map`.

    Parameters
    ----------
    spark : SparkSession
    place : Path or str
        A file, a folder of files with the same header, or any URL or pattern that Spark reads.
    limit : int, optional
        Take only the first rows.

    Attributes
    ----------
    columns : list of str
    n_rows : int

    Raises
    ------
    TableError
        If there is nothing to read, or a file cannot be read as a table.
    """

    def __init__(self, spark, place, limit=None):
        self.spark, self._limit = spark, limit
        self._lines = _read_lines(spark, place)
        first = self._lines.where("start = 0 and trim(cast(line as string)) != ''").first()
        if first is None:
            raise TableError(f"{place} is empty.")
        self._header = bytes(first["line"])
        found = self._lines.mapInPandas(
            partial(_survey, self._header),
            "file string, start long, n_rows long, kinds string, problem string",
        ).collect()
        found.sort(key=lambda split: (split["file"], split["start"]))
        for split in found:
            if split["problem"]:
                raise TableError(split["problem"])
        kinds = [json.loads(split["kinds"]) for split in found]
        self.columns = list(kinds[0])
        self._kinds = [_join_kinds(some[name] for some in kinds) for name in self.columns]
        self._first_rows, self.n_rows = {}, 0
        for split in found:
            self._first_rows[split["file"], split["start"]] = self.n_rows
            self.n_rows += split["n_rows"]
        self.n_rows = min(self.n_rows, self.n_rows if limit is None else limit)

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
        apply = partial(_map, function, self._header, self._kinds, self._first_rows, self.n_rows)
        return self._lines.mapInPandas(apply, schema)


def _read_lines(spark, place):
    from pyspark.sql.functions import col

    url = as_url(place)
    with _refused(f"{place} cannot be read"):
        lines = spark.read.text(_as_pattern(url) if isinstance(place, Path) else url)
    return lines.select(
        col("_metadata.file_path").alias("file"),
        col("_metadata.file_block_start").alias("start"),
        # As bytes, or what is not UTF-8 would be mended in silence.
        col("value").cast("binary").alias("line"),
    )


def _survey(header, batches):
    """Count the rows of each split of a file, and find the kinds of its columns, or a problem."""
    found = {}
    for file, start, first, lines in _pieces(batches):
        _, kinds, problem = found.get((file, start), (0, {}, None))
        try:
            table = _parse(file, header, first, lines)
            new = {name: _kind(table[name]) for name in table}
            kinds = {name: _join_kinds([kinds.get(name, "missing"), new[name]]) for name in new}
        except TableError as error:
            problem = problem or str(error)
        found[file, start] = first + len(lines), kinds, problem
    rows = [(*split, n, json.dumps(kinds), problem) for split, (n, kinds, problem) in found.items()]
    yield pd.DataFrame(rows, columns=["file", "start", "n_rows", "kinds", "problem"])


def _map(function, header, kinds, first_rows, n_rows, batches):
    """Yield what a function makes of each piece of a table."""
    for file, start, first, lines in _pieces(batches):
        table = _parse(file, header, first, lines, kinds)
        table.index += first_rows[file, start]
        table = table[table.index < n_rows]
        if len(table):
            yield function(table)


def _pieces(batches):
    """Yield (file, start, first, lines) of each run of lines in one split of a file.

    ``first`` is the row of the first line within the split; that of a header is -1.
    """
    n_lines = Counter()
    for batch in batches:
        for (file, start), lines in batch.groupby(["file", "start"], sort=False)["line"]:
            # pandas skips blank lines too.
            lines = [line for line in lines if line.strip(b" ")]
            yield file, int(start), n_lines[file, start] - (start == 0), lines
            n_lines[file, start] += len(lines)


def _parse(file, header, first, lines, kinds=None):
    """Parse lines as `load_table` parses a file; numbered by their rows within the split."""
    name = unquote(file.rsplit("/", 1)[-1])
    if first < 0 and lines and lines[0] != header:
        raise TableError(f"{name} has another header than the other files.")
    lines = lines[-min(first, 0) :]
    if any(line.count(b'"') % 2 for line in lines):
        raise TableError(
            f"{name} has a quote that its line does not close. Spark splits a table at its line "
            "breaks, so no value may hold one."
        )
    last = [] if kinds is None else [_example(header, kinds)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(b"\n".join([header, *lines, *last]))
        try:
            table = load_table(path).iloc[: len(lines)]
        except TableError as error:
            # The line within the piece would mislead.
            raise TableError(re.sub(r" in line \d+", "", str(error))) from error
    return table.set_axis(range(max(0, first), max(0, first) + len(table)))


def _example(header, kinds):
    """Return a line in which each column has its kind, so that pandas sees it in any piece."""
    header = header.decode()
    # As load_table finds it.
    separator = max(SEPARATORS, key=lambda s: len(next(csv.reader([header], delimiter=s))))
    return separator.join(EXAMPLES[kind] for kind in kinds).encode()


def _kind(column):
    if column.isna().all():
        return "missing"
    if infer_dtype(column, skipna=True) == "boolean":
        return "boolean"
    return "number" if is_numeric_dtype(column) else "text"


def _join_kinds(kinds):
    """Return the kind of a column whose pieces have these kinds, as pandas would find it."""
    found = set(kinds) - {"missing"}
    return found.pop() if len(found) == 1 else "text" if found else "missing"


# --- Writing ------------------------------------------------------------------------------------


def check_output(spark, place):
    """Refuse an output that would replace something else than an output of Spark."""
    with _refused(f"{place} cannot be written"):
        files, path = _hadoop(spark, as_url(place))
        there = files.listStatus(path) if files.exists(path) else ()
    for found in there:
        name = found.getPath().getName()
        if not (name.startswith(("part-", "_", ".")) and files.getFileStatus(path).isDirectory()):
            raise TableError(f"{place} is there and is no output of Spark. Name another output.")


def write_whole(frame, n_rows, place, provenance):
    """Write a DataFrame as a folder of Parquet files, and its provenance as JSON beside it.

    Both are written under other names and renamed when they are whole, so a job that fails
    leaves what was there before. ``_SUCCESS`` comes last: where a folder cannot be renamed at
    once, as in object stores, it tells a whole output from one that broke off meanwhile.

    Parameters
    ----------
    frame : pyspark DataFrame with the column ``row``
    n_rows : int
        Each row from 0 to this is expected once.
    place : Path or str
        A local path or a URL, ending in .parquet. An older output of Spark is replaced.
    provenance : dict
        ``sha256`` is added to it: see `hash_folder`.

    Raises
    ------
    JobError
        If a row is not there or there twice, because the input changed meanwhile.
    """
    spark, url = frame.sparkSession, as_url(place)
    described = f"{url}.json"
    files, path = _hadoop(spark, url)
    beside, described_beside = (_hadoop(spark, f"{name}.part")[1] for name in (url, described))
    try:
        (
            frame.write.mode("overwrite")
            # Hardly two values are the same, so a dictionary would only cost.
            .option("parquet.enable.dictionary", "false")
            .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
            .parquet(f"{url}.part")
        )
        _check_rows(spark, f"{url}.part", n_rows)
        provenance = provenance | {"sha256": _hash_written(spark, f"{url}.part")}
        _create(files, described_beside, json.dumps(provenance, indent=2) + "\n")
        for old, new in ((_hadoop(spark, described)[1], described_beside), (path, beside)):
            files.delete(old, True)
            if not files.rename(new, old):
                raise JobError(f"{new} cannot be renamed to {old}")
        _create(files, _hadoop(spark, f"{url}/{SUCCESS}")[1], "")
    finally:
        for leftover in (beside, described_beside):
            files.delete(leftover, True)


def _check_rows(spark, url, n_rows):
    rows = spark.read.parquet(_as_pattern(url)).selectExpr(
        "count(row)", "count(distinct row)", "min(row)", "max(row)"
    )
    if tuple(rows.first()) != (n_rows, n_rows, 0, n_rows - 1):
        raise JobError("rows are missing or doubled, so the input changed meanwhile. Run it again")


def _create(files, path, text):
    stream = files.create(path, True)
    stream.write(text.encode())
    stream.close()


def _hash_written(spark, url):
    """Compute `hash_folder` on the workers."""
    read = spark.read.format("binaryFile").option("pathGlobFilter", PART_FILES)
    parts = read.load(_as_pattern(url)).selectExpr("path", "sha2(content, 256) as sha256")
    return hash_parts((part["path"].rsplit("/", 1)[1], part["sha256"]) for part in parts.collect())
