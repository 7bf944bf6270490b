"""Customers made of orders: the table that the notebooks and the page take.

python -m segmentation.transactions orders.csv --output customers.csv
python -m segmentation.transactions orders/ --output customers.csv --engine spark
python -m segmentation.transactions orders.csv --cut-off 2025-07-01 --output then.csv

Orders are a CSV file, with or without gzip, a Parquet file, or a folder of either. What the columns
of the customers mean, and what transactions.toml beside the orders may say, is told by
`help(segmentation.transactions)`. `make TRANSACTIONS=orders.csv` does this and goes on to the page.
The tables of two cut-offs are what `python -m segmentation migrate` compares.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from segmentation import files
from segmentation.customers import TableError
from segmentation.spark import JobError
from segmentation.transactions.features import FEATURES
from segmentation.transactions.files import make_from, write_table

#: How the first line of its own tables begins.
HEADER = ",".join(["customer", *list(FEATURES)[:3]]).encode()


def main(args=None):
    """Write the table.

    Returns
    -------
    int
        0, or 2 after a message on the standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m segmentation.transactions")
    parser.description, parser.formatter_class = __doc__, argparse.RawDescriptionHelpFormatter
    parser.add_argument("orders", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="the table of customers, .csv")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument("--cut-off", type=date.fromisoformat, help="before that of the settings")
    options = parser.parse_args(args)
    settings = {"cut_off": options.cut_off} if options.cut_off else {}
    try:
        files.check_output(options.output, _is_own, [options.orders])
        table, _, said = make_from(options.orders, options.engine, settings)
        write_table(table, options.output)
    except (TableError, JobError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join([*said, str(options.output)]))
    return 0


def _is_own(path):
    with path.open("rb") as file:
        return file.readline().startswith(HEADER)


if __name__ == "__main__":
    sys.exit(main())
