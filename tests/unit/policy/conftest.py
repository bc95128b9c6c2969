"""A small good policy folder, and the snapshot that it makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.policy.snapshot import PolicySnapshot, load

GOOD = Path(__file__).parent / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the good folder that a test may change."""
    return Path(shutil.copytree(GOOD, tmp_path / "policies"))


@pytest.fixture(scope="session")
def snapshot() -> PolicySnapshot:
    """The policy of the good folder."""
    return load(GOOD)
