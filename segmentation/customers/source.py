"""Which table: find it, download the public one, say which it is.

The order in which a table is looked for, the first that is there:

1. the path given, or the environment variable ``CUSTOMERS``;
2. ``data/train.csv``;
3. the Bank Marketing table from the UCI repository, stored as ``data/train.csv``;
4. with no network, ``data/sample.csv``: synthetic customers, and every reader is told so.
"""

import hashlib
import os
from pathlib import Path

from segmentation import files
from segmentation.customers.settings import TableError
from segmentation.download import DownloadError, fetch, unpack

DATA = Path(__file__).resolve().parents[2] / "data"
BANK_MARKETING = DATA / "train.csv"
SAMPLE = DATA / "sample.csv"

#: Moro, Rita and Cortez (2014), doi:10.24432/C5K306: a zip in which a zip holds the table.
UCI_URL = "https://archive.ics.uci.edu/static/public/222/bank+marketing.zip"
BANK_MARKETING_SHA256 = "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d"


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
    archive = fetch(UCI_URL, "Bank Marketing", ", or go on without it: CUSTOMERS=data/sample.csv")
    content = unpack(archive, "bank.zip", "bank-full.csv")
    if hashlib.sha256(content).hexdigest() != BANK_MARKETING_SHA256:
        raise DownloadError(
            f"The table from {UCI_URL} has another SHA-256 than the published one, so it was "
            f"thrown away. Put your copy of bank-full.csv in {target}, or set CUSTOMERS."
        )
    with files.written_whole(target) as beside:
        beside.write_bytes(content)


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
