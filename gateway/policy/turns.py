"""Long loops that let other threads in: a policy is read while the one before it decides."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_TURN = 0.001


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and let go of the interpreter every millisecond.

    A thread that wants the interpreter gets it after CPython's switch interval, 5 ms, or as soon as the one that has
    it lets go. A decision takes far less, so a loader that never let go would make decisions many times as slow.
    """
    end = time.monotonic() + _TURN
    for item in items:
        yield item
        if time.monotonic() >= end:
            # long enough for another thread to wake up: yielding the processor alone would come back before it does
            time.sleep(0)
            end = time.monotonic() + _TURN
