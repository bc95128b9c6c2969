"""The locks are in step with pyproject.toml, and the check for it sees each way to fall out of step."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from requirements.check import faults, read_lock

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("lock.txt", "server.txt", "build.txt")


@pytest.fixture
def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture
def locks() -> dict[str, str]:
    return {name: (ROOT / "requirements" / name).read_text(encoding="utf-8") for name in NAMES}


def test_the_locks_are_in_step() -> None:
    done = subprocess.run(
        [sys.executable, "requirements/check.py"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_locks_name_no_place(locks: dict[str, str]) -> None:
    for text in locks.values():
        assert not re.search(r"://|--index|--find-links|file:|^/|\s/", text)


def _block(text: str, name: str) -> str:
    match = re.search(rf"^{name}==(?:.*\\\n)*.*\n", text, re.MULTILINE)
    assert match is not None
    return match[0]


SPOILS: dict[str, tuple[Callable[[str], str], str]] = {
    "dropped": (
        lambda text: text.replace(_block(text, "sqlglot"), ""),
        "nothing pinned meets sqlglot==30.30.0",
    ),
    "older": (
        lambda text: re.sub(r"\ngrpcio==\S+", "\ngrpcio==1.60.0", text),
        "nothing pinned meets grpcio>=",
    ),
    "dependency lost": (lambda text: text.replace(_block(text, "mako"), ""), "mako is needed but not pinned"),
    "superfluous": (
        lambda text: text + "leftpad==1.0 --hash=sha256:00\n",
        "leftpad is pinned but nothing needs it",
    ),
    "unhashed": (lambda text: text + "leftpad==1.0\n", "leftpad has no hash"),
    "not exact": (lambda text: text + "leftpad>=1.0\n", "not an exact pin: leftpad"),
    "an option": (lambda text: "--pre\n" + text, "an option in a lock: --pre"),
    "banned": (lambda text: text + "casbin==1.43.0 --hash=sha256:00\n", "casbin must not be installed"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_lock_out_of_step_is_named(pyproject: str, locks: dict[str, str], spoil: str) -> None:
    change, fault = SPOILS[spoil]
    assert faults(pyproject, locks) == []
    locks["lock.txt"] = change(locks["lock.txt"])
    assert any(found.startswith(f"lock.txt: {fault}") for found in faults(pyproject, locks))


def test_a_requirement_added_without_a_lock_is_named(pyproject: str, locks: dict[str, str]) -> None:
    changed = pyproject.replace('  "structlog>=', '  "leftpad>=1",\n  "structlog>=')
    found = faults(changed, locks)
    assert any(fault.startswith("server.txt: nothing pinned meets leftpad>=1") for fault in found)


def test_the_image_installs_what_was_tested(pyproject: str, locks: dict[str, str]) -> None:
    locks["server.txt"] = re.sub(r"\nduckdb==\S+", "\nduckdb==2.0.1", locks["server.txt"])
    assert "server.txt: duckdb 2.0.1 is not in lock.txt" in faults(pyproject, locks)


def test_one_distribution_of_casbin(locks: dict[str, str]) -> None:
    for name in ("lock.txt", "server.txt"):
        names = {pin.name for pin in read_lock(locks[name])}
        assert "pycasbin" in names and "casbin" not in names
