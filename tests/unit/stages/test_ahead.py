"""The next of a stream is made while the one before it is used: in order, one ahead, and nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextvars import ContextVar

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.stages.ahead import ahead

SECONDS = 10.0


class Works:
    """A stream of numbers that tells what was made, and can be held up."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.made: list[int] = []
        self.threads: set[int] = set()
        self.closed = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()
        self.begun = threading.Semaphore(0)
        self._count, self._fails_at = count, fails_at

    def items(self) -> Generator[int, None, None]:
        try:
            for number in range(self._count):
                self.begun.release()
                assert self.may_go.wait(SECONDS)
                self.threads.add(threading.get_ident())
                if number == self._fails_at:
                    raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
                self.made.append(number)
                yield number
        finally:
            self.closed.set()


def test_items_come_in_their_order_from_one_other_thread() -> None:
    works = Works(50)
    assert list(ahead(works.items())) == list(range(50))
    assert len(works.threads) == 1 and threading.get_ident() not in works.threads
    assert works.closed.is_set()


def test_nothing_is_made_before_it_is_asked_for_and_then_one_ahead_and_no_more() -> None:
    works = Works(50)
    stream = ahead(works.items())
    assert not works.begun.acquire(timeout=0.05)
    for taken in range(5):
        assert next(stream) == taken
        for _ in range(2 if taken == 0 else 1):
            assert works.begun.acquire(timeout=SECONDS)
        # the one after it is being made, and the one after that is not
        assert not works.begun.acquire(timeout=0.02)
    stream.close()
    assert works.made == [0, 1, 2, 3, 4, 5] and works.closed.is_set()


def test_a_fault_comes_where_the_item_would_have_come() -> None:
    works = Works(50, fails_at=2)
    stream = ahead(works.items())
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(Fault) as caught:
        next(stream)
    assert caught.value.reason is ErrorReason.SOURCE_UNAVAILABLE
    assert list(stream) == [] and works.closed.is_set()


def test_an_end_waits_for_what_is_being_made_and_closes_the_rest() -> None:
    works = Works(50)
    stream = ahead(works.items())
    next(stream)
    while len(works.made) < 2:
        time.sleep(0.001)
    works.may_go.clear()
    next(stream)
    for _ in range(3):
        assert works.begun.acquire(timeout=SECONDS)
    closing = threading.Thread(target=stream.close)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive() and not works.closed.is_set()
    works.may_go.set()
    closing.join(SECONDS)
    assert not closing.is_alive() and works.closed.is_set()


def test_what_a_call_is_known_by_reaches_who_works_ahead_also_through_two() -> None:
    known: ContextVar[str] = ContextVar("known", default="nobody")

    def items() -> Generator[str, None, None]:
        for _ in range(3):
            yield known.get()

    token = known.set("this call")
    try:
        assert list(ahead(ahead(items()))) == ["this call"] * 3
    finally:
        known.reset(token)
