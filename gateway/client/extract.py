"""An extract: streams of record batches that know whether they are complete, and go on where a connection broke."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import grpc
import pyarrow as pa

from gateway.api.v1 import receipt_pb2, sharing_service_pb2
from gateway.client.errors import GatewayError, IncompleteExtract, Unavailable, came_from_gateway, from_call
from gateway.client.freshness import Freshness, freshness_from
from gateway.client.side_by_side import side_by_side
from gateway.client.values import to_batch, to_schema

Progress = Callable[[int, int], None]
"""Called after each batch with the rows and batches received so far."""

Position = sharing_service_pb2.ExtractPosition

_TRIES = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_BROKEN = frozenset(("UNAVAILABLE", "CANCELLED", "SOURCE_UNAVAILABLE"))
"""Reasons after which a stream is gone on with: of a connection, and of a gateway that is stopped."""


class Responses(Protocol):
    """A response stream that can be cancelled."""

    def __iter__(self) -> Iterator[sharing_service_pb2.ExtractResponse]: ...
    def cancel(self) -> bool: ...


Connect = Callable[[Position | None], Responses]
"""Begins a call: one that opens the extract, or goes on after a position."""


class Stream:
    """One stream of an extract, over as many connections as it takes.

    Batches have numbers without gaps, and its trailer tells how many there are: what is missing is noticed.
    """

    def __init__(self, connect: Connect, position: Position | None = None, *, resume: bool = True) -> None:
        """Connect and read the header.

        Raises:
            GatewayError: the gateway refuses.
        """
        self._connect = connect
        self._resume = resume
        self._ended = False
        self.rows = 0
        self.batches = 0
        self.complete = False
        self.connections = 0
        self.position = position
        self.header = self._opened()

    def batches_left(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the batches that have not come yet; the end means that all have."""
        tries = 0
        while not self.complete:
            try:
                part = self._next()
                if part is None:
                    raise IncompleteExtract(self.rows, self.batches)
            except (GatewayError, IncompleteExtract) as error:
                tries += 1
                if self._ended or not self._may_go_on(error, tries):
                    raise
                self._go_on(tries)
                continue
            match part.WhichOneof("part"):
                case "arrow_batch":
                    arrow = part.arrow_batch
                    batch = pa.ipc.read_record_batch(pa.py_buffer(arrow.ipc_message), schema)
                    yield self._received(arrow.number, batch, arrow.position)
                case "row_batch":
                    rows = part.row_batch
                    yield self._received(rows.number, to_batch(rows.rows, schema), rows.position)
                case "trailer":
                    self._end(part.trailer)
                    self._hear_out()
                case _:
                    raise self._incomplete()
            tries = 0

    def close(self) -> None:
        """End the stream. What had left is recorded by the gateway as incomplete, unless the stream had ended."""
        self._ended = True
        self._responses.cancel()

    def _opened(self) -> sharing_service_pb2.ExtractHeader:
        """The header. One that is of an extract that is open already is asked for again where a connection breaks."""
        tries = 0
        while True:
            try:
                return self._begin()
            except GatewayError as error:
                tries += 1
                if self._ended or not self._may_go_on(error, tries):
                    raise
                self._pause(tries)

    def _begin(self) -> sharing_service_pb2.ExtractHeader:
        self._responses = self._connect(self.position)
        self._parts = iter(self._responses)
        self.connections += 1
        first = self._next()
        if first is None or first.WhichOneof("part") != "header":
            raise IncompleteExtract(self.rows, self.batches)
        header = first.header
        if self.position is None:
            self.position = Position(extract_id=header.extract_id, stream=header.stream)
        elif (header.extract_id, header.stream) != (self.position.extract_id, self.position.stream):
            raise self._incomplete()
        return header

    def _may_go_on(self, error: GatewayError, tries: int) -> bool:
        known = self.position is not None and self.position.extract_id != ""
        broken = isinstance(error, IncompleteExtract) or error.reason in _BROKEN
        return self._resume and known and broken and tries < _TRIES

    def _go_on(self, tries: int) -> None:
        """Connect once more."""
        self._pause(tries)
        try:
            self._begin()
        except Unavailable:
            return  # the next part fails as well, and counts as the next try
        except IncompleteExtract:
            return

    def _pause(self, tries: int) -> None:
        """Give up what is broken, and wait; longer each time."""
        self._responses.cancel()
        time.sleep(min(_FIRST_PAUSE * 2 ** (tries - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.5))

    def _received(self, number: int, records: pa.RecordBatch, position: bytes) -> pa.RecordBatch:
        if number != self.batches:
            raise self._incomplete()
        self.rows += records.num_rows
        self.batches += 1
        if self.position is not None:
            self.position = Position(extract_id=self.position.extract_id, stream=self.position.stream, after=position)
        return records

    def _end(self, trailer: sharing_service_pb2.ExtractTrailer) -> None:
        if (trailer.rows, trailer.batches, trailer.stream) != (self.rows, self.batches, self.header.stream):
            raise self._incomplete()
        self.receipt = trailer.receipt
        self.complete = True

    def _hear_out(self) -> None:
        """Take the call's end as well: dropped before it, a call that went well counts as cancelled at the gateway.

        Everything has come by then, so that nothing depends on how it ends.
        """
        with suppress(grpc.RpcError):
            next(self._parts, None)

    def _incomplete(self) -> IncompleteExtract:
        """What came does not fit together: to go on would not mend it."""
        self._ended = True
        return IncompleteExtract(self.rows, self.batches)

    def _next(self) -> sharing_service_pb2.ExtractResponse | None:
        try:
            return next(self._parts, None)
        except grpc.RpcError as error:
            typed: GatewayError = from_call(error)
            raise typed from error


class Extract:
    """Iterate over its record batches, once; or read them all.

    The end of the iteration means that everything arrived: streams that were cut short, skip a batch or disagree with
    their trailer raise IncompleteExtract. Where a connection breaks, the stream goes on after the last batch that came.
    With several streams, batches come as they arrive, and `progress` is called by the thread that iterates.
    """

    def __init__(self, connect: Connect, progress: Progress | None, *, resume: bool = True) -> None:
        """Open the extract.

        Raises:
            GatewayError: the gateway refuses.
        """
        self._progress = progress
        self._connect = connect
        self._resume = resume
        first = Stream(connect, resume=resume)
        self._streams = [first]
        header = first.header
        self.rows = 0
        self.batches = 0
        self.complete = False
        self.id = header.extract_id
        """Names the extract."""
        self.streams = max(1, header.streams)
        """In how many streams it comes."""
        self.receipt: receipt_pb2.Receipt = header.receipt
        """The receipt of the decision; once complete, of what left in the first stream's last connection."""
        self.freshness: Freshness = freshness_from(header.freshness)
        """How fresh the data are."""
        encoded = header.arrow_schema
        self.schema: pa.Schema = pa.ipc.read_schema(pa.py_buffer(encoded)) if encoded else to_schema(header.schema)

    @property
    def connections(self) -> int:
        """How many connections it took, so far."""
        return sum(stream.connections for stream in self._streams)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for number in range(len(self._streams), self.streams):
                position = Position(extract_id=self.id, stream=number)
                self._streams.append(Stream(self._connect, position, resume=self._resume))
            for records in side_by_side([stream.batches_left(self.schema) for stream in self._streams]):
                self.rows += records.num_rows
                self.batches += 1
                if self._progress is not None:
                    self._progress(self.rows, self.batches)
                yield records
        except GatewayError as error:
            self.close()
            if isinstance(error, IncompleteExtract) or (self.batches and not came_from_gateway(error)):
                raise IncompleteExtract(self.rows, self.batches) from error
            raise
        finally:
            self.complete = len(self._streams) == self.streams and all(stream.complete for stream in self._streams)
            if not self.complete:
                self.close()
        self.receipt = self._streams[0].receipt

    def read_all(self) -> pa.Table:
        """Return everything as one table.

        Raises:
            IncompleteExtract: not everything arrived.
        """
        return pa.Table.from_batches(list(self), self.schema)

    def close(self) -> None:
        """End all streams. What had left is recorded by the gateway as incomplete, where a stream had not ended."""
        for stream in self._streams:
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
