"""Sessions that read a snapshot: a pool of those that answer points, and one of its own for every stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from psycopg import Connection

from gateway.adapters.postgres.catalog import quoted
from gateway.adapters.postgres.connections import Server, engine_faults, open_session, open_stream
from gateway.adapters.postgres.snapshots import BEGIN, Snapshot
from gateway.model.errors import ErrorReason, Fault
from gateway.model.storage import TableSpec
from gateway.ports.interruption import interruptible, is_over
from gateway.query.scan import Bound

_BATCH_BYTES = 8 << 20
"""About so much is read ahead of whoever takes a stream, and a little more by the network."""
_IDLE = 8


@dataclass(slots=True, repr=False)
class _Reader:
    """A session within a snapshot, and the tables that it holds."""

    session: Connection[tuple[Any, ...]]
    snapshot: str
    began: float
    held: set[TableSpec] = field(default_factory=set)


class Points:
    """Sessions for questions with few answers. Safe between threads: each has a session of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []

    def ask(
        self, snapshot: Snapshot, table: TableSpec, text: str, parameters: dict[str, Bound]
    ) -> list[tuple[Any, ...]]:
        """Return the rows that answer, out of a snapshot.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        with self._reader(snapshot) as reader, engine_faults(), _cancelled_by(reader.session.cancel):
            if table not in reader.held:
                hold(reader.session.execute, [table], snapshot)
                reader.held.add(table)
            return reader.session.execute(text.encode(), parameters).fetchall()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            for reader in self._idle:
                reader.session.close()
            self._idle.clear()

    @contextmanager
    def _reader(self, snapshot: Snapshot) -> Iterator[_Reader]:
        reader = self._take(snapshot)
        try:
            yield reader
        except BaseException:
            # what it was asked may have failed, or still be at work
            reader.session.close()
            raise
        if is_over():
            # what would cancel it may yet arrive, and not be meant for who asks next
            reader.session.close()
            return
        with self._lock:
            self._idle.append(reader)
            leaving = self._idle[:-_IDLE]
            del self._idle[:-_IDLE]
        for one in leaving:
            one.session.close()

    def _take(self, snapshot: Snapshot) -> _Reader:
        now = time.monotonic()
        with self._lock:
            # a database ends sessions that wait too long within a snapshot
            stale = [one for one in self._idle if now - one.began > self._server.hold_seconds]
            self._idle = [one for one in self._idle if one not in stale]
            fitting = next((one for one in reversed(self._idle) if one.snapshot == snapshot.name), None)
            if fitting is not None:
                self._idle.remove(fitting)
        for one in stale:
            one.session.close()
        if fitting is not None:
            return fitting
        session = open_session(self._server)
        try:
            with engine_faults():
                session.execute(BEGIN)
                session.execute(f"SET TRANSACTION SNAPSHOT '{snapshot.name}'".encode())
        except BaseException:
            session.close()
            raise
        return _Reader(session, snapshot.name, now)


# Of one worker, by no index: rows come in their order on disk, whatever the planner learns meanwhile.
_IN_ORDER = (
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_indexonlyscan = off",
)


def stream(
    server: Server, snapshot: Snapshot, tables: Sequence[TableSpec], text: str, *, in_order: bool = False
) -> Generator[pa.RecordBatch, None, None]:
    """Stream the columns that answer, out of a snapshot, in batches of some mebibytes.

    Rows that have to come `in_order` come in the same one at every reading of a snapshot.

    Raises:
        Fault: SOURCE_UNAVAILABLE, also after batches.
    """
    with (
        closing(open_stream(server)) as session,
        closing(session.cursor()) as cursor,
        engine_faults(),
        _cancelled_by(cursor.adbc_cancel),
    ):
        cursor.execute(BEGIN)
        cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot.name}'")
        hold(cursor.execute, tables, snapshot)
        for setting in _IN_ORDER if in_order else ():
            cursor.execute(setting)
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
        cursor.execute(text)
        with closing(cursor.fetch_record_batch()) as reader:
            while (batch := _next(reader)) is not None:
                yield batch


@contextmanager
def _cancelled_by(cancel: Callable[[], object]) -> Iterator[None]:
    """Have a question cancelled if its call is over before the answer is.

    To ask a database for that takes a connection and waits for it, which may be stuck: a thread does it, not the one
    that ends calls. What `cancel` is of lives on until that thread is through.
    """
    asking: list[threading.Thread] = []

    def stop() -> None:
        if not any(one.is_alive() for one in asking):
            asking[:] = [threading.Thread(target=_quietly, args=(cancel,), name="cancel", daemon=True)]
            asking[0].start()

    try:
        with interruptible(stop):
            yield
    finally:
        for one in asking:
            one.join()


def _quietly(cancel: Callable[[], object]) -> None:
    # where it fails, the session is gone or going, and whoever reads it is told so
    with suppress(Exception):
        cancel()


def hold(execute: Any, tables: Sequence[TableSpec], snapshot: Snapshot) -> None:
    """Keep tables from being emptied or rewritten while a session reads them.

    Raises:
        Fault: SOURCE_UNAVAILABLE if the snapshot's keeper was gone before they were.
    """
    for table in tables:
        execute(f"LOCK TABLE {quoted(table)} IN ACCESS SHARE MODE")
    if not snapshot.alive():
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
