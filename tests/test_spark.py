"""Spark: the same rows, texts and vectors as on one machine, through killed workers and jobs."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from test_embedding_creation import customers, save

from segmentation import build, files, spark
from segmentation.customers import TableError, load_table
from segmentation.embedding import on_spark, rows_to_text
from segmentation.embedding.files import hash_of_texts
from segmentation.spark_table import Table

NOTEBOOK = build.NOTEBOOKS / "further" / "scale_out.ipynb"
PROBLEM = spark.find_problem()
pytestmark = pytest.mark.slow
needs_spark = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))


@pytest.fixture(scope="module")
def running(spark_here):
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
    (tmp_path / "1.csv").write_text("\n\n \n", encoding="utf-8")
    (tmp_path / "2.csv").write_text(" \t\n\na;b\n\n1;x\n\t\t\n2;y\n", encoding="utf-8")
    (tmp_path / "3.csv").write_text("a;b\n3;z\n", encoding="utf-8")
    table = Table(running, tmp_path)
    assert table.n_rows == 3
    assert texts_of(table) == ["a: 1, b: x", "a: 2, b: y", "a: 3, b: z"]


@needs_spark
def test_encoding_is_that_of_customers_toml(running, tmp_path):
    rows = "".join(f"{i};Köchin\n" for i in range(100))
    (tmp_path / "t.csv").write_bytes(("a;b\n" + rows).encode("mac-roman"))
    (tmp_path / "customers.toml").write_text('encoding = "mac-roman"', encoding="utf-8")
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
    path.write_text("a;b\n1;2\n", encoding="utf-8")
    (tmp_path / "other.csv").write_text("a;c\n1;2\n", encoding="utf-8")
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
    told = json.loads(output.with_name(output.name + ".json").read_text(encoding="utf-8"))
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
