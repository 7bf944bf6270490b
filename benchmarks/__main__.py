"""Run every benchmark and print one table: ``python -m benchmarks [name ...]``.

``python -m benchmarks stages`` measures ours alone, from 10,000 to a million customers;
``python -m benchmarks calibration`` tries the test for groups on tables with and without any;
``python -m benchmarks drift`` tries the test for drift on samples with and without a change;
``python -m benchmarks orders`` makes customers of up to a hundred million orders.
"""

import importlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

FORMAT = "{:<58} {:<22} {:>10} {:>10} {:>8}  {}"


def main(names):
    """Run the benchmarks named, or all, and print a line for each comparison."""
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "kmodes"))
    )
    print(FORMAT.format("task", "library", "library s", "ours s", "ratio", "agreement"))
    modules = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    for name in modules:
        if names and name.removeprefix("bench_") not in names:
            continue
        for comparison in importlib.import_module(f"benchmarks.{name}").comparisons():
            print(
                FORMAT.format(
                    comparison.task,
                    comparison.library,
                    f"{comparison.library_seconds:.2f}",
                    f"{comparison.our_seconds:.3f}",
                    f"{comparison.ratio:.1f}",
                    comparison.agreement,
                ),
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:] in (["stages"], ["calibration"], ["drift"], ["orders"]):
        importlib.import_module(f"benchmarks.{sys.argv[1]}").main()
    else:
        main(sys.argv[1:])
