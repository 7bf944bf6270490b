"""From text to numbers: a sentence encoder, as fast as the processor multiplies.

It knows no files: it yields vectors batch by batch, and whoever has to survive an interruption
stores them.
"""

import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.embedding.models import DEFAULT_MODEL, find_model, hash_model
from segmentation.embedding.text import EmbeddingError

#: Texts in a batch. On a CPU, 32 to 128 short ones cost the same within 2 %.
BATCH_SIZE = 64

#: Tokens in a batch, padding included, so that one of long texts stays in the processor's caches:
#: of 127 tokens each, 16 to 32 texts at once are 1.0 to 1.4 times faster than 64 (a processor with
#: AMX, bfloat16), and of 37, 64 are 1.1 times faster than 16.
BATCH_TOKENS = 3_072

#: Tokens up to which plain attention beats PyTorch's fused one on a CPU: 4.4 ms against 7.3 for a
#: batch of 37 tokens in bfloat16; from 48 on it is the other way round, or even.
SHORT_TEXT = 40


class Work(NamedTuple):
    """Texts prepared for an encoder.

    `codes` (n_texts,) says which of the distinct texts each one is, `counts` how often each occurs,
    `tokens` holds the token ids of each, and `batches` their indices, batch by batch.
    """

    codes: np.ndarray
    counts: np.ndarray
    tokens: list
    batches: list

    def bar(self, progress=True):
        """Return a progress bar over all texts, with a rate and the remaining time."""
        from tqdm import tqdm

        return tqdm(
            total=len(self.codes),
            unit=" rows",
            unit_scale=True,
            smoothing=0.1,
            disable=not progress,
        )

    def count(self, batches):
        """Return how many texts some batches serve."""
        return int(sum(self.counts[batch].sum() for batch in batches))


class Encoder:
    """A sentence-transformers model: tokens of all texts at once, vectors batch by batch.

    Parameters
    ----------
    model : str, optional
        As `find_model` takes it.
    precision : {"auto", "float32", "bfloat16"}, optional
        Of the transformer's matrix products. By default bfloat16 where the processor has it in
        hardware, else float32.

    Attributes
    ----------
    n_dimensions : int
        Of its vectors.
    provenance : dict
        What decides what it computes: model, hashes, precision, device, versions.

    Raises
    ------
    EmbeddingError
        If there is no such model, or it cannot be loaded.
    """

    def __init__(self, model=DEFAULT_MODEL, precision="auto"):
        folder = find_model(model)
        import torch
        import transformers
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Transformer

        transformers.utils.logging.disable_progress_bar()
        # What PyTorch was built for may not be here: its usual build for Linux is for CUDA.
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        self.device = accelerator or torch.device("cpu")
        try:
            self.modules = SentenceTransformer(str(folder), device=str(self.device)).eval()
        except Exception as error:  # The libraries raise whatever a damaged file leads to.
            raise EmbeddingError(
                f"{folder} cannot be loaded as a sentence-transformers model: {error}"
            ) from error
        self.transformer = self.modules[0]
        if not isinstance(self.transformer, Transformer):
            raise EmbeddingError(f"{model} has no transformer that could be run in batches.")
        bfloat16 = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(self.device))
        if bfloat16:
            # The rest, pooling above all, stays in float32.
            self.transformer.to(torch.bfloat16)
        self.fused = False
        self.attention = self.transformer.model.config._attn_implementation
        self.n_dimensions = self.modules.get_embedding_dimension()
        cpu = self.device.type == "cpu"
        self.provenance = {
            "model": model,
            **hash_model(folder),
            "precision": "bfloat16" if bfloat16 else "float32",
            "device": torch.backends.cpu.get_cpu_capability() if cpu else str(self.device),
            "versions": {"python": platform.python_version()}
            | {
                package: version(package)
                for package in ("torch", "transformers", "tokenizers", "sentence-transformers")
            },
        }

    def encode(self, texts, *, batch_size=BATCH_SIZE, progress=True):
        """Turn texts into vectors, encoding each distinct text once.

        Parameters
        ----------
        texts : sequence of str
        batch_size : int, optional
            Texts per batch at most; see `BATCH_SIZE` and `BATCH_TOKENS`.
        progress : bool, optional
            Whether to show a progress bar.

        Returns
        -------
        ndarray of float32, shape (n_texts, n_dimensions)
            Rows of length 1, in the order of the texts.

        Raises
        ------
        EmbeddingError
            If something among the texts is no text.
        """
        if isinstance(texts, str):
            raise EmbeddingError("texts is one text. Give a list of them.")
        texts = list(texts)
        wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
        if wrong is not None:
            raise EmbeddingError(f"text {wrong} is no text but {texts[wrong]!r}. See rows_to_text.")
        work = self.prepare(texts, batch_size)
        vectors = np.empty((len(work.tokens), self.n_dimensions), np.float32)
        with work.bar(progress) as bar:
            for batch, result in self.run(work):
                vectors[batch] = result
                bar.update(work.count([batch]))
        return vectors[work.codes]

    def tokenize(self, texts):
        """Return the token ids of each text, cut to what the model takes."""
        prompt = self.modules.prompts.get(self.modules.default_prompt_name) or ""
        limit = self.modules.max_seq_length
        tokens = self.modules.tokenizer(
            [prompt + text for text in texts],
            truncation=True,
            max_length=limit,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        n_full = sum(len(ids) == limit for ids in tokens)
        if n_full:
            print(f"{n_full} texts reach {limit} tokens; what is beyond is cut", file=sys.stderr)
        return tokens

    def prepare(self, texts, batch_size):
        """Tokenise the distinct texts and put those of like length into one batch.

        Batches depend on the set of texts alone, not on their order.

        Parameters
        ----------
        texts : sequence of str
        batch_size : int
            Texts per batch at most.

        Returns
        -------
        Work
        """
        codes, distinct = pd.factorize(np.array(texts, dtype=object), sort=True)
        tokens = self.tokenize(distinct.tolist()) if len(distinct) else []
        return Work(codes, np.bincount(codes), tokens, _batches(tokens, batch_size))

    def run(self, work, start=0):
        """Encode what was prepared.

        Parameters
        ----------
        work : Work
        start : int, optional
            The batch to begin with, where earlier ones are known already.

        Yields
        ------
        ndarray of int, shape (n_batch,)
            Which of the distinct texts.
        ndarray of float32, shape (n_batch, n_dimensions)
            Their vectors, of length 1.
        """
        import torch

        left = work.batches[start:]
        tokens = [[work.tokens[i] for i in batch] for batch in left]
        if not left or self.device.type != "cpu":
            yield from zip(left, map(self.encode_batch, tokens), strict=True)
            return
        # All batches decide, not those that are left: else a resumed run would differ.
        short = max(map(len, work.tokens)) <= SHORT_TEXT
        with suppress(ValueError):  # Some models have but one attention.
            self.transformer.model.set_attn_implementation("eager" if short else self.attention)
        if not self.fused:
            _fuse(self.transformer.model, rows=sum(len(work.tokens[i]) for i in work.batches[0]))
            self.fused = True
        # One batch per core and one thread per batch: 3 to 7 % faster than all cores on one batch,
        # and no result depends on the number of cores.
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        pool = ThreadPoolExecutor(n_threads)
        try:
            yield from zip(left, pool.map(self.encode_batch, tokens), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(n_threads)

    def token_vectors(self, tokens):
        """Return the vector of each token of one text, in the light of the others.

        Parameters
        ----------
        tokens : list of int
            As `tokenize` gives them for one text.

        Returns
        -------
        ndarray of float32, shape (n_tokens, n_dimensions)
        """
        import torch

        with torch.inference_mode():
            features = self.transformer({"input_ids": torch.tensor([tokens]).to(self.device)})
            return features["token_embeddings"][0].float().cpu().numpy()

    @property
    def takes_the_mean(self):
        """Whether a text's vector is the mean of its tokens' vectors, as in the default model."""
        from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

        pooling, *others = list(self.modules)[1:]
        by_mean = isinstance(pooling, Pooling) and pooling.pooling_mode == "mean"
        return by_mean and all(isinstance(module, Normalize) for module in others)

    def encode_batch(self, batch):
        """Return the vectors of the token ids of a few texts, on the thread that calls."""
        import torch

        with torch.inference_mode():
            features = self.modules.tokenizer.pad({"input_ids": batch}, return_tensors="pt")
            if len(batch[0]) == len(batch[-1]):
                del features["attention_mask"]  # No padding, so nothing to mask.
            features = self.transformer(dict(features.to(self.device)))
            features["token_embeddings"] = features["token_embeddings"].float()
            for module in list(self.modules)[1:]:
                features = module(features)
            vectors = torch.nn.functional.normalize(features["sentence_embedding"].float())
            return vectors.cpu().numpy()


def _batches(tokens, batch_size):
    """Put texts of like length together, until they are too many or have too many tokens."""
    lengths = np.array([len(ids) for ids in tokens], dtype=int)
    order = np.argsort(lengths, kind="stable")
    starts = [0] if tokens else []
    for i, length in enumerate(lengths[order]):
        n = i - starts[-1] + 1
        # The last is the longest, to which the others are padded.
        if n > batch_size or (n > 1 and n * length > BATCH_TOKENS):
            starts.append(i)
    return np.split(order, starts[1:]) if tokens else []


def _has_bfloat16(device):
    """Whether the processor multiplies bfloat16 in hardware; elsewhere it is slower."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    # bf16 is ARM's.
    return device.type == "cpu" and any(
        capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")
    )


def _fuse(model, rows):
    """Run a model's linear layers through oneDNN with packed weights, and GELU inside them.

    Beside PyTorch's own linear layers on a Zen 4: 1.14 times faster in float32, 1.06 in bfloat16
    (the whole encoder, plain attention in both). torch.compile uses these operators too, but
    needs a compiler.
    """
    import torch

    operators = torch.ops.mkldnn
    if platform.machine() not in ("x86_64", "AMD64") or not hasattr(operators, "_linear_pointwise"):
        return

    def linear(layer, packed, activation, algorithm, x):
        return operators._linear_pointwise(x, packed, layer.bias, activation, [], algorithm)

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    try:
        packed = [operators._reorder_linear_weight(layer.weight.detach(), rows) for layer in layers]
    except RuntimeError:  # For bfloat16 they need a processor that has AVX-512.
        return
    for layer, weights in zip(layers, packed, strict=True):
        layer.forward = partial(linear, layer, weights, "none", "")
    for module in model.modules():
        activation = getattr(module, "intermediate_act_fn", None)
        if type(activation).__name__ == "GELUActivation" and isinstance(
            module.dense, torch.nn.Linear
        ):
            layer, weights, *_ = module.dense.forward.args
            module.dense.forward = partial(linear, layer, weights, "gelu", "none")
            module.intermediate_act_fn = torch.nn.Identity()
