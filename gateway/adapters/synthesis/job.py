"""One synthetic extract as a job: a process with limits, progress while it runs, and files only when it is done."""

from __future__ import annotations

import math
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from gateway.adapters.synthesis import worker
from gateway.adapters.synthesis.disk import UNFINISHED, is_full, taken
from gateway.adapters.synthesis.order_files import write_order
from gateway.synthesis.order import Extract, ExtractFailed, Failure, Limits, Order, Progress, Step


class Job:
    """Makes `folder/name.parquet` (or `.csv`) and `folder/name.json`, whole or not at all.

    Both are written beside their place and moved there when both are done, the report first. `tell` is called in the
    thread of `run`.

    Raises:
        ValueError: the name is not that of a file in the folder.
    """

    def __init__(
        self,
        order: Order,
        folder: Path,
        name: str,
        limits: Limits,
        tell: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        if not name or Path(name).name != name:
            raise ValueError("the name of an extract is that of a file")
        self._order, self._folder, self._name = order, folder, name
        self._limits, self._tell = limits, tell
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Have `run` end within a moment, in whatever thread it is. A job that is done stays done."""
        self._cancelled.set()

    def run(self) -> Extract:
        """Make the extract; returns when it is there.

        Raises:
            ExtractFailed: it was cancelled, went beyond a limit, or failed.
        """
        deadline = time.monotonic() + self._limits.seconds
        try:
            own = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self._folder))
        except OSError as error:
            raise _failed(error) from error
        try:
            # its own folder is there by now, so that of two that begin at one time each counts the other
            if taken(self._folder, self._limits.disk) > self._limits.folder:
                raise ExtractFailed(Failure.OUT_OF_DISK)
            write_order(self._order, own)
            self._work(own, deadline)
            return self._publish(own)
        except OSError as error:
            raise _failed(error) from error
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _work(self, own: Path, deadline: float) -> None:
        command = [sys.executable, "-P", "-m", worker.__name__, str(own)]
        command += [str(self._limits.memory), str(math.ceil(self._limits.seconds)), str(self._limits.disk)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=0,
            # a group of its own, so that what it might start ends with it, and no signal to the gateway's reaches it
            start_new_session=True,
        ) as process:
            try:
                self._attend(process.stdout, deadline)
                code = process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired as error:
                raise ExtractFailed(Failure.OUT_OF_TIME) from error
            finally:
                # it leads its group, and is waited for below: until then its id is nobody else's
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if code != worker.DONE:
            raise ExtractFailed(_FAILURES.get(code, Failure.BROKEN))

    def _attend(self, output: IO[bytes] | None, deadline: float) -> None:
        """Pass progress on until the worker closes its output."""
        if output is None:
            return
        heard = b""
        with selectors.DefaultSelector() as ready:
            ready.register(output, selectors.EVENT_READ)
            while True:
                if self._cancelled.is_set():
                    raise ExtractFailed(Failure.CANCELLED)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ExtractFailed(Failure.OUT_OF_TIME)
                if not ready.select(min(left, _GLANCE)):
                    continue
                piece = os.read(output.fileno(), 4096)
                if not piece:
                    return
                *lines, heard = (heard + piece).split(b"\n")
                for line in lines:
                    self._tell(_progress(line))

    def _publish(self, own: Path) -> Extract:
        if self._cancelled.is_set():
            raise ExtractFailed(Failure.CANCELLED)
        extract = Extract(
            self._folder / f"{self._name}.{self._order.format.value}",
            self._folder / f"{self._name}.json",
        )
        for made, place in ((worker.REPORT, extract.report), (worker.ROWS, extract.rows)):
            with (own / made).open("rb") as file:
                os.fsync(file.fileno())
            (own / made).replace(place)
        return extract


_GLANCE = 0.1  # seconds between looks at whether the job was cancelled

_FAILURES = {
    worker.OUT_OF_MEMORY: Failure.OUT_OF_MEMORY,
    worker.OUT_OF_DISK: Failure.OUT_OF_DISK,
    -signal.SIGXCPU: Failure.OUT_OF_TIME,
}


def _failed(error: OSError) -> ExtractFailed:
    return ExtractFailed(Failure.OUT_OF_DISK if is_full(error) else Failure.BROKEN)


def _progress(line: bytes) -> Progress:
    try:
        step, done, of = line.decode("ascii").split()
        return Progress(Step(step), int(done), int(of))
    except ValueError as error:
        raise ExtractFailed(Failure.BROKEN) from error


def _environment() -> dict[str, str]:
    """What the worker needs to find its libraries, and no setting or secret of the gateway's."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL") if name in os.environ}
    # one thread that computes, and no memory set aside for others: it would count against the limit
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
    }
