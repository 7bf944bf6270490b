"""How many segments: what the usual measures say of each number k."""

import numpy as np
import pandas as pd
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

#: Kaufman and Rousseeuw (1990, Finding Groups in Data, p. 88): what a mean silhouette from these
#: values on says of the structure.
STRUCTURE = {0.0: "no substantial", 0.25: "a weak", 0.5: "a reasonable", 0.7: "a strong"}


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
