"""Turn customers into numbers: each row becomes a sentence, each sentence 384 numbers.

    python embedding_creation.py

embeds the customer table that `segmentation.customers.find_table` finds, data/train.csv into
data/embedding_train.csv: the columns that the notebooks use, cleaned as there. For a table of your
own, other columns as they stand in the file, or another encoder:

    python embedding_creation.py --input my.csv --output my_embedding.parquet
    python embedding_creation.py --columns age,job,balance --limit 1000
    python embedding_creation.py --model paraphrase-MiniLM-L6-v2 --precision float32

all-MiniLM-L6-v2 comes with requirements.txt and needs no network. Any other encoder is a name on
the Hugging Face hub (paraphrase-MiniLM-L6-v2 is the source article's) or a folder that
sentence-transformers saved.

The 45,211 customers of the Bank Marketing table take 96 s (180 s in float32) and 1.5 GB at most on
2 cores of an AMD EPYC (Zen 4). Stop it whenever you like: the same command goes on where it was.
Beside the output, my.csv, it writes what the embedding was made from, my.csv.json, and replaces
no file that it did not write.

Where one machine is too small, Apache Spark runs the same encoder on many:

    python embedding_creation.py --engine spark --input my.csv --output my_embedding.parquet

The output is a folder of part files whose rows are numbered by the column `row`. It takes
requirements-spark.txt and Java 17, and on every machine of a cluster what requirements.txt lists.
Without a cluster, Spark uses the cores of this machine, and is no faster than the default.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from segmentation.customers import (
    DATA,
    DownloadError,
    TableError,
    describe_source,
    find_table,
    is_sample,
    labelled,
    load_customers,
    load_table,
)
from segmentation.embedding import DEFAULT_MODEL, EmbeddingError, Encoder, embed, rows_to_text
from segmentation.embedding.encoder import BATCH_SIZE
from segmentation.embedding.files import check_output
from segmentation.embedding.text import choose_columns, text_template


def main(args):
    """Embed a table: find it, write its rows as text, encode them, write the vectors.

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
        from segmentation.embedding.on_spark import embed_on_spark

        options = {name: value for name, value in vars(args).items() if name != "engine"}
        return embed_on_spark(options.pop("input"), **options)
    for place in (args.input, args.output):
        if isinstance(place, str):
            raise EmbeddingError(f"{place} is a URL, which takes --engine spark.")
    source = find_table(args.input)
    output = args.output or DATA / f"embedding_{source.stem}.csv"
    check_output(output, source)
    if is_sample(source):
        print(describe_source(source).replace("*", "").lstrip("> "), file=sys.stderr)
    table = read_columns(source, args.columns).head(args.limit)
    if table.empty:
        raise EmbeddingError(f"{source.name} has no rows to embed.")
    columns = choose_columns(table, list(table))
    texts = rows_to_text(table, columns)
    about = {"columns": columns, "text": text_template(columns), "input": source.name}
    encoder = Encoder(args.model, args.precision)
    vectors = embed(texts, output, encoder, args.batch_size, about=about)
    # In bfloat16 the last bits differ.
    if encoder.takes_the_mean and by_hand(texts[0], encoder) @ vectors[0] < 0.999:
        raise EmbeddingError(f"{output}: its first row is not what the encoder makes of one text.")
    return output


def read_columns(source, columns=None):
    """Read what is to be embedded.

    Parameters
    ----------
    source : Path
    columns : list of str, optional
        These, as they stand in the file. By default those that the notebooks use, cleaned and
        under their labels, as customers.toml beside the table says.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
    """
    if columns:
        table = load_table(source)
        return table[choose_columns(table, columns)]
    try:
        customers = load_customers(source)
    except TableError as error:
        raise TableError(f"{error}\n--columns embeds columns as they stand in the file.") from error
    return labelled(customers.table, customers.labels)


def by_hand(text, encoder):
    """Compute the vector of one text step by step; `embed` does the same with many at once."""
    tokens = encoder.tokenize([text])[0]  # The text in pieces of words, each piece a number.
    vectors = encoder.token_vectors(tokens)  # A vector per token, in the light of the others.
    mean = vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)  # Of length 1, so that only its direction counts.


def parse_args(argv=None):
    """Read the options of a command line, by default of the process, as `main` takes them.

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
    add = parser.add_argument
    add("--input", type=_place, help="a customer table (default: find_table's)")
    add("--output", type=_place, help=".csv or .parquet (default: data/embedding_<table>.csv)")
    add("--columns", type=_names, help="comma-separated (default: those of the notebooks)")
    add("--model", default=DEFAULT_MODEL, help=f"default: {DEFAULT_MODEL}")
    add("--batch-size", type=_positive, default=BATCH_SIZE)
    precisions = ("auto", "float32", "bfloat16")
    help_ = "auto: bfloat16 where the processor has it in hardware, else float32"
    add("--precision", choices=precisions, default="auto", help=help_)
    add("--limit", type=_positive, help="embed only the first rows")
    help_ = "spark: on many machines; --input and --output may be URLs, --output .parquet"
    add("--engine", choices=("local", "spark"), default="local", help=help_)
    return parser.parse_args(argv)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        # argparse would print its usage before the one line that matters.
        raise EmbeddingError(message)


def _place(text):
    return text if "://" in text else Path(text)


def _names(text):
    return [name.strip() for name in text.split(",")]


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def cli(argv=None):
    """Run a command line, saying in one line what went wrong.

    Returns
    -------
    int
        The exit code: 0, 2 for bad input, 1 for a full disk and the like, 130 for Ctrl-C.
    """
    try:
        print(main(parse_args(argv)))
        return 0
    except (EmbeddingError, TableError, DownloadError) as error:
        code, message = 2, f"error: {error}"
    except ChildProcessError as error:
        code, message = 1, f"error: {error}"
    except OSError as error:
        code, message = 1, f"error: {error}. Nothing done is lost; run it again."
    except KeyboardInterrupt as stop:
        code, message = 130, str(stop) or "stopped; the same command goes on from here."
    print(" ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(cli())
