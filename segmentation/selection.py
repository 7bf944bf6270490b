"""How many segments: what the usual measures say of each number k."""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score
from yellowbrick.exceptions import YellowbrickWarning
from yellowbrick.utils.kneed import KneeLocator

#: Kaufman and Rousseeuw (1990, Finding Groups in Data, p. 88): what a mean silhouette from these
#: values on says of the structure.
STRUCTURE = {0.0: "no substantial", 0.25: "a weak", 0.5: "a reasonable", 0.7: "a strong"}

#: A segment of fewer customers is not worth a treatment of its own.
MIN_CUSTOMERS = 30

#: The smallest share that is a segment, if customers.toml does not say otherwise.
MIN_SEGMENT = 0.02


class Elbow(NamedTuple):
    """The distortions of some numbers of segments, and the one at the elbow, or None."""

    ks: list
    distortions: list
    k: int | None


def find_elbow(ks, distortions):
    """Find the elbow of the distortion as yellowbrick's KElbowVisualizer does, without refitting.

    Parameters
    ----------
    ks : iterable of int
        Numbers of clusters, two at least, in increasing order.
    distortions : iterable of float
        What a method minimises, such as the sum of squared distances to the centres, for each k.

    Returns
    -------
    Elbow
        That of Satopää, Albrecht, Irwin and Raghavan (2011), Finding a "kneedle" in a haystack.
    """
    ks, distortions = list(ks), [float(some) for some in distortions]
    with warnings.catch_warnings(action="ignore", category=YellowbrickWarning):  # No elbow.
        knee = KneeLocator(ks, distortions, curve_nature="convex", curve_direction="decreasing")
    return Elbow(ks, distortions, None if knee.knee is None else int(knee.knee))


def measure(X, labelings, silhouettes):
    """Put three measures of several segmentations into one table.

    Parameters
    ----------
    X : array-like of shape (n_customers, n_features)
    labelings : array of int, shape (n_labelings, n_customers)
        One labeling per k.
    silhouettes : array of shape (n_labelings,)
        Their mean silhouettes.

    Returns
    -------
    DataFrame, indexed by k
        ``silhouette`` (Rousseeuw 1987; higher is better), ``Davies-Bouldin`` (1979; lower is
        better) and ``Calinski-Harabasz`` (1974; higher is better).
    """
    return pd.DataFrame(
        {
            "silhouette": silhouettes,
            "Davies-Bouldin": [davies_bouldin_score(X, labels) for labels in labelings],
            "Calinski-Harabasz": [calinski_harabasz_score(X, labels) for labels in labelings],
        },
        index=pd.Index([len(np.unique(labels)) for labels in labelings], name="k"),
    )


def best_k(measures, elbow=None):
    """Return the k that each measure prefers.

    Parameters
    ----------
    measures : DataFrame
        As `measure` gives it.
    elbow : int, optional
        Where the distortion has its elbow; none if it has none.

    Returns
    -------
    dict of str to int
    """
    best = {"the elbow": elbow} if elbow else {}
    return best | {
        "the silhouette": measures["silhouette"].idxmax(),
        "Davies-Bouldin": measures["Davies-Bouldin"].idxmin(),
        "Calinski-Harabasz": measures["Calinski-Harabasz"].idxmax(),
    }


def structure(silhouette):
    """Say in words how much structure a mean silhouette stands for, by `STRUCTURE`."""
    return [words for least, words in STRUCTURE.items() if silhouette >= least or not least][-1]


class Choice(NamedTuple):
    """The number of segments that is kept, why in a few words, and what each measure prefers."""

    k: int
    why: str
    best: dict


def keep_k(asked, settings, measures, labelings, suggested, elbow=None):
    """Decide which number of segments is kept.

    Parameters
    ----------
    asked : int or None
        The number that a notebook's parameter asks for.
    settings : dict
        As in `segmentation.customers.Customers`; ``segments`` comes after `asked`.
    measures, labelings, elbow
        As for `choose_k`.
    suggested : int
        Comes third, as `segmentation.evaluation.suggest_k` gives it: the largest number up to it
        whose smallest segment is large enough. One group is cut all the same, by `choose_k`.

    Returns
    -------
    Choice
    """
    best = best_k(measures, elbow) if "silhouette" in measures else {}
    if wanted := asked or settings.get("segments"):
        return Choice(wanted, "as it is set", best)
    min_segment = settings.get("min_segment", MIN_SEGMENT)
    ks = measures.index[_large_enough(labelings, min_segment)]
    if (ks <= suggested).any():
        k = int(ks[ks <= suggested].max())
        fewer = "the most groups that show without one too small for a treatment"
        return Choice(k, fewer if k < suggested else "the number of groups that show", best)
    chosen = choose_k(measures, labelings, elbow, min_segment)
    return Choice(chosen, "for convenience: on it the measures meet best", best)


def ks_to_try(k_min, k_max, asked, settings):
    """Return the numbers of segments from `k_min` to `k_max`, or to the one that is asked for."""
    return range(k_min, max(k_max, asked or settings.get("segments", k_max)) + 1)


def choose_k(measures, labelings, elbow=None, min_segment=MIN_SEGMENT):
    """Choose a number of segments on which measures meet.

    Parameters
    ----------
    measures : DataFrame, indexed by k
        A column per measure; of each but Davies-Bouldin's, more is better.
    labelings : array of int, shape (n_labelings, n_customers)
        The labelings that were measured, in the same order.
    elbow : int, optional
        Where the distortion has its elbow.
    min_segment : float, optional
        The smallest share of the customers that is a segment; 30 customers are, in any case.

    Returns
    -------
    int
        The k of the best mean rank over the measures, those of the elbow being by the distance
        from it; of equal ones the smallest. Only k whose smallest segment is large enough count,
        unless there is none.
    """
    ranks = measures.rank(ascending=False)
    if "Davies-Bouldin" in measures:
        ranks["Davies-Bouldin"] = measures["Davies-Bouldin"].rank()
    if elbow:
        ranks["elbow"] = pd.Series(abs(measures.index - elbow), measures.index).rank()
    mean = ranks.mean(axis=1)
    large_enough = _large_enough(labelings, min_segment)
    return int(mean[large_enough].idxmin() if large_enough.any() else mean.idxmin())


def _large_enough(labelings, min_segment):
    least = max(MIN_CUSTOMERS, min_segment * labelings.shape[1])
    smallest = [np.unique(labels, return_counts=True)[1].min() for labels in labelings]
    return np.array(smallest) >= least


# --- The gap statistic ---------------------------------------------------------------------------


def gower_dispersion(numbers, categories, labels):
    """Sum the Gower distances within clusters, each cluster's over twice its size.

    That is W of the gap statistic for any method, under the distance of
    `segmentation.silhouette.gower_silhouette_samples`. Sorted numbers and counted categories give
    the sums exactly, with no pair of rows visited.

    Parameters
    ----------
    numbers : array-like of shape (n_rows, n_numbers)
        On any scale; each is divided by its range.
    categories : array-like of shape (n_rows, n_categories)
    labels : array-like of int, shape (n_rows,)

    Returns
    -------
    float
    """
    numbers = np.asarray(numbers, dtype=float)
    ranges = np.ptp(numbers, axis=0)
    numbers = numbers / np.where(ranges > 0, ranges, 1)
    codes = [pd.factorize(column)[0] for _, column in pd.DataFrame(categories).items()]
    n_columns = numbers.shape[1] + len(codes)
    labels = np.asarray(labels)
    total = 0.0
    for cluster in np.unique(labels):
        members = labels == cluster
        n = members.sum()
        # The r-th smallest of n values is the larger one of r pairs, the smaller of n - 1 - r.
        weights = 2 * np.arange(n) - (n - 1)
        pairs = (weights[:, None] * np.sort(numbers[members], axis=0)).sum()
        for column in codes:
            pairs += (n**2 - (np.bincount(column[members]).astype(float) ** 2).sum()) / 2
        total += pairs / n / n_columns
    return float(total)


def gap_statistic(log_dispersions, reference):
    """Compare dispersions within clusters with those of tables that have no groups.

    Parameters
    ----------
    log_dispersions : Series of shape (n_ks,)
        Logarithm of the dispersion within clusters, indexed by k in increasing order.
    reference : DataFrame of shape (n_tables, n_ks)
        The same for tables without groups: with shuffled columns
        (`segmentation.evaluation.shuffle_columns`), or twins, whose columns are also as much
        linked (`segmentation.nulls`). Tibshirani and others draw from a uniform box instead.

    Returns
    -------
    DataFrame, indexed by k
        ``gap`` and its ``error``.
    k : int
        The smallest whose gap is at least that of the next k minus the error there; the largest k
        if there is none.

    References
    ----------
    Tibshirani, Walther and Hastie (2001), "Estimating the number of clusters in a data set via
    the gap statistic", J. R. Stat. Soc. B 63, 411-423.
    """
    gap = reference.mean() - log_dispersions
    error = reference.std(ddof=0) * np.sqrt(1 + 1 / len(reference))
    enough = gap.to_numpy()[:-1] >= (gap - error).to_numpy()[1:]
    k = gap.index[np.argmax(enough)] if enough.any() else gap.index[-1]
    return pd.DataFrame({"gap": gap, "error": error}), int(k)
