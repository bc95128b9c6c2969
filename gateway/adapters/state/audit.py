"""The audit log in the state database, with group commit.

Making a record durable takes a sync of the disk, whoever waits for it. So producers hand what they have to
one writer thread; while it commits one batch the next one gathers, and one sync serves them all. The index
of an entry is given within the transaction that writes it, so several processes may share one log and leave
no gap.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Dialect, Row, bindparam, func, insert, select, tuple_
from sqlalchemy.exc import IntegrityError

from gateway.accountability import event as event_codec
from gateway.accountability import record as record_codec
from gateway.accountability.leaf import leaf_hash, new_salt
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.log import entries, manifests
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event
from gateway.model.record import AuditRecord, LogEntry, Receipt

TOKEN_BYTES = 16
"""The length of a subject token in a manifest."""

_log = logging.getLogger(__name__)

_UNAVAILABLE = ErrorReason.AUDIT_UNAVAILABLE
_BATCH = 512
_ROWS = 64
"""Rows of one INSERT: within what SQLite binds (999 values in old builds)."""
_PAGE = 1000
"""Records that `between` reads in one transaction."""
_EPOCH = datetime(1970, 1, 1)
_SEGMENT = ("entry_index", "segment", "tokens")
_LAST = select(func.max(entries.c.entry_index))


@dataclass(slots=True, eq=False)
class _Pending:
    """Something to write, and the producer that waits for it. The lock is held until the outcome is known."""

    settled: threading.Lock = field(default_factory=threading.Lock, init=False)
    durable: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.settled.acquire()


@dataclass(slots=True, eq=False)
class _Leaf(_Pending):
    record: bytes
    salt: bytes
    leaf_hash: bytes
    decided_at: int | None
    manifest: Sequence[bytes] = ()
    index: int = field(default=-1, init=False)


@dataclass(slots=True, eq=False)
class _Segment(_Pending):
    index: int
    segment: int
    tokens: bytes


class SqlAuditLog:
    """An `AuditLog`. `close` ends its writer thread. A process that forks opens a log of its own
    afterwards."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self._queue: SimpleQueue[_Pending | None] = SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        # A daemon: whoever was told "durable" loses nothing if the process ends without `close`.
        self._writer = threading.Thread(target=self._write, name="audit-writer", daemon=True)
        self._writer.start()

    def append(self, record: AuditRecord, manifest: Sequence[bytes] = ()) -> LogEntry:
        """Append a record, with its manifest where that is whole already, and return its entry once both are durable.

        Raises:
            Fault: AUDIT_UNAVAILABLE; the record, with its manifest, may or may not be in the log, and nothing may be
                disclosed. Also where the tokens of a batch are not whole.
        """
        if any(len(tokens) % TOKEN_BYTES for tokens in manifest):
            raise Fault(_UNAVAILABLE)
        with faulting(_UNAVAILABLE):
            data = record_codec.encode(record)
        return self._append(data, _microseconds(record.at) if record.decides else None, manifest)

    def note(self, event: Event) -> LogEntry:
        """Append an event and return its entry once it is durable.

        Raises:
            Fault: AUDIT_UNAVAILABLE; the event may or may not be in the log.
        """
        with faulting(_UNAVAILABLE):
            data = event_codec.encode(event)
        return self._append(data, None)

    def append_manifest(self, index: int, segment: int, tokens: bytes) -> None:
        """Store the 16-byte subject tokens of one batch of the disclosure that began at `index`, durably.

        Raises:
            Fault: AUDIT_UNAVAILABLE, also if there is no such entry, the segment is stored already, its
                number is negative, or the tokens are not whole.
        """
        if segment < 0 or len(tokens) % TOKEN_BYTES:
            raise Fault(_UNAVAILABLE)
        self._settle(_Segment(index, segment, tokens))

    def get(self, index: int) -> Receipt | None:
        """Return an entry with its record; None if there is none, it was pruned, or it is of an event.

        Raises:
            Fault: AUDIT_UNAVAILABLE, also if the record is not what its leaf hash says.
        """
        if not 0 <= index < 2**63:
            return None
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                row = connection.execute(select(entries).where(entries.c.entry_index == index)).one_or_none()
            if row is None or row.record is None:
                return None
            data = _intact(row)
            if event_codec.is_event(data):
                return None
            return Receipt(record_codec.decode(data), LogEntry(row.entry_index, row.leaf_hash, row.salt, data))

    def newest(self, count: int) -> tuple[AuditRecord, ...]:
        """Return the newest records of decisions, the newest first: entries that complete an older one are none.

        Raises:
            Fault: AUDIT_UNAVAILABLE, also if a record is not what its leaf hash says.
        """
        decisions = select(entries).where(entries.c.decided_at.is_not(None), entries.c.record.is_not(None))
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                rows = connection.execute(decisions.order_by(entries.c.entry_index.desc()).limit(max(count, 0))).all()
            return tuple(record_codec.decode(_intact(row)) for row in rows)

    def between(self, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """Yield the records of all decisions from `start` to before `end`, oldest first, each once.

        They are read a page at a time, and no transaction is open while the caller works on one.

        Raises:
            Fault: AUDIT_UNAVAILABLE, also if a record is not what its leaf hash says.
        """
        table = entries.c
        place = tuple_(table.decided_at, table.entry_index)
        with faulting(_UNAVAILABLE):
            after, until = (_microseconds(start), -1), _microseconds(end)
        while True:
            page = select(entries).where(place > after, table.decided_at < until, table.record.is_not(None))
            with faulting(_UNAVAILABLE):
                with self._database.reading() as connection:
                    rows = connection.execute(page.order_by(table.decided_at, table.entry_index).limit(_PAGE)).all()
                records = [record_codec.decode(_intact(row)) for row in rows]
            yield from records
            if len(rows) < _PAGE:
                return
            after = (rows[-1].decided_at, rows[-1].entry_index)

    def manifest(self, index: int) -> tuple[tuple[int, bytes], ...]:
        """Return the segments of a disclosure's manifest as (number, tokens), by number.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            rows = connection.execute(
                select(manifests.c.segment, manifests.c.tokens)
                .where(manifests.c.entry_index == index)
                .order_by(manifests.c.segment)
            )
            return tuple((segment, tokens) for segment, tokens in rows)

    def close(self) -> None:
        """Write what was handed over, then end. Later appends are refused. Closing again does nothing."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        if os.getpid() == self._process:
            self._writer.join()

    def _append(self, data: bytes, decided_at: int | None, manifest: Sequence[bytes] = ()) -> LogEntry:
        salt = new_salt()
        leaf = _Leaf(data, salt, leaf_hash(salt, data), decided_at, manifest)
        self._settle(leaf)
        return LogEntry(leaf.index, leaf.leaf_hash, salt, data)

    def _settle(self, pending: _Pending) -> None:
        """Hand over and wait until the writer knows how it ended."""
        with self._door:
            # In a forked child there is no writer thread: waiting for it would never end.
            if self._closed or os.getpid() != self._process:
                raise Fault(_UNAVAILABLE)
            self._queue.put(pending)
        pending.settled.acquire()
        if not pending.durable:
            raise Fault(_UNAVAILABLE)

    def _write(self) -> None:
        """The writer thread: one batch after another, until the end was asked for."""
        ended = False
        while not ended:
            batch: list[_Pending] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == _BATCH:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            ended = item is None
            try:
                self._commit(batch)
            finally:
                for pending in batch:
                    pending.settled.release()

    def _commit(self, batch: Sequence[_Pending]) -> None:
        """Write a batch in one transaction. What goes wrong is told to the producers, never to the writer.

        Operators are told the type of the exception alone: its text may hold what was to be written.
        """
        try:
            with self._database.writing() as connection:
                _insert(connection, batch)
        except IntegrityError as error:
            # One producer's segment cannot stand, and the others must not suffer for it.
            if len(batch) > 1:
                for pending in batch:
                    self._commit([pending])
            else:
                _complain(error)
            return
        except Exception as error:  # whatever it was, the producers fail and the next batch is tried
            _complain(error)
            return
        for pending in batch:
            pending.durable = True


def _intact(row: Row[Any]) -> bytes:
    """Return the bytes of a row of `entries`, if they are what its leaf hash says."""
    data: bytes = row.record
    if leaf_hash(row.salt, data) != row.leaf_hash:
        raise Fault(_UNAVAILABLE)
    return data


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _complain(error: Exception) -> None:
    kind = type(error)
    _log.error("the audit log cannot be written: %s.%s", kind.__module__, kind.__qualname__)


def _insert(connection: Connection, batch: Sequence[_Pending]) -> None:
    leaves = [pending for pending in batch if isinstance(pending, _Leaf)]
    if leaves:
        last = connection.execute(_LAST).scalar()
        for index, leaf in enumerate(leaves, 0 if last is None else last + 1):
            leaf.index = index
        for start in range(0, len(leaves), _ROWS):
            _insert_leaves(connection, leaves[start : start + _ROWS])
    segments = [(item.index, item.segment, item.tokens) for item in batch if isinstance(item, _Segment)]
    segments += [
        (leaf.index, number, tokens) for leaf in leaves for number, tokens in enumerate(leaf.manifest) if tokens
    ]
    if segments:
        connection.execute(insert(manifests), [dict(zip(_SEGMENT, segment, strict=True)) for segment in segments])


def _insert_leaves(connection: Connection, leaves: Sequence[_Leaf]) -> None:
    """Insert leaves with one statement.

    The driver gives up the interpreter's lock at each statement, and each time the writer may wait for it behind all
    that computes. A statement for each leaf made 64 producers slower than a few.
    """
    # in the order of the table's columns
    values = [
        value for leaf in leaves for value in (leaf.index, leaf.leaf_hash, leaf.salt, leaf.record, leaf.decided_at)
    ]
    connection.exec_driver_sql(_insertion(connection.dialect, len(leaves)), tuple(values))


@cache
def _insertion(dialect: Dialect, rows: int) -> str:
    """Return the text of an INSERT of so many rows, rendered once: SQLAlchemy does not cache these by itself."""
    names = [column.name for column in entries.columns]
    row: list[dict[str, Any]] = [{name: bindparam(f"{name}_{number}") for name in names} for number in range(rows)]
    return str(insert(entries).values(row).compile(dialect=dialect))
