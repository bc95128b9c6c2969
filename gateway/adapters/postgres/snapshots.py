"""Snapshots of a database that are kept for a while, so that many sessions read one state of it.

A keeper's transaction exports a snapshot and holds, for each table that is read, the lock which keeps it from being
emptied or rewritten: snapshots do not protect from that. Sessions that import the snapshot while the keeper lives see
what the keeper sees, and go on seeing it when the keeper is gone.
"""

from __future__ import annotations

import hashlib
import select
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from psycopg import Connection

from gateway.adapters.postgres.catalog import parts_of, plain_columns, quoted, relation, version
from gateway.adapters.postgres.connections import Server, engine_faults, open_session
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.storage import TableSpec

_MOST_KEPT = 4
"""Earlier snapshots beside the newest: each is a session of the database's."""

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Snapshot:
    """One state of a database. Safe between threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._keeper: Connection[tuple[Any, ...]] = open_session(server)
        self.opened = self.used = time.monotonic()
        self._lock = threading.RLock()
        self._parts: dict[TableSpec, tuple[int, tuple[int, ...]]] = {}
        self._versions: dict[TableSpec, str] = {}
        self._columns: dict[str, frozenset[str]] = {}
        try:
            with engine_faults():
                self._keeper.execute(BEGIN)
                # the snapshot first: what is committed after it moves the log on
                told = self._keeper.execute(
                    "SELECT pg_export_snapshot(), pg_current_snapshot()::text, "
                    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END"
                ).fetchone()
        except BaseException:
            self._keeper.close()
            raise
        if told is None:
            raise Fault(ErrorReason.INTERNAL)
        self.name = str(told[0])
        self.state = told[1:]
        """Two snapshots of which this is alike see the same: nothing was logged between them."""

    def alive(self) -> bool:
        """Whether the keeper still holds what it held."""
        try:
            with self._lock, engine_faults():
                self._keeper.execute("SELECT 1")
        except Fault:
            return False
        return True

    def seems_alive(self) -> bool:
        """Whether nothing speaks against it: where the keeper's session was ended, the server has said so, or hung up.

        Nothing is asked unless there is something to hear. Whoever holds a table asks (`alive`): a message that is on
        its way yet is no harm before that.
        """
        with self._lock:
            if self._keeper.closed:
                return False
            heard = select.poll()
            heard.register(self._keeper.fileno(), select.POLLIN)
            return not heard.poll(0) or self.alive()

    def columns(self, contract: DataContract) -> frozenset[str]:
        """Return the fields whose columns have the declared type already, once the table was seen to fit.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        with self._lock, engine_faults():
            known = self._columns.get(contract.digest)
            if known is None:
                oid, _ = self._held(table_of(contract))
                known = plain_columns(self._keeper, oid, contract)
                self._columns[contract.digest] = known
            return known

    def parts(self, table: TableSpec) -> tuple[int, ...]:
        """Return the numbers of a table and of its parts, whose rows are all that is read of it.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        with self._lock, engine_faults():
            return self._held(table)[1]

    def version(self, table: TableSpec) -> str:
        """Return the name (hex) of what is seen of a table.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        with self._lock, engine_faults():
            oid, parts = self._held(table)
            if table not in self._versions:
                seen = f"{table}/{oid}/{version(self._keeper, table, parts)}"
                self._versions[table] = hashlib.sha256(seen.encode()).hexdigest()
            return self._versions[table]

    def know(self, earlier: Snapshot) -> None:
        """Take over what an earlier snapshot of the same state knows."""
        with earlier._lock:
            versions = dict(earlier._versions)
        with self._lock:
            self._versions |= versions

    def close(self) -> None:
        """Let go of it. Sessions that have imported it are not touched."""
        with self._lock:
            self._keeper.close()

    def _held(self, table: TableSpec) -> tuple[int, tuple[int, ...]]:
        """The number of a table, and those of its parts, that nobody can empty, rewrite or take away any more, and
        nobody has since the snapshot.
        """
        held = self._parts.get(table)
        if held is None:
            oid = relation(self._keeper, table)
            self._keeper.execute(f"LOCK TABLE {quoted(table)} IN ACCESS SHARE MODE".encode())
            with closing(open_session(self._server)) as now:
                held = self._parts[table] = oid, parts_of(self._keeper, oid, now)
        return held


class Snapshots:
    """The snapshots of one database that are kept. Safe between threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._kept: list[Snapshot] = []
        """The newest last."""

    def current(self) -> Snapshot:
        """Return the newest snapshot, or a new one if it is too old.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        with self._lock:
            newest = self._kept[-1] if self._kept else None
            fresh = newest is not None and time.monotonic() - newest.opened < self._server.snapshot_seconds
            if newest is not None and fresh and newest.seems_alive():
                return newest
            made = Snapshot(self._server)
            if newest is not None and newest.state == made.state:
                made.know(newest)
            self._kept.append(made)
            self._retire()
            return made

    def of(self, wanted: Sequence[tuple[TableSpec, str | None]]) -> Snapshot:
        """Return a snapshot that sees these versions of these tables; of None, any.

        Raises:
            Fault: SOURCE_UNAVAILABLE, or SOURCE_SCHEMA_CHANGED if there is none.
        """
        newest = self.current()
        with self._lock:
            kept = list(reversed(self._kept))
        for one in kept if any(named for _, named in wanted) else [newest]:
            if self._sees(one, wanted):
                one.used = time.monotonic()
                return one
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)

    def forget(self, snapshot: Snapshot) -> None:
        """Drop a snapshot that turned out to be of no use."""
        with self._lock:
            if snapshot in self._kept:
                self._kept.remove(snapshot)
        snapshot.close()

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            for one in self._kept:
                one.close()
            self._kept.clear()

    @staticmethod
    def _sees(snapshot: Snapshot, wanted: Sequence[tuple[TableSpec, str | None]]) -> bool:
        try:
            return all(version is None or snapshot.version(table) == version for table, version in wanted)
        except Fault:
            return False

    def _retire(self) -> None:
        *earlier, newest = self._kept
        since = time.monotonic() - self._server.hold_seconds
        kept = [one for one in earlier[-_MOST_KEPT:] if one.used >= since]
        for one in earlier:
            if one not in kept:
                one.close()
        self._kept = [*kept, newest]


def table_of(contract: DataContract) -> TableSpec:
    """The table of a contract. Raises Fault INTERNAL for one that has none."""
    if contract.source.table is None:
        raise Fault(ErrorReason.INTERNAL)
    return contract.source.table
