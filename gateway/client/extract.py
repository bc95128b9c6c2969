"""An extract: a stream of record batches that knows whether it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

import grpc
import pyarrow as pa

from gateway.api.v1 import receipt_pb2, sharing_service_pb2
from gateway.client.errors import GatewayError, IncompleteExtract, came_from_gateway, from_call
from gateway.client.values import to_batch, to_schema

Progress = Callable[[int, int], None]
"""Called after each batch with the rows and batches received so far."""


class Stream(Protocol):
    """A response stream that can be cancelled."""

    def __iter__(self) -> Iterator[sharing_service_pb2.ExtractResponse]: ...
    def cancel(self) -> bool: ...


class Extract:
    """Iterate over its record batches, once; or read them all.

    The end of the iteration means that everything arrived: a stream that was cut short, skips a batch or disagrees
    with its trailer raises IncompleteExtract.
    """

    def __init__(self, stream: Stream, progress: Progress | None) -> None:
        """Take a stream and read its header.

        Raises:
            GatewayError: the gateway refuses.
        """
        self._stream = stream
        self._progress = progress
        self._parts = iter(stream)
        self.rows = 0
        self.batches = 0
        self.complete = False
        header = self._next()
        if header is None or header.WhichOneof("part") != "header":
            raise IncompleteExtract(0, 0)
        self.receipt: receipt_pb2.Receipt = header.header.receipt
        """The receipt of the decision; once complete, the receipt of what left."""
        encoded = header.header.arrow_schema
        self.schema: pa.Schema = (
            pa.ipc.read_schema(pa.py_buffer(encoded)) if encoded else to_schema(header.header.schema)
        )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while not self.complete:
            part = self._next()
            if part is None:
                raise IncompleteExtract(self.rows, self.batches)
            match part.WhichOneof("part"):
                case "arrow_batch":
                    message = pa.py_buffer(part.arrow_batch.ipc_message)
                    yield self._received(part.arrow_batch.number, pa.ipc.read_record_batch(message, self.schema))
                case "row_batch":
                    yield self._received(part.row_batch.number, to_batch(part.row_batch.rows, self.schema))
                case "trailer":
                    self._end(part.trailer)
                case _:
                    raise IncompleteExtract(self.rows, self.batches)

    def read_all(self) -> pa.Table:
        """Return everything as one table.

        Raises:
            IncompleteExtract: not everything arrived.
        """
        return pa.Table.from_batches(list(self), self.schema)

    def close(self) -> None:
        """End the stream. What had left is recorded by the gateway as incomplete, unless the stream had ended."""
        self._stream.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _received(self, number: int, records: pa.RecordBatch) -> pa.RecordBatch:
        if number != self.batches:
            raise IncompleteExtract(self.rows, self.batches)
        self.rows += records.num_rows
        self.batches += 1
        if self._progress is not None:
            self._progress(self.rows, self.batches)
        return records

    def _end(self, trailer: sharing_service_pb2.ExtractTrailer) -> None:
        if (trailer.rows, trailer.batches) != (self.rows, self.batches):
            raise IncompleteExtract(self.rows, self.batches)
        self.receipt = trailer.receipt
        self.complete = True

    def _next(self) -> sharing_service_pb2.ExtractResponse | None:
        try:
            return next(self._parts, None)
        except grpc.RpcError as error:
            typed: GatewayError = from_call(error)
            if self.batches and not came_from_gateway(typed):
                raise IncompleteExtract(self.rows, self.batches) from error
            raise typed from error
