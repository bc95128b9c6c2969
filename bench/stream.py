"""One run of a stream, measured from outside: rows and time at the client, processor time on both sides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.processes import cpu_seconds
from gateway.api.v1 import sharing_service_pb2
from gateway.client.extract import Extract


@dataclass(frozen=True, slots=True)
class StreamRun:
    """One complete stream. Times are seconds; processor times are of the serving and of the calling process."""

    rows: int
    batches: int
    bytes: int
    seconds: float
    first_batch: float
    server_cpu: float
    client_cpu: float

    @property
    def rows_per_s(self) -> float:
        """Rows that arrived, for each second from the call to the trailer."""
        return self.rows / self.seconds

    @property
    def cpu_ns_per_row(self) -> float:
        """Processor time of both sides for a row, in nanoseconds."""
        return (self.server_cpu + self.client_cpu) / self.rows * 1e9


def run_stream(opening: Callable[[], Extract], server: int) -> StreamRun:
    """Read a stream to its end, as a client that keeps nothing. `server` is the process that serves it.

    Raises:
        GatewayError: it is refused, or not complete.
    """
    watch = _Watch(server)
    size = 0
    first_batch: float | None = None
    with opening() as stream:
        for batch in stream:
            if first_batch is None:
                first_batch = watch.elapsed
            size += batch.nbytes
    return watch.end(stream.rows, stream.batches, size, first_batch)


def run_rows(opening: Callable[[], Iterable[sharing_service_pb2.ExtractResponse]], server: int) -> StreamRun:
    """Read a stream of protobuf rows to its end and look at each value of each row, as a client that keeps nothing.

    Raises:
        RuntimeError: it has no trailer, or another number of rows.
    """
    watch = _Watch(server)
    rows = batches = size = 0
    first_batch: float | None = None
    whole = -1
    for message in opening():
        if first_batch is None:
            first_batch = watch.elapsed
        for row in message.row_batch.rows:
            for value in row.values:
                size += len(value.string_value)
            rows += 1
        batches += message.HasField("row_batch")
        whole = message.trailer.rows if message.HasField("trailer") else whole
    if whole != rows:
        raise RuntimeError("a stream of rows was cut short")
    return watch.end(rows, batches, size, first_batch)


class _Watch:
    """What time a stream takes, and of whom."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._cpu, self._own, self._began = cpu_seconds(server), time.process_time(), time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._began

    def end(self, rows: int, batches: int, size: int, first_batch: float | None) -> StreamRun:
        """Return the run that has ended."""
        seconds = self.elapsed
        return StreamRun(
            rows=rows,
            batches=batches,
            bytes=size,
            seconds=seconds,
            first_batch=seconds if first_batch is None else first_batch,
            server_cpu=cpu_seconds(self._server) - self._cpu,
            client_cpu=time.process_time() - self._own,
        )
