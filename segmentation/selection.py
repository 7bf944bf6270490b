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


def find_elbow(models):
    """Find the elbow of the distortion as yellowbrick's KElbowVisualizer does, without refitting.

    Parameters
    ----------
    models : sequence of fitted KMeans
        In the order of their numbers of clusters, two at least.

    Returns
    -------
    Elbow
        The distortion is the sum of squared distances to the centres. The elbow is that of
        Satopää, Albrecht, Irwin and Raghavan (2011), Finding a "kneedle" in a haystack.
    """
    ks = [model.n_clusters for model in models]
    distortions = [float(model.inertia_) for model in models]
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


def keep_k(asked, settings, measures, labelings, elbow=None):
    """Decide which number of segments is kept.

    Parameters
    ----------
    asked : int or None
        The number that a notebook's parameter asks for.
    settings : dict
        As in `segmentation.customers.Customers`; ``segments`` comes after `asked`, then
        `choose_k` with ``min_segment``.
    measures, labelings, elbow
        As for `choose_k`.

    Returns
    -------
    Choice
    """
    best = best_k(measures, elbow) if "silhouette" in measures else {}
    if wanted := asked or settings.get("segments"):
        return Choice(wanted, "as it is set", best)
    chosen = choose_k(measures, labelings, elbow, settings.get("min_segment", MIN_SEGMENT))
    return Choice(chosen, "on which the measures meet best", best)


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
    least = max(MIN_CUSTOMERS, min_segment * labelings.shape[1])
    smallest = [np.unique(labels, return_counts=True)[1].min() for labels in labelings]
    large_enough = np.array(smallest) >= least
    return int(mean[large_enough].idxmin() if large_enough.any() else mean.idxmin())
