"""customers.toml: read whatever editor wrote it, and every problem of it at once."""

import pytest

from segmentation.customers import TableError, read_settings

EVERYTHING = """
encoding = "latin-1"
decimal = ","
thousands = "."
sheet = 2
id = "no"
columns = ["age"]
target = "left"
labels = {age = "years"}
roles = {age = "number"}
segments = 4
min_segment = 0.05
weights = {age = 2, left = 0.5}
value = 60
cost = 0
"""


def read(folder, text, settings=None, encoding="utf-8"):
    (folder / "customers.toml").write_text(text, encoding=encoding)
    return read_settings(folder / "t.csv", settings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_every_key_is_read_whatever_editor_wrote_it(tmp_path, encoding):
    settings = read(tmp_path, EVERYTHING, encoding=encoding)
    assert settings["segments"] == 4
    assert len(settings) == 14


def test_no_file_is_no_settings(tmp_path):
    assert read_settings(tmp_path / "t.csv") == {}


def test_parameters_come_before_make_and_make_before_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGMENTS", "6")
    assert read(tmp_path, "segments = 4")["segments"] == 6
    assert read(tmp_path, "segments = 4", {"segments": 7})["segments"] == 7
    monkeypatch.setenv("SEGMENTS", "many")
    with pytest.raises(TableError):
        read(tmp_path, "")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("columns = [", "TOML"),
        ("colums = []", "colums"),
        ("columns = 'age'", "columns"),
        ("columns = ['age', 3]", "3"),
        ("roles = {age = 3}", "3"),
        ("segments = 1", "segments"),
        ("segments = 2.5", "segments"),
        ("segments = true", "segments"),
        ("min_segment = 0.6", "min_segment"),
        ("weights = {age = 0}", "age"),
        ("weights = {age = inf}", "age"),
        ("weights = {age = 'twice'}", "age"),
        ("weights = 2", "weights"),
        ("value = 0", "value"),
        ("cost = -1", "cost"),
        ("cost = nan", "cost"),
        ("decimal = ';'", "decimal"),
        ("thousands = 'x'", "thousands"),
        ("decimal = ','\nthousands = ','", "same"),
    ],
)
def test_bad_settings_are_refused_by_name(tmp_path, text, named):
    with pytest.raises(TableError, match=named):
        read(tmp_path, text)


def test_every_problem_at_once(tmp_path):
    with pytest.raises(TableError) as caught:
        read(tmp_path, "colums = []\ncolumns = 'age'\nsegments = 1\nmin_segment = -2")
    for named in ("colums", "columns", "segments", "min_segment"):
        assert named in str(caught.value)
