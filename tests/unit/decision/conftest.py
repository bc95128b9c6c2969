"""The small good policy of the policy's own tests, with single edits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.conftest import GOOD, folder, snapshot

__all__ = ["Edits", "edited", "folder", "snapshot"]

Edits = Callable[..., PolicySnapshot]
"""Takes (file, old, new) triples and returns the policy with these edits."""


@pytest.fixture
def edited(tmp_path: Path) -> Edits:
    """Return the good policy with edits: `edited(("grants.csv", "old", "new"), ...)`."""
    made = 0

    def edit(*edits: tuple[str, str, str]) -> PolicySnapshot:
        nonlocal made
        made += 1
        copy = Path(shutil.copytree(GOOD, tmp_path / f"policies-{made}"))
        for file, old, new in edits:
            path = copy / file
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            assert old in text, f"{old!r} is not in {file}"
            path.write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")
        return load(copy)

    return edit
