"""What is installed: pins, the lock, and wheels for every system and Python that is promised."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

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


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_others_get_what_is_pinned_here_or_later():
    wanted = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    named = [line.split(">=") for line in wanted]
    assert sorted((canonicalize_name(package), version) for package, version in named) == sorted(
        (PINS | SPARK).items()
    )


WITHOUT_EXTRAS = """
import sys

class Refusal:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refusal)
from segmentation import __main__, evaluation, figures, kprototypes, segmenter, tsne
assert __main__.parse_args(["score", "--segmenter", "a", "--input", "b"])
"""


def test_extras_are_not_needed_to_score_and_compute():
    of_extras = {
        canonicalize_name(line.split(">=")[0]) for some in EXTRAS.values() for line in some
    }
    modules = [
        module
        for module, packages in packages_distributions().items()
        if of_extras & {canonicalize_name(package) for package in packages}
    ]
    assert {"torch", "IPython", "lightgbm"} <= set(modules)
    code = WITHOUT_EXTRAS.format(modules=modules)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


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
