"""Connections to one database: read-only, over TLS or a socket of this machine, and sure of what names mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi
from psycopg import Connection, DataError, Error, connect
from psycopg.conninfo import make_conninfo

from gateway.adapters.postgres.environment import NOWHERE
from gateway.model.errors import ErrorReason, Fault, Interrupted
from gateway.ports.interruption import failure

_log = logging.getLogger(__name__)

_ENGINE_ERRORS = (Error, adbc_driver_manager.Error, pa.ArrowException, OSError)

# Functions are PostgreSQL's own, whatever a schema of the database is called; days, numbers and texts are written in
# one way; rows come in their order on disk; where a policy of the database hides rows, that is an error; and nothing is
# left out for a constraint, which may have been found to hold after the snapshot.
_SESSION: Mapping[str, str] = {
    "search_path": "pg_catalog",
    "default_transaction_read_only": "on",
    "DateStyle": "ISO,YMD",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "extra_float_digits": "1",
    "synchronize_seqscans": "off",
    "constraint_exclusion": "off",
    "row_security": "off",
    "client_min_messages": "error",
}


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """A database and how the gateway calls it. A `host` that begins with a slash is the folder of a socket.

    `password_file` holds the password, and is read at every connection. Over a network, TLS with the name of the
    server verified against `root_certificate` is not optional. Seconds: how long connecting may take
    (`connect_seconds`), how long a statement (`statement_seconds`), how old a snapshot may be that is read
    (`snapshot_seconds`), and how long it is kept for those who have begun (`hold_seconds`).
    """

    host: str
    port: int
    database: str
    user: str
    password_file: Path | None = None
    root_certificate: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    connect_seconds: int = 5
    statement_seconds: int = 600
    lock_seconds: int = 5
    snapshot_seconds: float = 5.0
    hold_seconds: float = 10.0

    def conninfo(self) -> str:
        """All of it, in libpq's notation. It holds the password.

        Raises:
            OSError: if the password cannot be read.
        """
        session = dict(_SESSION) | {
            "statement_timeout": f"{self.statement_seconds}s",
            "lock_timeout": f"{self.lock_seconds}s",
            "idle_in_transaction_session_timeout": f"{self.hold_seconds + 30:.0f}s",
        }
        told: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "application_name": "purpose-gateway",
            "client_encoding": "UTF8",
            "connect_timeout": self.connect_seconds,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "passfile": NOWHERE,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
        }
        if self.password_file is not None:
            told["password"] = self.password_file.read_text(encoding="utf-8").strip()
        if not self.host.startswith("/"):
            told |= {"sslmode": "verify-full", "sslrootcert": str(self.root_certificate or NOWHERE), "sslcrl": NOWHERE}
            told |= {"sslcert": str(self.certificate or NOWHERE), "sslkey": str(self.key or NOWHERE)}
            # where there is a ticket of Kerberos the library would encrypt by that, and verify no name
            told["gssencmode"] = "disable"
        return make_conninfo(**told)


@contextmanager
def engine_faults() -> Iterator[None]:
    """Let no error of a database out: its message can hold values. The log says of what kind it was.

    Raises:
        Fault: SOURCE_UNAVAILABLE in place of it, or SOURCE_SCHEMA_CHANGED for a value that cannot be had; that the work
            was interrupted, if it was.
    """
    try:
        yield
    except DataError:
        # such as a day without end: nothing of the declared type
        raise failure(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
    except _ENGINE_ERRORS as error:
        fault = failure(ErrorReason.SOURCE_UNAVAILABLE)
        if not isinstance(fault, Interrupted):
            state = getattr(error, "sqlstate", None) or "none"
            _log.warning("a database cannot be read: %s, SQLSTATE %s", type(error).__name__, state)
        raise fault from None


def open_session(server: Server) -> Connection[tuple[Any, ...]]:
    """Open a session for questions with few answers.

    Raises:
        Fault: SOURCE_UNAVAILABLE, also for a database whose texts are not UTF-8.
    """
    with engine_faults():
        session = connect(server.conninfo(), autocommit=True)
        if session.info.parameter_status("server_encoding") != "UTF8":
            session.close()
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return session


def open_stream(server: Server) -> dbapi.Connection:
    """Open a session for answers by the column.

    Raises:
        Fault: SOURCE_UNAVAILABLE.
    """
    with engine_faults():
        return dbapi.connect(server.conninfo(), autocommit=True)
