"""The CDNOW orders: downloaded once and checked, or synthetic ones; and what is made of them."""

import io
import itertools
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from segmentation.build import NOTEBOOKS
from segmentation.customers import DownloadError, TableError
from segmentation.transactions import cdnow, make_from, synthetic

NOTEBOOK = NOTEBOOKS / "further" / "transactions.ipynb"
SMALL = {"k_max": 4, "n_twins": 2, "twin_sample": 200, "n_splits": 3, "n_bootstraps": 20}

LINES = [b"00001 19970101 1 11.77", b"00002 19970112 5 77.00"] * 40
TEXT = b"".join(b" " + line.replace(b" ", b"  ") + b"\r\n" for line in LINES)
HEADER = b" ID  DATE CDS  DOLLARS\r\n"


def zipped(content, name="CDNOW_master.txt"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


# --- Which orders -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Point the package at an empty data folder, with no network, and orders of the right hash."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.delenv("CDNOW", raising=False)
    monkeypatch.setattr(cdnow, "DATA", data)
    monkeypatch.setattr(cdnow, "CDNOW", data / "CDNOW_master.txt")
    monkeypatch.setattr(cdnow, "SYNTHETIC", data / "orders_synthetic.csv")
    monkeypatch.setattr(cdnow, "CDNOW_URL", "http://127.0.0.1:9/none.zip")
    monkeypatch.setattr(cdnow, "CDNOW_SHA256", cdnow._hash(LINES))
    return data


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
        monkeypatch.setattr(cdnow, "CDNOW_URL", f"http://127.0.0.1:{server.server_port}/c.zip")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "content",
    [HEADER + TEXT, TEXT, cdnow.HEADER + b"\n" + TEXT.replace(b"\r", b"")],
    ids=["another header", "no header", "other line ends"],
)
def test_download_is_stored_under_a_header_of_ours(folder, serve, content):
    serve(zipped(content))
    found = cdnow.find_cdnow()
    assert found.read_bytes().splitlines() == [cdnow.HEADER, *LINES]
    assert [path.name for path in folder.iterdir()] == ["CDNOW_master.txt"]
    assert "checked by their SHA-256" in cdnow.describe_cdnow(found)
    table, _, said = make_from(found)
    assert table["customer"].tolist() == ["00001"]
    assert said[0].startswith("80 lines became 1 customers")


@pytest.mark.parametrize(
    ("body", "promised"),
    [
        (zipped(TEXT), 10**6),
        (zipped(TEXT + b" 00003 19970113  1  1.00\r\n"), None),
        (zipped(TEXT)[:-30], None),
        (zipped(TEXT, "other.txt"), None),
        (b"<html>moved</html>" * 9, None),
    ],
    ids=["half-way", "one line more", "cut zip", "other zip", "no zip"],
)
def test_bad_download_leaves_nothing_and_is_an_error(folder, serve, body, promised):
    serve(body, promised=promised)
    with pytest.raises(DownloadError):
        cdnow.find_cdnow()
    assert not list(folder.iterdir())


def test_without_a_network_synthetic_orders_and_everyone_is_told(folder):
    found = cdnow.find_cdnow()
    assert found == cdnow.SYNTHETIC
    assert [path.name for path in folder.iterdir()] == ["orders_synthetic.csv"]
    assert "synthetic" in cdnow.describe_cdnow(found)


def test_without_the_file_on_the_server_synthetic_orders(folder, serve):
    serve(b"gone", status=404)
    assert cdnow.find_cdnow() == cdnow.SYNTHETIC


def test_a_copy_is_taken_without_a_download(folder, monkeypatch):
    content = HEADER + TEXT
    cdnow.CDNOW.write_bytes(content)
    assert cdnow.find_cdnow() == cdnow.CDNOW
    mine = folder.parent / "mine.txt"
    mine.write_bytes(content)
    assert cdnow.find_cdnow(mine) == mine
    monkeypatch.setenv("CDNOW", "mine.txt")
    assert cdnow.find_cdnow() == mine
    assert "CDNOW" in cdnow.describe_cdnow(mine)
    mine.write_bytes(content + b" 00003 19970113  1  1.00\r\n")
    assert "is not the published CDNOW file" in cdnow.describe_cdnow(mine)


def test_a_copy_must_be_there_and_have_a_header(folder):
    with pytest.raises(TableError, match=r"nowhere\.txt"):
        cdnow.find_cdnow(folder / "nowhere.txt")
    cdnow.CDNOW.write_bytes(TEXT)
    with pytest.raises(TableError, match="number_of_cds"):
        cdnow.find_cdnow()


def test_the_real_orders_are_known():
    path = Path(os.environ.get("CDNOW") or cdnow.CDNOW)
    if not path.is_file():
        pytest.skip(f"no CDNOW orders: {path} is not there; CDNOW names them")
    assert cdnow.is_cdnow(path)
    assert len(cdnow._order_lines(path.read_bytes())) == 69_659


# --- Synthetic orders ---------------------------------------------------------------------------


def test_a_seed_draws_the_same_orders():
    first, again, other = (synthetic.draw_orders(200, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_orders_are_as_many_as_the_model_says():
    n, (r, alpha), (s, beta) = 20_000, synthetic.ORDERING, synthetic.LEAVING
    customer, day = synthetic._order_days(np.random.default_rng(5), n)
    first, again = day[:n], np.bincount(customer[n:], minlength=n)
    weeks = (synthetic.N_DAYS - first) / 7
    # Schmittlein, Morrison and Colombo's (1987) mean of a customer seen for some weeks.
    expected = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + weeks)) ** (s - 1))
    error = again.std() / np.sqrt(n)
    assert abs(again.mean() - expected.mean()) < 4 * error
    # Nothing comes again if leaving comes before the next order or both after the end.
    middles = (np.arange(500) + 0.5) / 500
    rate, leaving = np.meshgrid(gamma.ppf(middles, r) / alpha, gamma.ppf(middles, s) / beta)
    both = rate + leaving
    once = leaving / both + rate / both * np.exp(-both * weeks.mean())
    assert abs((again == 0).mean() - once.mean()) < 0.015


def test_lines_are_as_documented():
    lines = synthetic.draw_orders()
    day = pd.to_datetime(lines["date"], format="%Y%m%d")
    assert lines["customer_id"].nunique() == synthetic.N_CUSTOMERS
    assert day.min() >= synthetic.FIRST
    assert day.max() < synthetic.FIRST + pd.Timedelta(synthetic.N_DAYS, "D")
    assert set(lines["product_group"]) == set(synthetic.GROUPS)
    back = lines[lines["dollar_value"] < 0]
    assert len(back) / (len(lines) - len(back)) == pytest.approx(synthetic.RETURNED, abs=0.006)
    bought = lines[lines["dollar_value"] > 0].groupby("customer_id")["dollar_value"].agg(set)
    assert all(-row.dollar_value in bought[row.customer_id] for row in back.itertuples())


# --- The notebook -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_synthetic(tmp_path_factory):
    """Variables of the notebook, run on synthetic orders."""
    folder = tmp_path_factory.mktemp("transactions")
    path = folder / "orders.csv"
    synthetic.write_orders(path)
    return run(NOTEBOOK, folder, orders=path, **SMALL)


def expected_money(scores, money, n_chosen):
    """Mean money of the first over all orders in which those of equal scores may stand."""
    found = []
    for lots in itertools.permutations(range(len(scores))):
        ranked = sorted(range(len(scores)), key=lambda i: (-scores[i], lots[i]))
        found.append(sum(money[i] for i in ranked[:n_chosen]))
    return np.mean(found)


customers_of_three = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-5, 50), st.integers(0, 3)), min_size=1, max_size=5
).filter(lambda some: 1 <= sum(count for *_, count in some) <= 6)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(customers_of_three, st.data())
def test_money_is_the_mean_over_all_lots(on_synthetic, some, data):
    scores, money, counts = (np.array(column) for column in zip(*some, strict=True))
    n_chosen = data.draw(st.integers(0, int(counts.sum())))
    found = on_synthetic["brought"](
        on_synthetic["places"](scores), money, counts, n_chosen / counts.sum()
    )
    each = np.repeat(np.arange(len(some)), counts)
    expected = expected_money(scores[each].tolist(), money[each].tolist(), n_chosen)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_nobody_is_scored_by_what_learned_from_his_money(on_synthetic):
    table, folds = on_synthetic["table"], on_synthetic["folds"]
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(table)))
    changed = table.copy()
    test = folds[0][1]
    changed.iloc[test, changed.columns.get_loc("spent_next")] *= 100
    train = changed.iloc[folds[0][0]]
    for name, predict in (("segments", "segment_means"), ("LightGBM", "lightgbm")):
        again = on_synthetic[predict](train, changed.iloc[test])
        assert on_synthetic["scores"][name][test] == pytest.approx(again)


@pytest.mark.slow
def test_the_notebook_on_synthetic_orders(on_synthetic):
    point, moves = on_synthetic["point"], on_synthetic["counts"]
    assert point.between(0.1, 1).all()
    assert point.index[0] == "best possible"
    # Those who order by a rate of their own go on doing so.
    assert point["sum of R, F and M"] > 0.35
    assert moves.to_numpy().sum() == len(on_synthetic["table"])
    assert {"share_pop", "returned"} <= set(on_synthetic["features"])
