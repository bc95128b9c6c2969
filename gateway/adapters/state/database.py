"""The state database: one SQLite file that survives the loss of power, through SQLAlchemy Core.

Every write transaction begins with BEGIN IMMEDIATE, so what it reads cannot change before it commits.
Writers take turns: a lock within the process, and a file lock among processes. The turns keep SQLite's busy
handler, which polls, out of the common path; and they keep a commit with its checkpoint apart from other
writers, which a defect of SQLite before 3.51.3 demands (docs/adr/0020-state-in-one-sqlite-file.md).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.model.errors import ErrorReason, Fault

_WRITES = "gateway_writes"


class StateUnusable(Exception):
    """The state database cannot be used at all. For the operator, at start; the text says what to do."""


class StateDatabase:
    """An open state database, for use by any number of threads. Not for use across a fork."""

    def __init__(self, engine: Engine, lock_file: int, patience: float) -> None:
        """Use `open_state`."""
        self._engine = engine
        self._writing = engine.execution_options(**{_WRITES: True})
        self._writer: Connection | None = None  # used by whose turn it is
        self._turn = threading.Lock()
        self._lock_file = lock_file
        self._patience = patience

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and writes nothing.

        Raises:
            SQLAlchemyError: the database cannot be read.
        """
        with self._transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that alone writes: durable when the block has ended, undone if it raised.

        Raises:
            SQLAlchemyError: the database cannot be written; nothing is.
            OSError: the turn did not come within the patience of the database, or the lock file cannot be
            used.
        """
        deadline = time.monotonic() + self._patience
        if not self._turn.acquire(timeout=self._patience):
            raise TimeoutError("no turn to write")
        try:
            self._lock(deadline)
            try:
                with self._alone() as connection:
                    yield connection
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close all connections. No transaction may be under way."""
        with self._turn:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self._engine.dispose()
        with self._turn:
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    def _lock(self, deadline: float) -> None:
        # flock has no timeout: another process that hangs in its turn must become a fault here, not a hang.
        while True:
            try:
                fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError("no turn to write") from None
                time.sleep(0.001)

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """A transaction of whose turn it is, on the one connection that is kept for writers: taking one out of the pool
        costs more than a small transaction itself."""
        connection = self._writer = self._writer or self._writing.connect()
        try:
            with connection.begin():
                yield connection
        except SQLAlchemyError:
            # After an I/O error the connection's idea of the file may be wrong: the next one starts
            # afresh.
            self._writer = None
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()
            raise

    @staticmethod
    @contextmanager
    def _transaction(engine: Engine) -> Iterator[Connection]:
        with engine.connect() as connection:
            try:
                with connection.begin():
                    yield connection
            except SQLAlchemyError:
                # After an I/O error the connection's idea of the file may be wrong: the next one starts
                # afresh.
                with suppress(SQLAlchemyError):
                    connection.invalidate()
                raise


def open_state(path: Path, patience: float = 10.0) -> StateDatabase:
    """Open the state database at `path`, made if it is missing, readable by its owner alone (0600).

    Run `upgrade.upgrade` before its tables are used.

    Args:
        patience: seconds that a transaction waits for its turn before it fails.

    Raises:
        StateUnusable: the file cannot be opened, is no database, or lies where write-ahead logging does not
            work.
    """
    try:
        _create(path)
        lock_file = os.open(_beside(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        raise StateUnusable("the state database cannot be opened or made: check its folder and rights") from None
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        hide_parameters=True,  # parameters are values; an error's text must hold none
        connect_args={"timeout": patience, "check_same_thread": False},
        pool_size=8,
        max_overflow=56,
        pool_timeout=patience,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    database = StateDatabase(engine, lock_file, patience)
    try:
        with database.reading() as connection:
            modes = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    except (SQLAlchemyError, sqlite3.Error):
        database.close()
        raise StateUnusable("the state database cannot be read: is it an SQLite file?") from None
    if modes != ["wal", 2]:
        database.close()
        raise StateUnusable("the state database lies where write-ahead logging does not work: use a local disk")
    return database


@contextmanager
def faulting(reason: ErrorReason) -> Iterator[None]:
    """Turn every failure of the database, or of reading what it holds, into a fault that tells the reason alone.

    Every failure: a damaged file can hold a value of any type where another is due.
    """
    try:
        yield
    except Fault:
        raise
    except Exception:
        raise Fault(reason) from None


def _create(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        # The name of a new file is durable only once its folder is.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, deferred ones, and only before some statements: it must
    # not.
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
