"""Tables too large for one machine, on Apache Spark: read row by row, and written whole.

Needs requirements-spark.txt and Java 17 or later; nothing else of this repository does. On a
cluster, every machine needs this package: what runs on the workers is found there by its name.

`segmentation.spark_table` reads a table; here are Spark itself, places, and outputs.
"""

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

from segmentation.customers import TableError
from segmentation.files import hash_parts

MIN_JAVA = 17


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
    version = re.search(r'version "((\d+)[^"]*)"', said)
    if version is None or int(version[2]) < MIN_JAVA:
        is_there = version[1] if version else "this"
        return f"Spark needs another Java than {is_there} ({java}). {advice}"
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


def as_pattern(url):
    """Return a URL for Spark's readers, which would take some letters as wildcards."""
    return re.sub(r"([\\{}\[\]*?^])", r"\\\1", url)


@contextmanager
def refused(message):
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


# --- Writing ------------------------------------------------------------------------------------


def check_output(spark, place):
    """Refuse an output that would replace something else than an output of Spark.

    Raises
    ------
    TableError
        If a file or folder of another kind is at its place, or at that of its provenance.
    """
    with refused(f"{place} cannot be written"):
        files, path = _hadoop(spark, as_url(place))
        there = files.listStatus(path) if files.exists(path) else ()
        described = f"{as_url(place)}.json"
        said = _read_text(spark, described) if files.exists(_hadoop(spark, described)[1]) else None
    for status in there:
        name = status.getPath().getName()
        if not (name.startswith(("part-", "_", ".")) and files.getFileStatus(path).isDirectory()):
            raise TableError(f"{place} is there and is no output of Spark. Name another output.")
    if said is not None and not _is_provenance(said):
        raise TableError(f"{place}.json is there and was not made here. Name another output.")


def _read_text(spark, url):
    rows = spark.read.text(as_pattern(url), wholetext=True).collect()
    return rows[0]["value"] if rows else ""


def _is_provenance(text):
    try:
        return "sha256" in json.loads(text)
    except (ValueError, TypeError):
        return False


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
    files, _ = _hadoop(spark, url)
    aside = f".{secrets.token_hex(4)}.old"
    # Each place, what is to stand there, and where the old one waits meanwhile.
    places = [
        [_hadoop(spark, f"{name}{ending}")[1] for ending in ("", ".part", aside)]
        for name in (described, url)
    ]
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
        _create(files, places[0][1], json.dumps(provenance, indent=2) + "\n")
        _replace(files, places)
        _create(files, _hadoop(spark, f"{url}/{SUCCESS}")[1], "")
    finally:
        for _, beside, _ in places:
            files.delete(beside, True)


def _replace(files, places):
    """Put new files in their places, or, if one cannot be, the old ones back."""
    done = []
    try:
        for place, beside, old in places:
            if files.exists(place):
                rename(files, place, old)
            done.append((place, old))
            rename(files, beside, place)
    except BaseException:
        for place, old in reversed(done):
            if files.exists(old):
                files.delete(place, True)
                files.rename(old, place)
        raise
    for _, old in done:
        files.delete(old, True)


def rename(files, old, new):
    """Rename a file or folder of Hadoop's file system; raise JobError if it cannot be."""
    if not files.rename(old, new):
        raise JobError(f"{old} cannot be renamed to {new}")


def _check_rows(spark, url, n_rows):
    rows = spark.read.parquet(as_pattern(url)).selectExpr(
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
    parts = read.load(as_pattern(url)).selectExpr("path", "sha2(content, 256) as sha256")
    return hash_parts((part["path"].rsplit("/", 1)[1], part["sha256"]) for part in parts.collect())
