"""The CDNOW orders: find them, download them, say which they are.

Fader and Hardie (2001), "Forecasting repeat sales at CDNOW: a case study", Interfaces 31(3), part
2, S94-S107: 69,659 orders of the 23,570 people who first bought there in January to March 1997, to
the end of June 1998. The order in which they are looked for, the first that is there:

1. the path given, or the environment variable ``CDNOW``;
2. ``data/CDNOW_master.txt``;
3. the download from the authors' page, stored as that;
4. with no network, synthetic orders, drawn anew, and every reader is told so.
"""

import hashlib
import os
from pathlib import Path

from segmentation import files
from segmentation.customers import TableError
from segmentation.customers.source import DATA
from segmentation.download import DownloadError, fetch, unpack
from segmentation.transactions.synthetic import write_orders

CDNOW = DATA / "CDNOW_master.txt"
SYNTHETIC = DATA / "orders_synthetic.csv"
CDNOW_URL = "http://www.brucehardie.com/datasets/CDNOW_master.zip"
#: Of the lines of orders, however they are spaced and ended: see `_order_lines`.
CDNOW_SHA256 = "7076ec4695fe7bc677f14579e2683c8c301ad98ce08cebcda32229037b2b510b"
HEADER = b"customer_id date number_of_cds dollar_value"


def find_cdnow(path=None):
    """Find the CDNOW orders; download them if they are not there, or draw synthetic ones.

    Parameters
    ----------
    path : str or Path, optional
        A copy of one's own. By default the environment variable ``CDNOW``, seen from the root of
        the repository, then ``data/CDNOW_master.txt``, then the download, then synthetic orders.

    Returns
    -------
    Path
        A file that exists.

    Raises
    ------
    TableError
        If the file named by `path` or ``CDNOW`` is not there, or a file has no header.
    DownloadError
        If the download broke off or is not the file it should be.
    """
    named = path or os.environ.get("CDNOW")
    if named and not path:
        # Notebooks run in folders of their own.
        named = DATA.parent / named
    if named and not Path(named).is_file():
        raise TableError(f"{named}: no such file. Give the path of the CDNOW orders.")
    if not named and not CDNOW.exists():
        try:
            download_cdnow(CDNOW)
        except ConnectionError:
            write_orders(SYNTHETIC)
            return SYNTHETIC
    found = Path(named or CDNOW)
    with found.open("rb") as file:
        if file.readline().strip()[:1].isdigit():
            raise TableError(f"{found.name} has no header. Put in a first line: {HEADER.decode()}")
    return found


def download_cdnow(target):
    """Download the CDNOW orders, check their SHA-256 and store them under a header of ours.

    Parameters
    ----------
    target : Path
        Written beside and renamed, so that it is either whole or not there.

    Raises
    ------
    ConnectionError
        If the server is out of reach or has no such file.
    DownloadError
        If the download broke off, or what came is not the orders.
    """
    lines = _order_lines(unpack(fetch(CDNOW_URL, "CDNOW", ""), CDNOW.name))
    if _hash(lines) != CDNOW_SHA256:
        raise DownloadError(
            f"The orders from {CDNOW_URL} have another SHA-256 than the known ones, so they were "
            f"thrown away. Put your copy in {target}, or set CDNOW."
        )
    with files.written_whole(target) as beside:
        beside.write_bytes(b"\n".join([HEADER, *lines, b""]))


def _order_lines(content):
    """Return the lines that begin with a number, which a header does not, one blank per gap."""
    lines = (b" ".join(line.split()) for line in content.splitlines())
    return [line for line in lines if line[:1].isdigit()]


def _hash(lines):
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def is_cdnow(path):
    """Whether a file holds the CDNOW orders, by the SHA-256 of their lines."""
    return _hash(_order_lines(Path(path).read_bytes())) == CDNOW_SHA256


def describe_cdnow(path):
    """Say in one Markdown paragraph which orders these are.

    Parameters
    ----------
    path : Path
        The orders, as `find_cdnow` returned them.

    Returns
    -------
    str
    """
    path = Path(path)
    if path.resolve() == SYNTHETIC.resolve():
        return (
            "> **These are synthetic orders.** They were drawn from a Pareto/NBD model "
            "(`segmentation/transactions/synthetic.py`), no person in them exists, and the numbers "
            "typed in the text are not theirs. With a network, the real orders are downloaded; "
            "`CDNOW=path.txt` takes a copy of yours."
        )
    if is_cdnow(path):
        return (
            "The orders are those of **CDNOW** (Fader and Hardie 2001, Interfaces 31(3), part 2, "
            "S94-S107; [published for research and teaching]"
            "(http://www.brucehardie.com/datasets/)), checked by their SHA-256."
        )
    return (
        f"The orders are those of `{path.name}`, which is not the published CDNOW file: the "
        "numbers typed in the text are not theirs."
    )
