"""Archives from the network: fetched whole, or not at all."""

import io
import zipfile

#: Seconds without an answer after which there is no network to speak of.
TIMEOUT = 15


class DownloadError(RuntimeError):
    """A download broke off or is damaged; nothing of it was kept."""


def fetch(url, name, otherwise):
    """Download a file, with a progress bar.

    Parameters
    ----------
    url : str
    name : str
        What the bar calls it.
    otherwise : str
        What to do without it, as the end of an error's message.

    Returns
    -------
    bytes

    Raises
    ------
    ConnectionError
        If the server is out of reach or has no such file.
    DownloadError
        If it broke off.
    """
    # Imported here: with the file at hand, nothing of this is needed.
    import requests
    from tqdm import tqdm

    try:
        answer = requests.get(url, stream=True, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ConnectionError(f"{url} cannot be reached: {error}") from error
    size = int(answer.headers.get("Content-Length", 0)) or None
    content = bytearray()
    try:
        with answer, tqdm(total=size, unit="B", unit_scale=True, desc=name) as bar:
            for piece in answer.iter_content(2**16):
                content += piece
                bar.update(len(piece))
        if size and len(content) < size:
            raise requests.ConnectionError(f"{len(content)} of {size} bytes")
    except requests.RequestException as error:
        raise DownloadError(
            f"The download from {url} broke off ({type(error).__name__}); nothing was kept. "
            f"Run it again{otherwise}."
        ) from error
    return bytes(content)


def unpack(archive, *names):
    """Return a file of a zip, or of a zip in a zip.

    Parameters
    ----------
    archive : bytes
    *names : str
        What to take out of it, and out of what was taken.

    Returns
    -------
    bytes

    Raises
    ------
    DownloadError
        If it is no zip or has no such file.
    """
    for name in names:
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as packed:
                archive = packed.read(name)
        except (zipfile.BadZipFile, KeyError) as error:
            raise DownloadError(
                f"What was downloaded is damaged ({error}); nothing was kept. Run it again."
            ) from error
    return archive
