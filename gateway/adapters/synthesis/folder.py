"""The folder of synthetic extracts: files of rows, and the reports that lie beside them."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gateway.adapters.synthesis.disk import UNFINISHED
from gateway.model.synthesis import JobOrder, QualityReport


class ExtractFolder:
    """A `SyntheticFiles`. The folder is made where it is missing, for its owner alone.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path

    def rows(self, order: JobOrder) -> BinaryIO | None:
        """Open a file of rows, or return None if it is not there."""
        try:
            return (self.path / f"{order.id}.{order.format.value}").open("rb")
        except OSError:
            return None

    def report(self, order: JobOrder) -> QualityReport | None:
        """Read the report on a file, or return None if it is not there, or is none."""
        try:
            told = json.loads((self.path / f"{order.id}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def remove(self, order: JobOrder) -> None:
        """Remove a file and its report, if they are there."""
        for suffix in (order.format.value, "json"):
            with suppress(OSError):
                (self.path / f"{order.id}.{suffix}").unlink()

    def clear(self, older_than: float) -> None:
        """Remove what jobs left behind whose processes were killed: folders of work older than so many seconds."""
        for left in self.path.glob(f"{UNFINISHED}*"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > older_than:
                    shutil.rmtree(left, ignore_errors=True)
