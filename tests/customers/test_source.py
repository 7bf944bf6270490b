"""Which table: found, downloaded once and checked, or the sample, which every reader is told."""

import hashlib
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from segmentation.customers import (
    SAMPLE,
    DownloadError,
    TableError,
    describe_source,
    find_table,
    source,
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
    monkeypatch.setattr(source, "BANK_MARKETING", tmp_path / "train.csv")
    monkeypatch.setattr(source, "BANK_MARKETING_SHA256", hashlib.sha256(CONTENT).hexdigest())
    return tmp_path


@pytest.fixture
def serve(monkeypatch):
    """Serve a body from 127.0.0.1 under the address of the download."""
    servers = []

    def start(body, *, status=200, promised=None, slowly=False):
        barrier = threading.Barrier(4, timeout=10)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.send_header("Content-Length", str(promised or len(body)))
                self.end_headers()
                self.wfile.write(body[:20])
                if slowly:
                    barrier.wait()
                self.wfile.write(body[20:])

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(source, "UCI_URL", f"http://127.0.0.1:{server.server_port}/b.zip")

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
    monkeypatch.setattr(source, "UCI_URL", "http://127.0.0.1:9/none.zip")
    (folder / "train.csv").write_bytes(CONTENT)
    assert find_table() == folder / "train.csv"


def test_named_table_must_be_there(folder):
    with pytest.raises(TableError, match=r"nowhere\.csv"):
        find_table(folder / "nowhere.csv")


def test_download_is_stored(folder, serve):
    serve(nested_zip(CONTENT))
    assert find_table().read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["train.csv"]


def test_two_first_downloads_at_once(folder, serve):
    """Neither takes the other's half-written file away."""
    serve(nested_zip(CONTENT), slowly=True)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: find_table(), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert [path.name for path in folder.iterdir()] == ["train.csv"]


def test_without_a_network_the_sample(folder, monkeypatch):
    monkeypatch.setattr(source, "UCI_URL", "http://127.0.0.1:9/none.zip")
    assert find_table() == SAMPLE
    assert "synthetic" in describe_source(find_table())
    assert not list(folder.iterdir())


def test_without_the_file_on_the_server_the_sample(folder, serve):
    serve(b"gone", status=404)
    assert find_table() == SAMPLE


@pytest.mark.parametrize(
    ("body", "promised"),
    [
        (nested_zip(CONTENT), 10**6),
        (nested_zip(CONTENT + b"x"), None),
        (nested_zip(CONTENT)[:-30], None),
        (b"<html>moved</html>" * 9, None),
    ],
    ids=["half-way", "wrong hash", "cut zip", "no zip"],
)
def test_bad_download_leaves_nothing_and_is_an_error(folder, serve, body, promised):
    serve(body, promised=promised)
    with pytest.raises(DownloadError):
        find_table()
    assert not list(folder.iterdir())


def test_the_sample_says_what_it_is_however_it_was_chosen(folder, monkeypatch):
    monkeypatch.setattr(source, "UCI_URL", "http://127.0.0.1:9/none.zip")
    by_accident = describe_source(find_table())
    monkeypatch.setenv("CUSTOMERS", str(SAMPLE))
    assert describe_source(find_table()) == by_accident
    (folder / "train.csv").write_bytes(CONTENT)
    # True of one who has the real table too.
    assert describe_source(find_table()) == by_accident


def test_the_real_table_is_named(bank_marketing):
    assert "Bank Marketing" in describe_source(bank_marketing)
