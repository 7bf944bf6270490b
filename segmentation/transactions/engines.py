"""Where the SQL on orders runs: DuckDB on one machine, Spark on many."""

import gzip
import tempfile
from contextlib import contextmanager
from pathlib import Path

from segmentation.customers import TableError
from segmentation.customers.delimited import FALLBACK, find_separator

#: More than this goes to disk, so that orders of any number fit beside a browser in 8 GB.
MEMORY = "5GB"
ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")
#: The columns of ``raw``, by what a setting calls them.
TEXTS = ("customer", "date", "amount", "order", "group", "quantity", "currency")
N_EXAMPLES = 3


class Engine:
    """What both engines have: a way to run a statement, and one to fetch a DataFrame."""

    def name_columns(self, columns):
        """Make the view ``raw``: the texts of the columns, under the names that the SQL uses."""
        raise NotImplementedError

    def make_table(self, name, query):
        """Keep the result of a query as a table."""
        raise NotImplementedError

    def fetch(self, query):
        """Return the result of a query as a DataFrame."""
        raise NotImplementedError

    def drop(self, name):
        """Forget a table."""
        raise NotImplementedError

    def examples(self, column, table="raw", condition="TRUE"):
        """Return the first values of a column, in alphabetical order, as a text."""
        found = self.fetch(
            f"SELECT DISTINCT {column} AS value FROM {table} "
            f"WHERE {column} IS NOT NULL AND ({condition}) ORDER BY value LIMIT {N_EXAMPLES}"
        )
        return ", ".join(map(str, found["value"]))


class DuckDB(Engine):
    """A database in a temporary file: what does not fit into memory goes there.

    `source` is the SQL of the lines as they are, `types` their columns and what these hold.
    """

    def __init__(self, connection, source):
        self.connection, self.source = connection, source
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        self.types = {name: kind for name, kind, *_ in described}

    def name_columns(self, columns):
        parts = (f"{_as_text(columns.get(key), self.types)} AS {key}_text" for key in TEXTS)
        self.connection.execute(f"CREATE VIEW raw AS SELECT {', '.join(parts)} FROM {self.source}")

    def make_table(self, name, query):
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def fetch(self, query):
        return self.connection.execute(query).df()

    def drop(self, name):
        self.connection.execute(f"DROP TABLE {name}")


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

    files = find_files(path)
    with tempfile.TemporaryDirectory(prefix="orders_") as folder:
        connection = duckdb.connect(str(Path(folder) / "orders.duckdb"))
        try:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = {_quoted(folder)}")
            connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
            connection.execute("CREATE MACRO unix_date(day) AS day - DATE '1970-01-01'")
            yield DuckDB(connection, _source(files, Path(folder)))
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0]
            raise TableError(f"{Path(path).name} cannot be read: {first}") from error
        finally:
            connection.close()


def _as_text(name, types):
    if name is None:
        return "CAST(NULL AS VARCHAR)"
    column = '"' + name.replace('"', '""') + '"'
    if types[name] in ("DOUBLE", "FLOAT") or types[name].startswith("DECIMAL"):
        return f"CAST(CAST({column} AS DECIMAL(18, 4)) AS VARCHAR)"
    return f"NULLIF(trim(CAST({column} AS VARCHAR)), '')"


def find_files(path):
    """Return the files of orders at a path, in alphabetical order.

    Raises
    ------
    TableError
        If there is none, or Parquet and text are mixed.
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
    return files


def _source(files, folder):
    """Return the SQL of all lines of some files."""
    listed = f"[{', '.join(_quoted(some) for some in files)}]"
    if files[0].suffix.lower() == ".parquet":
        return f"read_parquet({listed}, union_by_name = true)"
    encoding, header = _header(files[0])
    separator = find_separator(header)
    if separator not in header and " " in header.strip():
        # Fields with any number of blanks between them, as statisticians write them.
        listed = f"[{', '.join(_quoted(_with_commas(some, folder)) for some in files)}]"
        separator, encoding = ",", "utf-8"
    return (
        f"read_csv({listed}, header = true, all_varchar = true, delim = {_quoted(separator)}, "
        f"quote = '\"', escape = '\"', encoding = '{encoding}', union_by_name = true)"
    )


def _quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def _header(path):
    """Return the encoding of a file by its first million bytes, and its first line."""
    with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rb") as file:
        start = file.read(2**20)
    # A letter may be cut in two at the end.
    for encoding, name in (("utf-8-sig", "utf-8"), (FALLBACK, "CP1252")):
        try:
            text = start[: start.rfind(b"\n") + 1 or None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return name, text.split("\n", 1)[0].rstrip("\r")
    raise TableError(f"{path.name} is no text in UTF-8 or Windows-1252.")


def _with_commas(path, folder):
    """Write a file of fields between blanks as one with commas."""
    written = folder / f"{path.name}.csv"
    with (
        (gzip.open if path.suffix.lower() == ".gz" else open)(
            path, "rt", encoding="utf-8"
        ) as lines,
        written.open("w", encoding="utf-8") as file,
    ):
        file.writelines(",".join(line.split()) + "\n" for line in lines if line.strip())
    return written
