"""What departments that collect data do: they push rows, a batch at a time."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from gateway.api.v1 import ingest_service_pb2, ingest_service_pb2_grpc, receipt_pb2, sharing_service_pb2, value_pb2
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.times import aware
from gateway.client.tls import Pems
from gateway.client.values import Scalar, field_type_of, to_value
from gateway.client.words import word

Rows = pa.Table | pa.RecordBatch | Sequence[Mapping[str, Scalar]]
"""What may be pushed: an Arrow table, or rows as mappings."""

_MOST_BYTES = 192 << 10
"""Of one message: a gateway takes 256 KiB."""

_REASONS = ingest_service_pb2.RowReason.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not kept: its number among those sent, from 0, why, and the field by which, or ""."""

    row: int
    reason: str
    field: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a batch. `counts` are the rejected rows by reason, all of them; `rejected_rows` the first 1,000.

    `repeated` tells that this very batch had been kept before, at `kept_at` (UTC), and nothing was done now.
    """

    batch_id: str
    accepted: int
    rejected: int
    counts: Mapping[str, int]
    rejected_rows: tuple[RejectedRow, ...]
    kept_at: datetime
    repeated: bool
    receipt: receipt_pb2.Receipt = field(repr=False)


class Ingest(Channel):
    """The calls of those who push rows."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._ingest = ingest_service_pb2_grpc.IngestServiceStub(self._channel)

    def push(
        self,
        dataset: str,
        disclosure: str,
        rows: Rows,
        *,
        purpose: str,
        region: str = "",
        batch_id: str = "",
        all_or_nothing: bool = False,
        encoding: Literal["arrow", "rows"] = "arrow",
        case_number: str = "",
    ) -> Pushed:
        """Push a batch of rows: all that fit are kept, or none. With `all_or_nothing` one that does not refuses all.

        `batch_id`, a UUID, stands for these rows for ever: give one and keep it, to send them again after a failure
        without their being kept twice. Without one they get a new one, which this call keeps for its own retries.

        Raises:
            GatewayError: AlreadyUsed for an id that stands for other rows; Refused for a column that is not collected.
            TypeError, ValueError: the rows have a type that no field has, or lose something on the way to it.
        """
        messages = _messages(
            _typed(rows),
            ingest_service_pb2.PushHeader(
                context=context(purpose, region, case_number),
                dataset=dataset,
                disclosure=disclosure,
                batch_id=batch_id or str(uuid.uuid4()),
                all_or_nothing=all_or_nothing,
                encoding=(
                    sharing_service_pb2.ENCODING_ROWS if encoding == "rows" else sharing_service_pb2.ENCODING_ARROW
                ),
            ),
        )
        sent = list(messages)
        push: Any = self._ingest.Push  # takes an iterator, of which every try needs one of its own

        def calling(request: list[ingest_service_pb2.PushRequest], **how: Any) -> ingest_service_pb2.PushResponse:
            answer: ingest_service_pb2.PushResponse = push(iter(request), **how)
            return answer

        method: Any = calling
        return _pushed(sent[0].header.batch_id, self._caller.retried(method, sent))


def _typed(rows: Rows) -> pa.Table:
    """The rows in the types that fields have; nothing is lost on the way."""
    if isinstance(rows, pa.RecordBatch):
        rows = pa.Table.from_batches([rows])
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist([dict(row) for row in rows])
    return table.cast(pa.schema([(column.name, _plain(column.type)) for column in table.schema])).combine_chunks()


def _plain(kind: Any) -> pa.DataType:
    types: Any = pa.types
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_date(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        if kind.tz is not None:
            raise TypeError("a timestamp here is one on the city's clocks, without a time zone")
        return pa.timestamp("us")
    plain: pa.DataType = kind
    return plain


def _messages(table: pa.Table, header: ingest_service_pb2.PushHeader) -> Iterator[ingest_service_pb2.PushRequest]:
    columns = [value_pb2.SchemaField(name=one.name, type=field_type_of(one.type)) for one in table.schema]
    header.columns.extend(columns)
    yield ingest_service_pb2.PushRequest(header=header)
    by_rows = header.encoding == sharing_service_pb2.ENCODING_ROWS
    content = hashlib.sha256()
    number = 0
    for batch in table.to_batches():
        for payload in _payloads(batch, by_rows=by_rows):
            content.update(payload)
            yield ingest_service_pb2.PushRequest(rows=ingest_service_pb2.PushRows(number=number, payload=payload))
            number += 1
    trailer = ingest_service_pb2.PushTrailer(rows=table.num_rows, sha256=content.digest())
    yield ingest_service_pb2.PushRequest(trailer=trailer)


def _payloads(batch: pa.RecordBatch, *, by_rows: bool) -> Iterable[bytes]:
    """Cut a batch until each part goes into a message."""
    if batch.num_rows > 1 and batch.nbytes > _MOST_BYTES:
        yield from _halves(batch, by_rows=by_rows)
        return
    payload = _row_batch(batch) if by_rows else batch.serialize().to_pybytes()
    if len(payload) > _MOST_BYTES and batch.num_rows > 1:
        yield from _halves(batch, by_rows=by_rows)
    else:
        yield payload


def _halves(batch: pa.RecordBatch, *, by_rows: bool) -> Iterable[bytes]:
    half = batch.num_rows // 2
    yield from _payloads(batch.slice(0, half), by_rows=by_rows)
    yield from _payloads(batch.slice(half), by_rows=by_rows)


def _row_batch(batch: pa.RecordBatch) -> bytes:
    rows = [value_pb2.Row(values=map(to_value, row.values())) for row in batch.to_pylist()]
    return sharing_service_pb2.RowBatch(rows=rows).SerializeToString()


def _pushed(batch_id: str, answer: ingest_service_pb2.PushResponse) -> Pushed:
    return Pushed(
        batch_id=batch_id,
        accepted=answer.accepted,
        rejected=answer.rejected,
        counts={word(_REASONS, one.reason): one.rows for one in answer.counts},
        rejected_rows=tuple(
            RejectedRow(one.row, word(_REASONS, one.reason), one.field) for one in answer.rejected_rows
        ),
        kept_at=aware(answer.kept_at),
        repeated=answer.repeated,
        receipt=answer.receipt,
    )
