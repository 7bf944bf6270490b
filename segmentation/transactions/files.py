"""The customers' table on disk, with what ``customers.toml`` says of it."""

import json
from pathlib import Path

from segmentation import files
from segmentation.transactions.features import TARGET, describe_orders, make_customers
from segmentation.transactions.orders import open_orders


def write_customers(path, folder):
    """Make customers of orders, and write them with a ``customers.toml`` beside.

    Parameters
    ----------
    path : str or Path
        The orders, as for `segmentation.transactions.open_orders`.
    folder : str or Path
        Is made. What an earlier call left in it is replaced.

    Returns
    -------
    Path
        The table, called as the orders are.
    list of str
        What became of the orders, in sentences.

    Raises
    ------
    TableError
        As `open_orders` and `make_customers`.
    """
    path, folder = Path(path), Path(folder)
    table, labels, said = make_from(path)
    folder.mkdir(parents=True, exist_ok=True)
    target = [f"target = {json.dumps(TARGET)}"] if TARGET in table else []
    labelled = (f"{name} = {json.dumps(label)}" for name, label in labels.items())
    lines = ['id = "customer"', *target, "", "[labels]", *labelled]
    files.write_text(folder / "customers.toml", "\n".join(lines) + "\n")
    written = folder / f"{path.name.partition('.')[0]}_customers.csv"
    write_table(table, written)
    return written, said


def make_from(path, engine="duckdb", settings=None):
    """Make customers of orders.

    Parameters
    ----------
    path : str or Path
        The orders, as for `segmentation.transactions.open_orders`.
    engine : {"duckdb", "spark"}, optional
    settings : dict, optional
        As for `open_orders`.

    Returns
    -------
    table, labels
        As `segmentation.transactions.make_customers` gives them.
    list of str
        What became of the orders, in sentences.

    Raises
    ------
    TableError
        As `open_orders` and `make_customers`.
    JobError
        If Spark gives up.
    """
    with open_orders(path, settings, engine=engine) as orders:
        table, labels = make_customers(orders)
        return table, labels, describe_orders(orders, table)


def write_table(table, path):
    """Write customers as CSV, whole or not at all."""
    with files.written_whole(path) as beside:
        table.to_csv(beside, index=False)
