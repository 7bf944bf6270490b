"""Time and peak memory of making customers of a million to a hundred million orders.

    python -m benchmarks orders

prints a table and writes orders.csv beside this file. The orders are drawn: ten per customer on
average, over two years, in eight product groups, one line in fifty a return, as Parquet. Each size
is made and measured in a process of its own; 3 GB of disk are needed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.stages import Clock

SIZES = (1_000_000, 10_000_000, 100_000_000)
HERE = Path(__file__).parent
#: What a machine with 8 GB leaves, and more.
MOST_MB = 8_000

# The hash of a number is as good as a random one here, and the same on any number of threads.
_DRAWN = """
COPY (
    SELECT hash(i) % ({n} // 10) AS customer_id,
        DATE '2023-01-01' + CAST(hash(i + {n}) % 730 AS INTEGER) AS order_date,
        CAST(CASE WHEN hash(i + 2 * {n}) % 50 = 0 THEN -1 ELSE 1 END
            * exp((hash(i + 3 * {n}) % 1000) / 250.0 + 1) AS DECIMAL(9, 2)) AS amount,
        'group ' || hash(i + 4 * {n}) % 8 AS product_group
    FROM range({n}) AS numbers(i)
) TO '{path}' (FORMAT parquet)
"""


def main():
    """Measure all sizes; print the table and write it."""
    rows = {}
    for n in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "orders.parquet"
            for step in ("draw", "make"):
                command = [sys.executable, "-m", "benchmarks.orders", step, str(n), str(path)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows[n] = json.loads(done.stdout.splitlines()[-1])
        print(n, rows[n], flush=True)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("orders")
    table.round(1).to_csv(HERE / "orders.csv")
    print(table.round(1).to_string())
    print(f"slope {slope(table['seconds']):.2f}")


def slope(seconds):
    """Return the exponent b of time = a n^b between the two largest sizes."""
    first, last = seconds.iloc[-2:]
    return float(np.log(last / first) / np.log(seconds.index[-1] / seconds.index[-2]))


def draw(n, path):
    """Write orders."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '3GB'")
        connection.execute(_DRAWN.format(n=n, path=path))


def measure(path):
    """Make customers of orders, and return how many, the seconds, and the peak memory in MB."""
    from segmentation.transactions import make_from

    clock = Clock()
    table, _, _ = clock("orders", "customers", lambda: make_from(path))
    (_, _, seconds, peak), *_ = clock.measured
    return {"customers": len(table), "seconds": seconds, "peak_mb": peak}


if __name__ == "__main__":
    step, n, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if step == "draw":
        draw(n, path)
    else:
        print(json.dumps(measure(path)))
