"""`make lab`: run by hand in JupyterLab, a notebook gives what it gives under `make`."""

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import nbformat
import pytest
import requests
import websocket
from jupyter_client.session import Session
from nbformat.v4 import new_code_cell, output_from_msg
from test_notebooks import OWN, PATHS, SMALL

from segmentation import build
from segmentation.customers import SAMPLE
from segmentation.transactions import synthetic

pytestmark = pytest.mark.slow

#: The one that runs whole; of the others, which take long, this many cells run after the one that
#: finds the table.
WHOLE, MORE = "kmeans", 1
#: The cell up to which one runs that draws its own tables.
WITHOUT_TABLE = 6

#: Where a kernel is, and what it is told; then small parameters, and no start of Chrome.
ASK = """import json, os, sys
told = {name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "KMP_BLOCKTIME")}
print(json.dumps([os.getcwd(), os.path.abspath(output), sys.prefix, told]))
import segmentation.notebook
segmentation.notebook.chrome_works = False
"""

#: Of what cells show, what is another in every run: seconds, names of styled tables, addresses.
CHANCE = re.compile(r"\d+(\.\d+)? ?(s|ms|seconds)\b|T_[0-9a-f]{5}|0x[0-9a-f]+")


def shortened(path, output):
    """Return a notebook with the code cells to run, and one for small parameters."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if path.stem != WHOLE:
        finds = [i + MORE for i, cell in enumerate(cells) if "= find_" in cell.source]
        cells = cells[: (finds or [WITHOUT_TABLE])[0] + 1]
    tagged = [i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])]
    known = cells[tagged[0]].source
    small = SMALL | OWN.get(path.stem, {})
    small |= {"embedding": str(output / f"{path.stem}.parquet"), "output": str(output)}
    small = [f"{name} = {value!r}" for name, value in small.items() if name in known]
    cells.insert(tagged[0] + 1, new_code_cell(ASK + "\n".join(small)))
    cells.append(new_code_cell('print("found:", globals().get("path"))'))
    return nbformat.from_dict(notebook | {"cells": [notebook.cells[0], *cells]})


def shown(notebook):
    """Return what the kernel said of itself, and what the other cells show but for times."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    data = [output["data"] for output in outputs if "data" in output]
    # Of a progress bar, how often it is drawn is chance.
    said, *texts = [line for line in re.split("[\r\n]+", printed) if line and "%|" not in line]
    return json.loads(said), CHANCE.sub("", json.dumps([texts, data], indent=1, sort_keys=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a small table, orders, and a kernel of another installation."""
    folder = tmp_path_factory.mktemp("lab")
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "own.csv").write_text("".join(lines[:400]), encoding="utf-8")
    synthetic.draw_orders(300).to_csv(folder / "orders.csv", index=False)
    spec = {"argv": ["false"], "display_name": "another", "language": "python"}
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def variables(folder):
    """Return the variables of whoever calls make; the table's path is seen from the root."""
    table = os.path.relpath(folder / "own.csv", build.ROOT)
    orders = str(folder / "orders.csv")
    return {"CUSTOMERS": table, "CDNOW": orders, "JUPYTER_PATH": str(folder)}


@pytest.fixture(scope="module")
def made(folder, variables):
    """Return the notebooks as `make all` leaves them, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(build.ROOT)
        for name, value in (build.PASSIVE | variables).items():
            patch.setenv(name, value)
        for path in PATHS:
            copy = folder / path.relative_to(build.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(shortened(path, folder / "made"), copy)
        patch.setattr(build, "NOTEBOOKS", folder / "notebooks")
        patch.setattr(build, "BUILD", folder / "build")
        assert build.main(["--further"]) == 0
    return {path.stem: nbformat.read(path, 4) for path in (folder / "build").glob("*.ipynb")}


@pytest.fixture(scope="module")
def by_hand(folder, variables):
    """Return the notebooks as they are after a run in the JupyterLab of `make lab`, by name."""
    config = {"open_browser": False, "allow_root": True, "ip": "127.0.0.1", "port": 0}
    (folder / "jupyter_server_config.json").write_text(
        json.dumps({"ServerApp": config}), encoding="utf-8"
    )
    own = {"JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    rest = {name: value for name, value in os.environ.items() if name not in build.PASSIVE}
    with subprocess.Popen(
        [sys.executable, "-m", "segmentation.build", "--lab"],
        cwd=build.ROOT,
        env=rest | variables | own,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            lab = _Lab(server, folder / "runtime")
            with ThreadPoolExecutor(build.AT_ONCE) as pool:
                ran = pool.map(lambda path: lab.run(path, folder / "by_hand"), PATHS)
                return dict(zip([path.stem for path in PATHS], ran, strict=True))
        finally:
            server.terminate()


class _Lab:
    """A JupyterLab that was started, asked as a browser asks it."""

    def __init__(self, server, runtime):
        described = runtime / f"jpserver-{server.pid}.json"
        for _ in range(1200):
            # It says where it is before it hears anyone.
            with suppress(OSError, ValueError):
                known = json.loads(described.read_text(encoding="utf-8"))
                self.api = f"{known['url']}api"
                self.headers = {"Authorization": f"token {known['token']}"}
                requests.get(self.api, headers=self.headers).raise_for_status()
                return
            assert server.poll() is None
            time.sleep(0.1)
        raise TimeoutError("JupyterLab does not start")

    def run(self, path, output):
        """Open a notebook and run its cells; return it with their outputs."""
        place = path.relative_to(build.ROOT).as_posix()
        asked = {"path": place, "type": "notebook", "name": "", "kernel": {"name": "python3"}}
        session = requests.post(f"{self.api}/sessions", json=asked, headers=self.headers).json()
        channels = f"{self.api}/kernels/{session['kernel']['id']}/channels"
        kernel = websocket.create_connection(
            channels.replace("http", "ws", 1), header=self.headers, timeout=600
        )
        try:
            return _run_cells(kernel, shortened(path, output))
        finally:
            kernel.close()
            requests.delete(f"{self.api}/sessions/{session['id']}", headers=self.headers)


def _run_cells(kernel, notebook):
    displays = {}
    for cell in notebook.cells[1:]:
        cell.outputs = []
        for message in _execute(kernel, cell.source):
            content = message["content"]
            name = content.get("transient", {}).get("display_id")
            if message["msg_type"] == "update_display_data":
                displays[name].data = nbformat.from_dict(content["data"])
            elif message["msg_type"] in ("stream", "display_data", "execute_result"):
                cell.outputs.append(output_from_msg(message))
                displays[name] = cell.outputs[-1]
            elif message["msg_type"] == "error":
                # The end of a notebook that is not for this table.
                assert content["ename"] == "NotApplicable", content
                return notebook
    return notebook


def _execute(kernel, code):
    """Yield what a kernel says of some code, until it is idle again."""
    request = Session().msg("execute_request", {"code": code, "silent": False})
    kernel.send(json.dumps(request | {"channel": "shell"}, default=str))
    while True:
        message = json.loads(kernel.recv())
        if message["parent_header"].get("msg_id") != request["msg_id"]:
            continue
        yield message
        if message["content"].get("execution_state") == "idle":
            return


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_gives_the_same_by_hand_as_under_make(path, made, by_hand, folder):
    (_, _, *kernel), under_make = shown(made[path.stem])
    there, by_hand = shown(by_hand[path.stem])
    assert there == [str(path.parent), str(build.BUILD), sys.prefix, build.PASSIVE]
    assert kernel == there[2:]
    assert by_hand == under_make
    source = path.read_text(encoding="utf-8")
    # Without Spark, a notebook that needs it ends before it looks for its table.
    if "= find_" in source and "spark.find_problem" not in source:
        assert f"found: {folder}" in by_hand
