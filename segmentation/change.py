"""What has changed since: which segments are the old ones, who moved, whether to fit anew."""

from collections import Counter
from itertools import count, product

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import binomtest

from segmentation.customers import TableError
from segmentation.segmenter import Segmenter, SegmenterError, drift, score
from segmentation.shares import LEVEL, share_test, smallest_change

#: Two segments are the same from this similarity on: above it, neither is as similar to another.
SAME = 0.5
#: Where customers come from, and where they go, who are in only one of two tables.
NEW, LOST = "new", "lost"


# --- Which segments are the old ones ------------------------------------------------------------


def align(old, new, table=None, points=(None, None)):
    """Give those segments of a new segmentation that are old ones their old numbers and names.

    Parameters
    ----------
    old, new, table, points
        As for `match`.

    Returns
    -------
    Segmenter
        As `renumber` makes it from the pairs that `match` finds.

    Raises
    ------
    SegmenterError, TableError
        As `match`.
    """
    return renumber(old, new, match(old, new, table, points))


def match(old, new, table=None, points=(None, None)):
    """Find the segments of two segmentations that are the same.

    With a table, the similarity of two segments is the Jaccard coefficient of the customers whom
    the two segmenters put into them: those in both, among those in either. They are the same if
    it is at least 0.5. As the coefficients of one segment with any two sum to at most 1, none is
    the same as two, save one that fell into exact halves, of which one is taken.

    Without a table, the old prototypes are put into the space of the new ones. With d the distance
    of two prototypes, and s the distance from either of them to the nearest other one of its own
    segmentation, similarity is 1 - d / s. Again they are the same from 0.5 on: being nearer to
    each other than half the way to any other, each is the other's nearest.

    Parameters
    ----------
    old, new : Segmenter
    table : DataFrame of shape (n_customers, n_columns), optional
        Customers whom both can score. By default the prototypes are compared.
    points : pair of arrays of shape (n_customers, n_features), optional
        The embeddings of the cleaned customers for `old` and for `new`, each None where the
        segmenter has no encoder.

    Returns
    -------
    DataFrame, a row per pair of segments that are the same
        ``old`` and ``new``, their numbers, in the order of the old ones, and ``similarity``.

    Raises
    ------
    SegmenterError
        If the table has no rows; without one, if the prototypes cannot be compared because the
        two differ in their method, encoder, columns or categories.
    TableError
        As `segmentation.segmenter.score`.

    References
    ----------
    Hennig (2007), "Cluster-wise assessment of cluster stability", Comput. Stat. Data Anal. 52,
    258-271: a cluster is dissolved where no coefficient is above 0.5. Kuhn (1955), "The Hungarian
    method for the assignment problem", Nav. Res. Logist. Q. 2, 83-97.
    """
    if table is None:
        similarity = _closeness(old, new)
    elif table.empty:
        raise SegmenterError("the table has no customers. Give one that has, or none.")
    else:
        both = zip((old, new), points, strict=True)
        similarity = _jaccard(*(score(one, table, some)["segment"] for one, some in both))
    # The others count as 0: else two pairs of little similarity could oust one of much.
    rows, columns = linear_sum_assignment(similarity.where(similarity >= SAME, 0), maximize=True)
    pairs = pd.DataFrame(
        {
            "old": similarity.index[rows],
            "new": similarity.columns[columns],
            "similarity": similarity.to_numpy()[rows, columns],
        }
    )
    return pairs[pairs["similarity"] >= SAME].reset_index(drop=True)


def renumber(old, new, pairs):
    """Give segments that are old ones the old numbers and names, and others unused ones.

    Parameters
    ----------
    old, new : Segmenter
    pairs : DataFrame
        The segments that are the same, as `match` gives them.

    Returns
    -------
    Segmenter
        `new` under other numbers, and otherwise as it was: a segment that is an old one takes
        over its number and its name, so that reports can be compared, and keeps its own share,
        rule, precision, recall and description, which tell of the new segmentation. The others
        are numbered on from the highest number that the old segmentation or one before it had,
        and keep their names, with "(2)" or the like after a name that the old one has, too.
    """
    old_names = {part["segment"]: part["name"] for part in old.about["segments"]}
    # A number that no segment has any more stands in old reports all the same.
    last = max(old.about.get("last_segment", 0), *old_names)
    others = {part["segment"] for part in new.about["segments"]} - set(pairs["new"])
    number_of = dict(zip(pairs["new"].tolist(), pairs["old"].tolist(), strict=True))
    number_of |= dict(zip(sorted(others), count(last + 1)))
    taken, segments = set(old_names.values()), []
    for part in new.about["segments"]:
        number = number_of[part["segment"]]
        name = old_names.get(number) or _unlike(part["name"], taken)
        taken.add(name)
        segments.append(part | {"segment": number, "name": name})
    segments.sort(key=lambda part: part["segment"])
    about = new.about | {
        "segment_of": [number_of[segment] for segment in new.about["segment_of"]],
        "segments": segments,
    }
    about.pop("last_segment", None)
    if last > segments[-1]["segment"]:
        about["last_segment"] = last
    return Segmenter(about, new.arrays)


def _unlike(name, taken):
    """Return a name, with a number after it if it is taken."""
    names = (name, *(f"{name} ({i})" for i in range(2, len(taken) + 2)))
    return next(some for some in names if some not in taken)


def _jaccard(then, now):
    """Return the Jaccard coefficient of every segment then with every segment now."""
    common = pd.crosstab(then.to_numpy(), now.to_numpy())
    sizes = np.add.outer(common.sum(axis=1).to_numpy(), common.sum(axis=0).to_numpy())
    return common / (sizes - common)


def _closeness(old, new):
    """Return how close every old segment is to every new one: 1 if their prototypes are one."""
    _check_comparable(old, new)
    then, now = _prototypes(old, new), _prototypes(new, new)
    segments = [np.array(one.about["segment_of"]) for one in (old, new)]
    gaps = np.minimum.outer(_gaps(then, segments[0]), _gaps(now, segments[1]))
    relative = np.divide(cdist(then, now), gaps, out=np.ones(gaps.shape), where=gaps > 0)
    closeness = pd.DataFrame(1 - relative, *segments)
    # A segment of several prototypes is wherever one of them is.
    return closeness.groupby(level=0).max().T.groupby(level=0).max().T


def _gaps(points, segments):
    """Return how far each prototype is from the nearest one of another segment."""
    others = segments[:, None] != segments
    return np.where(others, cdist(points, points), np.inf).min(axis=1)


def _check_comparable(old, new):
    """Raise an error unless the numbers of a prototype mean the same to both segmenters."""
    then, now = _meaning(old.about), _meaning(new.about)
    unlike = sorted(key for key in then | now if then.get(key) != now.get(key))
    if unlike:
        raise SegmenterError(
            f"the prototypes of the two segmenters cannot be compared: unlike {', '.join(unlike)}. "
            "Give a table of customers whom both can score."
        )


def _meaning(about):
    """Return what the numbers of a prototype mean, part by part."""
    meaning = {
        "method": about["modes"] is None,
        "encoder": (about["encoder"] or {}).get("model_sha256"),
    }
    for place, column in enumerate(about["schema"]):
        name = column["name"]
        label = about["column_labels"].get(name)
        meaning[f"column {name}"] = place, column["role"], column.get("categories"), label
    return meaning


def _prototypes(segmenter, space):
    """Return the prototypes of a segmenter as points in the space of another.

    Distances there are what the other measures; squared, of K-Prototypes, its dissimilarities.
    """
    about, arrays = segmenter
    if about["encoder"] is not None:
        return arrays["centres"]
    part = "seen" if about["modes"] is None else "coordinates"
    columns = [f"{part}/{j}" for j in range(len(about["schema"])) if f"{part}/{j}/to" in arrays]
    points = []
    for name, centre in zip(columns, arrays["centres"].T, strict=True):
        # Back to what stands in a table, in between as `score` does it, and on from there.
        value = np.interp(centre, arrays[f"{name}/to"], arrays[f"{name}/from"])
        points.append(np.interp(value, space.arrays[f"{name}/from"], space.arrays[f"{name}/to"]))
    categories = {column["name"]: column.get("categories") for column in about["schema"]}
    modes = about["modes"] or {}
    for (name, values), weight in zip(modes.items(), space.about["gamma"], strict=True):
        # Two prototypes of unlike modes differ in two of these columns.
        points += [np.sqrt(weight / 2) * (np.array(values) == some) for some in categories[name]]
    return np.column_stack(points)


# --- Who moved ----------------------------------------------------------------------------------


def moves(then, now):
    """Count the customers who moved from each segment to each other.

    Parameters
    ----------
    then, now : Series of shape (n_customers,), indexed by identifier
        The segments of the customers at two times, in one numbering.

    Returns
    -------
    DataFrame, indexed by ``then`` and ``now``
        A row for each segment then and each now, in order. Customers who are in one table alone
        come from ``new`` or go to ``lost``. ``customers`` is their number, ``share`` that among
        the customers of the segment then, from 0 to 1, and ``low`` and ``high`` are the ends of
        its 95 % interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212), for each share alone.
        The last three are missing for a segment without customers then.

    Raises
    ------
    TableError
        If identifiers are missing or listed twice, customers have no segment, or no customer is
        in both.
    """
    _check_identifiers({"then": then, "now": now})
    # As objects: numbers beside missing values would no longer be whole.
    both = pd.DataFrame({"then": then.astype(object), "now": now.astype(object)})
    origins, ends = both["then"].fillna(NEW), both["now"].fillna(LOST)
    totals, counts = Counter(origins), Counter(zip(origins, ends, strict=True))
    segments = sorted({*then, *now})
    cells = [*product(segments, [*segments, LOST]), *product([NEW], segments)]
    rows = [{"customers": counts[cell], **_share(counts[cell], totals[cell[0]])} for cell in cells]
    return pd.DataFrame(rows, pd.MultiIndex.from_tuples(cells, names=["then", "now"]))


def _share(n, total):
    if total == 0:
        return dict.fromkeys(("share", "low", "high"), np.nan)
    interval = binomtest(n, total).proportion_ci(method="wilson")
    return {"share": n / total, "low": interval.low, "high": interval.high}


def _check_identifiers(tables):
    """Raise an error with all that keeps customers from being found in both tables."""
    problems = []
    for when, segments in tables.items():
        known = segments.index.dropna()
        counts = {
            "rows without an identifier": len(segments) - len(known),
            "identifiers that stand in several rows": known[known.duplicated()].nunique(),
            "customers without a segment": int(segments.isna().sum()),
        }
        problems += [f"{when}: {n:,} {what}" for what, n in counts.items() if n]
    if problems:
        raise TableError(
            "customers cannot be followed:\n- "
            + "\n- ".join(problems)
            + "\nGive every customer one row, with an identifier of its own."
        )
    if tables["then"].index.intersection(tables["now"].index).empty:
        raise TableError(
            "no identifier is both in the table of then and in that of now. Give tables of the "
            "same customers, with their identifiers written alike."
        )


# --- Whether to fit anew ------------------------------------------------------------------------


def drift_test(segmenter, scores, n_draws=9_999, seed=0):
    """Test whether the shares of segments or of outliers have changed by more than chance.

    There are two tests, of the segments and of outliers against others: a segmenter does not keep
    how many outliers each segment has, and a change in either is a reason to fit anew. Each p is
    doubled (Bonferroni), so that together they raise a false alarm in 5 % of tables without a
    change, or fewer where outliers hang on the segment. The customers have to be others than in
    training: of the same ones chance changes less, and a change is found less often.

    Parameters
    ----------
    segmenter : Segmenter
    scores : DataFrame
        As `segmentation.segmenter.score` gives it.
    n_draws : int, optional
        Samples drawn for each p. With 9,999, a p near 5 % is known to within 0.4 %.
    seed : int, optional

    Returns
    -------
    DataFrame with the rows ``all``, for the segments, and ``outliers``
        ``psi``, the population stability index as in `segmentation.segmenter.drift`;
        ``threshold``, above which it says that there is a change; ``p``, already doubled;
        ``refit``, whether p is at most 5 %; ``smallest_change``, the change of shares that it
        finds four times in five (see `smallest_change`): of customers from the largest segment
        into the smallest, or into the outliers. Among very many customers it finds changes that
        are too small to matter: the index and the smallest change say how small.

    Raises
    ------
    SegmenterError
        If there are no customers.
    """
    if scores.empty:
        raise SegmenterError("there are no customers. Give a table that has some.")
    sizes = segmenter.about["customers"], len(scores)
    table = drift(segmenter, scores)
    outliers = table.loc["outliers", ["then", "now"]].astype(float)
    pairs = {
        "all": table.drop(["all", "outliers"])[["then", "now"]].to_numpy().T,
        "outliers": np.column_stack([1 - outliers, outliers]),
    }
    level = LEVEL / len(pairs)
    rows = {}
    for name, (then, now) in pairs.items():
        tested = share_test(then, now, *sizes, level, n_draws, seed)
        p = min(1.0, len(pairs) * tested["p"])
        rows[name] = tested | {
            "p": p,
            "refit": p <= LEVEL,
            "smallest_change": smallest_change(then, *sizes, level, n_draws, seed),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
