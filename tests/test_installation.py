"""What is installed: pins, the lock, and wheels for every system and Python that is promised."""

import os
import re
import subprocess
import sys

import pytest
from packaging.utils import canonicalize_name

from segmentation.build import ROOT


def pins(name):
    """Return the version of each package that a list of requirements pins."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(package): version for package, version in pinned}


PINS, SPARK, LOCK = map(pins, ["requirements.txt", "requirements-spark.txt", "requirements.lock"])


def test_the_lock_is_of_these_pins():
    assert PINS
    assert (PINS | SPARK).items() <= LOCK.items(), "run: make lock"


@pytest.mark.slow
@pytest.mark.parametrize("system", ["linux", "windows", "aarch64-apple-darwin"])
@pytest.mark.parametrize("python", ["3.11", "3.14"])
def test_everything_has_a_wheel(python, system):
    # But Spark, which has none anywhere: it is Python and Java.
    wanted = "\n".join(f"{package}=={version}" for package, version in PINS.items())
    options = ["--only-binary", ":all:", "--python-version", python, "--python-platform", system]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", *options]
    found = subprocess.run(
        [*command, "--constraints", ROOT / "requirements.lock", "-"],
        input=wanted,
        capture_output=True,
        text=True,
        # The first that PyTorch supports.
        env=os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"},
    )
    # 1 is what cannot be resolved.
    if found.returncode == 2 and "connect" in found.stderr.lower():
        pytest.skip(f"no package index can be reached: {found.stderr.splitlines()[-1].strip()}")
    assert found.returncode == 0, found.stderr
