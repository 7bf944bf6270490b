"""Facts of segments: against pandas and closed forms, and as JSON, CSV, Parquet and SQL."""

import json
import sqlite3
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from segmentation.build import NOTEBOOKS
from segmentation.customers import SAMPLE, load_customers
from segmentation.outcomes import find_measure, find_outcome, mean_of, money_of, profit_of, rate_of
from segmentation.report import facts
from segmentation.report.periods import DEPENDS, decide, find_later, rates_then_and_now

SMALL = {"tsne_sample": 200, "tsne_3d_sample": 150, "shap_sample": 100, "n_repeats": 2}
SMALL |= {"n_twins": 2, "twin_sample": 200, "n_samples": 2, "k_max": 4}


def churners(n=600, seed=0):
    """Customers of whom those with a contract by the month leave, with money and its price."""
    rng = np.random.default_rng(seed)
    contract = rng.choice(["monthly", "yearly"], n)
    leaves = rng.random(n) < np.where(contract == "monthly", 0.6, 0.1)
    return pd.DataFrame(
        {
            "customer_id": np.arange(n) + 5_000,
            "age": rng.integers(18, 90, n),
            "contract": contract,
            "MonthlyCharges": rng.gamma(4, 15, n).round(2),
            "phone": rng.choice(["yes", "no"], n),
            "Churn": np.where(leaves, "Yes", "No"),
            "signed_up": rng.permutation(
                pd.date_range("2021-03-01", periods=n).strftime("%Y-%m-%d")
            ),
        }
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return the folder and the variables of kmeans.ipynb on customers who leave."""
    folder = tmp_path_factory.mktemp("told")
    path = folder / "customers.csv"
    churners().to_csv(path, index=False)
    said = {"value": 10.0, "cost": 4.0, "segments": 3}
    out = folder / "out"
    out.mkdir()
    return out, run(NOTEBOOKS / "kmeans.ipynb", out, table=path, settings=said, **SMALL)


def test_facts_are_what_the_files_say(told):
    folder, _ = told
    known = json.loads((folder / "kmeans.json").read_text(encoding="utf-8"))
    scored = pd.read_csv(folder / "segments_kmeans.csv", index_col="row")
    parquet = pd.read_parquet(folder / "segments_kmeans.parquet").set_index("row")
    pd.testing.assert_frame_equal(scored, parquet, check_dtype=False)
    table = churners()
    assert scored["customer_id"].tolist() == table["customer_id"].tolist()
    kept = ~scored["outlier"]
    assert known["table"] | {"source": ""} == {
        "name": "customers.csv",
        "source": "",
        "customers": len(table),
        "kept": kept.sum(),
        "columns": ["age", "contract", "monthly charges", "phone"],
    }
    leaves = table["Churn"] == "Yes"
    later = table["signed_up"] > table["signed_up"].sort_values().iloc[int(0.7 * len(table)) - 1]
    assert known["periods"]["by"] == "signed_up"
    assert known["periods"]["since"] == f"{pd.to_datetime(table['signed_up'][later]).min():%B %Y}"
    assert known["set_aside"]["customers"] == (~kept).sum()
    assert known["set_aside"]["target"]["share"] == pytest.approx(leaves[~kept].mean())
    assert known["target"]["positive"] == "Yes"
    assert known["target"]["rate"]["share"] == pytest.approx(leaves[kept].mean())
    assert known["money"] == {"value": 10, "cost": 4, "break_even": 0.4, "example": False}
    for part in known["segments"]:
        own = kept & (scored["segment"] == part["segment"])
        assert part["customers"] == own.sum()
        assert part["set_aside"] == (~kept & (scored["segment"] == part["segment"])).sum()
        assert part["share"] == pytest.approx(own.sum() / kept.sum())
        assert part["target"]["share"] == pytest.approx(leaves[own].mean())
        assert part["confidence"] == pytest.approx(scored["confidence"][own].median())
        assert part["profit"]["mean"] == pytest.approx(10 * leaves[own].mean() - 4)
        for period, of_period in (("earlier", own & ~later), ("later", own & later)):
            assert part["periods"][period]["share"] == pytest.approx(leaves[of_period].mean())
        assert set(scored["name"][own]) == {part["name"]}
        charges = table["MonthlyCharges"]
        (amount,) = part["amounts"]
        assert amount["mean"] == pytest.approx(charges[own].mean())
        assert amount["share"] == pytest.approx(charges[own].sum() / charges[kept].sum())
        assert len(part["traits"]) <= 6
        assert part["next"]["segment"] != part["segment"]
        typical = {trait["label"]: trait["value"] for trait in part["typical"]}
        assert set(typical) == set(known["table"]["columns"])
        assert f"{typical['age']}" in table["age"][own].astype(str).tolist()


def test_decisions_speak_of_every_segment(told):
    folder, variables = told
    known = json.loads((folder / "kmeans.json").read_text(encoding="utf-8"))
    assert facts.decisions(known) == variables["told"]
    for part in known["segments"]:
        assert part["name"] in variables["told"]


def test_the_query_gives_the_first_rule_that_describes_a_customer(told):
    folder, variables = told
    query = (folder / "segments_kmeans.sql").read_text(encoding="utf-8")
    customers, names = variables["loaded"].table, variables["names"]
    with sqlite3.connect(":memory:") as database:
        customers.to_sql("customers", database, index_label="row")
        found = pd.read_sql(query, database, index_col="row")["segment"]
        described = {
            segment: pd.read_sql(f"SELECT row FROM customers WHERE {rule}", database)["row"]
            for segment, rule in names["rule"].items()
        }
    expected = pd.Series(np.nan, index=customers.index)
    for segment in names["precision"].sort_values(kind="stable").index:
        expected[described[segment]] = segment
    assert found.fillna(0).tolist() == expected.fillna(0).tolist()


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["yes", "no", "no"], "yes"),
        (["Ja", "Nein", "Ja"], "Ja"),
        ([1, 0, 0, None], "1"),
        (["stays", "stays", "leaves"], "leaves"),
        ([True, True, False], "True"),
        (["a", "b", "c"], None),
        (["a", "a"], None),
    ],
)
def test_the_outcome_is_yes_or_else_the_rarer_value(values, positive):
    outcome = find_outcome(pd.Series(values))
    if positive is None:
        assert outcome is None
        return
    assert outcome.name == positive
    assert outcome.isna().sum() == values.count(None)
    assert outcome.sum() == sum(str(value) == positive for value in values)


def test_no_target_has_no_outcome():
    assert find_outcome(None) is None
    assert rate_of(pd.Series([np.nan])) is None


@pytest.mark.parametrize(("positives", "n"), [(0, 10), (3, 10), (10, 10), (117, 1_000)])
def test_intervals_are_wilsons(positives, n):
    found = rate_of(pd.Series([1.0] * positives + [0.0] * (n - positives)))
    z, p = norm.ppf(0.975), positives / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert found["low"] == pytest.approx(max(centre - half, 0), abs=1e-9)
    assert found["high"] == pytest.approx(min(centre + half, 1), abs=1e-9)


@pytest.mark.parametrize(
    ("cost", "decision"), [(0.5, "contact"), (9.0, "do not contact"), (3.0, "not decided")]
)
def test_a_decision_needs_the_whole_interval(cost, decision):
    money = money_of({"value": 10.0, "cost": cost})
    found = rate_of(pd.Series([1.0] * 30 + [0.0] * 70))
    profit = profit_of(found, money)
    assert profit["decision"] == decision
    assert profit["low"] < profit["mean"] < profit["high"]
    assert money_of({"value": 10.0}) is None
    assert profit_of(found, None) is None


def by_date(dates):
    """Return what is asked of customers to put them in order of dates."""
    raw = pd.DataFrame({"age": 0, "signed_up": dates})
    roles = pd.DataFrame({"role": ["number", "date"]}, index=raw.columns)
    return SimpleNamespace(raw=raw, table=raw[["age"]], roles=roles)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120))
def test_the_latest_customers_come_after_all_others(days):
    days = np.array(days)
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D")
    found = find_later(by_date(dates.strftime("%Y-%m-%d")), SAMPLE)
    if found is None:
        assert (days == days.max()).mean() > 0.3 - 1e-9
        return
    by, since, later = found
    assert by == "signed_up"
    assert since == f"{dates[later].min():%B %Y}"
    assert days[later].min() > days[~later].max()
    # They are as many as can be without a day of both kinds.
    assert later.mean() - 1 / len(days) < 0.3 < (days >= days[~later].max()).mean() + 1e-9


def test_the_months_of_the_bank_go_from_may_2008_to_november_2010(bank_marketing):
    loaded = load_customers(bank_marketing)
    later = find_later(loaded, bank_marketing)
    assert later.by == "the order of the rows"
    first = loaded.raw["month"][later.later].iloc[0]
    months = loaded.raw["month"][~later.later].astype(str)
    # A year begins where January follows upon another month.
    years = ((months == "jan") & (months.shift() != "jan")).sum()
    assert later.since == f"{pd.to_datetime(first, format='%b'):%B} {2008 + years}"


def test_no_order_is_taken_from_rows_or_from_dates_that_cannot_be_read():
    dates = pd.Series(pd.date_range("2024-01-01", periods=100))
    assert find_later(by_date(dates.dt.strftime("%d.%m.%Y")), SAMPLE) is None
    assert find_later(by_date(dates.where(dates.index > 0)), SAMPLE) is None
    as_numbers = dates.dt.strftime("%Y%m%d").astype(int)
    assert find_later(by_date(as_numbers), SAMPLE).later.tolist() == (dates.index >= 70).tolist()
    assert find_later(load_customers(SAMPLE), SAMPLE) is None


@pytest.mark.parametrize(
    ("earlier", "later", "decision"),
    [(0.02, 0.9, DEPENDS), (0.9, 0.02, DEPENDS), (0.9, 0.9, "contact"), (0.5, 0.95, "contact")],
)
def test_a_decision_that_turns_with_time_is_none(earlier, later, decision):
    n = 200
    in_time = np.arange(2 * n) >= n
    outcome = pd.Series(np.r_[np.arange(n) < earlier * n, np.arange(n) < later * n].astype(float))
    money = money_of({"value": 10.0, "cost": 4.9})
    periods = rates_then_and_now(outcome, in_time, money)
    assert periods["earlier"]["share"] == pytest.approx(earlier)
    assert periods["later"]["share"] == pytest.approx(later)
    if decision != DEPENDS:
        decision = profit_of(rate_of(outcome), money)["decision"]
    assert decide(profit_of(rate_of(outcome), money), periods)["decision"] == decision
    assert decide(None, periods) is None
    assert decide({"decision": "contact"}, None) == {"decision": "contact"}


def test_nothing_is_told_of_a_period_without_a_known_outcome():
    outcome = pd.Series([1.0, 0.0, np.nan, np.nan])
    assert rates_then_and_now(outcome, np.array([False, False, True, True]), None) is None


@given(
    st.lists(st.floats(-50, 1_000).map(lambda x: round(x, 2)), min_size=2, max_size=60),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=25)
def test_means_are_those_of_the_segment(values, mask):
    measured = pd.Series(values)
    own = np.array([bool(mask >> i % 32 & 1) for i in range(len(values))])
    found = mean_of(measured, own)
    if not own.any():
        assert found is None
        return
    assert found["mean"] == pytest.approx(measured[own].mean())
    assert found["low"] - 1e-9 <= found["mean"] <= found["high"] + 1e-9
    assert measured[own].min() - 1e-9 <= found["low"] <= found["high"] <= measured[own].max() + 1e-9
    if found["share"] is not None:
        assert found["share"] == pytest.approx(measured[own].sum() / measured.sum())


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = [
        found["low"] <= 2 <= found["high"]
        for found in (
            mean_of(pd.Series(rng.gamma(2, 1, 150)), np.full(150, True)) for _ in range(120)
        )
    ]
    # 114 of 120 are expected, and fewer as the values are skewed.
    assert 0.88 <= np.mean(held) <= 0.99


@pytest.mark.parametrize(
    ("values", "is_measure"),
    [
        ([1.5, 0, 20], True),
        (["1,234", "12", "7"], True),
        ([0, 1, 0], False),
        (["yes", "no", "no"], False),
        (["a", "b", "c"], False),
        ([3, 3, 3], False),
    ],
)
def test_a_target_is_measured_if_it_is_a_number_of_many_values(values, is_measure):
    assert (find_measure(pd.Series(values, name="y")) is not None) is is_measure
    assert find_measure(None) is None
