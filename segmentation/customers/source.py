"""Which table: find it, download the public one, say which it is.

The order in which a table is looked for, the first that is there:

1. the path given, or the environment variable ``CUSTOMERS``;
2. ``data/train.csv``;
3. the Bank Marketing table from the UCI repository, stored as ``data/train.csv``;
4. with no network, ``data/sample.csv``: synthetic customers, and every reader is told so.
"""

import hashlib
import io
import os
import zipfile
from pathlib import Path

from segmentation import files
from segmentation.customers.settings import TableError

DATA = Path(__file__).resolve().parents[2] / "data"
BANK_MARKETING = DATA / "train.csv"
SAMPLE = DATA / "sample.csv"

#: Moro, Rita and Cortez (2014), doi:10.24432/C5K306: a zip in which a zip holds the table.
UCI_URL = "https://archive.ics.uci.edu/static/public/222/bank+marketing.zip"
BANK_MARKETING_SHA256 = "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d"

#: Seconds without an answer after which there is no network to speak of.
TIMEOUT = 15


class DownloadError(RuntimeError):
    """A download broke off or is damaged; nothing of it was kept."""


def find_table(path=None):
    """Find the customer table; download the public one if there is none.

    Parameters
    ----------
    path : str or Path, optional
        A table of one's own. By default the environment variable ``CUSTOMERS``, then
        ``data/train.csv``, then the download, then the synthetic sample.

    Returns
    -------
    Path
        A file that exists.

    Raises
    ------
    TableError
        If the table named by `path` or ``CUSTOMERS`` is not there.
    DownloadError
        If the download broke off or is not the file it should be.
    """
    named = path or os.environ.get("CUSTOMERS")
    if named:
        if not Path(named).is_file():
            raise TableError(f"{named}: no such file. Give the path of a customer table.")
        return Path(named)
    if not BANK_MARKETING.exists():
        try:
            download_bank_marketing(BANK_MARKETING)
        except ConnectionError:
            return SAMPLE
    return BANK_MARKETING


def download_bank_marketing(target):
    """Download the Bank Marketing table, check its SHA-256 and store it.

    Parameters
    ----------
    target : Path
        Written beside and renamed, so that it is either whole or not there.

    Raises
    ------
    ConnectionError
        If the server is out of reach or has no such file.
    DownloadError
        If the download broke off, or what came is not the table.
    """
    content = _unpack(_fetch())
    if hashlib.sha256(content).hexdigest() != BANK_MARKETING_SHA256:
        raise DownloadError(
            f"The table from {UCI_URL} has another SHA-256 than the published one, so it was "
            f"thrown away. Put your copy of bank-full.csv in {target}, or set CUSTOMERS."
        )
    with files.written_whole(target) as beside:
        beside.write_bytes(content)


def _fetch():
    """Download the archive and return its bytes."""
    # Imported here: with a table at hand, nothing of this is needed.
    import requests
    from tqdm import tqdm

    try:
        answer = requests.get(UCI_URL, stream=True, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ConnectionError(f"{UCI_URL} cannot be reached: {error}") from error
    size = int(answer.headers.get("Content-Length", 0)) or None
    content = bytearray()
    try:
        with answer, tqdm(total=size, unit="B", unit_scale=True, desc="Bank Marketing") as bar:
            for piece in answer.iter_content(2**16):
                content += piece
                bar.update(len(piece))
        if size and len(content) < size:
            raise requests.ConnectionError(f"{len(content)} of {size} bytes")
    except requests.RequestException as error:
        raise DownloadError(
            f"The download from {UCI_URL} broke off ({type(error).__name__}); nothing was kept. "
            "Run it again, or go on without it with CUSTOMERS=data/sample.csv."
        ) from error
    return bytes(content)


def _unpack(archive):
    """Return the bytes of bank-full.csv, which lies in a zip in a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as outer:
            inner = io.BytesIO(outer.read("bank.zip"))
        with zipfile.ZipFile(inner) as bank:
            return bank.read("bank-full.csv")
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(
            f"What came from {UCI_URL} is damaged ({error}); nothing was kept. Run it again."
        ) from error


def is_bank_marketing(path):
    """Whether a file is the published Bank Marketing table, by its SHA-256."""
    return files.sha256(path) == BANK_MARKETING_SHA256


def is_sample(path):
    """Whether a file is the synthetic sample of this repository."""
    return Path(path).resolve() == SAMPLE


def describe_source(path):
    """Say in one Markdown paragraph which table this is, as every notebook shows it.

    Parameters
    ----------
    path : Path
        The table, as `find_table` returned it.

    Returns
    -------
    str
    """
    path = Path(path)
    if is_sample(path):
        return (
            f"> **This is a synthetic sample.** The customers come from `data/{path.name}`: drawn "
            "from models of the Bank Marketing table, no person in it exists, and its numbers are "
            "not the published ones. With a network, `make` fetches the real table; "
            "`make CUSTOMERS=path.csv` takes yours."
        )
    if is_bank_marketing(path):
        return (
            "The customers are those of the **Bank Marketing** table (Moro, Rita and Cortez 2014, "
            "[doi:10.24432/C5K306](https://doi.org/10.24432/C5K306), CC BY 4.0), checked by its "
            "SHA-256."
        )
    return f"The customers are those of `{path.name}`."
