"""Rows as lines of text."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.customers import labelled, load_customers, load_table
from segmentation.embedding import rows_to_text

ARTICLE = (
    "Age: 58, Housing loan: yes, Job: management, Marital: married, Education: tertiary, "
    "Default: no, Balance: 2143, Personal loan: no"
)


def test_text_is_the_articles():
    first = {"age": 58, "job": "management", "marital": "married", "education": "tertiary"}
    first |= {"default": "no", "balance": 2143, "housing": "yes", "loan": "no"}
    frame = pd.DataFrame([first])
    assert rows_to_text(frame) == [ARTICLE]
    assert rows_to_text(frame.assign(contact="cellular")) == [ARTICLE]
    assert rows_to_text(frame.astype({"age": float})[frame.columns[::-1]]) == [ARTICLE]
    assert rows_to_text(frame, ["job", "age"]) == ["job: management, age: 58"]


def test_text_of_the_real_table(bank_marketing):
    texts = rows_to_text(load_table(bank_marketing))
    loaded = load_customers(bank_marketing)
    assert rows_to_text(labelled(loaded.table, loaded.labels)) == texts
    assert texts[0] == ARTICLE
    assert (len(texts), len(set(texts))) == (45_211, 41_048)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (58.0, "58"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (10**17, "100000000000000000"),
        (1e17, "100000000000000000"),
        (True, "True"),
        ("  a\n\tb\r\nc ", "a b c"),
        (" \t", "not given"),
        (None, "not given"),
        (float("nan"), "not given"),
        (pd.NA, "not given"),
    ],
)
def test_text_of_a_value(value, text):
    frame = pd.DataFrame({"x\ny": pd.Series([value, "other"], dtype=object), "z": 1})
    assert rows_to_text(frame)[0] == f"x y: {text}, z: 1"


@given(st.lists(st.none() | st.integers(-(2**53), 2**53), min_size=1))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_text_of_a_number_does_not_depend_on_its_dtype(values):
    columns = [pd.Series(values, dtype=dtype) for dtype in ("Int64", "float64", "Float64", object)]
    texts = [rows_to_text(pd.DataFrame({"x": column}), ["x"]) for column in columns]
    assert all(other == texts[0] for other in texts)
    assert texts[0] == [f"x: {'not given' if v is None else v}" for v in values]
