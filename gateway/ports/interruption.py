"""How the end of a call reaches an engine that is at work for it.

A call is worked on by threads that wait for an engine. Once nobody waits for the call (cancelled, past its deadline,
its connection gone, its stream not read), the edge interrupts it; whatever works for it then and said how to be
stopped is stopped at once, from another thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from gateway.model.errors import ErrorReason, Fault, Interrupted


class Interruption:
    """The end of one call, before its work is done. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: dict[object, Callable[[], object]] = {}
        self._over = False

    @property
    def over(self) -> bool:
        """Whether nobody waits any more."""
        return self._over

    def interrupt(self) -> None:
        """Stop what is at work, and all that would begin. May be called again."""
        with self._lock:
            self._over = True
            for stop in self._stops.values():
                # one that fails leaves the others, and is called again
                with suppress(Exception):
                    stop()

    @contextmanager
    def governing(self) -> Iterator[None]:
        """What is done inside, in this thread, is done for this call."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    @contextmanager
    def _reaching(self, stop: Callable[[], object]) -> Iterator[None]:
        mine = object()
        with self._lock:
            if self._over:
                raise Interrupted
            self._stops[mine] = stop
        try:
            yield
        finally:
            # once this is through, `stop` is called no more: what it stops may be freed
            with self._lock:
                del self._stops[mine]


_CURRENT: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


@contextmanager
def interruptible(stop: Callable[[], object]) -> Iterator[None]:
    """Have `stop` called from another thread, quickly and without waiting, if the call is over before this is.

    Raises:
        Interrupted: the call is over already.
    """
    mine = _CURRENT.get()
    if mine is None:
        yield
        return
    with mine._reaching(stop):
        yield


def is_over() -> bool:
    """Whether nobody waits any more for the call that is worked on here."""
    mine = _CURRENT.get()
    return mine is not None and mine.over


def failure(reason: ErrorReason) -> Fault:
    """Return the fault of work that failed: that it was interrupted, if it was."""
    return Interrupted() if is_over() else Fault(reason)
