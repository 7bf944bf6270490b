"""Fixtures that several test modules share."""

import os
import shutil
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest

from segmentation import notebook
from segmentation.build import NOTEBOOKS
from segmentation.customers import BANK_MARKETING, SAMPLE, is_bank_marketing, load_customers
from segmentation.notebook import NotApplicable

#: Nothing of what Spark does in tests leaves the machine.
SPARK_HERE = "--conf spark.driver.host=127.0.0.1 --conf spark.ui.enabled=false"


@pytest.fixture(autouse=True)
def _matplotlib_as_before():
    """Put back the style, and close what was drawn: from the twentieth on, matplotlib warns."""
    with matplotlib.rc_context():
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def spark_here(tmp_path_factory):
    """Let Spark run on two cores of this machine, and its workers write to a folder of tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"--master local[2] {SPARK_HERE} pyspark-shell")
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("SPARK_WORKER_DIR", str(tmp_path_factory.mktemp("workers")))
        yield


@pytest.fixture(scope="session")
def bank_marketing():
    """Return the path of the real table, or skip with the reason."""
    path = Path(os.environ.get("BANK_MARKETING_CSV") or BANK_MARKETING)
    if not path.is_file():
        pytest.skip(f"no Bank Marketing table: {path} is not there; BANK_MARKETING_CSV names it")
    if not is_bank_marketing(path):
        pytest.skip(f"{path} is not the published Bank Marketing table")
    return path


def run(path, folder, **parameters):
    """Run the code of a notebook in this process, to where it ends; return its variables."""
    matplotlib.use("agg")
    with pytest.MonkeyPatch.context() as patch:
        # A start of Chrome takes seconds, and no test looks at its pictures.
        patch.setattr(notebook, "chrome_works", False)
        return _run(path, folder, parameters)


def _run(path, folder, parameters):
    variables = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, f"{path.name}[{cell.id}]", "exec"), variables)
        except NotApplicable as reason:
            return variables | {"not_applicable": str(reason)}
        if "parameters" in cell.metadata.get("tags", []):
            assert not parameters.keys() - variables.keys()
            variables |= parameters | {"output": str(folder)}
    return variables


@pytest.fixture(scope="session")
def kmeans(bank_marketing, tmp_path_factory):
    """Variables of kmeans.ipynb, run on the real table with small maps."""
    folder = tmp_path_factory.mktemp("kmeans")
    return run(
        NOTEBOOKS / "kmeans.ipynb",
        folder,
        table=bank_marketing,
        tsne_sample=500,
        tsne_3d_sample=300,
        shap_sample=200,
        n_repeats=2,
        n_samples=1,
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return a folder with a random BERT of 32 dimensions, in sentence-transformers' format."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters)]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    # A large spread, so that different texts get visibly different vectors.
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab={w: i for i, w in enumerate(words)}).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert"), max_seq_length=128), Pooling(32)]
    SentenceTransformer(modules=modules).save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def browser():
    """Return a browser of this machine, or skip with the reason."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """Return a way to open a page, which at the end must have said and asked nothing."""
    opened, said = [], []

    def visit(path, anchor="", width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        opened.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:")) or said.append(request.url),
        )
        tab.goto(path.as_uri() + anchor)
        return tab

    yield visit
    for context in opened:
        context.close()
    assert not said


@pytest.fixture(scope="session")
def synthetic():
    """Return the synthetic customers, loaded."""
    return load_customers(SAMPLE)
