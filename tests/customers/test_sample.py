"""The synthetic sample: its format, its likeness to the real table, and how it is made."""

import importlib.util
import itertools
import platform
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.customers import BANK_COLUMNS, SAMPLE, is_sample, load_customers

SCRIPT = SAMPLE.with_name("make_sample.py")
spec = importlib.util.spec_from_file_location("make_sample", SCRIPT)
make_sample = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_sample)

NUMBERS = ("age", "balance")
CATEGORIES = {
    "job": "admin. blue-collar entrepreneur housemaid management retired self-employed services "
    "student technician unemployed unknown",
    "marital": "divorced married single",
    "education": "primary secondary tertiary unknown",
    "default": "no yes",
    "housing": "no yes",
    "loan": "no yes",
    "y": "no yes",
}
COLUMNS = (*BANK_COLUMNS, "y")

# Real draws to compare with: enough to know the spread of sampling noise, in about 10 s.
N_REAL_DRAWS = 50

# Where outlier detection looks: quantiles of balance, and the age at which most have retired.
LOW_BALANCE, HIGH_BALANCE, OLD = 0.05, 0.95, 60


@pytest.fixture(scope="module")
def sample():
    return pd.read_csv(SAMPLE, sep=";")


@pytest.fixture(scope="module")
def real(bank_marketing):
    return pd.read_csv(bank_marketing, sep=";", usecols=COLUMNS)[list(COLUMNS)]


@pytest.fixture(scope="module")
def distances(real):
    """Return a function that measures how far a table is from the real one.

    It gives a distance for every marginal, for what the tails hold and for every association.
    """
    low, high = real["balance"].quantile([LOW_BALANCE, HIGH_BALANCE])
    conditions = {"poor": f"balance < {low}", "rich": f"balance > {high}", "old": f"age > {OLD}"}
    real_tails = {name: real.query(condition) for name, condition in conditions.items()}
    real_associations = associations(real)

    def distances(table):
        measured = {name: ks_distance(table[name], real[name]) for name in NUMBERS}
        measured |= {name: variation_distance(table[name], real[name]) for name in CATEGORIES}
        for tail, condition in conditions.items():
            ours, theirs = table.query(condition), real_tails[tail]
            measured[tail] = abs(len(ours) / len(table) - len(theirs) / len(real))
            for name in CATEGORIES:
                measured[tail, name] = variation_distance(ours[name], theirs[name])
        for pair, value in associations(table).items():
            measured[pair] = abs(value - real_associations[pair])
        return pd.Series(measured)

    return distances


@pytest.fixture(scope="module")
def bounds(real, distances):
    """Return how far the furthest of some draws of real customers is from the real table.

    The draws are as large as the sample. In a sample without bias, about one distance in 50 is
    beyond its bound; the seed was chosen so that none is.
    """
    draws = (real.sample(make_sample.N_ROWS, random_state=seed) for seed in range(N_REAL_DRAWS))
    return pd.DataFrame([distances(draw) for draw in draws]).max(axis="index")


def variation_distance(left, right):
    shares = [column.value_counts(normalize=True) for column in (left, right)]
    return shares[0].sub(shares[1], fill_value=0).abs().sum() / 2


def ks_distance(left, right):
    """Return the Kolmogorov-Smirnov distance: the largest gap between two distributions."""
    grid = np.union1d(left, right)
    shares = [np.searchsorted(np.sort(c), grid, side="right") / len(c) for c in (left, right)]
    return np.abs(shares[0] - shares[1]).max()


def associations(table):
    return {pair: association(table, *pair) for pair in itertools.combinations(COLUMNS, 2)}


def association(table, left, right):
    """Return |Spearman|, a correlation ratio of ranks or Cramér's V, by the kind of a pair."""
    numbers = [name for name in (left, right) if name in NUMBERS]
    if len(numbers) == 2:
        return abs(table[left].rank().corr(table[right].rank()))
    if numbers:
        ranks = table[numbers[0]].rank()
        means = ranks.groupby(table[right if left in NUMBERS else left]).transform("mean")
        return np.sqrt(means.var() / ranks.var())
    counts = pd.crosstab(table[left], table[right]).to_numpy(dtype=float)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chi2 = ((counts - expected) ** 2 / expected).sum()
    return np.sqrt(chi2 / counts.sum() / (min(counts.shape) - 1))


def share_found(table, other):
    """Return the share of the rows of a table that equal some row of another one."""
    rows = set(other.itertuples(index=False, name=None))
    return np.mean([row in rows for row in table.itertuples(index=False, name=None)])


def test_format():
    content = SAMPLE.read_bytes().decode("ascii")
    header, *lines, end = content.split("\n")
    assert header == ";".join(f'"{name}"' for name in COLUMNS)
    assert end == ""
    assert len(lines) == make_sample.N_ROWS == 4521
    field = {
        name: '"(?:' + "|".join(map(re.escape, v.split())) + ')"' for name, v in CATEGORIES.items()
    }
    row = re.compile(";".join(field.get(name, r"(?:0|-?[1-9]\d*)") for name in COLUMNS))
    assert [line for line in lines if not row.fullmatch(line)] == []


def test_every_category_and_plausible_numbers(sample):
    for name, values in CATEGORIES.items():
        assert sorted(sample[name].unique()) == values.split()
    # The bounds of the real table: no one is drawn beyond the richest, poorest and oldest.
    assert sample["age"].between(18, 95).all()
    assert sample["balance"].between(-8019, 102127).all()


def test_notebooks_can_read_it():
    assert is_sample(SAMPLE)
    assert load_customers(SAMPLE).table.shape == (make_sample.N_ROWS, len(BANK_COLUMNS))


@pytest.mark.slow
def test_as_close_as_real_customers(sample, distances, bounds):
    measured = distances(sample)
    assert measured[measured > bounds].to_dict() == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", COLUMNS)
def test_shuffled_column_is_noticed(sample, distances, bounds, name):
    shuffled = sample[name].sample(frac=1, random_state=0).to_numpy()
    assert (distances(sample.assign(**{name: shuffled})) > bounds).any()


def test_no_more_real_rows_than_by_chance(sample, real):
    half = real.sample(frac=0.5, random_state=0)
    assert share_found(sample, real) <= share_found(half, real.drop(half.index))


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="other processors fuse multiplication and addition, so trees may break a tie otherwise",
)
@pytest.mark.slow
def test_reproduces_the_committed_sample(bank_marketing, tmp_path):
    output = tmp_path / "sample.csv"
    assert make_sample.main(["--input", str(bank_marketing), "--output", str(output)]) == 0
    assert output.read_bytes() == SAMPLE.read_bytes()
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("content", [None, b'"age";"y"\n30;"no"\n'])
def test_refuses_another_table(tmp_path, capsys, content):
    path, output = tmp_path / "train.csv", tmp_path / "sample.csv"
    if content:
        path.write_bytes(content)
    assert make_sample.main(["--input", str(path), "--output", str(output)]) == 2
    message = capsys.readouterr().err
    assert message.startswith(str(path))
    assert message.count("\n") == 1
    assert not output.exists()


def toy(n_rows, seed=0):
    """Return a table in which pet follows from age, and weight from pet, but for noise."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 80, n_rows)
    pet = np.where(age < 50, "cat", "dog")
    weight = np.where(pet == "cat", 5, 30) + rng.integers(-3, 4, n_rows)
    return pd.DataFrame({"age": age, "pet": pet, "weight": weight})


def test_drawn_customers_keep_what_follows_from_what():
    drawn = make_sample.draw_customers(toy(2000), 1000, seed=1)
    assert drawn.columns.tolist() == ["age", "pet", "weight"]
    assert (drawn["pet"] == np.where(drawn["age"] < 50, "cat", "dog")).all()
    assert drawn["weight"].between(2, 33).all()
    assert ((drawn["weight"] < 20) == (drawn["pet"] == "cat")).all()


def test_drawn_customers_depend_on_the_seed_alone():
    first, again, other = (make_sample.draw_customers(toy(500), 100, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-50, 50), min_size=1).map(sorted).map(np.array),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1).map(sorted).map(np.array),
)
def test_number_quantiles(values, uniform):
    drawn = make_sample._number_quantiles(values, uniform)
    exact = np.array([values[int(u * len(values))] for u in uniform])
    assert ((drawn == 0) >= (exact == 0)).all()
    # Smoothing goes half-way to the neighbours in the leaf at most; 1/2 is for rounding.
    gaps = np.diff(values, prepend=values[0], append=values[-1])
    rank = (uniform * len(values)).astype(int)
    assert (drawn >= exact - gaps[rank] / 2 - 0.5).all()
    assert (drawn <= exact + gaps[rank + 1] / 2 + 0.5).all()


def test_number_quantiles_lie_between_the_values():
    values = np.array([0, 100, 200, 400])
    uniform = np.array([0.0, 0.249, 0.25, 0.5, 0.625, 0.75, 0.9999])
    assert make_sample._number_quantiles(values, uniform).tolist() == [0, 0, 50, 150, 225, 300, 400]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from("abc"), min_size=1).map(sorted).map(np.array))
def test_category_quantiles_have_the_shares_of_the_leaf(values):
    uniform = (np.arange(len(values)) + 0.5) / len(values)
    assert make_sample._category_quantiles(values, uniform).tolist() == values.tolist()
