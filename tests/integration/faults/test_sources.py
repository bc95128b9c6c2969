"""What happens to a source in the midst of a stream: a typed error, nothing that looks whole, and all free again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.model.record import Outcome
from tests.integration.extracts.archive import READER
from tests.integration.faults.sources import ROWS, SAID, SOON, Caller, Sources, part
from tests.integration.grpc.edge import until
from tests.integration.upstream.department import code, listed

UNAVAILABLE = ("SOURCE_UNAVAILABLE", grpc.StatusCode.UNAVAILABLE)
CHANGED = ("SOURCE_SCHEMA_CHANGED", grpc.StatusCode.FAILED_PRECONDITION)
LATE = ("DEADLINE_EXCEEDED", grpc.StatusCode.DEADLINE_EXCEEDED)
Change = Callable[[Sources, str], None]


def vanishes(sources: Sources, kind: str) -> None:
    sources.file(kind).unlink()


def is_truncated(sources: Sources, kind: str) -> None:
    os.truncate(sources.file(kind), sources.file(kind).stat().st_size // 2)


def loses_its_middle(sources: Sources, kind: str) -> None:
    data = sources.file(kind).read_bytes()
    sources.file(kind).write_bytes(data[: len(data) // 3] + data[len(data) // 2 :])


def gets_another_schema(sources: Sources, kind: str) -> None:
    new = sources.file(kind).with_name(".new")
    if kind == "csv":
        new.write_text("card,reason\nc1,east\n")
    else:
        pq.write_table(pa.table({"card": ["c1"], "reason": ["east"], "visits": ["many"]}), new)
    new.replace(sources.file(kind))


FILES: list[tuple[str, Change, tuple[str, grpc.StatusCode]]] = [
    ("parquet", vanishes, UNAVAILABLE),
    ("parquet", is_truncated, UNAVAILABLE),
    ("parquet", loses_its_middle, UNAVAILABLE),
    ("parquet", gets_another_schema, CHANGED),
    ("folder", is_truncated, UNAVAILABLE),
    ("folder", loses_its_middle, UNAVAILABLE),
    ("folder", gets_another_schema, CHANGED),
    ("csv", vanishes, UNAVAILABLE),
    ("csv", gets_another_schema, CHANGED),
]
"""The kind, what happens to it, and what who asks afterwards gets. Who reads gets SOURCE_UNAVAILABLE."""


def is_free(sources: Sources, kind: str, caller: Caller) -> None:
    """Nothing of the source is in hand, and the one thread of streams answers."""
    assert until(lambda: sources.held(kind) == 0, SOON), sources.held(kind)
    assert caller.reads("parquet" if kind == "csv" else "csv", "nowhere").whole() == 0


def failed(sources: Sources, reason: str) -> bool:
    return until(lambda: sources.ended(Outcome.ABORTED, reason), SOON)


@pytest.fixture
def mended(sources: Sources, request: pytest.FixtureRequest) -> Iterator[str]:
    """A kind of source, which is as it was afterwards."""
    kind: str = request.param
    yield kind
    sources.mend(kind)


@pytest.mark.parametrize(("mended", "fault", "afterwards"), FILES, indirect=["mended"])
def test_a_file_that_is_read(
    sources: Sources, mended: str, fault: Change, afterwards: tuple[str, grpc.StatusCode]
) -> None:
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.take() and sources.held(mended) > 0
        fault(sources, mended)
        assert reading.fails() == UNAVAILABLE and 0 < reading.rows < ROWS
        assert failed(sources, "SOURCE_UNAVAILABLE"), sources.last()
        is_free(sources, mended, caller)
        assert caller.reads(mended).fails() == afterwards


@pytest.mark.parametrize("mended", ["folder"], indirect=True)
def test_a_folder_that_loses_a_file(sources: Sources, mended: str) -> None:
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.take()
        vanishes(sources, mended)
        assert reading.fails() == UNAVAILABLE and failed(sources, "SOURCE_UNAVAILABLE")
        is_free(sources, mended, caller)
        assert caller.reads(mended).whole() == ROWS // 2, "another version, and whole"


@pytest.mark.parametrize("mended", ["table"], indirect=True)
def test_a_database_that_ends_its_sessions(sources: Sources, mended: str) -> None:
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.take() and sources.held(mended) > 0
        sources.end_sessions()
        assert reading.fails() == UNAVAILABLE and reading.rows < ROWS
        assert failed(sources, "SOURCE_UNAVAILABLE"), sources.last()
        is_free(sources, mended, caller)
        assert caller.reads(mended).whole() == ROWS, "and afterwards it is asked anew"


@pytest.mark.parametrize("mended", ["table"], indirect=True)
def test_a_table_keeps_its_schema_while_it_is_read(sources: Sources, mended: str) -> None:
    change = "ALTER TABLE many.crossings_table RENAME COLUMN visits TO passes"
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.take()
        waiting = threading.Thread(target=sources.owner.execute, args=(change,))
        waiting.start()
        assert reading.whole() == ROWS
        assert caller.reads(mended).fails() == CHANGED
        waiting.join(10)
        assert not waiting.is_alive()
        is_free(sources, mended, caller)


def test_a_table_that_somebody_else_keeps(sources: Sources) -> None:
    with sources.caller() as caller, sources.owner.transaction():
        sources.owner.execute("LOCK TABLE many.crossings_table IN ACCESS EXCLUSIVE MODE")
        assert caller.reads("table").fails() == UNAVAILABLE
    with sources.caller() as caller:
        is_free(sources, "table", caller)


def test_a_database_that_is_stuck_holds_up_nobody_else(sources: Sources) -> None:
    with sources.caller() as caller, sources.site.connect(READER) as gateway:
        gateway.describe()
        reading = caller.reads("table", seconds=6)
        assert reading.take()
        stuck = [parent(sources.owner.info.backend_pid), *sources.backends()]
        for pid in stuck:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert reading.fails() == LATE and 0 < reading.rows < ROWS
            for _ in range(10):
                gateway.describe()
        finally:
            for pid in stuck:
                os.kill(pid, signal.SIGCONT)
        assert until(lambda: sources.ended(Outcome.ABORTED, ""), SOON), sources.last()
        is_free(sources, "table", caller)


def parent(pid: int) -> int:
    """The process that started another one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def breaks_off(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from map(part, range(SAID))
    context.abort(grpc.StatusCode.UNAVAILABLE, "")


def falls_silent(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from map(part, range(SAID))
    while context.is_active():
        threading.Event().wait(0.01)


def says_more(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from map(part, range(SAID))
    # a field of a newer file, in the record's own bytes
    record = code("1", reason="x", visits={"value": 1}).SerializeToString() + b"\x9a\x06\x01x"
    yield b"\x0a" + bytes([len(record)]) + record


def says_too_much(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from map(part, range(SAID))
    yield listed([code("1", reason="x" * 400 * 2**20)])


SERVICES = [
    (breaks_off, UNAVAILABLE),
    (falls_silent, UNAVAILABLE),
    (says_more, CHANGED),
    (says_too_much, UNAVAILABLE),
]


@pytest.mark.parametrize("mended", ["service"], indirect=True)
@pytest.mark.parametrize(("answer", "ends"), SERVICES)
def test_a_service_that_is_read(
    sources: Sources, mended: str, answer: Callable[..., Iterator[bytes]], ends: tuple[str, grpc.StatusCode]
) -> None:
    sources.office.answers["ListCodes"] = answer
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.fails() == ends and reading.rows <= 131_072
        is_free(sources, mended, caller)


@pytest.mark.parametrize("mended", ["service"], indirect=True)
def test_a_service_that_vanishes_and_comes_back(sources: Sources, mended: str) -> None:
    office = sources.office
    gone = threading.Event()

    def going(_: bytes, __: grpc.ServicerContext) -> Iterator[bytes]:
        yield from map(part, range(SAID))
        threading.Thread(target=office.server.stop, args=(0,)).start()
        gone.wait(5)

    office.answers["ListCodes"] = going
    with sources.caller() as caller:
        reading = caller.reads(mended)
        assert reading.fails() == UNAVAILABLE
        gone.set()
        is_free(sources, mended, caller)
        assert caller.reads(mended).fails() == UNAVAILABLE
        sources.open_again()
        assert until(lambda: is_reached(caller), 20)


def is_reached(caller: Caller) -> bool:
    """Whether the service answers."""
    try:
        return caller.reads("service").whole() == SAID * 1000
    except grpc.RpcError:
        return False
