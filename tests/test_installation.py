"""What is installed: the pins, and wheels for every Python that is promised."""

import json
import re
import subprocess
import sys

import pytest

from segmentation.build import ROOT


def pins(name):
    """Return the lines of a list of requirements that pin a package."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(r"^[\w.-]+==[^\s;]+", text, re.MULTILINE)


@pytest.fixture(scope="module")
def pip():
    """Return a function that runs pip, or skip where it finds no packages."""

    def run(*arguments):
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    if run("index", "versions", "setuptools", "--retries", "0", "--timeout", "20").returncode:
        pytest.skip("no package index can be reached")
    return run


@pytest.mark.slow
def test_every_pin_has_a_wheel_for_python_3_14(pip, tmp_path):
    # Not those of Spark: it has no wheels for any Python, and is Python and Java alone.
    wanted = pins("requirements.txt")
    other = ["--python-version", "3.14", "--only-binary", ":all:", "--target", str(tmp_path)]
    report = tmp_path / "report.json"
    found = pip("install", "--dry-run", "--ignore-installed", *other, "--report", report, *wanted)
    assert found.returncode == 0, found.stderr
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    assert len(found) >= len(wanted)
