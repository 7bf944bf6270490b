"""From a table to customers: what is learnt, filled in, grouped, left out, carried along."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tables import TABLES

from segmentation.customers import (
    BANK_COLUMNS,
    NOT_GIVEN,
    OTHER,
    SAMPLE,
    TableError,
    clean,
    describe_roles,
    labelled,
    load_customers,
    load_table,
)
from segmentation.customers.roles import MAX_CATEGORIES
from segmentation.embedding import rows_to_text


def table_of(**columns):
    """Return a table of 200 good customers, with columns put in or replaced."""
    frame = {"age": np.arange(200) % 50 + 18, "job": ["services", "retired"] * 100}
    frame["spent"] = np.arange(200) * 37 % 101 / 7
    return pd.DataFrame(frame | columns)


def write(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return path


def test_real_table(bank_marketing):
    customers = load_customers(bank_marketing).table
    assert customers.shape == (45_211, 8)
    assert list(customers.select_dtypes("number")) == ["age", "balance"]
    assert (customers["job"] == "unknown").sum() == 288


@pytest.mark.parametrize("name", ["train", "sample"])
def test_the_studys_table_has_the_studys_columns(name, request):
    path = SAMPLE if name == "sample" else request.getfixturevalue("bank_marketing")
    loaded = load_customers(path)
    raw = load_table(path)
    pd.testing.assert_frame_equal(loaded.table, raw[list(BANK_COLUMNS)])
    assert set(loaded.target) == {"yes", "no"}
    used = loaded.roles.index[loaded.roles["treatment"].str.startswith("used")]
    assert set(used) == set(BANK_COLUMNS)
    assert loaded.roles["treatment"]["y"] == "held out"
    assert list(labelled(loaded.table, loaded.labels)) == list(BANK_COLUMNS)
    assert loaded.settings["segments"] == 5


def test_the_messy_table(tmp_path):
    loaded = load_customers(write(TABLES["messy"](), tmp_path / "t.csv", sep=";"))
    assert loaded.roles["role"].to_dict() == {
        "CustomerID": "identifier",
        "email": "identifier",
        "signup date": "date",
        "age": "number",
        "spent (€/yr)": "number",
        "visits": "number",
        "city": "category",
        "segment, old": "category",
        "active": "yes/no",
        "country": "constant",
        "nothing": "constant",
        "note": "free text",
        "target": "target",
    }
    table, raw = loaded.table, loaded.raw
    assert list(loaded.ids) == ["CustomerID", "email"]
    assert table["city"].nunique() == MAX_CATEGORIES
    frequent = raw["city"].value_counts().head(10).index
    assert (table["city"] == raw["city"])[raw["city"].isin(frequent)].all()
    assert set(table["segment, old"]) == {"gold", "silver", NOT_GIVEN}
    assert table["active"].eq("yes").tolist() == raw["active"].eq(1).tolist()
    assert table.loc[raw["age"].isna(), "age"].eq(raw["age"].median()).all()
    assert loaded.target.tolist() == raw["target"].tolist()


@pytest.mark.parametrize("name", TABLES)
def test_no_column_is_left_out_in_silence(tmp_path, name):
    loaded = load_customers(write(TABLES[name](), tmp_path / "t.csv"))
    said = describe_roles(loaded)
    for column in loaded.raw.columns.difference(list(loaded.table)):
        assert f"`{column}`" in said
        assert loaded.roles["why"][column]


def test_missing_words_are_missing_where_it_is_said(tmp_path):
    table = table_of(plan=["basic", "?", "pro", "unknown"] * 50)
    loaded = load_customers(write(table, tmp_path / "t.csv"))
    assert loaded.table["plan"].tolist() == ["basic", NOT_GIVEN, "pro", NOT_GIVEN] * 50
    assert "'?', 'unknown'" in loaded.roles["treatment"]["plan"]
    again, _ = clean(loaded.raw.head(4), loaded.schema)
    assert again["plan"].tolist() == ["basic", NOT_GIVEN, "pro", NOT_GIVEN]


def test_a_cross_and_nothing(tmp_path):
    loaded = load_customers(write(table_of(vip=["x", None, "X", ""] * 50), tmp_path / "t.csv"))
    assert loaded.table["vip"].tolist() == ["yes", "no"] * 100
    alone, n_guessed = clean(loaded.raw.iloc[[1]], loaded.schema)
    assert alone["vip"].tolist() == ["no"]
    assert n_guessed.tolist() == [0]


def test_how_numbers_are_written_is_learnt(tmp_path):
    table = table_of(spent=[f"{i % 9 + 1}.{i % 7}50,{i % 10}0 €" for i in range(200)])
    loaded = load_customers(write(table, tmp_path / "t.csv", sep=";"))
    assert loaded.table["spent"].iloc[1] == 2150.1
    assert " read as " in loaded.roles["treatment"]["spent"]
    # One row alone could be either.
    one = pd.DataFrame({"spent": ["1.234"], "age": [30], "job": ["retired"]})
    assert clean(one, loaded.schema)[0]["spent"].tolist() == [1234]


def test_the_id_that_is_named_comes_first(tmp_path):
    table = table_of(email=[f"c{i}@example.org" for i in range(200)], no=[7] * 2 + [*range(198)])
    loaded = load_customers(write(table, tmp_path / "t.csv"), {"id": "no"})
    assert list(loaded.ids) == ["no", "email"]
    assert "2 rows" in describe_roles(loaded)


def test_an_id_is_carried_along_whatever_is_used(tmp_path):
    path = write(table_of(client_id=np.arange(200) * 13), tmp_path / "t.csv")
    assert list(load_customers(path, {"columns": ["age", "job", "spent"]}).ids) == ["client_id"]


def test_protected_columns_are_watched(tmp_path):
    table = table_of(sex=["f", "m"] * 100, religion=["a", "b", "c", "d"] * 50)
    path = write(table, tmp_path / "t.csv")
    loaded = load_customers(path)
    assert "religion" not in loaded.table
    assert loaded.watched == ["sex", "religion"]
    named = load_customers(path, {"columns": ["age", "job", "spent", "religion"]})
    assert "religion" in named.table


def test_a_likely_target_is_held_out_and_can_be_used(tmp_path):
    answers = ["Yes", "Yes", "No", "No"] * 50
    path = write(table_of(Churn=answers), tmp_path / "t.csv")
    assert load_customers(path).target.tolist() == answers
    used = load_customers(path, {"roles": {"Churn": "yes/no"}})
    assert used.target is None
    assert "Churn" in used.table


@pytest.mark.parametrize("name", ["Churn Label", "Churn"])
@pytest.mark.parametrize("answers", [["yes", "no"], ["Existing Customer", "Attrited Customer"]])
def test_the_advice_on_a_target_can_be_followed(tmp_path, name, answers):
    path = write(table_of(**{name: np.repeat(answers, 2).tolist() * 50}), tmp_path / "t.csv")
    advice = re.search(r"`(roles = .*?)`", describe_roles(load_customers(path)))[1]
    (tmp_path / "customers.toml").write_text(advice, encoding="utf-8")
    loaded = load_customers(path)
    assert loaded.target is None
    assert loaded.table[name].nunique() == 2


def test_what_tells_the_target_is_held_out(tmp_path):
    """A status and a count that say who left; not what only goes with it."""
    rng = np.random.default_rng(0)
    left = rng.integers(2, size=200)
    table = table_of(
        age=rng.integers(18, 80, 200),
        churned=np.where(np.arange(200) % 50 == 7, None, left),
        status=np.where(left, "gone", rng.choice(["new", "stayed"], 200)),
        last_bill=left * 90 + rng.integers(0, 80, 200),
        calls=left + rng.poisson(1, 200),
    )
    path = write(table, tmp_path / "t.csv")
    loaded = load_customers(path)
    assert loaded.target.name == "churned"
    assert set(loaded.roles.index[loaded.roles["role"] == "outcome"]) == {"status", "last_bill"}
    assert {"age", "calls"} <= set(loaded.table)
    assert not {"status", "last_bill"} & set(loaded.table)
    assert "`status`" in describe_roles(loaded)
    kept = load_customers(path, {"roles": {"status": "category"}})
    assert "status" in kept.table


def test_a_sum_in_the_last_row_is_refused(tmp_path):
    table = table_of(city=["Paris", "Total"] * 100)
    assert len(load_customers(write(table, tmp_path / "t.csv")).table) == 200
    (tmp_path / "t.csv").write_text(
        (tmp_path / "t.csv").read_text(encoding="utf-8") + "Total:,,1234.5,\n", encoding="utf-8"
    )
    with pytest.raises(TableError, match="line 202 "):
        load_customers(tmp_path / "t.csv")


def test_words_that_are_no_yes_and_no_are_refused(tmp_path):
    path = write(table_of(), tmp_path / "t.csv")
    with pytest.raises(TableError, match="retired"):
        load_customers(path, {"roles": {"job": "yes/no"}})


def test_whole_numbers_say_nothing_of_later_files(tmp_path):
    """A later file may have marks where the one that was learnt from had none."""
    table = table_of(spent=np.arange(200) * 37 % 101, x=["1.234,5", "7"] * 100)
    schema = load_customers(write(table, tmp_path / "t.csv", sep=";")).schema
    written = {column["name"]: column.get("convention") for column in schema}
    assert written == {"age": None, "job": None, "spent": None, "x": ",."}
    later = table.assign(spent=["486,63", "2.762"] * 100)
    write(later, tmp_path / "t2.csv", sep=";")
    given = {name: convention for name, convention in written.items() if convention}
    cleaned, _ = clean(load_table(tmp_path / "t2.csv", conventions=given), schema)
    assert cleaned["spent"].tolist() == [486.63, 2762] * 100


def test_what_is_not_given_was_not_there_before(tmp_path):
    voucher = [f"V{i}" if i % 10 == 0 else None for i in range(200)]
    said = describe_roles(load_customers(write(table_of(voucher=voucher), tmp_path / "t.csv")))
    assert "`voucher`" in said
    assert "there before" not in said


def test_what_is_assumed_is_said(tmp_path):
    frame = table_of(x=["1.234", "5.678", "2.345", "7"] * 50, spent=np.arange(200) % 41)
    path = write(frame, tmp_path / "t.csv")
    assert "`x`" in describe_roles(load_customers(path))


def test_columns_that_say_the_same_are_announced(tmp_path):
    city = np.array(["Paris", "Lyon", "Rome", "Milan"] * 50)
    table = table_of(
        city=city,
        country=np.where(np.isin(city, ["Paris", "Lyon"]), "FR", "IT"),
        spent_again=np.arange(200) * 37 % 101 / 7 * 1.2 + 3,
        internet=["no", "dsl", "fibre", "dsl"] * 50,
        backup=["none at all", "yes", "no", "no"] * 50,
    )
    said = "\n".join(load_customers(write(table, tmp_path / "t.csv")).redundant)
    for pair in (("city", "country"), ("spent", "spent_again"), ("internet", "backup")):
        assert re.search(".*".join(f"`{name}`" for name in pair), said)
    assert "`age`" not in said


def test_settings_come_from_the_file_beside_the_table(tmp_path):
    table = table_of(
        spent=np.arange(200) / 7, branch=[1, 2, 3, 4] * 50, left=[0, 1] * 100, other=range(200)
    )
    path = write(table, tmp_path / "t.csv", encoding="utf-16")
    (tmp_path / "customers.toml").write_text(
        """
        encoding = "utf-16"
        columns = ["job", "age", "branch"]
        target = "left"
        labels = {branch = "shop"}
        roles = {branch = "category"}
        """,
        encoding="utf-8",
    )
    loaded = load_customers(path)
    assert list(loaded.table) == ["job", "age", "branch"]
    assert loaded.table["branch"].tolist() == ["1", "2", "3", "4"] * 50
    assert loaded.target.tolist() == [0, 1] * 100
    assert list(labelled(loaded.table, loaded.labels)) == ["job", "age", "shop"]
    assert list(load_customers(path, {"columns": ["age", "spent", "job"]}).table)[1] == "spent"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("roles = {age = 'fruit'}", "fruit"),
        ("target = 'x'\nlabels = {z = 'y'}\nid = 'w'", "z, x, w"),
        ("labels = {age = 'job'}", "job"),
        ("weights = {nothing = 2}", "nothing"),
        ("weights = {spent = 2}\ntarget = 'spent'", "spent"),
        ("encoding = 'klingon'", "klingon"),
        ("roles = {job = 'number'}", "'services'"),
        ("columns = ['age', 'job']", "2 columns"),
    ],
)
def test_settings_that_do_not_fit_the_table_are_refused(tmp_path, text, named):
    (tmp_path / "customers.toml").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=named):
        load_customers(write(table_of(), tmp_path / "t.csv"))


def test_weights_are_1_where_they_are_not_set(tmp_path):
    loaded = load_customers(write(table_of(), tmp_path / "t.csv"), {"weights": {"age": 2}})
    assert loaded.weights.to_dict() == {name: 2 if name == "age" else 1 for name in loaded.table}
    assert "`age` 2" in describe_roles(loaded)


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"age": [20.0, 30.0, np.inf, 25.0] * 50}, "age: .* lines 4, 8, 12, 16, 20 and 45"),
        ({"age": ["20", "30", "soon", "25"] * 50}, "age: 50 .* lines 4, 8, .*'soon'"),
    ],
    ids=["infinite", "ill-written"],
)
def test_problem_of_a_column_is_named(tmp_path, columns, named):
    with pytest.raises(TableError, match=named):
        load_customers(write(table_of(**columns), tmp_path / "t.csv"))


def test_problems_of_unused_columns_do_not_matter(tmp_path):
    table = table_of(note=[None] * 200, other=[1.0, np.inf] * 100)
    path = write(table, tmp_path / "t.csv")
    assert load_customers(path, {"columns": ["age", "job", "spent"]}).table.shape == (200, 3)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"age:job\n20:services\n" * 200, "separator"),
        (b"age;job;x\n" + b"20;services;1\n" * 9, "9 rows"),
        (b"age;job;x\n" + b"20;services;1\n30;retired;2\n" * 90, "2 distinct"),
    ],
    ids=["separator", "few rows", "few customers"],
)
def test_too_little_is_refused(tmp_path, content, named):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=named):
        load_customers(path)


def test_every_problem_of_any_table_at_once(tmp_path):
    frame = table_of(a=["1", "2", "soon", "4"] * 50, b=[0.5, np.inf, 3, 4] * 50, c=["x", "y"] * 100)
    path = write(frame, tmp_path / "t.csv")
    with pytest.raises(TableError) as caught:
        load_customers(path, {"target": "nothing"})
    for part in ("no column nothing", "column a: 50 .* lines 4", "column b: infinite"):
        assert re.search(part, str(caught.value))


def test_parquet_is_the_same_table(tmp_path):
    table = TABLES["messy"]()
    table.to_parquet(tmp_path / "t.parquet")
    from_csv = load_customers(write(table, tmp_path / "t.csv"))
    from_parquet = load_customers(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(from_csv.table, from_parquet.table)
    for one, other in zip(from_csv.schema, from_parquet.schema, strict=True):
        # Only text has a way of writing numbers.
        assert one | {"convention": None} == other | {"convention": None}


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
columns = st.one_of(
    st.lists(st.floats(allow_nan=True), min_size=120, max_size=120),
    st.lists(st.floats(-1e9, 1e9), min_size=120, max_size=120),
    st.lists(st.integers(-(2**70), 2**70), min_size=120, max_size=120),
    st.lists(st.integers(0, 3), min_size=120, max_size=120),
    st.lists(st.one_of(st.none(), words), min_size=120, max_size=120),
    st.lists(st.sampled_from(["yes", "NO", "", None, "no", "Yes"]), min_size=120, max_size=120),
    st.lists(st.sampled_from(["1", "2.5", "n/a", "-", "3e4", None]), min_size=120, max_size=120),
    st.lists(st.one_of(st.booleans(), st.none(), st.dates().map(str)), min_size=120, max_size=120),
    st.lists(st.sampled_from(range(120)), min_size=120, max_size=120, unique=True),
)
generated = st.lists(st.tuples(words.filter(bool), columns), min_size=1, max_size=7)


def load_or_reason(path):
    try:
        return load_customers(path)
    except TableError as reason:
        return str(reason)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=150)
@given(generated, st.sampled_from(list(";,\t|")), st.booleans())
def test_any_table_is_cleaned_or_refused(tmp_path_factory, parts, separator, as_parquet):
    folder = tmp_path_factory.mktemp("any")
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in parts})
    table.insert(0, "age", np.arange(120) % 47)
    table.insert(1, "place", np.arange(120))
    table["place"] = "p" + (table["place"] % 13).astype(str)
    if as_parquet:
        path = folder / "t.parquet"
        table = table.astype(str)
        table.to_parquet(path)
    else:
        path = write(table, folder / "t.csv", sep=separator)
    loaded = load_or_reason(path)
    event("refused" if isinstance(loaded, str) else "cleaned")
    if isinstance(loaded, str):
        # A cause is named: a column, the number of customers, or the file itself.
        assert re.search(r"column|distinct customers|cannot be read", loaded)
        return
    # No row is lost or moved, nothing is missing, and cleaning is the same at any time.
    assert loaded.table["place"].tolist() == table["place"].tolist()
    assert len(loaded.raw) == len(loaded.table) == len(table)
    assert not loaded.table.isna().any(axis=None)
    assert set(loaded.roles.index) == set(loaded.raw.columns)
    assert loaded.table.select_dtypes(exclude="number").nunique().max() <= MAX_CATEGORIES + 1
    pd.testing.assert_frame_equal(clean(loaded.raw, loaded.schema)[0], loaded.table)
    pd.testing.assert_frame_equal(clean(loaded.table, loaded.schema)[0], loaded.table)
    some = clean(loaded.raw.iloc[[5, 3]], loaded.schema)[0]
    pd.testing.assert_frame_equal(some, loaded.table.iloc[[5, 3]], check_dtype=False)
    texts = rows_to_text(loaded.table)
    assert len(texts) == len(table)
    assert rows_to_text(loaded.table.iloc[[7]], list(loaded.table)) == [
        rows_to_text(loaded.table, list(loaded.table))[7]
    ]


def test_other_is_kept_apart_from_no_category(tmp_path):
    table = table_of(spent=np.arange(200) / 7, city=[f"c{i % 40}" for i in range(200)])
    table.loc[:9, "city"] = OTHER
    loaded = load_customers(write(table, tmp_path / "t.csv"))
    assert loaded.table["city"].nunique() == MAX_CATEGORIES
    assert (loaded.table["city"][:10] == OTHER).all()
