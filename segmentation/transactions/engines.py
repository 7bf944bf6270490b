"""Where the SQL on orders runs: DuckDB on one machine, Spark on many."""

import gzip
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from segmentation.customers import TableError
from segmentation.customers.delimited import FALLBACK, find_separator
from segmentation.spark import as_pattern, as_url, session

#: More than this goes to disk, so that orders of any number fit beside a browser in 8 GB.
MEMORY = "5GB"
#: What text may be in, and DuckDB's names for it; the last takes any byte but a few.
ENCODINGS = {"utf-8-sig": "utf-8", FALLBACK: "CP1252"}
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")
#: How the names of types of whole numbers begin.
INTEGERS = ("BIGINT", "INT", "SMALLINT", "TINYINT", "HUGEINT", "UBIGINT", "UINTEGER", "LONG")
#: The columns of ``raw``, by what a setting calls them.
TEXTS = ("customer", "date", "amount", "order", "group", "quantity", "currency")
N_EXAMPLES = 3


class Source(NamedTuple):
    """Files of orders; of text, what separates its fields and how it is encoded."""

    files: list
    separator: str | None = None
    encoding: str | None = None


class Engine:
    """What both engines have: a way to keep a result, and one to fetch it as a DataFrame.

    ``types`` says what each column of the lines holds, in words of the engine.
    """

    def is_date(self, name):
        """Whether a column of the lines holds dates or times, rather than texts."""
        return self.types[name].startswith(("DATE", "TIMESTAMP"))

    def is_number(self, name):
        """Whether a column of the lines holds numbers, rather than texts."""
        return self.types[name].startswith(("DOUBLE", "FLOAT", "DECIMAL", *INTEGERS))

    def name_columns(self, columns):
        """Make the view ``raw``: the texts of the columns, under the names that the SQL uses.

        Beside them, ``date_value`` and ``amount_value`` where a column is no text.
        """
        raise NotImplementedError

    def make_view(self, name, query):
        """Give a query a name."""
        raise NotImplementedError

    def make_table(self, name, query):
        """Keep the result of a query as a table."""
        raise NotImplementedError

    def fetch(self, query):
        """Return the result of a query as a DataFrame."""
        raise NotImplementedError

    def examples(self, column, table="raw", condition="TRUE"):
        """Return the first values of a column, in alphabetical order, as a text."""
        found = self.fetch(
            f"SELECT DISTINCT {column} AS value FROM {table} "
            f"WHERE {column} IS NOT NULL AND ({condition}) ORDER BY value LIMIT {N_EXAMPLES}"
        )
        return ", ".join(map(str, found["value"]))


class DuckDB(Engine):
    """A database in a temporary file: what does not fit into memory goes there."""

    def __init__(self, connection, source):
        self.connection = connection
        self.lines = _duckdb_lines(source)
        described = connection.execute(f"DESCRIBE SELECT * FROM {self.lines}").fetchall()
        self.types = {name: kind for name, kind, *_ in described}

    def name_columns(self, columns):
        texts = _texts(columns, self, '"')
        self.connection.execute(f"CREATE VIEW raw AS SELECT {texts} FROM {self.lines}")

    def make_view(self, name, query):
        self.connection.execute(f"CREATE VIEW {name} AS {query}")

    def make_table(self, name, query):
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def fetch(self, query):
        return self.connection.execute(query).df()


@contextmanager
def duckdb_on(path):
    """Open orders in DuckDB.

    Parameters
    ----------
    path : str or Path
        A CSV file, with or without gzip, a Parquet file, or a folder of either.

    Yields
    ------
    DuckDB

    Raises
    ------
    TableError
        If nothing can be read.
    """
    # Imported here: what has customers needs none of it.
    import duckdb

    with tempfile.TemporaryDirectory(prefix="orders_") as folder:
        connection = duckdb.connect(str(Path(folder) / "orders.duckdb"))
        try:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = {_quoted(folder)}")
            connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
            # Its bar is drawn where it is piped, too.
            connection.execute(f"SET enable_progress_bar = {sys.stdout.isatty()}")
            connection.execute("CREATE MACRO unix_date(day) AS day - DATE '1970-01-01'")
            yield DuckDB(connection, find_source(path, Path(folder)))
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0]
            raise TableError(f"{Path(path).name} cannot be read: {first}") from error
        finally:
            connection.close()


def _duckdb_lines(source):
    """Return the SQL of all lines, every column of text as it is written."""
    listed = f"[{', '.join(_quoted(some) for some in source.files)}]"
    if source.separator is None:
        return f"read_parquet({listed}, union_by_name = true)"
    return (
        f"read_csv({listed}, header = true, all_varchar = true, union_by_name = true, "
        f"delim = {_quoted(source.separator)}, quote = '\"', escape = '\"', "
        f"encoding = '{ENCODINGS.get(source.encoding, 'utf-8')}')"
    )


def _quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


class Spark(Engine):
    """A session of Spark: what is kept stays on its machines until the session ends."""

    def __init__(self, session, source):
        self.session = session
        urls = [as_pattern(as_url(path.resolve())) for path in source.files]
        if source.separator is None:
            self.lines = session.read.option("mergeSchema", "true").parquet(*urls)
        else:
            # Spark's own encodings have no mark at the beginning.
            encoding = source.encoding.removesuffix("-sig")
            self.lines = session.read.csv(
                urls,
                header=True,
                sep=source.separator,
                quote='"',
                escape='"',
                encoding=encoding,
                mode="FAILFAST",
            )
        self.types = {name: kind.upper() for name, kind in self.lines.dtypes}

    def name_columns(self, columns):
        self.lines.createOrReplaceTempView("orders_as_they_are")
        texts = _texts(columns, self, "`")
        self.make_view("raw", f"SELECT {texts} FROM orders_as_they_are")

    def make_view(self, name, query):
        self.session.sql(query).createOrReplaceTempView(name)

    def make_table(self, name, query):
        self.session.sql(query).cache().createOrReplaceTempView(name)

    def fetch(self, query):
        return self.session.sql(query).toPandas()


@contextmanager
def spark_on(path, settings=()):
    """Open orders in Spark.

    Parameters
    ----------
    path : str or Path
        As for `duckdb_on`.
    settings : dict of str to str, optional
        As for `segmentation.spark.session`.

    Yields
    ------
    Spark

    Raises
    ------
    TableError
        If nothing can be read.
    JobError
        If Spark cannot start or gives up.
    """
    with tempfile.TemporaryDirectory(prefix="orders_") as folder:
        source = find_source(path, Path(folder))
        with session({"spark.sql.session.timeZone": "UTC"} | dict(settings)) as running:
            yield Spark(running, source)


# --- Both ---------------------------------------------------------------------------------------


def _texts(columns, engine, quote):
    """Return the SQL of the columns under the names that the queries use."""
    quoted = {key: quote + name.replace(quote, 2 * quote) + quote for key, name in columns.items()}
    parts = [f"{_as_text(quoted.get(key), key, columns, engine)} AS {key}_text" for key in TEXTS]
    date = quoted["date"] if engine.is_date(columns["date"]) else "NULL"
    amount = quoted["amount"] if engine.is_number(columns["amount"]) else "NULL"
    parts.append(f"CAST({date} AS DATE) AS date_value")
    parts.append(f"CAST({amount} AS DECIMAL(18, 4)) AS amount_value")
    return ", ".join(parts)


def _as_text(column, key, columns, engine):
    if column is None:
        return "CAST(NULL AS STRING)"
    if key != "customer" and engine.is_number(columns[key]):
        return f"CAST(CAST({column} AS DECIMAL(18, 4)) AS STRING)"
    return f"NULLIF(trim(CAST({column} AS STRING)), '')"


def find_source(path, folder):
    """Find the files of orders at a path, and how they are written.

    Parameters
    ----------
    path : str or Path
        A file, or a folder of files.
    folder : Path
        Where files that have to be written anew go.

    Returns
    -------
    Source

    Raises
    ------
    TableError
        If there is none, Parquet and text are mixed, or the text has an unknown encoding.
    """
    path = Path(path)
    files = [path]
    if path.is_dir():
        files = sorted(some for some in path.rglob("*") if some.name.lower().endswith(ENDINGS))
        # Spark and Hive keep what is not rows under such names.
        files = [some for some in files if not some.name.startswith(("_", "."))]
    if not files or not files[0].is_file():
        raise TableError(
            f"{path}: no orders are there. Give a file, or a folder of files, that end in "
            f"{', '.join(ENDINGS)}."
        )
    kinds = {some.suffix.lower() == ".parquet" for some in files}
    if len(kinds) > 1:
        raise TableError(f"{path} holds Parquet and text: keep one of them in a folder.")
    if kinds == {True}:
        return Source(files)
    encoding, header = _header(files[0])
    separator = find_separator(header)
    if separator not in header and " " in header.strip():
        # Fields with any number of blanks between them, as statisticians write them.
        return Source([_with_commas(some, folder) for some in files], ",", "utf-8")
    return Source(files, separator, encoding)


def _opened(path, mode, **options):
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, mode, **options)


def _header(path):
    """Return the encoding of a file by its first million bytes, and its first line."""
    with _opened(path, "rb") as file:
        start = file.read(2**20)
    # A letter may be cut in two at the end.
    start = start[: start.rfind(b"\n") + 1 or None]
    for encoding in ENCODINGS:
        try:
            return encoding, start.decode(encoding).split("\n", 1)[0].rstrip("\r")
        except UnicodeDecodeError:
            continue
    raise TableError(f"{path.name} is no text in {' or '.join(ENCODINGS)}.")


def _with_commas(path, folder):
    """Write a file of fields between blanks as one with commas."""
    written = folder / f"{path.name}.csv"
    with (
        _opened(path, "rt", encoding="utf-8") as lines,
        written.open("w", encoding="utf-8") as file,
    ):
        file.writelines(",".join(line.split()) + "\n" for line in lines if line.strip())
    return written
