"""Embeddings as files: resumed after an interruption, refused if they are not what they say.

Beside an embedding, ``my.csv``, lies its provenance, ``my.csv.json``: the texts that it was made
from and the encoder that made it, by their hashes. A file without it was not made here, and is
neither read nor replaced.
"""

import hashlib
import json
import os
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from segmentation import files
from segmentation.embedding.encoder import BATCH_SIZE, Encoder
from segmentation.embedding.text import EmbeddingError

SUFFIXES = (".csv", ".parquet")

#: What every provenance holds.
KEYS = {"model", "rows", "input_sha256", "sha256"}


def embed(
    texts,
    output,
    encoder,
    batch_size=BATCH_SIZE,
    *,
    about=None,
    progress=True,
):
    """Turn texts into vectors, and write them with their provenance.

    What is done is kept from batch to batch: after an interruption, the same call goes on.

    Parameters
    ----------
    texts : sequence of str
    output : str or Path
        To write, .csv or .parquet, a row per text and a column per dimension.
    encoder : Encoder
    batch_size, progress : optional
        As for `segmentation.embedding.encode`, which does the same without files.
    about : dict, optional
        More for the provenance, such as the name of the table.

    Returns
    -------
    ndarray of float32, shape (n_texts, n_dimensions)

    Raises
    ------
    EmbeddingError
        If `output` is there and was not made by this function.
    """
    output = Path(output)
    check_output(output)
    with locked(output):
        provenance = describe(encoder, batch_size, len(texts), hash_of_texts(texts), about)
        checkpoint = output.with_name(output.name + ".checkpoint")
        work = encoder.prepare(texts, batch_size)
        vectors = np.empty((len(work.tokens), encoder.n_dimensions), np.float32)
        with _opened(checkpoint, provenance) as file, work.bar(progress) as bar:
            done = _resume(file, work.batches, vectors)
            bar.initial = bar.n = work.count(work.batches[:done])
            for batch, result in encoder.run(work, start=done):
                vectors[batch] = result
                file.write(result.tobytes() + _checksum(result))
                file.flush()
                bar.update(work.count([batch]))
        vectors = vectors[work.codes]
        _write(vectors, output, provenance)
        checkpoint.unlink()
    return vectors


def describe(encoder, batch_size, n_rows, input_sha256, about=None):
    """Return the provenance of an embedding, all but the hash of the file itself."""
    made = {"batch_size": batch_size, "rows": n_rows, "input_sha256": input_sha256}
    return encoder.provenance | made | (about or {})


def hash_of_texts(texts):
    """Return the SHA-256 of texts, joined by line breaks."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def provenance_path(path):
    """Return the path of the provenance of an embedding."""
    return path.with_name(path.name + ".json")


def read_provenance(path):
    """Read what lies beside an embedding.

    Parameters
    ----------
    path : str or Path
        The embedding.

    Returns
    -------
    dict

    Raises
    ------
    EmbeddingError
        If it is not there, or is something else.
    """
    file = provenance_path(Path(path))
    try:
        provenance = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EmbeddingError(f"{file} is not there. Run embedding_creation.py.") from None
    except (ValueError, OSError) as error:
        raise EmbeddingError(f"{file} is no provenance of an embedding: {error}.") from error
    if not isinstance(provenance, dict) or not provenance.keys() >= KEYS:
        raise EmbeddingError(f"{file} is no provenance of an embedding.")
    return provenance


def check_output(output, source=None):
    """Refuse an output that could not or should not be written, before any long work.

    Parameters
    ----------
    output : Path
    source : Path, optional
        The input.

    Raises
    ------
    EmbeddingError
        If `output` is the input, a folder, or a file that was not made here, and so for its
        provenance; if its ending is another or its folder cannot be written to.
    """
    if output.suffix not in SUFFIXES:
        raise EmbeddingError(f"{output}: the output ends in {' or '.join(SUFFIXES)}.")
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise EmbeddingError(f"{output.parent} is not a folder that can be written to.")
    if output.is_dir() or (source and output.resolve() == Path(source).resolve()):
        raise EmbeddingError(f"{output} is a folder or the input itself. Name another output.")
    described = provenance_path(output)
    if not output.exists() and not described.exists():
        return
    try:
        provenance = read_provenance(output)
    except EmbeddingError as error:
        there = output if output.exists() else described
        raise EmbeddingError(
            f"{there} is there and was not made by this program, so it is not overwritten "
            f"({error}) Name another output, or move it."
        ) from error
    if output.exists() and provenance["sha256"] != files.sha256(output):
        raise EmbeddingError(
            f"{output} is not the file that {described.name} describes, so it is not "
            "overwritten. Name another output, or move it."
        )


def read_embedding(path, texts):
    """Read an embedding, and refuse one that was made from something else.

    Parameters
    ----------
    path : str or Path
        What `embed` or embedding_creation.py wrote: .csv, .parquet, or with ``--engine spark`` a
        local folder.
    texts : sequence of str
        What it has to be made from, in this order.

    Returns
    -------
    DataFrame of shape (n_texts, n_dimensions)
        The vectors in float32.

    Raises
    ------
    EmbeddingError
        If the embedding is not there or damaged, or was made from other texts.
    """
    path = Path(path)
    if not path.exists():
        raise EmbeddingError(f"{path} is not there. Run embedding_creation.py.")
    provenance = read_provenance(path)
    if reason := _mismatch(provenance, path, texts):
        raise EmbeddingError(f"{path} {reason}. Run embedding_creation.py again.")
    return _read(path)


def load_or_embed(texts, path, about=None):
    """Read the embedding of some texts; if there is none at a path, make it there.

    Parameters
    ----------
    texts : sequence of str
    path : str or Path
    about : dict, optional
        As for `embed`.

    Returns
    -------
    DataFrame of shape (n_texts, n_dimensions)

    Raises
    ------
    EmbeddingError
        If there is a file at `path` that was not made here.
    """
    try:
        return read_embedding(path, texts)
    except EmbeddingError:
        embed(texts, path, Encoder(), about=about)
        return read_embedding(path, texts)


def _mismatch(provenance, path, texts):
    if provenance["sha256"] != (files.hash_folder if path.is_dir() else files.sha256)(path):
        return f"is not the file that {provenance_path(path).name} describes"
    if provenance["rows"] != len(texts):
        return f"was made from {provenance['rows']} rows, not {len(texts)}"
    if provenance["input_sha256"] != hash_of_texts(texts):
        template, table = provenance.get("text", "other texts"), provenance.get("input", "a table")
        return f"was made from other texts: {template} ({table})"
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


def _write(vectors, output, provenance):
    import pyarrow as pa
    from pyarrow import csv, parquet

    names = [str(i) for i in range(vectors.shape[1])]
    table = pa.table([*np.ascontiguousarray(vectors.T)], names=names)
    with files.written_whole(output) as beside:
        if output.suffix == ".csv":
            # Arrow writes the shortest decimal form that reads back as the same float32.
            csv.write_csv(table, beside, csv.WriteOptions(quoting_header="none"))
        else:
            # Hardly two values are the same, so a dictionary would only cost.
            parquet.write_table(table, beside, use_dictionary=False)
        text = json.dumps(provenance | {"sha256": files.sha256(beside)}, indent=2) + "\n"
        # Before the output: one without its provenance would be worse than the reverse.
        files.write_text(provenance_path(output), text)


# --- Checkpoint and lock ------------------------------------------------------------------------


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
def locked(output):
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
