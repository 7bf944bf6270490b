"""Columns that say the same as another, which then counts twice, or as the target."""

from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.metrics import homogeneity_score

from segmentation.customers.values import to_texts

#: From this association on, one column is as good as the other.
SAME = 0.95

#: A category of fewer customers than this share, or more than the rest, says little.
RARE = 0.01

#: A column that holds this share of what is to be known of the target is known with it.
TELLS = 0.9
#: Numbers are cut into so many parts of equal size to see what they tell.
N_PARTS = 20


def find_outcomes(customers, target):
    """Find the columns that tell the target: reasons of those who left, a status.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
        As `segmentation.customers.clean` gives it.
    target : Series of shape (n_customers,)
        Where it is missing, nothing is compared.

    Returns
    -------
    dict of str to float
        Of the target's entropy the share that a column explains (Theil's uncertainty
        coefficient), where it is 0.9 or more.
    """
    known = target.notna().to_numpy()
    customers, target = customers[known], to_texts(target[known])
    if target.nunique() < 2:
        return {}
    numbers = customers.select_dtypes("number")
    parts = {
        name: pd.qcut(numbers[name].rank(), N_PARTS, labels=False, duplicates="drop")
        for name in numbers
    }
    shares = {
        name: homogeneity_score(target, column)
        for name, column in customers.assign(**parts).items()
    }
    return {name: share for name, share in shares.items() if share >= TELLS}


def find_redundant(customers):
    """Say which columns of a cleaned table say the same.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
        As `segmentation.customers.clean` gives it.

    Returns
    -------
    list of str
        A sentence in Markdown for each group of categories that are the same customers, and for
        each pair of columns of which one determines the other or whose association is above 0.95:
        the absolute rank correlation of two numbers (Spearman 1904), bias-corrected Cramér's V of
        two categories (Bergsma 2013), the correlation ratio of ranks of one and the other.
    """
    sentences, said = _same_categories(customers)
    ranks = {name: customers[name].rank() for name in customers.select_dtypes("number")}
    codes = {
        name: pd.factorize(customers[name])[0] for name in customers.select_dtypes(exclude="number")
    }
    for one, other in combinations(customers, 2):
        if {one, other} in said:
            continue
        if sentence := _same_column(ranks, codes, one, other):
            sentences.append(sentence)
    return sentences


def _same_categories(customers):
    """Group categories of several columns that are the same customers."""
    groups = {}
    for name in customers.select_dtypes(exclude="number"):
        for category in customers[name].unique():
            members = (customers[name] == category).to_numpy()
            if RARE <= members.mean() <= 1 - RARE:
                groups.setdefault(members.tobytes(), []).append((name, category, members.sum()))
    sentences, said = [], []
    for group in groups.values():
        names = [name for name, *_ in group]
        pairs = [{one, other} for one, other in combinations(names, 2)]
        # Of two columns of two categories each, both are the same: once is enough.
        if len(group) > 1 and not all(pair in said for pair in pairs):
            listed = ", ".join(f"`{name}` = {category}" for name, category, _ in group)
            sentences.append(
                f"The same {group[0][2]:,} customers have {listed}: {len(group)} columns say so, "
                f"and it counts {len(group)} times in every distance."
            )
            said += pairs
    return sentences, said


def _same_column(ranks, codes, one, other):
    numbers = [name in ranks for name in (one, other)]
    if all(numbers):
        strength = abs(np.corrcoef(ranks[one], ranks[other])[0, 1])
    elif any(numbers):
        number, category = (one, other) if numbers[0] else (other, one)
        strength = _correlation_ratio(ranks[number], codes[category])
    else:
        counts = _crosstab(codes[one], codes[other])
        for name, determined, axis in ((one, other, 1), (other, one, 0)):
            if ((counts > 0).sum(axis=axis) == 1).all():
                return f"`{name}` determines `{determined}`, so what it says counts twice."
        strength = _cramers_v(counts)
    if strength > SAME:
        return f"`{one}` and `{other}` say nearly the same (association {strength:.2f})."
    return None


def _crosstab(one, other):
    shape = one.max() + 1, other.max() + 1
    return np.bincount(one * shape[1] + other, minlength=shape[0] * shape[1]).reshape(shape)


def _correlation_ratio(numbers, codes):
    numbers = numbers.to_numpy()
    means = (np.bincount(codes, numbers) / np.bincount(codes))[codes]
    return np.sqrt(means.var() / variance) if (variance := numbers.var()) else 0.0


def _cramers_v(counts):
    n, (rows, columns) = counts.sum(), counts.shape
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = ((counts - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    rows, columns = (size - (size - 1) ** 2 / (n - 1) for size in (rows, columns))
    return np.sqrt(phi / (min(rows, columns) - 1)) if min(rows, columns) > 1 else 0.0
