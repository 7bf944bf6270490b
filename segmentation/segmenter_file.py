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
FORMAT = 3

DESCRIPTION = "segmenter.json"

#: Arrays of numbers are packed to a half or a tenth: what unpacks to more is no segmenter.
MAX_RATIO = 20

#: Other methods unpack more than they are asked for.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


#: What a segmenter tells of itself, and its type.
CONTENT = {
    "method": str,
    "encoder": dict | None,
    "gamma": list,
    "segment_of": list,
    "symmetric": list,
    "threshold": float,
    "outliers": float,
    "segments": list,
    "modes": dict | None,
    "schema": list,
    "column_labels": dict,
    "ids": list,
    "customers": int,
}

#: What it tells of each segment.
SEGMENT = {
    "segment": int,
    "share": float,
    "name": str,
    "rule": str,
    "precision": float,
    "recall": float,
    "description": str,
}


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


def check(about, arrays):
    """Raise an error unless all that is looked up for a customer is there, in its shape.

    Parameters
    ----------
    about : dict
    arrays : dict of str to ndarray
        As `read` returns them.

    Raises
    ------
    Exception
        Of the kind that a missing or wrong part leads to.
    """
    wrong = [key for key, kind in CONTENT.items() if not isinstance(about.get(key), kind)]
    wrong += [
        f"{key} of segment {place}"
        for place, part in enumerate(about["segments"], 1)
        for key, kind in SEGMENT.items()
        if not isinstance(part.get(key), kind)
    ]
    if wrong:
        raise TypeError(f"it has no {', '.join(wrong)} of the right kind")
    encoder, modes = about["encoder"], about["modes"] or {}
    n_clusters, n_numbers = arrays["centres"].shape
    n_seen = _n_columns(arrays, "seen") if encoder is None else n_numbers
    segments = {part["segment"] for part in about["segments"]}
    shares = [part["share"] for part in about["segments"]]
    fits = {
        "centres": n_clusters > 1
        and n_numbers == (_n_columns(arrays, "coordinates") if modes else n_seen),
        "modes": len(about["gamma"]) == len(modes)
        and all(len(column) == n_clusters for column in modes.values()),
        "segments": np.isclose(sum(shares), 1) and min(shares) >= 0,
        "segment_of": len(about["segment_of"]) == n_clusters
        and segments.issuperset(about["segment_of"]),
        "tails": len(about["symmetric"]) == n_seen
        and all(_is_tail(arrays, j, about["customers"]) for j in range(n_seen)),
        "encoder": encoder is None or encoder.keys() >= {"model", "model_sha256", "precision"},
        "schema": all(isinstance(column["name"], str) for column in about["schema"]),
        "column_labels": all(isinstance(label, str) for label in about["column_labels"].values()),
    }
    if not all(fits.values()):
        raise ValueError(f"wrong {', '.join(part for part, fit in fits.items() if not fit)}")


def _n_columns(arrays, part):
    return sum(name.startswith(f"{part}/") and name.endswith("/from") for name in arrays)


def _is_tail(arrays, j, n_customers):
    values, counts = arrays[f"tails/{j}/values"], arrays[f"tails/{j}/counts"]
    return values.shape == counts.shape == (len(values),) and counts.sum() == n_customers > 0


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
