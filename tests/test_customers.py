"""The customer table: where it is found, how it is downloaded, what is wrong with it."""

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from segmentation import customers
from segmentation.customers import DownloadError, TableError, find_table, read_table

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
        ({"job": ["a", "b", None, "b"] * 50}, "job: 50 missing, the first in line 4"),
        ({"age": [20.0, 30.0, np.inf, 25.0] * 50}, "age: infinite in line 4"),
        ({"age": ["20", "30", "4o", "25"] * 50}, r"age: 50 .* in line 4 \('4o'\)"),
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
