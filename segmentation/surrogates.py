"""A classifier that learns the segments from the customers' columns, to show what they go by."""

import re
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score


class Explanation(NamedTuple):
    """What moves the predictions of a classifier.

    `features` (n_drawn, n_features) are the customers that were drawn, `shap_values` (n_drawn,
    n_features, n_segments) the contributions to their predictions (Lundberg and Lee 2017), in
    log-odds, and `importance` (n_features, n_segments) the means of their absolute values.
    """

    features: pd.DataFrame
    shap_values: np.ndarray
    importance: pd.DataFrame


def features_of(customers):
    """Turn customers into what LightGBM takes: text as categories, plain names of columns.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)

    Returns
    -------
    DataFrame of the same shape
        In names, the characters that JSON gives a meaning, which LightGBM refuses, become
        underscores.
    """
    texts = customers.select_dtypes(exclude="number")
    features = customers.astype(dict.fromkeys(texts, "category"))
    return features.rename(columns=lambda name: re.sub(r'[\[\]{}",:]', "_", name))


def held_out_accuracy(model, features, segments, seed=0):
    """Measure how often a classifier finds the segment of a customer that it has not seen.

    Parameters
    ----------
    model : classifier
    features : DataFrame of shape (n_customers, n_features)
        As `features_of` gives them.
    segments : array of int, shape (n_customers,)
    seed : int, optional
        For the folds.

    Returns
    -------
    ndarray of shape (5,)
        The accuracy of each of five folds, stratified by segment.
    """
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_score(model, features, segments, cv=folds)


def explain(explainer, features, segments, n_customers, seed=0):
    """Split the predictions of a sample of customers into contributions of the columns.

    Parameters
    ----------
    explainer : shap.TreeExplainer
        Of a classifier that was fitted on `features` and `segments`.
    features : DataFrame of shape (n_customers, n_features)
    segments : array of int, shape (n_customers,)
    n_customers : int
        How many to draw.
    seed : int, optional
        For the draw.

    Returns
    -------
    Explanation
    """
    drawn = features.sample(min(n_customers, len(features)), random_state=seed)
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        # Of two classes: that SHAP once gave both.
        values = explainer.shap_values(drawn)
    if values.ndim == 2:
        # Of two classes, those of the first are those of the second with the other sign.
        values = np.stack([-values, values], axis=2)
    importance = pd.DataFrame(
        np.abs(values).mean(axis=0), index=features.columns, columns=np.unique(segments)
    )
    return Explanation(drawn, values, importance)
