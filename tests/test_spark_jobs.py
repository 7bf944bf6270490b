"""The script on Spark: the same vectors as on one machine, through killed workers and jobs."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from conftest import SPARK_HERE
from test_embedding_creation import customers, save

import embedding_creation
from embedding_creation import cli
from segmentation import build, execution, spark
from segmentation.customers import SAMPLE, labelled, load_customers
from segmentation.embedding import EmbeddingError, read_embedding, rows_to_text

NOTEBOOK = build.NOTEBOOKS / "further" / "scale_out.ipynb"
PROBLEM = spark.find_problem()
needs_spark = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark_here")]


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
        json.loads((tmp_path / f"{name}.parquet.json").read_text(encoding="utf-8"))
        for name in ("local", "spark")
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
        java.write_text(
            f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025' >&2\n", encoding="utf-8"
        )
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
    (foreign / "mine.txt").write_text("precious", encoding="utf-8")
    (tmp_path / "p.parquet.json").write_text("mine", encoding="utf-8")
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
    assert (foreign / "mine.txt").read_text(encoding="utf-8") == "precious"


# --- Faults


class Job:
    """The script in a process of its own, watched from outside."""

    def __init__(self, source, output, master):
        submitted = f"--master {master} {SPARK_HERE} pyspark-shell"
        command = [sys.executable, embedding_creation.__file__, "--engine", "spark"]
        command += ["--input", str(source), "--output", str(output), "--precision", "float32"]
        self.part = output.with_name(output.name + ".part")
        self.of_others = self.tasks_done(set())
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"PYSPARK_SUBMIT_ARGS": submitted},
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
            process.kill()


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


@needs_spark
def test_failed_job_leaves_nothing_and_a_rerun_works(many, tmp_path):
    source, texts, expected = many
    output = tmp_path / "out.parquet"
    # All of it killed: what is left has another name.
    job = Job(source, output, "local[2]")
    job.wait_for_first_task()
    kill([psutil.Process(job.process.pid), *job.processes("")])
    assert job.end()[0] != 0
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
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUSTOMERS", str(SAMPLE))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    ran = []
    execution.execute([path], tmp_path / "build", lambda _, notebook: ran.append(notebook))
    (notebook,) = ran
    assert build.find_verdict(notebook).startswith("Not run. Spark needs Java")
    assert not [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
