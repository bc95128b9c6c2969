"""The tutorial is true: every command in it runs, in order, and does what the text says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TUTORIAL = ROOT / "docs" / "tutorial" / "your-own-file.md"
_END = "kill %1; wait %1 || true"

pytestmark = pytest.mark.timeout(600)  # it plays the whole demo first, on a machine that may be busy


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What all commands printed, run as one script in a folder of their own."""
    folder = tmp_path_factory.mktemp("tutorial")
    commands = folder / "bin"
    commands.mkdir()
    for name, words in (("gateway", [sys.executable, "-m", "gateway"]), ("python", [sys.executable])):
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        command.chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    script = "\n".join(["set -eu", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT", *blocks("sh"), _END])
    done = subprocess.run(
        [bash, "-c", f"set -m\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


def test_the_draft_is_found_as_told(played: tuple[Path, str]) -> None:
    _, said = played
    for line in "".join(blocks("text")).splitlines():
        assert line.strip() == "…" or line in said
    assert "not finished, as it should be" in said


def test_the_calls_answer_as_told(played: tuple[Path, str]) -> None:
    _, said = played
    assert "104662 rows with ['tailnum', 'origin', 'dep_delay', 'time_hour']" in said
    assert re.search(r"^\[\{'origin': '...', 'count': \d+", said, re.MULTILINE)
    assert re.search(r"^refused: ", said, re.MULTILINE)


def test_nothing_else_is_left_running_or_lying_about(played: tuple[Path, str]) -> None:
    folder, _ = played
    assert {path.name for path in folder.iterdir()} == {"bin", "trial"}
    assert not list(folder.rglob("*.new"))
