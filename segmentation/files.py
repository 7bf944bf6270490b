"""Files: written whole or not at all, and known by their SHA-256."""

import hashlib
import os
import secrets
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path):
    """Write a file beside its place and rename it, so that it is whole or as it was.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Path
        To write; its name is new, so that two writers at once do not meet. Whatever ends the
        block early leaves `path` as it was and no file beside it.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text as UTF-8, whole or not at all."""
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def check_output(path, is_own, inputs=()):
    """Refuse an output that would destroy an input or a file of somebody else, or has no folder.

    Parameters
    ----------
    path : Path
    is_own : callable
        Takes the path of a file that is there, and says whether it is an earlier output.
    inputs : sequence of Path, optional

    Raises
    ------
    FileExistsError
        If the file at `path` is an input or is not an earlier output.
    NotADirectoryError
        If there is no folder for it.
    """
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent} is no folder that is there. Make it first.")
    if not path.exists():
        return
    if any(path.samefile(some) for some in inputs if some.exists()):
        raise FileExistsError(f"{path} is an input. Name another output.")
    if not path.is_file() or not is_own(path):
        raise FileExistsError(
            f"{path} is there and is no earlier output of this command, so it is not overwritten. "
            "Name another output, or move it."
        )


def sha256(path):
    """Return the SHA-256 of a file as hexadecimal digits; the file is read piece by piece."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_folder(folder):
    """Return the SHA-256 of an output of Spark: of its part files' names and SHA-256s."""
    return hash_parts((path.name, sha256(path)) for path in Path(folder).glob("part-*"))


def hash_parts(parts):
    """Return the SHA-256 of pairs of names and SHA-256s, in the order of the names."""
    lines = "".join(f"{digest} {name}\n" for name, digest in sorted(parts))
    return hashlib.sha256(lines.encode()).hexdigest()
