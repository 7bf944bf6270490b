"""Spark: the same rows, texts and vectors as on one machine, through killed workers and jobs."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from test_embedding_creation import customers, save

import embedding_creation
from embedding_creation import cli
from segmentation import build, files, spark
from segmentation.customers import SAMPLE, TableError, labelled, load_customers, load_table
from segmentation.embedding import EmbeddingError, on_spark, read_embedding, rows_to_text
from segmentation.embedding.files import hash_of_texts
from segmentation.spark_table import Table

NOTEBOOK = build.NOTEBOOKS / "further" / "scale_out.ipynb"
PROBLEM = spark.find_problem()
needs_spark = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))

#: Nothing of this leaves the machine.
HERE = "--conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false"


@pytest.fixture(autouse=True, scope="module")
def only_here(tmp_path_factory):
    """Let Spark run on two cores of this machine, and its workers write to a folder of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"--master local[2] {HERE} pyspark-shell")
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_WORKER_DIR", str(tmp_path_factory.mktemp("workers")))
        yield


@pytest.fixture
def running():
    """Return a session that reads files in splits of 300 bytes."""
    with spark.session({"spark.sql.files.maxPartitionBytes": "300"}) as session:
        yield session


def texts_of(table):
    """Return the texts of a table on Spark in the order of its rows."""
    texts = on_spark.to_texts(table, rows_to_text).toPandas().sort_values("row")
    assert texts["row"].tolist() == list(range(table.n_rows))
    return texts["text"].tolist()


# --- Reading


def random_table(seed, newline, n=60):
    """Return the bytes of a table whose columns look different from piece to piece."""
    rng = np.random.default_rng(seed)
    number = ["7", "007", "7.0", "-3", "1e3", " 5", ""]
    columns = {
        "whole": rng.integers(-99, 99, n).astype(str),
        "number": rng.choice(number, n),
        "fraction": np.where(np.arange(n) < n // 2, "1", "0.50"),
        "late text": np.where(np.arange(n) < n - 2, "007", "x"),
        "late gap": np.where(np.arange(n) < n - 2, "12", ""),
        "truth": rng.choice(["True", "False"], n),
        "half truth": np.where(np.arange(n) < n // 2, "True", "1"),
        "german": rng.choice(["1.234", "-12,5", "1.000.000", "7"], n),
        "late comma": np.where(np.arange(n) < n - 2, "1.234", "1,5"),
        "inches": rng.choice(['5" pipe', "plain"], n),
        "quoted": rng.choice(['"a;b"', '"say ""no"""', "NA", "None", "", '""', "é ü"], n),
        "empty": [""] * n,
    }
    lines = [";".join(columns), *(";".join(row) for row in zip(*columns.values(), strict=True))]
    lines.insert(5, "")
    return newline.join(lines)


@needs_spark
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_one_machine(running, tmp_path, seed):
    path = tmp_path / "a [b] {c} é%20.csv"
    newline = ["\n", "\r\n", "\n"][seed]
    content = random_table(seed, newline) + newline * (seed > 0)
    path.write_text(content, encoding="utf-8-sig" if seed == 2 else "utf-8", newline="")
    expected = rows_to_text(load_table(path))
    table = Table(running, path)
    pieces = table.map(lambda piece: pd.DataFrame({"n": [len(piece)]}), "n long").toPandas()
    assert len(pieces) > 4  # Splits.
    assert table.conventions["german"] == table.conventions["late comma"] == ",."
    pd.testing.assert_frame_equal(table.head(99), load_table(path), check_dtype=False)
    assert texts_of(table) == expected
    texts = on_spark.to_texts(table, rows_to_text)
    assert on_spark.hash_texts(texts) == hash_of_texts(expected)
    assert texts_of(Table(running, path, 7)) == expected[:7]


@needs_spark
def test_folder_is_read_in_the_order_of_its_files(running, tmp_path):
    # Spark itself takes the largest file first.
    sizes = {"1.csv": 3, "2.csv": 40, "3.csv": 10}
    frames = [customers(n, seed=n) for n in sizes.values()]
    for name, frame in zip(sizes, frames, strict=True):
        save(frame, tmp_path / name)
    assert texts_of(Table(running, tmp_path)) == rows_to_text(pd.concat(frames))
    assert texts_of(Table(running, f"file://{tmp_path}/[12].csv")) == rows_to_text(
        pd.concat(frames[:2])
    )


@needs_spark
def test_blank_files_and_blank_lines_number_no_row(running, tmp_path):
    (tmp_path / "1.csv").write_text("\n\n \n")
    (tmp_path / "2.csv").write_text(" \t\n\na;b\n\n1;x\n\t\t\n2;y\n")
    (tmp_path / "3.csv").write_text("a;b\n3;z\n")
    table = Table(running, tmp_path)
    assert table.n_rows == 3
    assert texts_of(table) == ["a: 1, b: x", "a: 2, b: y", "a: 3, b: z"]


@needs_spark
def test_encoding_is_that_of_customers_toml(running, tmp_path):
    rows = "".join(f"{i};Köchin\n" for i in range(100))
    (tmp_path / "t.csv").write_bytes(("a;b\n" + rows).encode("mac-roman"))
    (tmp_path / "customers.toml").write_text('encoding = "mac-roman"')
    expected = rows_to_text(load_table(tmp_path / "t.csv"))
    assert texts_of(Table(running, tmp_path / "t.csv")) == expected
    assert expected[0].endswith("Köchin")
    (tmp_path / "customers.toml").unlink()
    # Windows-1252, as on one machine, though most pieces would be UTF-8 too.
    (tmp_path / "t.csv").write_bytes(("a;b\n" + "1;x\n" * 200 + "2;Köchin\n").encode("cp1252"))
    assert texts_of(Table(running, tmp_path / "t.csv"))[-1] == "a: 2, b: Köchin"


@needs_spark
def test_what_is_no_table_is_refused(running, tmp_path):
    cases = {
        b"a;b\n1;\x81\n": "is not UTF-8",
        b"a;b\n1;2\n1;2;3\n": "cannot be read as a table: .* Expected 2 fields, saw 3",
        b'a;b\n1;"two\nlines"\n': "a quote that its line does not close",
        b"": "is empty",
        b"\n \n": "is empty",
    }
    path = tmp_path / "bad.csv"
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(TableError, match=f"bad.csv.* {message}"):
            Table(running, path)
    with pytest.raises(TableError, match=r"none.csv cannot be read"):
        Table(running, tmp_path / "none.csv")
    path.write_text("a;b\n1;2\n")
    (tmp_path / "other.csv").write_text("a;c\n1;2\n")
    with pytest.raises(TableError, match="has another header than the other files"):
        Table(running, tmp_path)


# --- Encoding and writing


@needs_spark
def test_encoder_is_loaded_once_per_process_and_equal_texts_are_encoded_once(running):
    def load(batches):
        for _ in batches:
            encoder = on_spark.encoder_of_worker("all-MiniLM-L6-v2", "float32")
            yield pd.DataFrame({"process": [os.getpid()], "encoder": [id(encoder)]})

    schema = "process long, encoder long"
    used = running.range(0, 8, 1, 8).mapInPandas(load, schema).toPandas()
    assert len(used) == 8
    assert used.groupby("process")["encoder"].nunique().eq(1).all()
    assert used["process"].nunique() <= 2

    def at_random(texts):
        return np.random.default_rng().random((len(texts), 2), dtype=np.float32)

    rows = [(row, f"text {row % 9}") for row in range(200)]
    texts = running.createDataFrame(rows, "row long, text string").repartition(5)
    vectors = on_spark.encode_texts(texts, 200, at_random, 2).toPandas().sort_values("row")
    assert vectors["row"].tolist() == list(range(200))
    assert vectors.groupby(vectors["row"] % 9)["0"].nunique().eq(1).all()
    assert vectors["0"].nunique() == 9


@needs_spark
def test_output_is_whole_or_not_there(running, tmp_path):
    output = tmp_path / "a [b] é.parquet"
    frame = running.range(20).withColumnRenamed("id", "row").withColumn("x", spark_float("row"))
    spark.write_whole(frame, 20, output, {"rows": 20})
    assert sorted(pd.read_parquet(output)["row"]) == list(range(20))
    told = json.loads(output.with_name(output.name + ".json").read_text())
    assert told == {"rows": 20, "sha256": files.hash_folder(output)}
    assert {path.name for path in tmp_path.iterdir()} == {output.name, output.name + ".json"}
    before = files_of(tmp_path)

    def breaks_off(batches):
        yield next(batches)
        raise ZeroDivisionError("half-way")

    broken = frame.repartition(1).mapInPandas(breaks_off, "row long, x float")
    for bad in (frame.limit(19), frame.where("row > 0").union(frame.where("row = 1")), broken):
        with pytest.raises(Exception, match=r"missing or doubled|half-way"):
            spark.write_whole(bad, 20, output, {})
        assert files_of(tmp_path) == before
    spark.write_whole(frame.where("row < 5"), 5, output, {"rows": 5})
    assert len(pd.read_parquet(output)) == 5


@needs_spark
@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_rename_that_fails_loses_neither_old_nor_new(running, tmp_path, monkeypatch, fails_at):
    output = tmp_path / "out.parquet"
    frame = running.range(20).withColumnRenamed("id", "row").withColumn("x", spark_float("row"))
    spark.write_whole(frame, 20, output, {"rows": 20})
    before = {path: content for path, content in files_of(tmp_path).items()}
    rename, calls = spark.rename, []

    def fails(files_, old, new):
        calls.append(old)
        if len(calls) == fails_at:
            raise spark.JobError("no")
        rename(files_, old, new)

    with monkeypatch.context() as patch:
        patch.setattr(spark, "rename", fails)
        with pytest.raises(spark.JobError):
            spark.write_whole(frame.where("row < 5"), 5, output, {"rows": 5})
    assert len(calls) == fails_at
    assert files_of(tmp_path) == before
    spark.write_whole(frame.where("row < 5"), 5, output, {"rows": 5})
    assert len(pd.read_parquet(output)) == 5
    assert {path.name for path in tmp_path.iterdir()} == {output.name, output.name + ".json"}


def spark_float(name):
    from pyspark.sql.functions import col

    return col(name).cast("float")


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@needs_spark
def test_vectors_are_those_of_the_local_engine(tmp_path, capsys):
    frame = customers(120)
    frame.loc[3, "job"] = None
    source = save(frame, tmp_path / "in.csv")
    options = ["--input", str(source), "--precision", "float32", "--limit", "45", "--output"]
    assert cli([*options, str(tmp_path / "local.parquet")]) == 0
    output = tmp_path / "spark.parquet"
    capsys.readouterr()
    assert cli([*options, str(output), "--engine", "spark"]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    loaded = load_customers(source)
    texts = rows_to_text(labelled(loaded.table, loaded.labels))[:45]
    local = read_embedding(tmp_path / "local.parquet", texts)
    vectors = read_embedding(output, texts)
    assert list(vectors.columns) == list(local.columns)
    assert set(vectors.dtypes) == {np.dtype("float32")}
    np.testing.assert_allclose(vectors.to_numpy(), local.to_numpy(), atol=1e-6, rtol=0)
    assert list(vectors.index) == list(range(45))

    told = [
        json.loads((tmp_path / f"{name}.parquet.json").read_text()) for name in ("local", "spark")
    ]
    assert [some.pop("sha256") is not None for some in told] == [True, True]
    assert told[0] == told[1]

    with pytest.raises(EmbeddingError):
        read_embedding(output, texts[::-1])
    part = sorted(output.glob("part-*"))[0]
    content = part.read_bytes()
    part.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(EmbeddingError):
        read_embedding(output, texts)
    part.unlink()
    with pytest.raises(EmbeddingError):
        read_embedding(output, texts)


# --- Bad input


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(spark, "find_problem", lambda: None)
    monkeypatch.setattr(spark, "session", None)
    good = save(customers(), tmp_path / "good.csv")
    cases = {
        f"--input {good}": "the output of --engine spark ends in .parquet",
        f"--input {good} --output s3a://bucket/o.csv": "ends in .parquet",
        f"--input {good} --output {tmp_path}/none/o.parquet": "not a folder that can be written",
        f"--input {tmp_path}/none.csv --output {tmp_path}/o.parquet": "none.csv: no such file",
        f"--input {good} --output {tmp_path}/o.parquet --model {tmp_path}": "cannot be loaded",
        f"--engine local --input s3a://bucket/a.csv --output {tmp_path}/o.csv": "takes --engine",
        f"--engine local --input {good} --output hdfs://host/o.csv": "takes --engine spark",
        "--engine dask": "invalid choice",
    }
    for command, message in cases.items():
        assert cli(["--engine", "spark", *command.split()]) == 2, command
        said = capsys.readouterr()
        assert message in said.err, command
        assert said.err.count("\n") == 1
    assert set(tmp_path.iterdir()) == {good}


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "Spark needs Java, and there is none in PATH. Install Java 17 or later"),
        ("1.8.0_392", r"another Java than 1.8.0_392 \(.*java\). Install Java 17 or later"),
        ("11.0.2", r"another Java than 11.0.2 \(.*java\)"),
        ("17.0.15", "pyspark is not installed: pip install -r requirements-spark.txt"),
        ("21", "pyspark is not installed"),
    ],
)
def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys, version, message):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    if version:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025' >&2\n")
        java.chmod(0o755)
    output = str(tmp_path / "o.parquet")
    assert cli(["--engine", "spark", "--input", str(SAMPLE), "--output", output]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said)


def test_java_home_comes_before_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "there is none in JAVA_HOME" in spark.find_problem()


@needs_spark
def test_what_spark_finds_is_one_line_too(tmp_path, capfd):
    good = save(customers(), tmp_path / "good.csv")
    (tmp_path / "bad.csv").write_bytes(b"a;b\n1;\x81\n")
    foreign = tmp_path / "foreign.parquet"
    foreign.mkdir()
    (foreign / "mine.txt").write_text("precious")
    (tmp_path / "p.parquet.json").write_text("mine")
    cases = {
        f"--input {tmp_path}/bad.csv --output {tmp_path}/o.parquet": (2, "is not UTF-8"),
        f"--input {good} --output {foreign}": (2, "is no output of Spark"),
        f"--input {good} --output {tmp_path}/p.parquet": (2, "p.parquet.json"),
        f"--input nofs://h/a.csv --output {tmp_path}/o.parquet": (2, "cannot be read"),
        f"--input {good} --output nofs://h/o.parquet": (2, "cannot be written"),
        f"--input {good} --output {tmp_path}/o.parquet --columns age,wage": (2, "no column wage"),
    }
    for command, (code, message) in cases.items():
        assert cli(["--engine", "spark", *command.split()]) == code, command
        last = capfd.readouterr().err.splitlines()[-1]
        assert last.startswith("error: ")
        assert message in last
    assert {path.name for path in tmp_path.iterdir()} == {"good.csv", "bad.csv", foreign.name} | {
        "p.parquet.json"
    }
    assert (foreign / "mine.txt").read_text() == "precious"


# --- Faults


class Job:
    """The script in a process of its own, watched from outside."""

    def __init__(self, source, output, master):
        command = [sys.executable, embedding_creation.__file__, "--engine", "spark"]
        command += ["--input", str(source), "--output", str(output), "--precision", "float32"]
        self.part = output.with_name(output.name + ".part")
        self.of_others = self.tasks_done(set())
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"PYSPARK_SUBMIT_ARGS": f"--master {master} {HERE} pyspark-shell"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def tasks_done(self, but):
        """Return the tasks whose rows are written, but these."""
        return set((self.part / "_temporary" / "0").glob("task_*")) - but

    def processes(self, name):
        """Return the processes that the script started and whose command names this."""
        named = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(name in part for part in child.cmdline()):
                    named.append(child)
        return named

    def wait_for_first_task(self):
        """Wait until a task has written its rows."""
        while not self.tasks_done(self.of_others):
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.02)

    def end(self):
        said = self.process.communicate(timeout=300)[1]
        return self.process.returncode, said


def kill(processes):
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # Gone with another one.
            process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Return a table of 1,000 customers, every fifth of them twice, and its vectors."""
    folder = tmp_path_factory.mktemp("many")
    source = save(customers(800), folder / "many.csv")
    options = ["--input", str(source), "--output", str(folder / "local.parquet")]
    assert cli([*options, "--precision", "float32"]) == 0
    loaded = load_customers(source)
    texts = rows_to_text(labelled(loaded.table, loaded.labels))
    return source, texts, read_embedding(folder / "local.parquet", texts).to_numpy()


@pytest.mark.slow
@needs_spark
def test_killed_worker_loses_and_doubles_no_row(many, tmp_path):
    source, texts, expected = many
    job = Job(source, tmp_path / "out.parquet", "local-cluster[2,1,1024]")
    job.wait_for_first_task()
    workers = job.processes("CoarseGrainedExecutorBackend")
    assert len(workers) == 2
    kill(workers[:1])
    assert len(job.tasks_done(set())) < 8
    assert job.end()[0] == 0
    rows = pd.concat(pd.read_parquet(part) for part in (tmp_path / "out.parquet").glob("part-*"))
    assert sorted(rows["row"]) == list(range(len(expected)))
    vectors = read_embedding(tmp_path / "out.parquet", texts).to_numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-6, rtol=0)
    assert (tmp_path / "out.parquet" / "_SUCCESS").is_file()


@pytest.mark.slow
@needs_spark
def test_failed_job_leaves_nothing_and_a_rerun_works(many, tmp_path):
    source, texts, expected = many
    output = tmp_path / "out.parquet"
    # All of it killed: what is left has another name.
    job = Job(source, output, "local[2]")
    job.wait_for_first_task()
    kill([psutil.Process(job.process.pid), *job.processes("")])
    assert job.end()[0] == -signal.SIGKILL
    assert not output.exists()
    assert not output.with_name("out.parquet.json").exists()
    # Without a cluster, a task may fail only once, and the job with it.
    job = Job(source, output, "local[2]")
    job.wait_for_first_task()
    workers = job.processes("pyspark.daemon")
    assert workers
    kill(workers)
    code, said = job.end()
    assert code == 1
    assert said.splitlines()[-1].startswith("error: Spark gave up: ")
    assert list(tmp_path.iterdir()) == []
    urls = ["--input", f"file://{source}", "--output", f"file://{output}"]
    assert cli(["--engine", "spark", *urls, "--precision", "float32"]) == 0
    vectors = read_embedding(output, texts).to_numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-6, rtol=0)


# --- The notebook


def test_notebook_ends_cleanly_without_java(tmp_path, monkeypatch):
    path = tmp_path / "notebook" / NOTEBOOK.name
    path.parent.mkdir()
    shutil.copy(NOTEBOOK, path)
    monkeypatch.setattr(build, "BUILD", tmp_path / "build")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUSTOMERS", str(SAMPLE))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    notebook = build._execute(path, "scale_out")
    assert build.find_verdict(notebook).startswith("**Verdict.** Not run. Spark needs Java")
    assert not [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
