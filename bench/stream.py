"""One run of a stream, measured from outside: rows and time at the client, processor time on both sides."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.processes import cpu_seconds
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
    cpu_server, cpu_client, began = cpu_seconds(server), time.process_time(), time.perf_counter()
    size = 0
    first_batch: float | None = None
    with opening() as stream:
        for batch in stream:
            if first_batch is None:
                first_batch = time.perf_counter() - began
            size += batch.nbytes
    ended = time.perf_counter()
    return StreamRun(
        rows=stream.rows,
        batches=stream.batches,
        bytes=size,
        seconds=ended - began,
        first_batch=ended - began if first_batch is None else first_batch,
        server_cpu=cpu_seconds(server) - cpu_server,
        client_cpu=time.process_time() - cpu_client,
    )
