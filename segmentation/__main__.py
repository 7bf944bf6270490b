"""New customers and new segmentations: what has become of the old ones.

python -m segmentation score --segmenter build/kmeans.segmenter --input new.csv
python -m segmentation drift --segmenter build/kmeans.segmenter --input new.csv
python -m segmentation migrate --segmenter build/kmeans.segmenter --then old.csv --now new.csv
python -m segmentation align --old old.segmenter --new build/kmeans.segmenter --input new.csv

`score` writes segments.csv, or another --output, with a line per customer of the input, in its
order: segment, name, confidence, outlier flag, and how many of its values were unknown. `drift`
writes drift.csv with the share of each segment then and now, the population stability index and
whether chance explains it, and beside it the same as a figure, drift.png. `migrate` writes
moves.csv with the customers who moved from each segment to each, found again by their
identifier, and the figure moves.png. `align` writes aligned.segmenter: the new segmentation, in
which the segments that are old ones have their old numbers and names. It compares customers of
the input, or without one the prototypes.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from segmentation import change, files, segmenter, segmenter_file
from segmentation.customers import TableError, clean, labelled, load_table
from segmentation.customers.values import to_texts

PROGRAM = "customer-segmentation"

#: What the first line of its own tables ends with, and what its own pictures hold early on.
SCORE_HEADER = b"segment,name,confidence,outlier,unknown"
DRIFT_HEADER = b"segment,name,then,now,psi,threshold,p,refit,smallest_change"
MOVES_HEADER = b"then,now,customers,share,low,high"
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

    def add(run, output, **inputs):
        command = commands.add_parser(run.__name__, help=run.__doc__.splitlines()[0])
        for name, what in inputs.items():
            command.add_argument(f"--{name}", type=Path, required=True, help=what)
        command.add_argument("--output", type=Path, default=Path(output), help=f"default: {output}")
        command.set_defaults(run=run)
        return command

    frozen, customers = "written by a notebook", "customers, .csv or .parquet"
    for run, output in ((score, "segments.csv"), (drift, "drift.csv")):
        command = add(run, output, segmenter=frozen, input=customers)
        command.add_argument("--encoding", help="of the input, if it is not UTF-8")
    add(migrate, "moves.csv", segmenter=frozen, then=customers, now=customers)
    command = add(align, "aligned.segmenter", old=frozen, new=frozen)
    command.add_argument("--input", type=Path, help=f"{customers}, for both to score")
    return parser.parse_args(args)


def score(options):
    """Give each customer of a table its segment."""
    inputs = [options.input, options.segmenter]
    files.check_output(options.output, partial(_is_own_table, SCORE_HEADER), inputs)
    frozen = segmenter.load(options.segmenter)
    scores = _score(frozen, _read_table(options.input, frozen, encoding=options.encoding))
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
    inputs = [options.input, options.segmenter]
    picture = _check_table_and_picture(options.output, DRIFT_HEADER, inputs)
    frozen = segmenter.load(options.segmenter)
    scores = _score(frozen, _read_table(options.input, frozen, encoding=options.encoding))
    tested = change.drift_test(frozen, scores)
    table = segmenter.drift(frozen, scores).join(tested.drop(columns="psi"))
    with files.written_whole(options.output) as beside:
        table.to_csv(beside)
    _prepare_figures()
    from segmentation.change_figures import drift_bars

    _write_picture(picture, drift_bars(table))
    print(table.round(4).to_string(na_rep=""))
    print(_verdict(tested))
    print(f"{options.output} and {picture.name}")
    return 0


def migrate(options):
    """Count the customers who moved between segments from one table to another."""
    inputs = [options.then, options.now, options.segmenter]
    picture = _check_table_and_picture(options.output, MOVES_HEADER, inputs)
    frozen = segmenter.load(options.segmenter)
    tables = [_read_table(path, frozen) for path in (options.then, options.now)]
    identifier = _find_identifier(frozen, tables)
    then, now = (
        _score(frozen, table)["segment"].set_axis(to_texts(table[identifier])) for table in tables
    )
    moves = change.moves(then, now)
    with files.written_whole(options.output) as beside:
        moves.to_csv(beside)
    _prepare_figures()
    from segmentation.change_figures import alluvial

    names = {part["segment"]: part["name"] for part in frozen.about["segments"]}
    _write_picture(picture, alluvial(moves, names))
    print(f"{_summary(moves)}, by their {identifier}.")
    print(f"{options.output} and {picture.name}")
    return 0


def align(options):
    """Give segments that are old ones their old numbers and names."""
    inputs = [path for path in (options.old, options.new, options.input) if path]
    files.check_output(options.output, _is_aligned, inputs)
    old, new = (segmenter.load(path) for path in (options.old, options.new))
    if options.input is None:
        pairs, measure = change.match(old, new), "closeness of the prototypes"
    else:
        table = _read_table(options.input, old, new)
        points = [_embed(one, table) for one in (old, new)]
        pairs, measure = change.match(old, new, table, points), "Jaccard coefficient"
    about, arrays = change.renumber(old, new, pairs)
    about = about | {"aligned_with": files.sha256(options.old)}
    segmenter.save(segmenter.Segmenter(about, arrays), options.output)
    similarity = dict(zip(pairs["old"], pairs["similarity"], strict=True))
    for part in about["segments"]:
        number = part["segment"]
        same = number in similarity
        fate = f"as before, {measure} {similarity[number]:.2f}" if same else "new"
        print(f"{number}. {part['name']}: {fate}")
    for part in old.about["segments"]:
        if part["segment"] not in similarity:
            print(f"{part['segment']}. {part['name']}: gone")
    print(options.output)
    return 0


def _verdict(tested):
    """Say what `segmentation.change.drift_test` found, and what it would have found."""
    refit = "yes" if tested["refit"].any() else "no"
    lines = [f"Refit: {refit}. Without a change, some {change.LEVEL:.0%} of tables say yes."]
    kinds = {
        "all": ("Segments", "from the largest segment to the smallest"),
        "outliers": ("Outliers", "become outliers"),
    }
    for row, (name, what) in kinds.items():
        p, smallest = tested.loc[row, ["p", "smallest_change"]]
        found = f"{smallest:.1%} of customers {what}" if smallest > 0 else "none"
        lines.append(f"{name}: p = {p:.4f}; change that is found four times in five: {found}.")
    return "\n".join(lines)


def _summary(moves):
    """Say how many customers stayed, moved, left and came."""
    customers = moves["customers"].drop(change.NEW, level="then")
    stayed = sum(n for (then, now), n in customers.items() if then == now)
    left = customers.xs(change.LOST, level="now").sum()
    came = moves["customers"].xs(change.NEW, level="then").sum()
    n = customers.sum()
    return (
        f"Of {n:,} customers {stayed:,} ({stayed / n:.1%}) stayed in their segment, "
        f"{n - stayed - left:,} moved to another and {left:,} left; {came:,} came"
    )


def _check_table_and_picture(output, header, inputs):
    """Return where the figure goes beside a table, if both may be written."""
    picture = output.with_suffix(".png")
    if picture == output:
        raise FileExistsError(f"{picture} is where the figure goes. Let the output end in .csv.")
    files.check_output(output, partial(_is_own_table, header), inputs)
    files.check_output(picture, _is_own_picture, inputs)
    return picture


def _prepare_figures():
    # Imported here and where they are drawn: figures need a second or two.
    import matplotlib

    matplotlib.use("agg")
    from segmentation.figures import use_style

    use_style()


def _write_picture(path, figure):
    with files.written_whole(path) as beside:
        figure.savefig(beside, format="png", metadata={"Software": PROGRAM})


def _is_own_table(header, path):
    # Identifiers of the customers come before.
    with path.open("rb") as file:
        return (b"," + file.readline(2**16).rstrip()).endswith(b"," + header)


def _is_own_picture(path):
    with path.open("rb") as file:
        return PNG_SIGNATURE in file.read(1024)


def _is_aligned(path):
    try:
        about, _ = segmenter_file.read(path)
    except segmenter.SegmenterError:
        return False
    return "aligned_with" in about


def _read_table(path, *segmenters, encoding=None):
    # Numbers are written as in the training table, however few rows there are to see it by.
    columns = [column for one in segmenters for column in one.about["schema"]]
    conventions = {
        column["name"]: column["convention"] for column in columns if column.get("convention")
    }
    table = load_table(path, encoding, conventions=conventions)
    if table.empty:
        raise TableError(f"{path.name} has no rows.")
    return table


def _find_identifier(frozen, tables):
    """Return the first identifier of the training customers that all tables have."""
    known = frozen.about["ids"]
    shared = [name for name in known if all(name in table for table in tables)]
    if shared:
        return shared[0]
    if known:
        raise TableError(
            f"the tables share none of the identifiers {', '.join(known)}. Give both the column."
        )
    raise TableError(
        "no column of the training table is an identifier, so customers cannot be followed. Name "
        'it in customers.toml beside that table, such as: id = "customer_no", and run the '
        "notebook again."
    )


def _score(frozen, table):
    return segmenter.score(frozen, table, _embed(frozen, table))


def _embed(frozen, table):
    """Return the embedding of customers by the encoder of the old ones; None without one."""
    about, encoder = frozen.about, frozen.about["encoder"]
    if encoder is None:
        return None
    # Imported here: it needs torch, and other segmenters do not.
    from segmentation.embedding import EmbeddingError, Encoder, rows_to_text
    from segmentation.embedding.models import find_model, hash_model

    texts = rows_to_text(labelled(clean(table, about["schema"])[0], about["column_labels"]))
    try:
        if hash_model(find_model(encoder["model"]))["model_sha256"] != encoder["model_sha256"]:
            raise segmenter.SegmenterError(
                f"the encoder {encoder['model']} is another one here than the segmenter's. Run "
                "embedding.ipynb again."
            )
        return Encoder(encoder["model"], encoder["precision"]).encode(texts)
    except EmbeddingError as error:
        raise segmenter.SegmenterError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
