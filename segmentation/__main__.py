"""New customers: give them segments, and see whether they still are the customers of then.

python -m segmentation score --segmenter build/kmeans.segmenter --input new.csv
python -m segmentation drift --segmenter build/kmeans.segmenter --input new.csv

`score` writes segments.csv, or another --output, with a line per customer of the input, in its
order: segment, name, confidence, outlier flag, and how many of its values were unknown. `drift`
writes drift.csv with the share of each segment then and now and the population stability index,
and beside it the same as a figure, drift.png.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from segmentation import files, segmenter
from segmentation.customers import TableError, clean, labelled, load_table

PROGRAM = "customer-segmentation"

#: What the first line of its own tables ends with, and what its own pictures hold early on.
SCORE_HEADER = b"segment,name,confidence,outlier,unknown"
DRIFT_HEADER = b"segment,name,then,now,psi"
PNG_SIGNATURE = b"Software\0" + PROGRAM.encode()


def main(args=None):
    """Run a command.

    Returns
    -------
    int
        0, or 2 after a message on the standard error.
    """
    options = parse_args(args)
    try:
        return options.run(options)
    except (segmenter.SegmenterError, TableError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parse_args(args=None):
    """Read the options of a command line; by default, of the process."""
    parser = argparse.ArgumentParser(prog="python -m segmentation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True, metavar="command")
    for run, output in ((score, "segments.csv"), (drift, "drift.csv")):
        command = commands.add_parser(run.__name__, help=run.__doc__.splitlines()[0])
        command.add_argument("--segmenter", type=Path, required=True, help="written by a notebook")
        command.add_argument(
            "--input", type=Path, required=True, help="customers, .csv or .parquet"
        )
        command.add_argument("--output", type=Path, default=Path(output), help=f"default: {output}")
        command.add_argument("--encoding", help="of the input, if it is not UTF-8")
        command.set_defaults(run=run)
    return parser.parse_args(args)


def score(options):
    """Give each customer of a table its segment."""
    inputs = [options.input, options.segmenter]
    files.check_output(options.output, partial(_is_own_table, SCORE_HEADER), inputs)
    _, scores = _score(options)
    with files.written_whole(options.output) as beside:
        scores.rename_axis("row").to_csv(beside)
    n_unknown = (scores["unknown"] > 0).sum()
    print(
        f"{len(scores):,} customers, {scores['outlier'].mean():.1%} outliers, {n_unknown:,} with "
        f"values that had to be guessed: {options.output}"
    )
    return 0


def drift(options):
    """Compare the segments of a table with those of the training customers."""
    picture = options.output.with_suffix(".png")
    if picture == options.output:
        raise FileExistsError(f"{picture} is where the figure goes. Let the output end in .csv.")
    inputs = [options.input, options.segmenter]
    files.check_output(options.output, partial(_is_own_table, DRIFT_HEADER), inputs)
    files.check_output(picture, _is_own_picture, inputs)
    # Imported here: figures need a second or two.
    import matplotlib

    matplotlib.use("agg")
    from segmentation import figures

    frozen, scores = _score(options)
    table = segmenter.drift(frozen, scores)
    figures.use_style()
    with files.written_whole(options.output) as beside:
        table.to_csv(beside)
    with files.written_whole(picture) as beside:
        figures.drift_bars(table).savefig(beside, format="png", metadata={"Software": PROGRAM})
    print(table.round(4).to_string())
    print(f"{options.output} and {picture.name}")
    return 0


def _is_own_table(header, path):
    # Identifiers of the customers come before.
    with path.open("rb") as file:
        return (b"," + file.readline(2**16).rstrip()).endswith(b"," + header)


def _is_own_picture(path):
    with path.open("rb") as file:
        return PNG_SIGNATURE in file.read(1024)


def _score(options):
    frozen = segmenter.load(options.segmenter)
    # Numbers are written as in the training table, however few rows there are to see it by.
    written = {part["name"]: part.get("convention") for part in frozen.about["schema"]}
    conventions = {name: convention for name, convention in written.items() if convention}
    table = load_table(options.input, options.encoding, conventions=conventions)
    if table.empty:
        raise TableError(f"{options.input.name} has no rows.")
    points = None if frozen.about["encoder"] is None else _embed(frozen.about, table)
    return frozen, segmenter.score(frozen, table, points)


def _embed(about, table):
    """Return the embedding of new customers by the encoder of the old ones."""
    # Imported here: it needs torch, and other segmenters do not.
    from segmentation.embedding import EmbeddingError, encode, rows_to_text
    from segmentation.embedding.models import find_model, hash_model

    encoder = about["encoder"]
    texts = rows_to_text(labelled(clean(table, about["schema"])[0], about["column_labels"]))
    try:
        if hash_model(find_model(encoder["model"]))["model_sha256"] != encoder["model_sha256"]:
            raise segmenter.SegmenterError(
                f"the encoder {encoder['model']} is another one here than the segmenter's. Run "
                "embedding.ipynb again."
            )
        return encode(texts, model=encoder["model"], precision=encoder["precision"])
    except EmbeddingError as error:
        raise segmenter.SegmenterError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
