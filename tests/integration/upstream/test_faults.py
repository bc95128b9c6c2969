"""What a service does wrong is a typed fault in time, with its call ended; no answer is cut short and looks whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import grpc
import pytest

from gateway.adapters.dev_ca import DevelopmentAuthority
from gateway.adapters.upstream.source import Service, UpstreamSource
from gateway.model.errors import ErrorReason, Fault, Interrupted
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.ports.interruption import Interruption
from tests.integration.site import utc_now
from tests.integration.upstream.contracts import GETS_ONE, PAGES, SPEC, TYPES, contract
from tests.integration.upstream.department import (
    Answer,
    Department,
    code,
    department,
    described,
    file_with,
    listed,
    message,
)

PLAN = RowPlan(contract(), tuple(TYPES), RowScope(None, None, ()), None)
ONE = replace(PLAN, scope=RowScope(None, None, (Condition("number", Operator.IN, ("1",)),)))
UNAVAILABLE, CHANGED = ErrorReason.SOURCE_UNAVAILABLE, ErrorReason.SOURCE_SCHEMA_CHANGED


@pytest.fixture(scope="module")
def office() -> Iterator[Department]:
    with department() as made:
        yield made


def faulty(source: UpstreamSource, plan: RowPlan = PLAN) -> tuple[ErrorReason, int]:
    """Read until it fails; return why, and how many rows came before."""
    rows = 0
    with pytest.raises(Fault) as raised, closing(source.rows(plan, 5)) as batches:
        for batch in batches:
            rows += batch.num_rows
    return raised.value.reason, rows


def sooner(seconds: float, true: Any) -> bool:
    """Whether something becomes true in time."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def ten(_: bytes, __: Any) -> Iterator[bytes]:
    for number in range(10):
        yield listed([code(str(number))])


def ending(status: grpc.StatusCode) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from ten(request, context)
        context.abort(status, "a name of somebody")

    return answer


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, UNAVAILABLE),
        (grpc.StatusCode.INTERNAL, UNAVAILABLE),
        (grpc.StatusCode.PERMISSION_DENIED, UNAVAILABLE),
        (grpc.StatusCode.NOT_FOUND, UNAVAILABLE),
        (grpc.StatusCode.CANCELLED, UNAVAILABLE),
        (grpc.StatusCode.UNIMPLEMENTED, CHANGED),
    ],
)
def test_a_stream_that_does_not_end_well_is_not_whole(
    status: grpc.StatusCode, reason: ErrorReason, office: Department
) -> None:
    office.answers["ListCodes"] = ending(status)
    with office.source() as source:
        assert faulty(source) == (reason, 10)


def test_a_service_that_vanishes_while_it_is_read_is_noticed() -> None:
    going = threading.Event()

    def answer(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from ten(request, context)
        going.set()
        time.sleep(2)

    with department() as office, office.source() as source:
        office.answers["ListCodes"] = answer
        with closing(source.rows(PLAN, 5)) as batches:
            assert next(batches).num_rows == 5
            assert going.wait(5)
            began = time.monotonic()
            office.server.stop(0)
            with pytest.raises(Fault) as raised:
                list(batches)
    assert raised.value.reason is UNAVAILABLE and time.monotonic() - began < 2


@pytest.mark.parametrize("after", [0, 10])
def test_a_stream_that_stalls_is_ended_in_time_and_its_call_with_it(after: int, office: Department) -> None:
    def answer(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        if after:
            yield from ten(request, context)
        while context.is_active():
            time.sleep(0.01)

    office.answers["ListCodes"] = answer
    office.ended.clear()
    with office.source(stall_seconds=0.4) as source:
        began = time.monotonic()
        assert faulty(source) == (UNAVAILABLE, after)
        assert 0.4 <= time.monotonic() - began < 1.5
        assert sooner(1, lambda: office.ended == ["ListCodes"])
    assert sooner(2, lambda: "upstream-watch" not in {one.name for one in threading.enumerate()})


def test_a_reader_who_takes_long_is_no_stall(office: Department) -> None:
    office.answers["ListCodes"] = ten
    with office.source(stall_seconds=0.2) as source, closing(source.rows(PLAN, 5)) as batches:
        assert next(batches).num_rows == 5
        time.sleep(0.6)
        assert sum(batch.num_rows for batch in batches) == 5


def test_a_single_answer_that_takes_too_long_is_a_fault(office: Department) -> None:
    def late(_: bytes, __: Any) -> Iterator[bytes]:
        time.sleep(1)
        yield b""

    office.answers["GetCodes"] = late
    with office.source(call_seconds=0.3) as source:
        began = time.monotonic()
        assert faulty(source, ONE) == (UNAVAILABLE, 0)
        assert time.monotonic() - began < 0.9


def test_who_stops_reading_ends_the_call(office: Department) -> None:
    def endless(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while context.is_active():
            yield listed([code("1")])

    office.answers["ListCodes"] = endless
    office.ended.clear()
    with office.source() as source, closing(source.rows(PLAN, 5)) as batches:
        next(batches)
        batches.close()
        assert sooner(2, lambda: office.ended == ["ListCodes"])


@pytest.mark.parametrize("plan", [PLAN, ONE], ids=["stream", "single"])
def test_a_call_that_nobody_waits_for_any_more_is_ended_while_the_service_is_silent(
    plan: RowPlan, office: Department
) -> None:
    def silent(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while context.is_active():
            time.sleep(0.01)
        yield b""

    office.answers["ListCodes"] = office.answers["GetCodes"] = silent
    interruption = Interruption()
    with office.source() as source, interruption.governing(), closing(source.rows(plan, 5)) as batches:
        threading.Timer(0.2, interruption.interrupt).start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            next(batches)
        assert time.monotonic() - began < 1.5


def test_a_service_is_not_read_ahead_of_its_reader(office: Department) -> None:
    said = []

    def answer(_: bytes, __: Any) -> Iterator[bytes]:
        one = listed(code(str(number), reason="x" * 1000) for number in range(100))
        for number in range(100):
            said.append(number)
            yield one

    office.answers["ListCodes"] = answer
    with office.source() as source, closing(source.rows(PLAN, 100)) as batches:
        next(batches)
        time.sleep(0.5)
        # each is 100 KB: what is being read, the window of the stream, and what the department itself has in hand
        assert len(said) <= 8, "of a hundred"


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_a_hundred_times_too_large_is_not_taken(compression: grpc.Compression, office: Department) -> None:
    def answer(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.set_compression(compression)
        yield from ten(request, context)
        yield listed([code("1", reason="x" * 10_000_000)])

    office.answers["ListCodes"] = answer
    with office.source(max_message_bytes=100_000) as source:
        assert faulty(source) == (UNAVAILABLE, 10)


NEWER = {
    "record": ("  bytes photo = 15;", "string fresh = 99;"),
    "nested": ("  string name = 2;\n}\n\nmessage Contact", "string fresh = 99;"),
    "repeated": ("  Colour colour = 2;\n}\n\nmessage Mark", "string fresh = 99;"),
    "map": ("  string text = 1;", "string fresh = 99;"),
}


def newer(where: str, old: str, new: str) -> bytes:
    """A record of a newer file, which says more."""
    from google.protobuf.message_factory import GetMessageClass

    from gateway.adapters.upstream.descriptors import read_descriptors

    first, rest = old.split("\n", 1) if "\n" in old else (old, "")
    pool = read_descriptors(described(file_with(old, f"{first}\n{new}\n{rest}")))
    made: Any = GetMessageClass(pool.FindMessageTypeByName("city.health.v1.ListCodesResponse"))()
    one = made.codes.add()
    one.person.number = "1"
    holder = {"record": one, "nested": one.person, "repeated": one.contacts.add(), "map": one.marks["a"]}[where]
    holder.fresh = "what nobody classified"
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("where", NEWER)
def test_a_field_of_a_newer_file_stops_the_reading_wherever_it_is(where: str, office: Department) -> None:
    office.answers["ListCodes"] = lambda _, __: [listed([code("1")]), newer(where, *NEWER[where])]
    with office.source() as source:
        assert faulty(source, replace(PLAN, columns=("number",))) == (CHANGED, 0)


def wrong(**fields: Any) -> bytes:
    return listed([code("1", **fields)])


@pytest.mark.parametrize(
    "response",
    [
        wrong(colour=9),
        wrong(assessed_on={"year": 2026}),
        wrong(assessed_on={"year": 2026, "month": 2, "day": 30}),
        wrong(assessed_at={"seconds": 253_402_300_800}),
        wrong(assessed_at={"nanos": -1}),
        wrong(reason="abc").replace(b"abc", b"ab\xff"),
        wrong(reason="abc")[:-1],
        b"\xff\xff\xff",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x12\x00",
    ],
    ids=["enum", "day", "february", "year", "nanos", "utf8", "cut", "garbage", "length", "unknown"],
)
def test_what_is_no_value_of_its_field_stops_the_reading(response: bytes, office: Department) -> None:
    office.answers["ListCodes"] = lambda _, __: [listed([code("1")]), response]
    with office.source() as source:
        assert faulty(source) == (CHANGED, 0)


def failing_twice(asked: list[int], status: grpc.StatusCode, response: bytes) -> Answer:
    def answer(_: bytes, context: grpc.ServicerContext) -> Iterable[bytes]:
        asked.append(1)
        if len(asked) < 3:
            context.abort(status, "")
        return [response]

    return answer


@pytest.mark.parametrize(
    ("status", "repeatable", "times"),
    [
        (grpc.StatusCode.UNAVAILABLE, True, 3),
        (grpc.StatusCode.UNAVAILABLE, False, 1),
        (grpc.StatusCode.INTERNAL, True, 1),
        (grpc.StatusCode.DEADLINE_EXCEEDED, True, 1),
    ],
)
def test_only_what_changes_nothing_is_asked_again(
    status: grpc.StatusCode, repeatable: bool, times: int, office: Department
) -> None:
    asked: list[int] = []
    office.answers["GetCodes"] = failing_twice(
        asked, status, message("GetCodesResponse", codes=[code("1")]).SerializeToString()
    )
    office.answers["GetCode"] = failing_twice(asked, status, code("1").SerializeToString())
    plan = ONE if repeatable else replace(ONE, contract=contract(replace(SPEC, looks_up=GETS_ONE)))
    with office.source() as source:
        if times == 3:
            assert [batch.num_rows for batch in source.rows(plan, 5)] == [1]
        else:
            assert faulty(source, plan) == (UNAVAILABLE, 0)
    assert len(asked) == times


def test_a_stream_is_never_asked_for_again(office: Department) -> None:
    asked: list[int] = []
    office.answers["ListCodes"] = failing_twice(asked, grpc.StatusCode.UNAVAILABLE, listed([code("1")]))
    with office.source() as source:
        assert faulty(source) == (UNAVAILABLE, 0)
    assert len(asked) == 1


def test_a_page_that_fails_leaves_no_answer_that_looks_whole(office: Department) -> None:
    def page(request: bytes, context: grpc.ServicerContext) -> Iterable[bytes]:
        if message("PageCodesRequest").FromString(request).page_token:
            context.abort(grpc.StatusCode.NOT_FOUND, "")
        return [message("PageCodesResponse", codes=[code("1")] * 5, next_page_token="2").SerializeToString()]

    office.answers["PageCodes"] = page
    with office.source() as source:
        paged = replace(PLAN, contract=contract(replace(SPEC, lists=PAGES)))
        assert faulty(source, paged) == (UNAVAILABLE, 5)


def test_a_service_that_comes_back_is_reached_again() -> None:
    with department() as first:
        first.lists([code("1")])
        authority, port = first.authority, first.port
        with first.source() as source:
            assert [batch.num_rows for batch in source.rows(PLAN, 5)] == [1]
            first.server.stop(0).wait()
            assert faulty(source) == (UNAVAILABLE, 0)
            with department(port, authority) as second:
                second.lists([code("1"), code("2")])
                assert sooner(10, lambda: _rows(source) == 2)


def _rows(source: UpstreamSource) -> int:
    try:
        return sum(batch.num_rows for batch in source.rows(PLAN, 5))
    except Fault:
        time.sleep(0.2)
        return 0


def test_only_who_is_vouched_for_is_talked_to(office: Department) -> None:
    office.lists([code("1")])
    stranger, good = DevelopmentAuthority(utc_now()), office.connection()
    theirs = stranger.client("gateway", utc_now())
    for connection in (
        replace(good, ca_pem=stranger.ca_pem),
        replace(good, certificate_pem=theirs.certificate_pem, key_pem=theirs.private_key_pem),
    ):
        with closing(UpstreamSource({"health": Service(connection, described())})) as source:
            assert faulty(source) == (UNAVAILABLE, 0)


def test_a_closed_source_is_unavailable(office: Department) -> None:
    with office.source() as source:
        pass
    assert faulty(source) == (UNAVAILABLE, 0)
    assert faulty(source, ONE) == (UNAVAILABLE, 0)
