"""The customer table: where it is found, how it is downloaded, what is wrong with it."""

import hashlib
import io
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import TABLES

from embedding_creation import rows_to_text
from segmentation import customers
from segmentation.customers import (
    BANK_COLUMNS,
    MAX_CATEGORIES,
    NOT_GIVEN,
    OTHER,
    SAMPLE,
    DownloadError,
    TableError,
    clean,
    describe_roles,
    find_table,
    infer_roles,
    labelled,
    load_customers,
    load_table,
    read_table,
)

CONTENT = b'"age";"job"\n' + b'58;"management"\n44;"technician"\n' * 100


def nested_zip(content):
    """Return a zip that holds bank.zip that holds bank-full.csv."""

    def zipped(name, data):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, data)
        return buffer.getvalue()

    return zipped("bank.zip", zipped("bank-full.csv", content))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Point the package at an empty data folder whose table has the SHA-256 of CONTENT."""
    monkeypatch.delenv("CUSTOMERS", raising=False)
    monkeypatch.setattr(customers, "BANK_MARKETING", tmp_path / "train.csv")
    monkeypatch.setattr(customers, "BANK_MARKETING_SHA256", hashlib.sha256(CONTENT).hexdigest())
    return tmp_path


@pytest.fixture
def serve(monkeypatch):
    """Serve a body from 127.0.0.1 under the address of the download."""
    servers = []

    def start(body, *, status=200, promised=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(customers, "UCI_URL", f"http://127.0.0.1:{server.server_port}/b.zip")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_named_table_comes_first(folder, monkeypatch):
    (folder / "train.csv").write_bytes(CONTENT)
    mine = folder / "mine.csv"
    mine.write_bytes(CONTENT)
    assert find_table(mine) == mine
    monkeypatch.setenv("CUSTOMERS", str(mine))
    assert find_table() == mine


def test_table_in_data_is_taken_without_a_download(folder, monkeypatch):
    monkeypatch.setattr(customers, "UCI_URL", "http://127.0.0.1:9/none.zip")
    (folder / "train.csv").write_bytes(CONTENT)
    assert find_table() == folder / "train.csv"


def test_named_table_must_be_there(folder):
    with pytest.raises(TableError, match=r"nowhere\.csv: no such file"):
        find_table(folder / "nowhere.csv")


def test_download_is_stored(folder, serve):
    serve(nested_zip(CONTENT))
    assert find_table().read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["train.csv"]


def test_without_a_network_the_sample(folder, monkeypatch):
    monkeypatch.setattr(customers, "UCI_URL", "http://127.0.0.1:9/none.zip")
    assert find_table() == customers.SAMPLE
    assert "synthetic sample" in customers.describe_source(find_table())
    assert not list(folder.iterdir())


def test_without_the_file_on_the_server_the_sample(folder, serve):
    serve(b"gone", status=404)
    assert find_table() == customers.SAMPLE


@pytest.mark.parametrize(
    ("body", "promised", "message"),
    [
        (nested_zip(CONTENT), 10**6, "broke off .* nothing was kept"),
        (nested_zip(CONTENT + b"x"), None, "another SHA-256"),
        (nested_zip(CONTENT)[:-30], None, "damaged .* nothing was kept"),
        (b"<html>moved</html>", None, "damaged"),
    ],
    ids=["half-way", "wrong hash", "cut zip", "no zip"],
)
def test_bad_download_leaves_nothing_and_says_so(folder, serve, body, promised, message):
    serve(body, promised=promised)
    with pytest.raises(DownloadError, match=message):
        find_table()
    assert not list(folder.iterdir())


def table_of(**columns):
    """Return a table of 200 good customers, with columns put in or replaced."""
    frame = {"age": np.arange(200) % 50 + 18, "job": ["services", "retired"] * 100}
    return pd.DataFrame(frame | columns)


def write(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize("separator", list(";,\t|"))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_separator_and_byte_order_mark(tmp_path, separator, encoding):
    frame = table_of(job=["a, b", "c; d"] * 100)
    path = write(frame, tmp_path / "t.csv", sep=separator, encoding=encoding)
    pd.testing.assert_frame_equal(read_table(path), frame, check_dtype=False)


def test_columns_in_the_order_asked(tmp_path):
    path = write(table_of(x=range(200)), tmp_path / "t.csv")
    assert list(read_table(path, ["job", "age"]).columns) == ["job", "age"]


def test_text_that_looks_missing_is_a_category(tmp_path):
    path = write(table_of(job=["None", "NA"] * 100), tmp_path / "t.csv")
    assert set(read_table(path)["job"]) == {"None", "NA"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"job": ["services"] * 200}, r"job is constant \(services\)"),
        ({"job": [None] * 200}, "job is empty"),
        ({"job": ["a", "b", None, "b"] * 50}, "job: 50 missing, in lines 4, 8, .* and 45 more"),
        (
            {"age": [20.0, 30.0, np.inf, 25.0] * 50},
            "age: infinite .* in lines 4, 8, 12, 16, 20 and",
        ),
        ({"age": ["20", "30", "4o", "25"] * 50}, r"age: 50 .* in lines 4, 8, .* \('4o'\)"),
    ],
    ids=["constant", "empty", "missing", "infinite", "ill-written"],
)
def test_problem_of_a_column_is_named(tmp_path, columns, message):
    with pytest.raises(TableError, match=message):
        read_table(write(table_of(**columns), tmp_path / "t.csv"))


def test_every_problem_at_once(tmp_path):
    frame = table_of(job=["a"] * 200, age=[1.0, np.inf] * 100)
    with pytest.raises(TableError) as caught:
        read_table(write(frame, tmp_path / "t.csv"), ["age", "job", "balance"])
    for part in ("no column balance", "age: infinite", "job is constant"):
        assert part in str(caught.value)


def test_problems_of_unused_columns_do_not_matter(tmp_path):
    path = write(table_of(note=[None] * 200), tmp_path / "t.csv")
    assert read_table(path, ["age", "job"]).shape == (200, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as a table"),
        (b"age:job\n20:services\n" * 200, "Is the separator"),
        (b"age;job\n" + b"20;services\n" * 9, "9 rows; at least 100"),
        ("age;job\n20;Köchin\n".encode("latin-1"), "not UTF-8"),
    ],
    ids=["empty", "separator", "few rows", "encoding"],
)
def test_unreadable_file_is_refused(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(path, ["age", "job"])


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(TableError, match="no such file"):
        read_table(tmp_path / "t.csv")


def test_real_table(bank_marketing):
    frame = read_table(bank_marketing, customers.BANK_COLUMNS)
    assert frame.shape == (45_211, 8)
    assert list(frame.select_dtypes("number")) == ["age", "balance"]
    assert "Bank Marketing" in customers.describe_source(bank_marketing)


@pytest.mark.parametrize("name", ["train", "sample"])
def test_the_studys_table_has_the_studys_columns(name, request):
    path = SAMPLE if name == "sample" else request.getfixturevalue("bank_marketing")
    found = load_customers(path)
    pd.testing.assert_frame_equal(found.table, read_table(path, BANK_COLUMNS))
    assert set(found.target) == {"yes", "no"}
    used = found.roles.index[found.roles["treatment"].str.startswith("used")]
    assert set(used) == set(BANK_COLUMNS)
    assert found.roles["treatment"]["y"] == "held out"
    assert list(labelled(found.table, found.labels)) == list(BANK_COLUMNS)


def test_roles_of_the_messy_table(tmp_path):
    found = load_customers(write(TABLES["messy"](), tmp_path / "t.csv", sep=";"))
    assert found.roles["role"].to_dict() == {
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
    table, raw = found.table, found.raw
    assert table["city"].nunique() == MAX_CATEGORIES
    frequent = raw["city"].value_counts().head(10).index
    assert (table["city"] == raw["city"])[raw["city"].isin(frequent)].all()
    assert set(table["segment, old"]) == {"gold", "silver", NOT_GIVEN}
    assert table["active"].eq("yes").tolist() == raw["active"].eq(1).tolist()
    assert table.loc[raw["age"].isna(), "age"].eq(raw["age"].median()).all()
    assert found.target.tolist() == raw["target"].tolist()
    text = describe_roles(found)
    for part in (
        "`CustomerID` is left out: identifier",
        "taken as the median, 44",
        "rarest are one, other",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("values", "role"),
    [
        (range(5, 205), "identifier"),
        (np.arange(200) * 7.5, "number"),
        (np.arange(200) % 3, "number"),
        (["Y", "n"] * 100, "yes/no"),
        ([True, False] * 100, "yes/no"),
        ([1.0, 0.0, None, 1.0] * 50, "yes/no"),
        (["yes", "no", "perhaps", "no"] * 50, "category"),
        (["x", None] * 100, "category"),
        (["", " "] * 100, "constant"),
        (pd.array([True, None] * 100, dtype="boolean"), "category"),
        (["1,5", "2,5"] * 100, "category"),
        (["1.5", "unknown", "2", "n/a"] * 50, "number"),
        ([1.0, None, None, 3.0] * 40 + [None] * 40, "not used"),
        ([f"2020-01-{i % 28 + 1:02}" for i in range(200)], "date"),
        (pd.date_range("2020", periods=200), "date"),
        ([f"{i:08x}" for i in range(200)], "identifier"),
        ([f"my street is number {i}" for i in range(200)], "free text"),
        (["a"] * 200, "constant"),
        ([None] * 200, "constant"),
    ],
)
def test_role_of_a_column(values, role):
    roles = infer_roles(pd.DataFrame({"x": values, "other": range(200)}))
    assert roles["role"]["x"] == role


def test_a_number_called_an_id_is_one_if_it_tells_customers_apart():
    table = pd.DataFrame({"clientId": np.arange(200) * 13, "amountPaid": np.arange(200) * 13})
    assert infer_roles(table)["role"].tolist() == ["identifier", "number"]


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
        """
    )
    found = load_customers(path)
    assert list(found.table) == ["job", "age", "branch"]
    assert found.table["branch"].tolist() == ["1", "2", "3", "4"] * 50
    assert found.target.tolist() == [0, 1] * 100
    assert list(labelled(found.table, found.labels)) == ["job", "age", "shop"]
    assert list(load_customers(path, {"columns": ["age", "spent", "job"]}).table)[1] == "spent"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = [", "not written as TOML"),
        ("colums = []", "no setting colums; there are: encoding, columns"),
        ("columns = 'age'", "columns is 'age': give a list"),
        ("roles = {age = 'fruit'}", "age has no role fruit; there are: number"),
        ("target = 'x'\nlabels = {z = 'y'}", "no column z, x; the header has: age, job, spent"),
        ("columns = ['age', 3]", "3 is not the text"),
        ("labels = {age = 'job'}", "labels give two columns the name job"),
        ("encoding = 'klingon'", "unknown encoding"),
        ("roles = {job = 'number'}", r"job: 200 of its numbers .* \('services'\)"),
        ("columns = ['age', 'job']", "2 columns can be used"),
    ],
)
def test_bad_settings_are_refused(tmp_path, text, message):
    (tmp_path / "customers.toml").write_text(text)
    path = write(table_of(spent=np.arange(200) / 7), tmp_path / "t.csv")
    with pytest.raises(TableError, match=message):
        load_customers(path)


def test_every_problem_of_any_table_at_once(tmp_path):
    frame = table_of(a=["1", "2", "3o", "4"] * 50, b=[0.5, np.inf, 3, 4] * 50, c=["x", "y"] * 100)
    path = write(frame, tmp_path / "t.csv")
    with pytest.raises(TableError) as caught:
        load_customers(path, {"target": "nothing"})
    for part in ("no column nothing", "column a: 50 .* in lines 4", "column b: infinite"):
        assert re.search(part, str(caught.value))


def test_parquet_is_the_same_table(tmp_path):
    table = TABLES["messy"]()
    table.to_parquet(tmp_path / "t.parquet")
    from_csv = load_customers(write(table, tmp_path / "t.csv"))
    from_parquet = load_customers(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(from_csv.table, from_parquet.table)
    assert from_csv.schema == from_parquet.schema


def test_lines_with_too_many_fields_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "1,2,3,4\n" * 200)
    with pytest.raises(TableError, match="cannot be read as a table"):
        load_table(path)


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
    try:
        found = load_customers(path)
    except TableError:
        return
    # No row is lost or moved, nothing is missing, and cleaning is the same at any time.
    assert found.table["place"].tolist() == table["place"].tolist()
    assert len(found.raw) == len(found.table) == len(table)
    assert not found.table.isna().any(axis=None)
    assert set(found.roles.index) == set(found.raw.columns)
    assert found.table.select_dtypes(exclude="number").nunique().max() <= MAX_CATEGORIES + 1
    pd.testing.assert_frame_equal(clean(found.raw, found.schema)[0], found.table)
    pd.testing.assert_frame_equal(clean(found.table, found.schema)[0], found.table)
    some = clean(found.raw.iloc[[5, 3]], found.schema)[0]
    pd.testing.assert_frame_equal(some, found.table.iloc[[5, 3]], check_dtype=False)
    texts = rows_to_text(found.table)
    assert len(texts) == len(table)
    assert rows_to_text(found.table.iloc[[7]], list(found.table)) == [
        rows_to_text(found.table, list(found.table))[7]
    ]


def test_other_is_kept_apart_from_no_category(tmp_path):
    table = table_of(spent=np.arange(200) / 7, city=[f"c{i % 40}" for i in range(200)])
    table.loc[:9, "city"] = OTHER
    found = load_customers(write(table, tmp_path / "t.csv"))
    assert found.table["city"].nunique() == MAX_CATEGORIES
    assert (found.table["city"][:10] == OTHER).all()
