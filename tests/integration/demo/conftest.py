"""One demo, played once, and its folder served again for the documentation's examples."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = 400
FOLDER = ".demo"


@dataclass(frozen=True)
class Played:
    """What a demo printed, and the working directory it was started in; its folder is `.demo` there."""

    base: Path
    code: int
    output: str
    errors: str

    @property
    def folder(self) -> Path:
        """The folder the demo made."""
        return self.base / FOLDER


@dataclass(frozen=True)
class Kept:
    """The demo's gateway, running again as the demo said how."""

    base: Path
    address: str
    process: subprocess.Popen[bytes]

    def wait_for(self, words: str) -> None:
        """Wait until the gateway's log says so."""
        for _ in range(600):
            if words in (self.base / "kept.log").read_text(encoding="utf-8"):
                return
            assert self.process.poll() is None, "the gateway ended"
            time.sleep(0.1)
        raise AssertionError(f"the gateway never said: {words}")


def command(folder: Path, *more: str) -> list[str]:
    """The command of a small demo in a folder."""
    small = ["--people", str(PEOPLE), "--folder", str(folder), "--port", "0"]
    return [sys.executable, "-m", "gateway", "demo", *small, *more]


def environment() -> dict[str, str]:
    """The environment of a user who stands in any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A demo that ran to its end."""
    base = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        command(Path(FOLDER), "--json"),
        cwd=base,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    return Played(base, done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def kept(played: Played) -> Iterator[Kept]:
    """The gateway of the demo's folder, started by the very command that the demo printed."""
    serve = re.search(r"^  (\S.* serve --config \S+)$", played.output, re.MULTILINE)
    listen = re.search(r"on (127\.0\.0\.1:\d+) with mTLS", played.output)
    assert serve is not None and listen is not None, played.errors
    with (played.base / "kept.log").open("wb") as log:
        process = subprocess.Popen(shlex.split(serve[1]), cwd=played.base, env=environment(), stderr=log)
    try:
        running = Kept(played.base, listen[1], process)
        running.wait_for('"event": "serving"')
        asked = [sys.executable, "-m", "gateway", "health", "--config", f"{FOLDER}/gateway.toml"]
        health = subprocess.run(asked, cwd=played.base, env=environment(), timeout=60, check=False)
        assert health.returncode == 0
        yield running
    finally:
        process.terminate()
        process.wait(30)
