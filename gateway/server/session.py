"""A stream as worker threads have it: opened, pulled and closed, one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count

from gateway.model.errors import ErrorReason, Fault
from gateway.ports.interruption import Interruption
from gateway.server.method import Opened, Pause, Reply, Wire
from gateway.server.problem import Problem

_AGAIN, _TIMES = 0.25, 7


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

    @property
    def closed(self) -> bool:
        """Whether it has ended, and nothing is at work for it any more."""
        return self._closed

    def interrupt(self) -> None:
        """Stop the engine that a pull under way waits for. Waits for nothing.

        To be called again until it is closed: an engine that is about to begin can miss it.
        """
        self._interruption.interrupt()

    def close(self) -> None:
        """End the stream, after a pull under way has ended. May be called again."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()

    def end(self) -> None:
        """End the stream here and now: what is at work for it is interrupted until it has ended."""
        for pause in pauses():
            self.interrupt()
            if self._lock.acquire(timeout=pause):
                self._lock.release()
                break
        self.close()


def pauses() -> Iterator[float]:
    """Seconds between two interruptions of the same work: longer each time, for engines that are stuck."""
    return (_AGAIN * 2 ** min(times, _TIMES) for times in count())
