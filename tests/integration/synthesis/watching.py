"""Watching the processes that make synthetic extracts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def workers(folder: Path) -> list[int]:
    """The processes that work in a folder below this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{folder}/.synthesis-".encode() in command:
            found.append(int(process.name))
    return found


def until(holds: Callable[[], bool], seconds: float = 15) -> bool:
    """Wait until it holds, and return whether it does."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()
