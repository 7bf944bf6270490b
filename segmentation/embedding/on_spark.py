"""Embedding on Apache Spark: tables too large for one machine, texts encoded on many.

The embedding is a folder of Parquet files whose rows are numbered by the column ``row``. Rows of
one text go to one worker, so each text is encoded once.
"""

import hashlib
import math
import os
import sys
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path

import pandas as pd

from segmentation import spark, spark_table
from segmentation.customers import TableError, clean, find_table, labelled
from segmentation.customers.cleaning import prepare_customers
from segmentation.embedding.encoder import BATCH_SIZE, DEFAULT_MODEL, Encoder
from segmentation.embedding.files import describe, locked
from segmentation.embedding.text import EmbeddingError, choose_columns, rows_to_text, text_template

#: From so many rows it is learnt what each column is: more than one machine embeds comfortably, and
#: few enough to be held by one.
SCHEMA_ROWS = 500_000

#: Rows that one task encodes: about two minutes on a core, which is all that a lost machine costs
#: each of its cores, and 30 MB of output.
ROWS_PER_TASK = 20_000

#: At least so many tasks per core, so that no core waits long for the last one.
TASKS_PER_CORE = 4


def embed_on_spark(
    source,
    output,
    *,
    columns=None,
    model=DEFAULT_MODEL,
    precision="auto",
    batch_size=BATCH_SIZE,
    limit=None,
):
    """Embed a table on Spark; `segmentation.embedding.embed` does it on this machine.

    Parameters
    ----------
    source, output : Path or str
        As for `segmentation.spark.Table` and `segmentation.spark.write_whole`.
    columns : sequence of str, optional
        To embed as they stand in the file. By default those that `load_customers` uses, cleaned as
        there; what each is, is learnt from the first `SCHEMA_ROWS` rows.
    model, precision, batch_size : optional
        As for `segmentation.embedding.encode`; the model has to be on every machine.
    limit : int, optional
        Take only the first rows.

    Returns
    -------
    Path or str
        `output`.

    Raises
    ------
    EmbeddingError, TableError
        If Spark is not at hand, or the input, the encoder or the output cannot be used.
    JobError
        If Spark gives up.
    """
    if problem := spark.find_problem():
        raise EmbeddingError(problem)
    source = _check_places(source, output)
    encoder = Encoder(model, precision)
    precision = encoder.provenance["precision"]  # One for all machines, whatever they have.
    model = str(Path(model).resolve()) if Path(model).is_dir() else model
    lock = locked(output) if isinstance(output, Path) else nullcontext()
    with lock, spark.session() as running:
        spark.check_output(running, output)
        table = spark_table.Table(running, source, limit)
        if not table.n_rows:
            raise EmbeddingError(f"{source} has no rows to embed.")
        name = str(source).rstrip("/").rsplit("/", 1)[-1]
        columns, to_text = _choose(table, name, columns)
        texts = to_texts(table, to_text)
        about = {"columns": columns, "text": text_template(columns), "input": name}
        provenance = describe(encoder, batch_size, table.n_rows, hash_texts(texts), about)
        work = partial(encode_on_worker, model, precision, batch_size)
        vectors = encode_texts(texts, table.n_rows, work, encoder.n_dimensions)
        spark.write_whole(vectors, table.n_rows, output, provenance)
    return output


def _choose(table, name, columns):
    """Return the columns to embed, and the function that writes rows of the table as texts."""
    if columns:
        columns = choose_columns(pd.DataFrame(columns=table.columns), columns)
        return columns, partial(rows_to_text, columns=columns)
    try:
        customers = prepare_customers(table.head(SCHEMA_ROWS), name, table.settings)
    except TableError as error:
        raise TableError(f"{error}\n--columns embeds columns as they stand in the file.") from error
    if table.n_rows > SCHEMA_ROWS:
        print(
            f"what each column is was learnt from {SCHEMA_ROWS:,} of {table.n_rows:,} rows",
            file=sys.stderr,
        )
    shown = labelled(customers.table.head(1), customers.labels)
    return choose_columns(shown), partial(_cleaned_text, customers.schema, customers.labels)


def _cleaned_text(schema, column_labels, table):
    return rows_to_text(labelled(clean(table, schema)[0], column_labels))


def _check_places(source, output):
    """Refuse places that Spark could not use, before it is started; return the input's."""
    if not str(output).endswith(".parquet"):
        raise EmbeddingError(f"{output}: the output of --engine spark ends in .parquet.")
    if isinstance(output, Path):
        if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
            raise EmbeddingError(f"{output.parent} is not a folder that can be written to.")
        if output.is_file():
            raise EmbeddingError(f"{output} is a file. Name another output.")
    if isinstance(source, str) or (source and source.is_dir()):
        return source
    return find_table(source)


def to_texts(table, to_text):
    """Write each row of a table as one text.

    Parameters
    ----------
    table : Table
    to_text : callable
        Takes a DataFrame and returns a list of str.

    Returns
    -------
    pyspark DataFrame with the columns ``row`` and ``text``
    """
    return table.map(partial(_texts, to_text), "row long, text string")


def _texts(to_text, table):
    return pd.DataFrame({"row": table.index, "text": to_text(table)})


def hash_texts(texts):
    """Return the SHA-256 of all texts in the order of their rows, joined by line breaks.

    A hash has one order, so the texts pass through this process, piece by piece.
    """
    digest, between = hashlib.sha256(), b""
    pieces = texts.orderBy("row").mapInPandas(_join_texts, "joined binary")
    for piece in pieces.toLocalIterator(prefetchPartitions=True):
        digest.update(between + piece["joined"])
        between = b"\n"
    return digest.hexdigest()


def _join_texts(batches):
    for batch in batches:
        yield pd.DataFrame({"joined": ["\n".join(batch["text"]).encode()]})


def encode_texts(texts, n_rows, encode, n_dimensions):
    """Turn texts into vectors, equal texts on one worker.

    Equal texts follow each other, so each is encoded once; twice at most, where a batch of
    Spark's ends between them.

    Parameters
    ----------
    texts : pyspark DataFrame with the columns ``row`` and ``text``
    n_rows : int
    encode : callable
        Takes a list of str and returns an array of float32, of shape (n_texts, n_dimensions).
        Runs in the workers, and so does what it loads.
    n_dimensions : int

    Returns
    -------
    pyspark DataFrame with the columns ``row``, ``0``, ``1``, ..., in no order of rows
    """
    cores = texts.sparkSession.sparkContext.defaultParallelism
    n_tasks = max(TASKS_PER_CORE * cores, math.ceil(n_rows / ROWS_PER_TASK))
    schema = ", ".join(["row long", *(f"`{i}` float" for i in range(n_dimensions))])
    together = texts.repartition(n_tasks, "text").sortWithinPartitions("text")
    return together.mapInPandas(partial(_encode, encode), schema)


def _encode(encode, batches):
    for batch in batches:
        codes, distinct = pd.factorize(batch["text"])
        vectors = pd.DataFrame(encode(list(distinct))[codes]).rename(columns=str)
        vectors.insert(0, "row", batch["row"].to_numpy())
        yield vectors


@cache
def encoder_of_worker(model, precision):
    """Return an encoder, which is loaded once per process."""
    return Encoder(model, precision)


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
    encoder = encoder_of_worker(model, precision)
    return encoder.encode(texts, batch_size=batch_size, progress=False)
