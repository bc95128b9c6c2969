"""Sessions with Spark, by Spark Connect: opened when they are first needed, kept, and closed at the end.

For whoever works with one:

    session = sessions.of("lake")
    data = session.spark.read.schema(…).parquet(…)      # any plan of the library, mapInArrow among them
    for batch in session.stream(data): …                # its rows as Arrow, in flat memory, and stopped when unread
    with session.working(): data.write.parquet(…)       # any other action, which then can be stopped as well

Inside `working` and `stream` no error of Spark gets out: a `Fault` stands for it, without Spark's text. Functions in
Python run with this very interpreter in a session of the gateway's own; another server must have the same version.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
import pyarrow as pa
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.dataframe import DataFrame as ConnectDataFrame
from pyspark.sql.connect.session import SparkSession

from gateway.adapters.spark.channels import Endpoint, GatewayChannel, read_token
from gateway.adapters.spark.server import LocalServer, LocalSpark
from gateway.model.errors import ErrorReason, Fault
from gateway.ports.interruption import failure, interruptible

# What an answer hangs on, whatever the server's own defaults are.
_SESSION: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    # or days before 1582-10-15 are looked for in files by another calendar
    "spark.sql.datetime.java8API.enabled": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}


_ABSENT = ("PATH_NOT_FOUND", "CANNOT_READ_FILE_FOOTER", "UNABLE_TO_INFER_SCHEMA", "FAILED_READ_FILE")
"""What Spark says of files that are not there, or are none of their format."""
_GONE = ("INVALID_HANDLE", "INVALID_SESSION", "NO_ACTIVE_SESSION", "SESSION_CLOSED", "CONNECT_SESSION")


@dataclass(frozen=True, slots=True)
class RemoteSpark:
    """Another server's Spark, by Spark Connect 4 or newer: `host` and `port` of its `sc://` address.

    Over a network it is called over TLS, with the name of the server verified against `root_certificate` (PEM); what
    listens on this machine's loopback needs none. `token_file` holds a bearer's token, and is read at every opening.
    Seconds: how long answers in one message may take (`call_seconds`), how long a question (`statement_seconds`).
    """

    host: str
    port: int = 15002
    token_file: Path | None = None
    root_certificate: Path | None = None
    call_seconds: float = 30.0
    statement_seconds: float = 600.0

    def endpoint(self) -> Endpoint:
        """Read what its files hold. Raises OSError if one cannot be read."""
        root = None if self.root_certificate is None else self.root_certificate.read_bytes()
        token = read_token(self.token_file)
        return Endpoint(self.host, self.port, token, root, self.call_seconds, self.statement_seconds)


@contextmanager
def engine_faults() -> Iterator[None]:
    """Let no error of Spark out: its message can hold values, and parts of its plans.

    Raises:
        Fault: SOURCE_UNAVAILABLE in place of it, or SOURCE_SCHEMA_CHANGED for a column that is not there, or of another
            type; that the work was interrupted, if it was.
    """
    try:
        yield
    except AnalysisException as error:
        absent = str(error.getCondition() or "").startswith(_ABSENT)
        reason = ErrorReason.SOURCE_UNAVAILABLE if absent else ErrorReason.SOURCE_SCHEMA_CHANGED
        raise failure(reason) from None
    except (PySparkException, grpc.RpcError, pa.ArrowException, OSError):
        raise failure(ErrorReason.SOURCE_UNAVAILABLE) from None


def _is_gone(error: Exception) -> bool:
    """Whether the server does not know the session any more, or cannot be reached."""
    if isinstance(error, PySparkException):
        told = str(error.getCondition() or "")
        return told.startswith(_GONE) or "UNAVAILABLE" in str(getattr(error, "_grpc_status_code", ""))
    return isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNAVAILABLE


class Session:
    """One session with one server. Safe between threads."""

    def __init__(self, endpoint: Endpoint, server: LocalServer | None = None) -> None:
        """Open it. The session closes the `server` with itself.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        self._server = server
        self._seconds = endpoint.statement_seconds
        self._lost = False
        with engine_faults():
            self.spark: SparkSession = SparkSession(connection=GatewayChannel(endpoint))
            """The library's own session."""
            # a call that failed is not made again for ten minutes, as it would be
            self.spark.client.set_retry_policies([DefaultPolicy(max_retries=2, max_server_retry_delay=1000)])
            for name, value in _SESSION.items():
                self.spark.conf.set(name, value)

    @property
    def lost(self) -> bool:
        """Whether it serves no more: its server is gone, or has forgotten it."""
        return self._lost or (self._server is not None and not self._server.alive)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Whatever of the session is asked inside, by this thread, is stopped when nobody waits for it any more, and
        when it takes longer than `statement_seconds`.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED in place of Spark's errors; that it was interrupted.
        """
        tag = f"gateway-{uuid.uuid4()}"
        late = threading.Timer(self._seconds, self._stop, (tag,))
        late.daemon = True
        with self._faults(), interruptible(lambda: self._stop_soon(tag)):
            self.spark.addTag(tag)
            late.start()
            try:
                yield
            finally:
                late.cancel()
                self.spark.removeTag(tag)

    def stream(self, data: DataFrame) -> Generator[pa.RecordBatch, None, None]:
        """Stream the rows of a plan as Arrow, as Spark has them ready. Closing it early stops Spark.

        Raises:
            Fault: as `working`, also after batches.
        """
        tag = f"gateway-{uuid.uuid4()}"
        late = threading.Timer(self._seconds, self._stop, (tag,))
        late.daemon = True
        whole = False
        try:
            with self._faults(), interruptible(lambda: self._stop_soon(tag)):
                late.start()
                answers = self._begun(data, tag)
                while (batches := _next(answers)) is not None:
                    yield from batches
                whole = True
        finally:
            late.cancel()
            if not whole:
                self._stop_soon(tag)

    def arrow(self, data: DataFrame) -> pa.Table:
        """Return the whole answer of a plan with few rows. Raises as `stream`."""
        with self._faults():
            schema = data.schema
        batches = list(self.stream(data))
        if batches:
            return pa.Table.from_batches(batches)
        from pyspark.sql.pandas.types import to_arrow_schema

        return to_arrow_schema(schema).empty_table()

    def close(self) -> None:
        """Let go of all that the session holds on its server."""
        with suppress(PySparkException, grpc.RpcError, OSError):
            # what is lost is not waited for
            self.spark.client.close() if self.lost else self.spark.stop()
        if self._server is not None:
            self._server.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        with engine_faults():
            try:
                yield
            except (PySparkException, grpc.RpcError) as error:
                self._lost = self._lost or _is_gone(error)
                raise

    def _begun(self, data: DataFrame, tag: str) -> Iterator[Any]:
        """The library's answers. Tags are of a thread, which need not be the one that goes on with the answers."""
        client = self.spark.client
        self.spark.addTag(tag)
        try:
            request = client._execute_plan_request_with_metadata()
        finally:
            self.spark.removeTag(tag)
        request.plan.CopyFrom(cast(ConnectDataFrame, data)._plan.to_proto(client))
        return client._execute_and_fetch_as_iterator(request, {})

    def _stop_soon(self, tag: str) -> None:
        threading.Thread(target=self._stop, args=(tag,), daemon=True).start()

    def _stop(self, tag: str) -> None:
        with suppress(PySparkException, grpc.RpcError, ValueError):
            self.spark.interruptTag(tag)


class Sessions:
    """The sessions of a gateway, by the names that its settings give them. Safe between threads.

    Nothing is opened, nor started, before it is asked for. A session that was lost is opened anew at the next asking.
    """

    def __init__(self, told: Mapping[str, LocalSpark | RemoteSpark]) -> None:
        self._told = dict(told)
        self._locks = {name: threading.Lock() for name in told}
        self._open: dict[str, Session] = {}

    def of(self, name: str) -> Session:
        """Return the session of a name, opened if it was not yet.

        Raises:
            Fault: SOURCE_UNAVAILABLE, also for a name that nothing is told of.
        """
        if name not in self._told:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        with self._locks[name]:
            session = self._open.get(name)
            if session is not None and session.lost:
                del self._open[name]
                session.close()
                session = None
            if session is None:
                session = self._open[name] = open_session(self._told[name])
            return session

    def close(self) -> None:
        """Close all, and end the processes that were started."""
        for name, lock in self._locks.items():
            with lock:
                session = self._open.pop(name, None)
            if session is not None:
                session.close()


def open_session(told: LocalSpark | RemoteSpark) -> Session:
    """Open one session; of a `LocalSpark`, start its process.

    Raises:
        Fault: SOURCE_UNAVAILABLE.
    """
    if isinstance(told, RemoteSpark):
        with engine_faults():
            endpoint = told.endpoint()
        return Session(endpoint)
    server = LocalServer(told)
    try:
        return Session(server.endpoint, server)
    except BaseException:
        server.close()
        raise


def _next(answers: Iterator[Any]) -> list[pa.RecordBatch] | None:
    """The batches of the next answer that is any; None at the end."""
    for one in answers:
        if isinstance(one, pa.RecordBatch):
            return [one]
    return None
