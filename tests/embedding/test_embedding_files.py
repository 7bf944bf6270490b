"""Embeddings as files: read back exactly, known by their provenance, never over others' files."""

import json

import numpy as np
import pandas as pd
import pytest

from segmentation.embedding import (
    EmbeddingError,
    Encoder,
    embed,
    load_or_embed,
    read_embedding,
    read_provenance,
)
from segmentation.files import sha256

TEXTS = [f"age: {age}, job: {job}" for age in range(20, 40) for job in ("clerk", "none")]


@pytest.fixture(scope="module")
def encoder(tiny):
    return Encoder(str(tiny))


def provenance_of(path):
    return path.with_name(path.name + ".json")


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_file_reads_back_exactly(encoder, tmp_path, name):
    vectors = embed(TEXTS, tmp_path / name, encoder, progress=False)
    back = read_embedding(tmp_path / name, TEXTS)
    np.testing.assert_array_equal(back.to_numpy(), vectors)
    assert list(back.columns) == [str(i) for i in range(32)]
    assert set(back.dtypes) == {np.dtype("float32")}
    plain = pd.read_csv if name.endswith("csv") else pd.read_parquet
    np.testing.assert_array_equal(plain(tmp_path / name).to_numpy(np.float32), vectors)
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}.json"}


def test_provenance(encoder, tiny, tmp_path):
    path = tmp_path / "out.csv"
    embed(TEXTS, path, encoder, about={"input": "some.csv"}, progress=False)
    told = read_provenance(path)
    assert (told["rows"], told["input"], told["sha256"]) == (len(TEXTS), "some.csv", sha256(path))
    assert told["weights_sha256"] == sha256(tiny / "model.safetensors")
    assert {"model", "precision", "input_sha256", "versions"} <= told.keys()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_was_made_from_something_else_is_refused(encoder, tmp_path, name):
    path = tmp_path / name
    embed(TEXTS, path, encoder, progress=False)
    for other in (["another", *TEXTS[1:]], TEXTS[::-1], TEXTS[:-1]):
        with pytest.raises(EmbeddingError):
            read_embedding(path, other)
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(EmbeddingError):
        read_embedding(path, TEXTS)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"sha256": 1}', "no JSON", "\0"])
def test_a_file_without_a_provenance_is_neither_read_nor_replaced(encoder, tmp_path, content):
    path = tmp_path / "mine.csv"
    path.write_text("id,0\n1,0.5\n", encoding="utf-8")
    if content is not None:
        provenance_of(path).write_text(content, encoding="utf-8")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(EmbeddingError):
        read_embedding(path, TEXTS)
    with pytest.raises(EmbeddingError):
        embed(TEXTS, path, encoder, progress=False)
    with pytest.raises(EmbeddingError):
        load_or_embed(TEXTS, path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_edited_embedding_is_not_replaced(encoder, tmp_path):
    path = tmp_path / "out.csv"
    embed(TEXTS, path, encoder, progress=False)
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(EmbeddingError):
        embed(TEXTS, path, encoder, progress=False)


def test_neighbours_of_an_output_are_left_alone(encoder, tmp_path):
    """e.csv and e.parquet stand side by side, and an e.json of somebody else stays."""
    (tmp_path / "e.json").write_text("mine", encoding="utf-8")
    for name in ("e.csv", "e.parquet"):
        embed(TEXTS, tmp_path / name, encoder, progress=False)
    read_embedding(tmp_path / "e.csv", TEXTS)
    read_embedding(tmp_path / "e.parquet", TEXTS)
    assert (tmp_path / "e.json").read_text(encoding="utf-8") == "mine"


def test_load_or_embed(tmp_path):
    path = tmp_path / "e.csv"
    made = load_or_embed(TEXTS[:10], path)
    stamp = path.stat().st_mtime_ns
    pd.testing.assert_frame_equal(load_or_embed(TEXTS[:10], path), made)
    assert path.stat().st_mtime_ns == stamp
    assert load_or_embed(TEXTS[:5], path).shape == (5, 384)
    assert json.loads(provenance_of(path).read_text(encoding="utf-8"))["rows"] == 5
