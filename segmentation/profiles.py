"""What sets each segment apart: traits, lifts, names, what it tells of a column."""

import numpy as np
import pandas as pd
from scipy.stats import entropy as entropy_of
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from segmentation.customers import BANK_LABELS
from segmentation.customers.names import is_money_name
from segmentation.outcomes import rate_of
from segmentation.rules import find_rules
from segmentation.wording import Wording

#: A category marks a segment if it is this many times as frequent there as among all customers,
#: ...
MIN_LIFT = 1.2
#: ... and a name may speak of it if at least this share of the segment has it.
MIN_SHARE = 0.5
#: A number marks a segment if its mean lies this many standard deviations from the mean of all:
#: Cohen's (1988) medium effect.
MIN_EFFECT = 0.5
#: A segment that no rule finds with this F1 is mixed: one that describes all of it and as many
#: others has 0.67.
MIXED_BELOW = 0.7

#: Numbers are cut at their deciles wherever a measure needs categories.
N_BINS = 10


def order_by_size(labels):
    """Number clusters 1, 2, ... from the largest to the smallest.

    Parameters
    ----------
    labels : array-like of int, shape (n_customers,)
        Cluster labels in any numbering, as a clustering algorithm gives them.

    Returns
    -------
    ndarray of int, shape (n_customers,)
        Clusters of one size keep the order of their labels.
    """
    clusters, inverse = np.unique(labels, return_inverse=True)
    return segment_of_clusters(inverse, len(clusters))[inverse]


def segment_of_clusters(labels, n_clusters):
    """Give each cluster the number of its segment: 1 for the largest, and so on.

    Parameters
    ----------
    labels : array of int, shape (n_customers,)
        From 0 to `n_clusters` - 1.
    n_clusters : int

    Returns
    -------
    ndarray of int, shape (n_clusters,)
    """
    sizes = np.bincount(labels, minlength=n_clusters)
    segment_of = np.empty(n_clusters, dtype=int)
    segment_of[np.argsort(-sizes, kind="stable")] = np.arange(1, n_clusters + 1)
    return segment_of


def traits(customers, segments):
    """Compare every number and every category of each segment with those of all customers.

    Each category is taken as a column of 0 and 1, so that numbers and categories are measured
    on one scale, the standardised difference (Cohen's d against all customers).

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    segments : array-like of shape (n_customers,)

    Returns
    -------
    DataFrame, indexed by segment, column and category (empty for a number)
        ``value`` is the mean of a number or the share of a category in the segment, ``overall``
        the same among all customers, ``lift`` the ratio of the two shares (missing for a
        number) and ``effect`` their difference in standard deviations of all customers.
    """
    numbers = customers.select_dtypes("number")
    columns = {(name, ""): numbers[name] for name in numbers}
    for name in customers.columns.difference(numbers.columns, sort=False):
        for category in sorted(customers[name].unique()):
            columns[name, str(category)] = customers[name] == category
    features = pd.DataFrame(columns, dtype=float)
    within = features.groupby(np.asarray(segments)).mean()
    index = pd.MultiIndex.from_tuples(
        [(segment, *trait) for segment in within.index for trait in features.columns],
        names=["segment", "column", "category"],
    )
    value = within.to_numpy().ravel()
    overall = np.tile(features.mean(), len(within))
    # A constant differs nowhere; its deviation is 0 or rounding, so any other number serves.
    deviation = features.std(ddof=0).where(features.nunique() > 1, 1)
    is_number = index.get_level_values("category") == ""
    lift = value / np.where(is_number, np.nan, overall)
    effect = (value - overall) / np.tile(deviation, len(within))
    return pd.DataFrame(
        {"value": value, "overall": overall, "lift": lift, "effect": effect}, index=index
    )


def name_segments(customers, segments, column_labels=BANK_LABELS):
    """Name and describe each segment: a rule that finds it, and what is over-represented in it.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    segments : array-like of shape (n_customers,)
    column_labels : dict of str to str, optional
        What to call a column in a name, where the column's own name is not clear.

    Returns
    -------
    DataFrame, indexed by segment
        ``name``, the best rule of at most three conditions in words (see
        `segmentation.rules.find_rules`), which begins with "Mixed: mostly" if its F1 on held-out
        customers is below 0.7; ``rule``, the same as a condition of SQL, empty if no condition
        tells the segment from others; ``precision``, ``recall`` and ``f1`` of rules found in the
        same way without the customers that they are counted on; ``description``, what sets the
        segment apart: categories that at least half of it has and that are at least 1.2 times as
        frequent there as among all customers, and numbers whose mean is at least half a standard
        deviation off. No two names are the same.
    """
    wording = Wording(customers, column_labels)
    rules = find_rules(customers, segments, wording.name)
    table = traits(customers, segments).reset_index()
    marks = {segment: _marks(group, MIN_SHARE) for segment, group in table.groupby("segment")}
    records = {
        segment: {
            "name": _name(segment, found),
            "rule": " AND ".join(condition.to_sql() for condition in found.conditions),
            "precision": found.precision,
            "recall": found.recall,
            "f1": found.f1,
            "description": "; ".join(
                _sentence(trait, wording) for trait in marks[segment].head(3).itertuples()
            )
            or "close to the average of all customers",
        }
        for segment, found in rules.items()
    }
    return pd.DataFrame.from_dict(records, orient="index").rename_axis("segment")


def _name(segment, found):
    if not found.conditions:
        return f"Mixed: segment {segment}"
    if found.f1 >= MIXED_BELOW:
        return found.name
    # What is an acronym stays one.
    first = found.name[:2] if found.name[1:2].isupper() else found.name[:2].lower()
    return f"Mixed: mostly {first}{found.name[2:]}"


def is_mixed(names):
    """Say of which segments no rule has an F1 of 0.7; `names` as `name_segments`."""
    return names["f1"] < MIXED_BELOW


def _marks(group, min_share):
    """Return the traits that mark a segment, strongest first, one per column."""
    category = group["category"] != ""
    often = category & (group["lift"] >= MIN_LIFT) & (group["value"] >= min_share)
    far = ~category & (group["effect"].abs() >= MIN_EFFECT)
    strongest = group[often | far].sort_values("effect", key=abs, ascending=False, kind="stable")
    return strongest.drop_duplicates("column")


def in_short(number):
    """Write a number as a reader needs it: whole from ten on, else with three digits."""
    return f"{number:,.0f}" if abs(number) >= 10 else f"{number:.3g}"


def _sentence(trait, wording):
    label = wording.label(trait.column)
    if trait.category == "":
        return f"mean {label} {in_short(trait.value)} against {in_short(trait.overall)}"
    return (
        f"{wording.category(trait.column, trait.category)} {trait.value:.0%} against "
        f"{trait.overall:.0%} (lift {trait.lift:.1f})"
    )


def describe(names):
    """Turn the result of `name_segments` into a Markdown list, one line per segment."""
    return "\n".join(
        f"- **{row.Index}. {row.name}** (precision {row.precision:.0%}, recall {row.recall:.0%}; "
        f"`{row.rule or 'no rule'}`): {row.description}."
        for row in names.itertuples()
    )


def segment_table(customers, segments, names, outcome=None):
    """Put what a reader asks of each segment into one table.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    segments : array-like of shape (n_customers,)
    names : DataFrame
        As `name_segments` gives it.
    outcome : Series of shape (n_customers,), optional
        As `segmentation.outcomes.find_outcome` gives it.

    Returns
    -------
    DataFrame, a row per segment and a last one for all customers
        Name, number and share of customers, the rate of the outcome in % with its interval of
        95 %, mean and median of every number, of amounts of money the share of the total, and the
        three categories with the highest lift among those that at least a tenth of the segment
        has.
    """
    segments = np.asarray(segments)
    own = {segment: segments == segment for segment in names.index}
    records = {
        segment: _in_a_row(customers, rows, outcome)
        for segment, rows in (own | {"all": np.ones(len(segments), dtype=bool)}).items()
    }
    table = pd.DataFrame.from_dict(records, orient="index").rename_axis("segment")
    table.insert(0, "name", [*names["name"], "all customers"])
    often = _over_represented(traits(customers, segments))
    table["over-represented (lift)"] = often.reindex(table.index).fillna("")
    return table


def _in_a_row(customers, own, outcome):
    record = {"customers": own.sum(), "share": own.mean()}
    found = None if outcome is None else rate_of(outcome[own])
    if found:
        low, high = found["low"], found["high"]
        record[f"{outcome.name}, %"] = f"{found['share']:.1%} ({low:.1%} to {high:.1%})"
    money = shares_of_money(customers, own)
    for name, column in customers.select_dtypes("number").items():
        record[f"{name}, mean"], record[f"{name}, median"] = (
            column[own].mean(),
            column[own].median(),
        )
        if name in money:
            record[f"{name}, share of all"] = money[name]
    return record


def shares_of_money(customers, own):
    """Compute which part of the amounts of money some customers have.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    own : array of bool, shape (n_customers,)

    Returns
    -------
    Series, indexed by the columns whose names say that they are money
        The share of the total; missing where debts make it less than 0 or more than 1.
    """
    money = customers[[name for name in customers.select_dtypes("number") if is_money_name(name)]]
    parts, totals = money[own].sum(), money.sum()
    return (parts / totals.where(totals > 0)).where((parts >= 0) & (parts <= totals))


def _over_represented(table):
    often = table[(table["lift"] >= MIN_LIFT) & (table["value"] >= 0.1)].reset_index()
    strongest = often.sort_values(["segment", "lift"], ascending=[True, False], kind="stable")
    text = pd.Series(
        [f"{row.column} {row.category} ({row.lift:.1f})" for row in strongest.itertuples()],
        dtype=object,
    )
    return text.groupby(strongest["segment"].to_numpy()).agg(lambda some: ", ".join(some.head(3)))


def removed_shares(customers, removed):
    """Share of the customers of each category that an outlier detector removes.

    In a table without categories, each number is cut into quarters of the customers instead.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    removed : array-like of bool, shape (n_customers,)

    Returns
    -------
    DataFrame, indexed by column and category
        ``customers`` in the category and the share ``removed``, from the highest share on.
    """
    parts = {}
    groups_of = customers.select_dtypes(exclude="number")
    if groups_of.empty:
        groups_of = "quarter " + np.ceil(customers.rank(pct=True) * 4).astype(int).astype(str)
    for name in groups_of:
        groups = pd.Series(removed, dtype=float).groupby(groups_of[name].to_numpy())
        parts[name] = groups.agg(customers="size", removed="mean")
    shares = pd.concat(parts, names=["column", "category"])
    return shares.sort_values("removed", ascending=False, kind="stable")


def typical(customers, segments):
    """Describe each segment as the source article does.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    segments : array-like of shape (n_customers,)

    Returns
    -------
    DataFrame, a row per segment
        The mean of each number, the most frequent value of each other column.
    """
    numbers = customers.select_dtypes("number")
    rules = {name: "mean" for name in numbers}
    rules |= {name: lambda some: some.mode().iloc[0] for name in customers if name not in rules}
    table = customers.groupby(np.asarray(segments)).agg(rules)[list(customers)]
    return table.rename_axis("segment")


def shares(columns, segments):
    """Give the share of each value of some columns in each segment, and among all.

    Parameters
    ----------
    columns : DataFrame of shape (n_customers, n_columns)
    segments : array-like of shape (n_customers,)

    Returns
    -------
    DataFrame, indexed by column and value
        A column per segment, then ``all``. A segment that differs much from all may stand for a
        group of people, whether the column took part or not.
    """
    groups = {**{i: np.asarray(segments) == i for i in np.unique(segments)}, "all": slice(None)}
    parts = {
        name: pd.DataFrame(
            {i: columns[name][rows].value_counts(normalize=True) for i, rows in groups.items()}
        )
        for name in columns
    }
    return pd.concat(parts, names=["column", "value"]).fillna(0)


def explained_entropy(table, segments):
    """Compute how much of each column the segments tell.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        Numbers are cut at their deciles.
    segments : array-like of shape (n_rows,)

    Returns
    -------
    Series, indexed by column
        The share of the column's entropy that is gone once the segment is known: Theil's (1970)
        uncertainty coefficient, corrected for chance by the expectation of Vinh, Epps and Bailey
        (2010, J. Mach. Learn. Res. 11, 2837-2854). 1 if every segment has one value of it, 0 as
        by chance. Unlike adjusted mutual information, it reaches 1 however fine the segments are.
    """
    return pd.Series(
        {name: _explained(column, segments) for name, column in bin_numbers(table).items()}
    )


def _explained(column, segments):
    counts = contingency_matrix(pd.factorize(column)[0], segments)
    entropy = entropy_of(counts.sum(axis=1))
    told = mutual_info_score(None, None, contingency=counts)
    by_chance = expected_mutual_information(counts, counts.sum())
    if entropy - by_chance <= np.finfo(float).eps:
        return 0.0
    return (told - by_chance) / (entropy - by_chance)


def bin_numbers(table):
    """Cut the numbers of a table at their deciles; equal deciles become one.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    DataFrame of the same shape
    """
    numbers = table.select_dtypes("number")
    cut = {name: pd.qcut(numbers[name], N_BINS, duplicates="drop") for name in numbers}
    return table.assign(**cut)
