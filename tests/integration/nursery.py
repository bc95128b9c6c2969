"""Gateways that start at once: forked from a process that has loaded the product and done nothing with it.

Loading takes most of a start. What is forked serves as `gateway serve` does, with state, keys, threads and sockets of
its own, and dies of signals as any process. Two things are shared with its siblings: the modules, and the seed that
Python hashes texts with; who tests what differs from process to process starts a fresh one.

As a program it reads requests from standard input, one JSON array a line, and answers each with a line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[2]


class Running(Protocol):
    """A process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Nursery:
    """The process that forks gateways. It starts when the first is asked for."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def serve(self, config: Path, log: Path) -> Running:
        """Fork a gateway with these settings, whose standard streams go on in the log."""
        return Forked(int(self.ask("serve", str(config), str(log), dict(os.environ))), self)

    def ask(self, *request: object) -> Any:
        """Send a request and return its answer."""
        with self._turn:
            if self._process is None:
                command, pipe = [sys.executable, "-m", "tests.integration.nursery"], subprocess.PIPE
                self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, encoding="utf-8")
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it; what it forked and nobody ended is killed."""
        if self._process is not None:
            self._process.communicate(timeout=30)


@dataclass
class Forked:
    """A gateway of a nursery."""

    pid: int
    nursery: Nursery
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code, minus the signal's number where that ended it; None while it runs."""
        if self.code is None:
            self.code = self.nursery.ask("poll", self.pid)
        return self.code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("gateway serve", timeout or 0.0)
            time.sleep(0.01)
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal; nothing where it has ended: its number may be another's by then."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


_in_use: list[Nursery] = []


def nursery() -> Nursery | None:
    """The nursery that is in use, if one is."""
    return _in_use[-1] if _in_use else None


@contextmanager
def in_use() -> Iterator[None]:
    """Have sites start their gateways from a nursery."""
    made = Nursery()
    _in_use.append(made)
    try:
        yield
    finally:
        _in_use.remove(made)
        made.close()


def _serve(config: str, log: str, environment: dict[str, str]) -> int:
    """Fork a gateway; return its number. The child never comes back from here."""
    if number := os.fork():
        return number
    code = 1
    try:
        with open(os.devnull, "rb") as nothing, open(log, "ab") as streams:
            for ours, theirs in ((0, nothing), (1, streams), (2, streams)):
                os.dup2(theirs.fileno(), ours)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["gateway", "serve", "--config", config]
        from gateway.__main__ import main as command

        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Answer until standard input ends."""
    for name in ("gateway.cli.app", "gateway.cli.serve", "gateway.cli.serving"):
        importlib.import_module(name)
    gc.freeze()  # so that a child's collections do not copy what it shares
    alive: set[int] = set()
    for line in sys.stdin:
        answer: int | None = None
        match json.loads(line):
            case ["serve", config, log, environment]:
                answer = _serve(config, log, environment)
                alive.add(answer)
            case ["poll", pid]:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    alive.discard(pid)
                    answer = os.waitstatus_to_exitcode(status)
        print(json.dumps(answer), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
