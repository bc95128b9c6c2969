"""The small good policy, changed as a test needs it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.conftest import GOOD

Changed = Callable[..., PolicySnapshot]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Loads the good policy with lines added to its grants, with texts replaced in its files, and with files added.

    `replace` maps a file to pairs of texts, the first of which must be there.
    """
    made = 0

    def load_changed(
        *lines: str,
        replace: dict[str, list[tuple[str, str]]] | None = None,
        files: dict[str, str] | None = None,
    ) -> PolicySnapshot:
        nonlocal made
        made += 1
        folder = Path(shutil.copytree(GOOD, tmp_path / f"policies-{made}"))
        for name, pairs in (replace or {}).items():
            text = (folder / name).read_text("utf-8")
            for old, new in pairs:
                assert old in text, f"{name} does not say {old!r}"
                text = text.replace(old, new)
            (folder / name).write_text(text, "utf-8")
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        with (folder / "grants.csv").open("a", encoding="utf-8") as grants:
            grants.writelines(f"{line}\n" for line in lines)
        return load(folder)

    return load_changed
