"""How often the test for drift is wrong where nothing changed, and right where it says it would be.

    python -m benchmarks drift

prints a table and writes drift.csv beside this file. Counts of segments and outliers are drawn
for training customers and for new ones: from the same population, and from one in which the
smallest change that the test says it finds four times in five has happened. Some two and a half
minutes of processor time.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from segmentation.files import written_whole
from segmentation.shares import LEVEL, share_test, smallest_change

HERE = Path(__file__).parent
#: Shares of the segments, down to one customer in a hundred.
SHARES = {
    "3 equal": (1 / 3, 1 / 3, 1 / 3),
    "5 unequal": (0.3, 0.25, 0.2, 0.15, 0.1),
    "8, two of 1%": (0.4, 0.25, 0.15, 0.1, 0.05, 0.03, 0.01, 0.01),
}
N_THEN = (500, 5_000, 40_000)
N_NOW = (100, 1_000, 10_000)
#: Outliers are rare in the largest segment and frequent in the smallest, as they are in practice:
#: the two tests of one table are not independent.
OUTLIERS = 0.05, 0.3
#: With 1,000 tables a rate of 5 % is known to within 1.4 %.
N_TABLES = 1_000
#: Fewer than the command draws; enough for whether p is at most 5 %.
N_DRAWS = 999
#: Segments and outliers are tested each at half the level.
N_TESTS = 2


def draw_counts(rng, shares, n):
    """Draw how many customers each segment has, and how many of all are no outliers and are.

    Parameters
    ----------
    rng : numpy Generator
    shares : array of shape (n_segments,)
    n : int

    Returns
    -------
    ndarray of int, shape (n_segments,)
    ndarray of int, shape (2,)
    """
    rates = np.linspace(*OUTLIERS, len(shares))
    cells = rng.multinomial(n, np.ravel([shares * (1 - rates), shares * rates])).reshape(2, -1)
    return cells.sum(axis=0), cells.sum(axis=1)


def is_alarm(then, now, seed):
    """Return whether the test says that counts come from populations with other shares."""
    n_then, n_now = then.sum(), now.sum()
    tested = share_test(then / n_then, now / n_now, n_then, n_now, n_draws=N_DRAWS, seed=seed)
    return tested["p"] <= LEVEL / N_TESTS


def try_out(name, n_then, n_now):
    """Return the rates of alarms of many tables of one kind, without a change and with one."""
    shares = np.array(SHARES[name])
    change = smallest_change(shares, n_then, n_now, LEVEL / N_TESTS)
    now = shares.copy()
    now[0] -= change
    now[-1] += change
    false_alarms = found = 0
    for seed in range(N_TABLES):
        rng = np.random.default_rng(seed)
        then, same, moved = (
            draw_counts(rng, some, n)
            for some, n in ((shares, n_then), (shares, n_now), (now, n_now))
        )
        false_alarms += any(is_alarm(*pair, seed) for pair in zip(then, same, strict=True))
        found += is_alarm(then[0], moved[0], seed)
    return {
        "segments": name,
        "n_then": n_then,
        "n_now": n_now,
        "false_alarms": false_alarms / N_TABLES,
        "smallest_change": change,
        "found": found / N_TABLES,
    }


def main():
    """Try all kinds of tables; print and write the rates."""
    kinds = product(SHARES, N_THEN, N_NOW)
    rates = pd.DataFrame(Parallel(n_jobs=-1)(delayed(try_out)(*kind) for kind in kinds))
    with written_whole(HERE / "drift.csv") as beside:
        rates.round(4).to_csv(beside, index=False)
    print(rates.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
