"""A segmenter as a file: written whole, and read only as far as it is what it says.

It is a zip of NumPy arrays and one JSON file. Nothing in it is code, and nothing of it is run. Its
checksums tell a damaged or edited file; they are no signature, so whatever is read is checked.
"""

import hashlib
import io
import json
import zipfile

import numpy as np

from segmentation import files

#: Raised with every change of what a file holds or of what is computed from it.
FORMAT = 2

DESCRIPTION = "segmenter.json"

#: Arrays of numbers are packed to a half or a tenth: what unpacks to more is no segmenter.
MAX_RATIO = 20

#: Other methods unpack more than they are asked for.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class SegmenterError(ValueError):
    """A segmenter cannot be read or used; the message names the cause, and the cure."""


def write(about, arrays, path):
    """Write a description and arrays. Equal ones give equal files.

    Parameters
    ----------
    about : dict
        What JSON can hold.
    arrays : dict of str to array
    path : Path
    """
    parts = {name + ".npy": _to_bytes(array) for name, array in arrays.items()}
    text = json.dumps(about | {"arrays": _hashes(parts)}, indent=1).encode()
    parts |= {DESCRIPTION: text, "sha256": hashlib.sha256(text).hexdigest().encode()}
    with files.written_whole(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, content in parts.items():
            # With the date of a file, equal segmenters would differ.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=1)


def read(path):
    """Read what `write` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    about : dict
    arrays : dict of str to ndarray
        Not to be written to.

    Raises
    ------
    SegmenterError
        If there is no such file, it is none of this version, or a byte of it was changed.
    """
    if not path.is_file():
        raise SegmenterError(f"{path}: no such file. The notebooks write it: run make.")
    try:
        parts = _unzip(path)
        text, checksum = parts.pop(DESCRIPTION), parts.pop("sha256")
        about = json.loads(text, parse_constant=_refuse)
        written_as = about.get("format")
    except Exception as error:  # zipfile raises whatever a damaged file leads to.
        raise SegmenterError(f"{path.name} is damaged or no segmenter: {error}.") from error
    if written_as != FORMAT:
        raise SegmenterError(
            f"{path.name} has format {written_as}, and this version reads {FORMAT}. "
            "Run the notebook again, or take the version that wrote it."
        )
    unchanged = hashlib.sha256(text).hexdigest().encode() == checksum
    if not unchanged or about.pop("arrays", None) != _hashes(parts):
        raise SegmenterError(
            f"{path.name} was changed after it was written. Run the notebook again."
        )
    try:
        return about, {name.removesuffix(".npy"): _to_array(part) for name, part in parts.items()}
    except Exception as error:  # NumPy too.
        raise SegmenterError(f"{path.name} is no segmenter: {error}.") from error


def _hashes(parts):
    return {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}


def _refuse(constant):
    raise ValueError(f"{constant} is no number of JSON")


def _unzip(path):
    """Return the parts of a zip by name, unless they would be far more than the file."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        size = sum(entry.file_size for entry in entries)
        if size > MAX_RATIO * path.stat().st_size:
            raise ValueError(f"it would unpack to {size:,} bytes")
        if not {entry.compress_type for entry in entries} <= METHODS:
            raise ValueError("it is packed in another way")
        parts = {}
        for entry in entries:
            with archive.open(entry) as part:
                # Without a size, all would be unpacked that is there, whatever size it states.
                parts[entry.filename] = part.read(entry.file_size)
        return parts


def _to_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _to_array(content):
    """Return the array of numbers in an .npy file; `np.load` would believe any shape it states."""
    buffer = io.BytesIO(content)
    if np.lib.format.read_magic(buffer) != (1, 0):
        raise ValueError("an array of another version")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(buffer)
    if dtype.kind not in "fiu":
        raise ValueError(f"an array of {dtype}")
    numbers = np.frombuffer(content, dtype, offset=buffer.tell())
    return numbers.reshape(shape, order="F" if by_column else "C")
