"""Three unlike customer tables, and one that holds whatever goes wrong in exports."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine


def numeric_table():
    """Numbers only, of all sizes, with a target and names that JSON and TeX would trip over."""
    table = load_wine(as_frame=True).frame
    return table.rename(columns={"alcohol": "alcohol [%]", "proline": "proline: $/l, $"})


def categorical_table(n=400, seed=0):
    """Categories only: four columns of text and two of yes and no, linked by a hidden group."""
    rng = np.random.default_rng(seed)
    group = rng.integers(3, size=n)

    def drawn(*categories):
        own = np.array(categories)[group % len(categories)]
        return np.where(rng.random(n) < 0.6, own, rng.choice(categories, n))

    return pd.DataFrame(
        {
            "plan": drawn("basic", "plus", "pro"),
            "region": drawn("north", "south", "east", "west"),
            "device": drawn("phone", "laptop"),
            "channel": drawn("shop", "web", "partner"),
            "newsletter": drawn("Y", "N"),
            "autopay": drawn("yes", "no"),
        }
    )


def messy_table(n=400, seed=0):
    """Missing values, ids, dates, a constant, free text, flags, many cities, odd names."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45, 14, n).clip(18, 95).round()
    spent = np.exp(rng.normal(5, 1.2, n)).round(2)
    table = pd.DataFrame(
        {
            "CustomerID": rng.permutation(n) + 10_001,
            "email": [f"c{i}@example.org" for i in range(n)],
            "signup date": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(900, size=n), "D"),
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "spent (€/yr)": np.where(rng.random(n) < 0.05, "n/a", spent.astype(str)),
            "visits": rng.poisson(4, n),
            "city": rng.choice([f"Köln-{i}" for i in range(60)], n, p=_falling(60)),
            "segment, old": rng.choice(["gold", "silver", None], n),
            "active": rng.integers(2, size=n),
            "country": "DE",
            "nothing": np.nan,
            "note": [f"called on day {i} about an order of {i * 7} pieces" for i in range(n)],
            "target": rng.integers(2, size=n),
        }
    )
    table["signup date"] = table["signup date"].dt.strftime("%d.%m.%Y")
    return table


def _falling(n):
    weights = 1 / np.arange(1, n + 1)
    return weights / weights.sum()


TABLES = {"numeric": numeric_table, "categorical": categorical_table, "messy": messy_table}
