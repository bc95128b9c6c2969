"""A stream as worker threads have it: opened, pulled and closed, one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gateway.model.errors import ErrorReason, Fault
from gateway.ports.interruption import Interruption
from gateway.server.method import Opened, Pause, Reply, Wire
from gateway.server.problem import Problem


class Session:
    """The synchronous side of one stream: opened, pulled and closed by worker threads, one at a time."""

    def __init__(self, opening: Callable[[], Reply | Opened | Problem]) -> None:
        self._opening = opening
        self._interruption = Interruption()
        self._lock = threading.Lock()
        self._closed = False
        self._opened: Opened | None = None

    def open(self) -> Problem | None:
        """Open the stream; return the problem if there is none to be had."""
        with self._lock, self._interruption.governing():
            if self._closed or self._interruption.over:
                return None
            outcome = self._opening()
            if isinstance(outcome, Problem):
                return outcome
            if not isinstance(outcome, Opened):
                raise Fault(ErrorReason.INTERNAL)
            self._opened = outcome
            return None

    def pull(self) -> Wire | Pause | None:
        """Return the next message, or None after the last."""
        with self._lock, self._interruption.governing():
            if self._closed or self._opened is None:
                return None
            return next(self._opened.messages, None)

    def interrupt(self) -> None:
        """Stop the engine that a pull under way waits for. Waits for nothing, and may be called again."""
        self._interruption.interrupt()

    def close(self) -> None:
        """End the stream, after a pull under way has ended. May be called again."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()
