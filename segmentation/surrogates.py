"""Classifiers that learn the segments from the customers' columns, to show what they go by."""

import re
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import parallel_config
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier, export_text

from segmentation.evaluation import profile_folds


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
        Best with ``n_jobs=1``: the folds run at the same time. LightGBM's own threads meet so
        often that, where they sleep while they wait, they take ten times as long as one thread.
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
    with parallel_config("threading"):
        return cross_val_score(model, features, segments, cv=folds, n_jobs=-1)


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


def tree_fidelity(table, segments, depths=range(2, 7), n_splits=5, seed=0):
    """Measure how well a decision tree of each depth names the segment of a held-out row.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        A category becomes one column of 0 and 1 per value.
    segments : array-like of shape (n_rows,)
    depths : iterable of int, optional
    n_splits, seed : int, optional
        Of `segmentation.evaluation.profile_folds`.

    Returns
    -------
    DataFrame of shape (n_splits, n_depths)
        Accuracy. What few questions can tell is a segment that people can be told.
    """
    features, folds = pd.get_dummies(table), profile_folds(table, n_splits, seed)
    return pd.DataFrame(
        {
            depth: cross_val_score(
                DecisionTreeClassifier(max_depth=depth, random_state=seed),
                features,
                segments,
                cv=folds,
            )
            for depth in depths
        }
    )


def tree_rules(table, segments, depth, seed=0):
    """Write the decision tree of a depth, learnt on all rows, as indented text.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
    segments : array-like of shape (n_rows,)
    depth : int
    seed : int, optional

    Returns
    -------
    str
    """
    features = pd.get_dummies(table, prefix_sep=" = ")
    tree = DecisionTreeClassifier(max_depth=depth, random_state=seed).fit(features, segments)
    text = export_text(tree, feature_names=list(features.columns), decimals=0)
    # A column of 0 and 1 is asked a question, not compared with a half.
    return _as_questions(text, set(features.columns) - set(table.columns))


def _as_questions(text, yes_no):
    lines = []
    for line in text.splitlines():
        stem, _, name = line.partition("--- ")
        question, _, _ = name.partition(" <= ") if " <= " in name else name.partition(" >  ")
        if question in yes_no:
            line = f"{stem}--- {question}: {'no' if ' <= ' in name else 'yes'}"
        lines.append(line.replace("class: ", "segment "))
    return "\n".join(lines)
