"""Tables as they are written: dialects, encodings, numbers of ten locales, Parquet, Excel."""

import datetime
import gzip
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.customers import TableError, infer_roles, load_customers, load_table
from segmentation.customers.delimited import lines_of

N = 120


def table_of(**columns):
    """Return a table of 200 good customers, with columns put in or replaced."""
    frame = {"age": np.arange(200) % 50 + 18, "job": ["services", "retired"] * 100}
    return pd.DataFrame(frame | columns)


def write(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize("separator", list(";,\t|"))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_separator_and_byte_order_mark(tmp_path, separator, encoding):
    frame = table_of(job=["a, b", "c; d"] * 100)
    path = write(frame, tmp_path / "t.csv", sep=separator, encoding=encoding)
    pd.testing.assert_frame_equal(load_table(path), frame, check_dtype=False)


def test_windows_1252_is_tried_and_said(tmp_path):
    frame = table_of(job=["Köchin \u2013 früh", "Bäcker €"] * 100)
    path = write(frame, tmp_path / "t.csv", encoding="cp1252")
    table = load_table(path)
    pd.testing.assert_frame_equal(table, frame, check_dtype=False)
    assert table.attrs["encoding"] == "windows-1252"
    (tmp_path / "t.csv").write_bytes("a;b\n\x81;Ö\n".encode("latin-1") * 9)
    with pytest.raises(TableError):
        load_table(path)


def test_compressed_and_tab_separated(tmp_path):
    frame = table_of(job=["a, b; c", "d"] * 100)
    packed, tabs = tmp_path / "t.csv.gz", tmp_path / "t.tsv"
    packed.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    write(frame, tabs, sep="\t")
    for path in (packed, tabs):
        pd.testing.assert_frame_equal(load_table(path), frame, check_dtype=False)


def test_excel_is_the_same_table(tmp_path):
    frame = table_of(spent=np.arange(200) / 7, amount=["1.234,50 €", "99,00 €"] * 100)
    frame["amount"] = frame["amount"].astype(object)
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        frame.to_excel(book, index=False, sheet_name="first")
        frame.head(150).to_excel(book, index=False, sheet_name="second")
    table = load_table(tmp_path / "t.xlsx")
    expected = frame.assign(amount=[1234.5, 99.0] * 100)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    (tmp_path / "customers.toml").write_text('sheet = "second"', encoding="utf-8")
    assert len(load_table(tmp_path / "t.xlsx")) == 150
    (tmp_path / "customers.toml").write_text('sheet = "none"', encoding="utf-8")
    with pytest.raises(TableError):
        load_table(tmp_path / "t.xlsx")


def test_blanks_around_headers_and_values_go(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        " age , work class\n" + " 39, State-gov\n 50 , Private \n" * 100, encoding="utf-8"
    )
    table = load_table(path)
    assert list(table) == ["age", "work class"]
    assert table["age"].tolist() == [39, 50] * 100
    assert table["work class"].tolist() == ["State-gov", "Private"] * 100


@pytest.mark.parametrize("header", ["age, age ,job", "age,age,job"])
def test_equal_headers_are_an_error(tmp_path, header):
    path = tmp_path / "t.csv"
    path.write_text(header + "\n" + "1,2,x\n" * 200, encoding="utf-8")
    with pytest.raises(TableError, match="age"):
        load_table(path)
    pd.read_csv(path, header=None).to_excel(tmp_path / "t.xlsx", index=False, header=False)
    with pytest.raises(TableError, match="age"):
        load_table(tmp_path / "t.xlsx")


def test_blanks_before_quotes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"age", "job, or none"\n' + '"20", "a, b"\n' * 200, encoding="utf-8")
    table = load_table(path)
    assert table["age"].tolist() == [20] * 200
    assert table["job, or none"].tolist() == ["a, b"] * 200


def test_an_excel_file_by_another_name_is_said(tmp_path):
    table_of().to_excel(tmp_path / "t.xlsx", index=False)
    (tmp_path / "t.xlsx").rename(tmp_path / "t.csv")
    with pytest.raises(TableError, match=r"\.xlsx"):
        load_table(tmp_path / "t.csv")


@pytest.mark.parametrize("mark", [";", ",", "|"])
def test_a_line_for_excel_says_the_separator(tmp_path, mark):
    path = tmp_path / "t.csv"
    path.write_text(f"sep={mark}\nage{mark}job\n" + f"20{mark}a\n" * 198, encoding="utf-8")
    table = load_table(path)
    assert list(table) == ["age", "job"]
    assert len(table) == 198
    assert lines_of(table, [0, 2]) == "lines 3, 5"


def test_line_breaks_in_the_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"age,\nin years";"job; or\nnone"\n' + "20;a\n" * 200, encoding="utf-8")
    table = load_table(path)
    assert list(table) == ["age, in years", "job; or none"]
    assert lines_of(table, [1]) == "line 5"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("title", [["Customers of 2024", "", "", ""], ["Customers of 2024"]])
def test_a_title_above_the_header_is_refused(tmp_path, suffix, title):
    rows = [title, ["age", "job", "spent", "city"], *[[20, "a", 1.5, "x"]] * 200]
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        path.write_text("\n".join(";".join(map(str, row)) for row in rows), encoding="utf-8")
    else:
        padded = [row + [None] * (4 - len(row)) for row in rows]
        pd.DataFrame(padded).to_excel(path, index=False, header=False)
    with pytest.raises(TableError, match=r"title"):
        load_table(path)


def test_rows_of_a_sheet_are_numbered_as_there(tmp_path):
    frame = table_of(age=[20, 30, "soon", 40] * 50)
    frame.to_excel(tmp_path / "t.xlsx", index=False, startrow=1)
    with pytest.raises(TableError, match=r"rows 5, 9, "):
        load_customers(tmp_path / "t.xlsx")


def test_utf_16_without_a_mark_is_refused(tmp_path):
    path = write(table_of(), tmp_path / "t.csv", encoding="utf-16-le")
    with pytest.raises(TableError, match="utf-16-le"):
        load_table(path)
    assert len(load_table(path, "utf-16-le")) == 200


def test_blank_lines_do_not_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n\nage;job\n\n" + "20;a\n\n   \n30;b\n" * 100, encoding="utf-8")
    assert load_table(path)["age"].tolist() == [20, 30] * 100


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"a,b,c\n" + b"1,2,3,4\n" * 200, b'a;b\n"1;2\n'],
    ids=["empty", "blank", "too many fields", "open quote"],
)
def test_what_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(TableError):
        load_table(tmp_path / "t.csv")
    with pytest.raises(TableError):
        load_table(tmp_path / "none.csv")


# --- Lines


def test_lines_are_those_of_the_file(tmp_path):
    """Blank lines count, and the lines within quotes."""
    rows = ["20;a"] * 200
    rows[3] = '"2o";x'
    rows[1] = '30;"two\nlines"'
    text = "\nage;job\n\n" + "\n".join(rows[:100]) + "\n\n  \n" + "\n".join(rows[100:]) + "\n"
    path = tmp_path / "t.csv"
    path.write_text(text.replace("20;a", "20;a", 1), newline="", encoding="utf-8")
    lines = text.split("\n")
    expected = 1 + next(i for i, line in enumerate(lines) if "2o" in line)
    with pytest.raises(TableError, match=rf"line {expected} "):
        load_customers(path, {"roles": {"age": "number"}})


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.data())
def test_any_bad_line_is_named(tmp_path_factory, data):
    blanks = data.draw(
        st.lists(st.sampled_from(["", "\n", "  \n", " \t\n"]), min_size=N, max_size=N)
    )
    breaks = data.draw(
        st.lists(st.sampled_from(["a", "b\nb", 'c ""c""\nc']), min_size=N, max_size=N)
    )
    bad = data.draw(st.integers(0, N - 1))
    text, expected = "x,y,z\n", None
    for i, (blank, word) in enumerate(zip(blanks, breaks, strict=True)):
        text += blank
        if i == bad:
            expected = text.count("\n") + 1
        text += f'{"wrong" if i == bad else i % 7},"{word}",{i % 5}\n'
    path = tmp_path_factory.mktemp("lines") / "t.csv"
    path.write_text(text, newline="", encoding="utf-8")
    with pytest.raises(TableError, match=rf"line {expected} "):
        load_customers(path)


# --- Numbers

#: Decimal mark, thousands mark, prefix, suffix, how a negative number looks.
LOCALES = {
    "plain": (".", "", "", "", "-{}"),
    "english": (".", ",", "$", "", "({})"),
    "german": (",", ".", "", " €", "-{}"),
    "french": (",", "\u202f", "", "\u00a0€", "-{}"),
    "swiss": (".", "’", "CHF ", "", "-{}"),  # noqa: RUF001
    "swedish": (",", " ", "", " kr", "\u2212{}"),
    "sap": (",", ".", "", "", "{}-"),
    "brazilian": (",", ".", "R$ ", "", "-{}"),
    "indian percent": (".", "", "", "%", "-{}"),
    "polish": (",", " ", "", " zł", "-{}"),
}


def formatted(value, n_decimals, locale):
    decimal, thousands, prefix, suffix, negative = LOCALES[locale]
    text = f"{abs(value):,.{n_decimals}f}"
    text = text.translate(str.maketrans({",": thousands, ".": decimal}))
    text = f"{prefix}{text}{suffix}"
    return negative.format(text) if value < 0 else text


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=120)
@given(
    st.sampled_from(sorted(LOCALES)),
    st.sampled_from(list(";\t")),
    st.lists(st.integers(-(10**9), 10**9), min_size=N, max_size=N),
    st.lists(st.sampled_from(["", "n/a", None]), min_size=3, max_size=3),
    st.sampled_from([1, 2, 4]),
)
def test_numbers_of_any_locale(tmp_path_factory, locale, separator, units, missing, n_decimals):
    values = [unit / 10**n_decimals for unit in units]
    whole = [unit // 1000 for unit in units]
    frame = pd.DataFrame(
        {
            "amount": [formatted(value, n_decimals, locale) for value in values],
            "pieces": [formatted(value, 0, locale) for value in whole],
            "plan": ["basic", "pro", "plus"] * (N // 3),
            "left": ["ja", "nein"] * (N // 2),
            "gap": [*missing, *[formatted(value, n_decimals, locale) for value in values[3:]]],
        }
    )
    path = tmp_path_factory.mktemp("locale") / "t.csv"
    write(frame, path, sep=separator)
    table = load_table(path)
    # What is no whole number of thousands says how all of them are written.
    np.testing.assert_allclose(table["amount"], values)
    np.testing.assert_allclose(table["pieces"], whole)
    roles = infer_roles(table)["role"]
    assert roles[["plan", "left"]].tolist() == ["category", "yes/no"]
    if pd.Series(values[3:]).nunique() > 2:
        assert roles["gap"] == "number"
    if pd.Series(values).nunique() > 2:
        assert roles["amount"] == "number"


@pytest.mark.parametrize(
    ("texts", "separator", "numbers", "assumed"),
    [
        (["1,234", "5,678"], ",", [1234, 5678], True),
        (["1,234", "5,678"], ";", [1.234, 5.678], True),
        (["1.234", "5.678"], ";", [1.234, 5.678], True),
        (["1.234", "5.67"], ",", [1.234, 5.67], False),
        (["1.234", "1.234.567"], ",", [1234, 1234567], False),
        (["0,123", "5,678"], ",", [0.123, 5.678], False),
        (["1'234", "12"], ",", [1234, 12], False),
        (["1e3", "2.5E-2"], ",", [1000, 0.025], False),
        (["(5)", "7"], ",", [-5, 7], False),
        (["5-", "7"], ",", [-5, 7], False),
        (["25'914.-", "18.50"], ",", [25914, 18.5], False),
        (["€ 25,-", "€ 7,--"], ";", [25, 7], False),
        (["8952,23-", "5,5"], ";", [-8952.23, 5.5], False),
        (["$(1,234.50)", "$ 7.00"], ",", [-1234.5, 7], False),
        (["\u201342", "7"], ",", [-42, 7], False),
        (["$1,234.50", "$2"], ",", [1234.5, 2], False),
        (["12 %", "3,5 %"], ",", [12, 3.5], False),
        (["EUR 5", "7 EUR"], ",", [5, 7], False),
        (["25.914", "950"], ";", [25914, 950], False),
        (["25,914", "950"], ",", [25914, 950], False),
        (["1.234", "25914"], ";", [1.234, 25914], False),
        (["8500", "48.406"], ";", [8500, 48406], False),
        (["9999", "57,465"], ",", [9999, 57465], False),
        (["1234", "5.678"], ";", [1234, 5.678], False),
        ([*["12"] * 40, "1.043"], ";", [*[12] * 40, 1043], True),
        (["Rs. 1,23,456/-", "Rs. 7,000/-"], ",", [123456, 7000], False),
        (["1 234:-", "99:-"], ";", [1234, 99], False),
        (["12 dollars", "$7"], ",", [12, 7], False),
        (["₹34,03,254", "₹1,234"], ",", [3403254, 1234], False),
        (["631.5K", "1.1M"], ",", [631500, 1100000], False),
        (["1,5 Mio. €", "2 Mio. €"], ";", [1.5e6, 2e6], False),
        (["45 years", "1 year"], ",", [45, 1], False),
        (["5kg", "72 kg"], ",", [5, 72], False),
        (["US$ 5", "$7"], ",", [5, 7], False),
        (["%55", "%4"], ",", [55, 4], False),
        (["$ -", "$ 7.50"], ",", [0, 7.5], False),
    ],
)
def test_how_numbers_are_written_is_decided_by_all(tmp_path, texts, separator, numbers, assumed):
    frame = pd.DataFrame({"x": texts * (200 // len(texts)), "job": "services"})
    table = load_table(write(frame, tmp_path / "t.csv", sep=separator))
    assert table["x"].tolist() == numbers * (200 // len(texts))
    assert ("x" in table.attrs["assumed"]) == assumed


def test_other_columns_decide_what_one_leaves_open(tmp_path):
    frame = table_of(x=["1.234", "5.678"] * 100, y=["1,5", "2,25"] * 100)
    table = load_table(write(frame, tmp_path / "t.csv", sep=";"))
    assert table["x"].tolist() == [1234, 5678] * 100
    assert not table.attrs["assumed"]


def test_points_of_coordinates_do_not_decide_in_silence(tmp_path):
    """Beside semicolons, 25.914 may be euros, whatever other columns have points."""
    frame = table_of(x=["25.914", "1.950"] * 100, latitude=["52.5200", "48.13"] * 100)
    table = load_table(write(frame, tmp_path / "t.csv", sep=";"))
    assert table.attrs["assumed"] == ["x"]
    with_comma = frame.assign(price=["12,50", "3,9"] * 100)
    table = load_table(write(with_comma, tmp_path / "t.csv", sep=";"))
    assert table["x"].tolist() == [25914, 1950] * 100
    assert table.attrs["assumed"] == ["x"]
    table = load_table(write(frame, tmp_path / "t.csv", sep=","))
    assert table["x"].tolist() == [25.914, 1.95] * 100
    assert not table.attrs["assumed"]


def test_settings_overrule_what_is_assumed(tmp_path):
    path = write(table_of(x=["1.234", "5.678"] * 100), tmp_path / "t.csv", sep=";")
    (tmp_path / "customers.toml").write_text('decimal = ","\nthousands = "."', encoding="utf-8")
    table = load_table(path)
    assert table["x"].tolist() == [1234, 5678] * 100
    assert not table.attrs["assumed"]


@pytest.mark.parametrize(
    "texts",
    [["01067", "80331"], ["$5", "7 €"], ["1,2,3", "4,5,6"], ["12:30", "7:05"], ["--5", "x"]],
    ids=["codes", "currencies", "lists", "times", "signs"],
)
def test_what_is_no_one_number_stays_text(tmp_path, texts):
    table = load_table(write(table_of(x=texts * 100), tmp_path / "t.csv"))
    assert table["x"].tolist() == texts * 100


def test_a_text_of_digits_in_excel_stays_what_it_is_in_a_csv(tmp_path):
    frame = table_of(
        post=["01067", "80331", "04103", "20095"] * 50,
        spent=["53.831", "24,15", "1.000", "7,5"] * 50,
        school=["None", "primary", "NA", "x"] * 50,
    )
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    (tmp_path / "t.xlsx").rename(tmp_path / "T.XLSX")
    write(frame, tmp_path / "t.csv", sep=";")
    excel, text = load_table(tmp_path / "T.XLSX"), load_table(tmp_path / "t.csv")
    pd.testing.assert_frame_equal(excel, text, check_dtype=False)
    assert text["spent"].tolist() == [53831, 24.15, 1000, 7.5] * 50


def test_the_named_index_of_a_parquet_is_a_column(tmp_path):
    frame = table_of(spent=np.arange(200) % 41).set_index(
        pd.Index(np.arange(200) + 4711, name="customer_id")
    )
    frame.to_parquet(tmp_path / "t.parquet")
    loaded = load_customers(tmp_path / "t.parquet")
    assert loaded.ids["customer_id"].tolist() == list(range(4711, 4911))


def test_damaged_files_are_refused(tmp_path):
    frame = table_of()
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    whole = (tmp_path / "t.xlsx").read_bytes()
    packed = bytearray(gzip.compress(frame.to_csv(index=False).encode()))
    packed[200:400] = b"\xff" * 200
    files = {
        "half.xlsx": whole[: len(whole) // 2],
        "old.xlsx": bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600),
        "damaged.csv.gz": bytes(packed),
    }
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as archive:
        archive.writestr("a.txt", "nothing")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name in [*files, "zip.xlsx"]:
        with pytest.raises(TableError, match=name):
            load_table(tmp_path / name)


def test_no_digit_of_a_long_number_is_lost(tmp_path):
    account = [str(10**18 + i) for i in range(200)]
    table = load_table(write(table_of(account=account), tmp_path / "t.csv"))
    assert table["account"].tolist() == account
    assert infer_roles(table)["role"]["account"] == "identifier"


def test_conventions_of_another_file_are_kept(tmp_path):
    path = write(table_of(x=["1.234", "5.678"] * 100), tmp_path / "t.csv")
    assert load_table(path, conventions={"x": ",."})["x"].tolist() == [1234, 5678] * 100


# --- Parquet


def test_large_whole_numbers_of_parquet_do_not_wrap(tmp_path):
    large = pd.Series(2**63 + np.arange(200, dtype="uint64") * 4096)
    frame = table_of(x=large, y=large.astype("UInt64"))
    frame.to_parquet(tmp_path / "t.parquet")
    table = load_table(tmp_path / "t.parquet")
    assert (table["x"] > 0).all()
    assert table["y"].tolist() == large.tolist()


def test_types_of_parquet_are_plain(tmp_path):
    given_ = {
        "decimal": ([Decimal("1.50"), Decimal("2.25"), None, Decimal(3)] * 50, "number"),
        "nullable": (pd.array([1, 2, None, 4] * 50, dtype="Int64"), "number"),
        "floats": (pd.array([1.5, None, 2.5, 3] * 50, dtype="Float32"), "number"),
        "boolean": (pd.array([True, False, None, True] * 50, dtype="boolean"), "yes/no"),
        "categories": (pd.Categorical(["a", "b", "c", "d"] * 50), "category"),
        "numbers as categories": (pd.Categorical([1, 2, 3, 4] * 50), "number"),
        "timestamp": (pd.date_range("2020", periods=200, tz="Europe/Berlin"), "date"),
        "day": ([datetime.date(2020, 1, 1 + i % 28) for i in range(200)], "date"),
        "duration": (pd.to_timedelta(np.arange(200) * 7 % 31, "h"), "number"),
        "time": ([datetime.time(i % 24) for i in range(200)], "category"),
        "list": ([[1, 2], [3]] * 100, "not used"),
        "struct": ([{"a": 1}, {"a": 2}] * 100, "not used"),
        "bytes": ([b"a", b"b"] * 100, "not used"),
        "empty": ([None] * 200, "constant"),
    }
    frame = table_of(**{name: values for name, (values, _) in given_.items()})
    frame.to_parquet(tmp_path / "t.parquet")
    loaded = load_customers(tmp_path / "t.parquet")
    roles = loaded.roles["role"].to_dict()
    # A time of day has more than 20 values, of which the rarest are one.
    assert {name: roles[name] for name in given_} == {name: r for name, (_, r) in given_.items()}
    assert loaded.table["decimal"].tolist() == [1.5, 2.25, 2.25, 3] * 50
    assert loaded.table["nullable"].tolist() == [1, 2, 2, 4] * 50
    with pytest.raises(TableError, match="list"):
        load_customers(tmp_path / "t.parquet", {"roles": {"list": "category"}})
