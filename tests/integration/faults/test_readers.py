"""Readers who stop reading, or go: the source is held back meanwhile, and let go of in time, whatever kind it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest

from gateway.model.record import Outcome
from tests.integration.faults.sources import KINDS, ROWS, SOON, STALL, Caller, Sources, part
from tests.integration.grpc.edge import until

CAPPED = ("CAP_EXCEEDED", grpc.StatusCode.RESOURCE_EXHAUSTED)
LATE = ("DEADLINE_EXCEEDED", grpc.StatusCode.DEADLINE_EXCEEDED)


@pytest.fixture
def said(sources: Sources) -> Iterator[list[int]]:
    """A service that never ends, and how many messages it has said."""
    numbers: list[int] = []

    def endless(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while context.is_active():
            numbers.append(len(numbers))
            yield part(len(numbers) % 100)

    sources.office.answers["ListCodes"] = endless
    yield numbers
    sources.mend("service")


def rests(said: list[int]) -> bool:
    """Whether the service says nothing more: for a fifth of the time after which a reader is cut off."""
    before = len(said)
    time.sleep(STALL / 5)
    return len(said) == before


def is_free(sources: Sources, kind: str, caller: Caller) -> None:
    assert until(lambda: sources.held(kind) == 0, SOON), sources.held(kind)
    assert caller.reads("parquet" if kind == "csv" else "csv", "nowhere").whole() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_who_stops_reading_holds_the_source_back_and_is_cut_off(sources: Sources, kind: str, said: list[int]) -> None:
    with sources.caller() as caller:
        reading = caller.reads(kind)
        assert reading.take()
        assert until(lambda: rests(said), 20 * STALL), "what nobody reads is not asked for"
        assert until(lambda: sources.ended(Outcome.ABORTED, "") and sources.held(kind) == 0, 20 * STALL)
        assert len(said) < 2500, "of a service that never ends: what is on its way, and no more"
        assert reading.fails() == CAPPED and reading.rows < ROWS
        is_free(sources, kind, caller)


@pytest.mark.parametrize("kind", KINDS)
def test_who_goes_is_let_go_of(sources: Sources, kind: str, said: list[int]) -> None:
    with sources.caller() as caller:
        reading = caller.reads(kind)
        assert reading.take() and sources.held(kind) > 0
        reading.call.cancel()
        assert until(lambda: sources.ended(Outcome.ABORTED, ""), SOON), sources.last()
        is_free(sources, kind, caller)
        late = caller.reads(kind, seconds=0.8)
        time.sleep(0.9)  # so long reads nobody, and more is left than was on its way
        assert late.fails() == LATE
        is_free(sources, kind, caller)


def test_a_hundred_that_are_broken_off_leave_nothing(sources: Sources, said: list[int]) -> None:
    with sources.caller() as caller:
        files, threads = len(sources.open_files()), sources.threads()
        for number in range(100):
            kind = KINDS[number % len(KINDS)]
            reading = caller.reads(kind)
            if number < 20:
                assert reading.take()
            reading.call.cancel()
        assert until(lambda: not any(map(sources.held, KINDS)), 20 * SOON)
        assert caller.reads("csv", "nowhere").whole() == 0
        # sessions of the database that are kept, and threads of a pool that was not full
        assert len(sources.open_files()) <= files + 8 and sources.threads() <= threads + 8
