"""Orders to customers: against plain pandas, and what is said of lines that cannot be used."""

import gzip
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation import spark
from segmentation.customers import TableError, load_customers
from segmentation.transactions import (
    __main__ as command,
)
from segmentation.transactions import (
    describe_orders,
    make_customers,
    make_from,
    open_orders,
    read_order_settings,
    write_customers,
)

TODAY = date(2026, 1, 1)


def customers_of(path, said=None):
    """Return the table, the labels and what is said of the orders at a path."""
    with open_orders(path, said, TODAY) as orders:
        table, labels = make_customers(orders)
        return table, labels, describe_orders(orders, table)


def by_hand(lines, cut_off, end, period, has_numbers):
    """Compute the columns from their definitions, customer by customer."""
    day = (lines["date"] - pd.Timestamp("1970-01-01")).dt.days
    lines = lines.assign(day=day)
    groups = lines[(lines["amount"] > 0) & (day < cut_off)].groupby("group")["amount"].sum()
    rows, gaps_of = {}, {}
    for customer, own in lines.groupby("customer"):
        bought = own[(own["amount"] > 0) & (own["day"] < cut_off)]
        if bought.empty:
            continue
        keys = bought["order" if has_numbers else "day"]
        first_days = bought.groupby(keys)["day"].min()
        days = np.unique(first_days)
        gaps = gaps_of[customer] = np.diff(days)
        back = -own.loc[(own["amount"] < 0) & (own["day"] < cut_off), "amount"].sum()
        money, at = bought.groupby(keys)["amount"].sum(), first_days
        lately = money[at >= cut_off - period].sum()
        before = money[(at >= cut_off - 2 * period) & (at < cut_off - period)].sum()
        total, n = bought["amount"].sum(), len(first_days)
        rows[customer] = {
            "recency_days": cut_off - days[-1],
            "orders": n,
            "spent": total - back,
            "mean_order": total / n,
            "spent_lately": lately,
            "tenure_days": cut_off - days[0],
            "gap_days": gaps.mean() if len(gaps) else np.nan,
            "gap_variation": gaps.std(ddof=1) / gaps.mean() if len(gaps) > 1 else np.nan,
            "trend": (lately - before) / (lately + before) if lately + before else 0,
            "returned": back / total,
            "items_per_order": bought["quantity"].sum() / n,
        } | {
            f"share_{group}": bought.loc[bought["group"] == group, "amount"].sum() / total
            for group in groups.index
        }
        if end > cut_off:
            later = own[(own["day"] >= cut_off) & (own["day"] < end)]
            rows[customer]["spent_next"] = later["amount"].sum()
    table = pd.DataFrame.from_dict(rows, orient="index")
    if table.empty:
        return table
    usual = pd.Series({some: gaps.mean() for some, gaps in gaps_of.items() if len(gaps)})
    table["overdue"] = table["recency_days"] / table["gap_days"].fillna(usual.median())
    return table


lines_of_orders = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.integers(0, 60),
        st.integers(-2_000, 9_999),
        st.integers(1, 12),
        st.sampled_from("abc"),
        st.integers(1, 5),
    ),
    min_size=3,
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(lines_of_orders, st.booleans(), st.sampled_from([0, 7, 20]))
def test_columns_are_as_defined(tmp_path_factory, drawn, has_numbers, held_back):
    names = ["customer", "date", "amount", "order", "group", "quantity"]
    lines = pd.DataFrame(drawn, columns=names)
    lines["date"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(lines["date"], "D")
    lines["amount"] /= 100
    # One order is of one customer.
    lines["order"] += 100 * lines["customer"]
    used = lines if has_numbers else lines.drop(columns="order")
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    used.to_csv(path, index=False)
    # What has no line of an amount is no order.
    dated = lines[lines["amount"] != 0] if (lines["amount"] != 0).any() else lines
    end = (lines["date"].max() - pd.Timestamp("1970-01-01")).days + 1
    first = (lines["date"].min() - pd.Timestamp("1970-01-01")).days
    cut_off = end - held_back
    period = held_back or max((end - first) // 4, 1)
    expected = by_hand(dated, cut_off, end, period, has_numbers)
    if cut_off <= first or expected.empty:
        with pytest.raises(TableError):
            customers_of(path, {"held_back": held_back})
        return
    table, _, _ = customers_of(path, {"held_back": held_back})
    table = table.set_index("customer").rename_axis(None)
    expected.index = expected.index.astype(str)
    pd.testing.assert_frame_equal(
        table.astype(float).sort_index(axis=1),
        expected.astype(float).sort_index(axis=1).reindex(table.index),
        check_index_type=False,
        check_column_type=False,
        # They are rounded to four decimals.
        rtol=0,
        atol=5.01e-5,
    )


def test_neither_order_of_lines_nor_threads_changes_a_digit(tmp_path):
    rng = np.random.default_rng(0)
    lines = pd.DataFrame(
        {
            "client": rng.integers(200, size=5_000),
            "date": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(300, size=5_000), "D"),
            "total": rng.gamma(2, 20, 5_000).round(2),
        }
    )
    tables = []
    for i, some in enumerate((lines, lines.sample(frac=1, random_state=1))):
        some.to_csv(tmp_path / f"{i}.csv", index=False)
        tables.append(customers_of(tmp_path / f"{i}.csv")[0])
    pd.testing.assert_frame_equal(*tables, check_exact=True)


DATES = ["2024-03-05", "2024-03-06", "2024-11-30", "2024-12-25"]


@pytest.mark.parametrize(
    "written",
    [
        "%Y-%m-%d",
        "%Y%m%d",
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%d/%m/%y",
        "%Y/%m/%d",
        "%d %b %Y",
        "%d-%B-%Y",
        "%B %d, %Y",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S+02:00",
        "%d.%m.%Y %H:%M",
        "%Y%m%d%H%M%S",
    ],
)
def test_dates_as_people_write_them(tmp_path, written):
    path = tmp_path / "orders.csv"
    dates = pd.to_datetime(pd.Series(DATES))
    table = pd.DataFrame({"customer": "c", "date": dates.dt.strftime(written), "amount": 10.5})
    table.to_csv(path, index=False)
    found, _, _ = customers_of(path, {"held_back": 0})
    assert found["recency_days"].tolist() == [1]
    assert found["tenure_days"].tolist() == [296]
    assert found["orders"].tolist() == [4]


def test_day_or_month_first_is_asked_where_nothing_tells(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("customer,date,amount\na,03/04/2024,10\nb,05/07/2024,12\n", encoding="utf-8")
    with pytest.raises(TableError, match="date_format"):
        customers_of(path)
    day_first = customers_of(path, {"date_format": "day first", "held_back": 0})[0]
    month_first = customers_of(path, {"date_format": "month first", "held_back": 0})[0]
    assert day_first["tenure_days"].tolist() == [94, 1]
    assert month_first["tenure_days"].tolist() == [65, 1]
    path.write_text("customer,date,amount\na,13/04/2024,10\nb,05/16/2024,12\n", encoding="utf-8")
    with pytest.raises(TableError, match="date_format"):
        customers_of(path)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (["1,234.50", "12.25"], 1246.75),
        (["1.234,50", "12,25"], 1246.75),
        (["1 234,50 €", "12,25 €"], 1246.75),
        (["$1,234.50", "($12.25)"], 1222.25),
        (["EUR 1234.5", "-12.25 EUR"], 1222.25),
        (["1'234.50", "12.25-"], 1222.25),
        ([".5", "100"], 100.5),
    ],
)
def test_amounts_as_people_write_them(tmp_path, written, amount):
    path = tmp_path / "orders.csv"
    frame = {"customer": "c", "date": DATES[0], "amount": written}
    pd.DataFrame(frame).to_csv(path, index=False, sep="\t")
    path = path.rename(path.with_suffix(".tsv"))
    assert customers_of(path, {"held_back": 0})[0]["spent"].tolist() == [amount]


def test_several_currencies_are_one_error_with_all_else(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        "customer,date,amount,currency\na,someday,$10.00,USD\nb,2024,€12.00,EUR\n", encoding="utf-8"
    )
    with pytest.raises(TableError) as caught:
        customers_of(path)
    assert str(caught.value).count("\n- ") == 3


def test_what_is_left_out_is_counted(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        "customer,date,amount\n"
        "a,2024-01-01,10\na,2024-01-01,10\na,2024-02-01,-4\nb,2024-02-30,5\n"
        ",2024-01-01,7\nnull,2024-01-02,7\nc,2029-01-01,3\nd,2024-01-05,0\ne,2024-01-09,free\n"
        "f,2024-03-01T10:00:00+05:30,8\n",
        encoding="utf-8",
    )
    table, _, said = customers_of(path, {"held_back": 0})
    assert table["customer"].tolist() == ["a", "f"]
    assert table["spent"].tolist() == [16, 8]
    assert table["returned"].tolist() == [0.2, 0]
    text = " ".join(said)
    for part in ("10 lines", "2024-02-30", "free", "2 lines have no customer", "2 customers"):
        assert part in text, part
    assert len(said) == 9


def test_a_unit_price_is_multiplied(tmp_path):
    path = tmp_path / "retail.csv"
    path.write_text(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850.0,United Kingdom\n"
        "536365,71053,LANTERN,2,12/1/2010 8:26,3.00,17850.0,United Kingdom\n"
        "C536379,D,Discount,-1,12/31/2010 9:41,27.50,14527.0,United Kingdom\n"
        "536367,84879,BIRD,4,12/13/2010 8:34,1.69,,United Kingdom\n"
        "536381,22139,SET,10,12/20/2010 9:41,4.25,15311.0,United Kingdom\n",
        encoding="utf-8",
    )
    table, _, _ = customers_of(path, {"held_back": 0})
    assert table["customer"].tolist() == ["15311", "17850"]
    assert table["spent"].tolist() == [42.5, 21.3]
    assert table["orders"].tolist() == [1, 1]
    assert table["items_per_order"].tolist() == [10, 8]


def test_parquet_gzip_and_folders_hold_the_same_orders(tmp_path):
    rng = np.random.default_rng(3)
    lines = pd.DataFrame(
        {
            "customer": rng.integers(30, size=400),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(300, size=400), "D"),
            "amount": rng.gamma(2, 20, 400).round(2),
        }
    )
    lines.to_csv(tmp_path / "plain.csv", index=False)
    with gzip.open(tmp_path / "packed.csv.gz", "wt", encoding="utf-8") as file:
        lines.to_csv(file, index=False)
    lines.to_parquet(tmp_path / "typed.parquet")
    for kind in ("csv", "parquet"):
        folder = tmp_path / kind
        folder.mkdir()
        for i in range(3):
            part = lines.iloc[i::3]
            (part.to_csv if kind == "csv" else part.to_parquet)(folder / f"{i}.{kind}", index=False)
    (tmp_path / "blanks.txt").write_text(
        " customer  date  amount\r\n"
        + "".join(f" {a}  {b:%Y%m%d}   {c}\r\n" for a, b, c in lines.itertuples(index=False)),
        encoding="utf-8",
    )
    plain = customers_of(tmp_path / "plain.csv")[0]
    for other in ("packed.csv.gz", "typed.parquet", "csv", "parquet", "blanks.txt"):
        pd.testing.assert_frame_equal(plain, customers_of(tmp_path / other)[0], check_exact=True)


def test_product_groups_beyond_the_largest_are_others(tmp_path):
    path = tmp_path / "orders.csv"
    rows = [f"c{i % 3},2024-01-{1 + i:02d},{10 + i},group {i}" for i in range(9)]
    path.write_text("customer,date,amount,department\n" + "\n".join(rows) + "\n", encoding="utf-8")
    table, labels, _ = customers_of(path, {"held_back": 0})
    shares = table.filter(like="share_")
    assert shares.shape[1] == 7
    assert np.allclose(shares.sum(axis=1), 1)
    assert set(shares) <= set(labels)


def test_settings_say_which_column_is_what(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(
        "who,when_,how_much,other\na,2024-01-01,10,1\nb,2024-02-01,20,2\n", encoding="utf-8"
    )
    with pytest.raises(TableError) as caught:
        customers_of(path)
    assert str(caught.value).count("\n- ") == 3
    (tmp_path / "transactions.toml").write_text(
        'customer = "who"\ndate = "when_"\namount = "how_much"\ncut_off = 2024-01-15\n',
        encoding="utf-8",
    )
    table, _, _ = customers_of(path)
    assert table["customer"].tolist() == ["a"]
    assert table["spent_next"].tolist() == [0]
    with pytest.raises(TableError) as caught:
        read_order_settings(path, ["a"], {"cut_off": "soon", "held_back": -1, "colour": "red"})
    assert str(caught.value).count("\n- ") >= 3


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("customer_id date number_of_cds dollar_value", "customer_id date dollar_value"),
        ("order_id user_id created_at total_price", "user_id created_at total_price"),
        ("Kundennummer Bestelldatum Betrag Warengruppe", "Kundennummer Bestelldatum Betrag"),
        (
            "OrderID OrderDate ShipDate CustomerID CustomerName Category Sales Quantity Profit",
            "CustomerID OrderDate Sales",
        ),
    ],
)
def test_columns_are_found_by_their_names(tmp_path, names, expected):
    found = read_order_settings(tmp_path / "orders.csv", names.split()).columns
    assert [found[key] for key in ("customer", "date", "amount")] == expected.split()


def test_no_file_is_an_error_with_the_cure(tmp_path):
    with pytest.raises(TableError):
        customers_of(tmp_path / "none.csv")
    with pytest.raises(TableError):
        customers_of(tmp_path)
    (tmp_path / "odd.csv").write_text('customer,date,amount\n"a,2024-01-01,1\n', encoding="utf-8")
    with pytest.raises(TableError):
        customers_of(tmp_path / "odd.csv")


@pytest.fixture
def messy(tmp_path):
    """Return the path of orders of all kinds, some of which cannot be used."""
    rng = np.random.default_rng(5)
    n = 1_200
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(400, size=n), "D")
    lines = pd.DataFrame(
        {
            "invoice_no": rng.integers(480, size=n),
            "client": rng.choice([*map(str, range(40)), "", "17.0", "null"], n),
            "date": dates.strftime("%d.%m.%Y"),
            "amount": rng.choice(["1.234,50 €", "12,25", "-3,10", "0", "free", "", "99"], n),
            "department": rng.choice(["it's", "a b", "c", "d", "e", "f", "g", "h", ""], n),
            "qty": rng.integers(1, 9, n),
        }
    )
    lines.loc[::50, "date"] = "30.02.2024"
    lines["client"] = lines["client"].where(lines["client"] == "", lines["invoice_no"] % 140)
    path = tmp_path / "orders.csv"
    lines.to_csv(path, index=False, sep=";")
    return path


@pytest.mark.slow
@pytest.mark.skipif(spark.find_problem() is not None, reason=str(spark.find_problem()))
def test_spark_gives_the_same_table(messy, spark_here):
    here, labels, said = make_from(messy)
    there, their_labels, they_say = make_from(messy, "spark")
    pd.testing.assert_frame_equal(here, there, check_dtype=False, rtol=1e-12)
    assert (labels, said) == (their_labels, they_say)
    assert here.filter(like="share_").shape[1] == 7


# --- From the shell -----------------------------------------------------------------------------


def test_the_command_writes_the_table_and_overwrites_nothing_else(messy, tmp_path, capsys):
    output = tmp_path / "customers.csv"
    assert command.main([str(messy), "--output", str(output)]) == 0
    written = pd.read_csv(output, dtype={"customer": "str"})
    pd.testing.assert_frame_equal(written, make_from(messy)[0], check_dtype=False, rtol=1e-12)
    assert command.main([str(messy), "--output", str(output)]) == 0
    assert command.main([str(messy), "--output", str(output), "--cut-off", "2024-07-01"]) == 0
    earlier = pd.read_csv(output, dtype={"customer": "str"})
    assert earlier["orders"].sum() < written["orders"].sum()
    assert earlier["spent_next"].sum() > written["spent_next"].sum()
    before = messy.read_bytes()
    assert command.main([str(messy), "--output", str(messy)]) == 2
    assert messy.read_bytes() == before
    assert command.main([str(tmp_path / "none.csv"), "--output", str(output)]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_customers_of_orders_are_a_table_like_any_other(messy, tmp_path):
    table, said = write_customers(messy, tmp_path / "made")
    loaded = load_customers(table)
    assert list(loaded.ids) == ["customer"]
    assert loaded.target.name == "spent_next"
    assert "spent_next" not in loaded.table
    assert loaded.labels["recency_days"] == "days since last order"
    assert said
