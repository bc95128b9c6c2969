"""Long loops that let other threads in: a policy is read while the one before it decides."""

from __future__ import annotations

import atexit
import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_TURN = 0.001

# what was frozen is freed at the end like everything else: extension modules complain of what is not
atexit.register(gc.unfreeze)


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


@contextmanager
def without_collections() -> Iterator[None]:
    """Keep CPython's cycle collector from going through a policy while it is read, and ever after.

    A full collection holds the interpreter for as long as it takes to visit every object: a tenth of a second for
    100,000 rules, in which no decision is taken. A snapshot holds no cycles, so that dropping the last reference frees
    it. `gc.freeze` leaves what exists at the end out of later collections; cycles that other threads have left by then
    and that the young generations do not hold any more stay for ever, which is little for as often as a policy changes.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect(1)
        gc.freeze()
        gc.enable()
