"""Fixtures that several test modules share."""

import os
from pathlib import Path

import pytest

from segmentation.customers import BANK_MARKETING, is_bank_marketing


@pytest.fixture(scope="session")
def bank_marketing():
    """Return the path of the real table, or skip with the reason."""
    path = Path(os.environ.get("BANK_MARKETING_CSV") or BANK_MARKETING)
    if not path.is_file():
        pytest.skip(f"no Bank Marketing table: neither {BANK_MARKETING} nor BANK_MARKETING_CSV")
    if not is_bank_marketing(path):
        pytest.skip(f"{path} is not the published Bank Marketing table")
    return path
