"""Batches that are pushed, from proto to model and Arrow, and what became of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError, Message

from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.api.v1 import sharing_service_pb2, value_pb2
from gateway.intake import Arrival, Kept
from gateway.kernels import arrow_parts
from gateway.kernels.arrow_parts import read_part
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.batches import one_batch, schema_of
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.ingest import RowReason
from gateway.model.request import RowsRequest
from gateway.model.values import FieldType
from gateway.server.problem import NotWellFormed
from gateway.server.wire import row_parts
from gateway.server.wire.receipts import instant, receipt_of
from gateway.server.wire.requests import context_of
from gateway.server.wire.values import FIELD_TYPES

_TYPES = {number: kind for kind, number in FIELD_TYPES.items()}
_KINDS: dict[FieldType, str] = {
    FieldType.STRING: "string_value",
    FieldType.INT64: "int64_value",
    FieldType.DOUBLE: "double_value",
    FieldType.BOOL: "bool_value",
    FieldType.DATE: "date_value",
    FieldType.TIMESTAMP: "timestamp_value",
}
_WRITTEN_AS = {FieldType.DATE: pa.int32(), FieldType.TIMESTAMP: pa.int64()}

REASONS: dict[RowReason, pb.RowReason.ValueType] = {
    reason: pb.RowReason.Value(f"ROW_REASON_{reason.name}") for reason in RowReason
}


def push_of(header: pb.PushHeader) -> RowsRequest:
    """Read what a batch asks."""
    return RowsRequest(
        context=context_of(header),
        kind=DisclosureKind.INGEST,
        dataset=header.dataset,
        disclosure=header.disclosure,
        fields=(),
        allow_partial=False,
        filters=(),
        selector=None,
    )


def columns_of(header: pb.PushHeader) -> list[tuple[str, FieldType]]:
    """Read the columns of a batch."""
    return [(column.name, _TYPES[column.type]) for column in header.columns]


def header_of(message: Message) -> pb.PushHeader:
    """Return the header, which comes first.

    Raises:
        NotWellFormed: REQUEST_INVALID where something else does.
    """
    if not isinstance(message, pb.PushRequest) or not message.HasField("header"):
        raise _broken("header", "must come first")
    return message.header


def arrival_of(messages: Iterator[Message], most_rows: int) -> Arrival:
    """Read a whole batch, of so many rows at most.

    Raises:
        NotWellFormed: REQUEST_INVALID: parts do not follow each other, hold no rows of the columns, or are not what the
            trailer says; or there is no trailer. CAP_EXCEEDED for more rows.
    """
    first = next(messages, None)
    if first is None:
        raise _broken("header", "must come first")
    header = header_of(first)
    request, columns = push_of(header), columns_of(header)
    by_rows = header.encoding == sharing_service_pb2.ENCODING_ROWS
    schema = schema_of(columns)
    content, rows = hashlib.sha256(), 0
    received, parts = 0, list[pa.RecordBatch]()
    malformed: list[Any] = []
    trailer: pb.PushTrailer | None = None
    for message in messages:
        assert isinstance(message, pb.PushRequest)
        if trailer is not None:
            raise _broken("trailer", "must come last")
        if message.HasField("trailer"):
            trailer = message.trailer
            continue
        if not message.HasField("rows") or message.rows.number != received:
            raise _broken("rows.number", "must follow the one before")
        received += 1
        payload = message.rows.payload
        content.update(payload)
        left = most_rows - rows
        for part, wrong in _rows(payload, columns, schema, left) if by_rows else _arrow(payload, schema, left):
            rows += part.num_rows
            parts.append(part)
            malformed.append(wrong)
    if trailer is None:
        raise _broken("trailer", "did not arrive: nothing is kept")
    if trailer.rows != rows:
        raise _broken("trailer.rows", "is not the number of rows that arrived")
    if trailer.sha256 != content.digest():
        raise _broken("trailer.sha256", "is not the digest of what arrived")
    asked = request.context.body_digest
    return Arrival(
        request=request,
        batch_id=str(uuid.UUID(header.batch_id)),
        digest=hashlib.sha256(asked + content.digest()).digest(),
        records=one_batch(pa.Table.from_batches(parts, schema)),
        malformed=np.concatenate(malformed) if malformed else np.zeros(0, np.bool_),
        all_or_nothing=header.all_or_nothing,
    )


def response_of(kept: Kept, delta: float) -> pb.PushResponse:
    """Write what became of a batch."""
    batch = kept.batch
    return pb.PushResponse(
        accepted=batch.quality.accepted,
        rejected=batch.quality.turned_away,
        counts=[pb.RejectedCount(reason=REASONS[one], rows=count) for one, count in batch.quality.rejected.items()],
        rejected_rows=[pb.RejectedRow(row=one.row, reason=REASONS[one.reason], field=one.field) for one in batch.told],
        kept_at=instant(batch.kept_at),
        repeated=kept.again,
        receipt=receipt_of(kept.receipt, delta),
    )


def _arrow(payload: bytes, schema: pa.Schema, most_rows: int) -> Iterator[tuple[pa.RecordBatch, Any]]:
    try:
        part = read_part(payload, schema, most_rows)
    except arrow_parts.TooManyRows:
        raise _too_many() from None
    except ValueError:
        raise _broken("rows.payload", "is no record batch of the columns, uncompressed") from None
    yield part, np.zeros(part.num_rows, np.bool_)


def _rows(
    payload: bytes, columns: list[tuple[str, FieldType]], schema: pa.Schema, most_rows: int
) -> Iterator[tuple[pa.RecordBatch, Any]]:
    """Read rows, some at a time, after counting them."""
    try:
        for run in row_parts.runs_of(payload, most_rows, len(columns)):
            if run.content is None:
                yield pa.RecordBatch.from_pylist([{}], schema=schema), np.ones(1, np.bool_)
            else:
                yield _built(sharing_service_pb2.RowBatch.FromString(run.content).rows, columns, schema)
    except row_parts.TooManyRows:
        raise _too_many() from None
    except (DecodeError, ValueError):
        raise _broken("rows.payload", "is no RowBatch") from None


def _built(
    rows: Sequence[value_pb2.Row], columns: list[tuple[str, FieldType]], schema: pa.Schema
) -> tuple[pa.RecordBatch, Any]:
    """Put rows into columns; what is not of its column's type is left out, and its row told."""
    malformed = np.zeros(len(rows), np.bool_)
    cells: list[list[Any]] = [[None] * len(rows) for _ in columns]
    kinds = [_KINDS[kind] for _, kind in columns]
    for number, row in enumerate(rows):
        values: list[value_pb2.Value] = list(row.values)
        if len(values) != len(kinds):
            malformed[number] = True
            continue
        for place, (value, kind) in enumerate(zip(values, kinds, strict=True)):
            given = value.WhichOneof("kind")
            if given == kind:
                cells[place][number] = getattr(value, kind)
            elif given != "null_value":
                malformed[number] = True
    arrays = [
        pa.array(column, _WRITTEN_AS.get(kind, ARROW_TYPES[kind])).cast(ARROW_TYPES[kind])
        for column, (_, kind) in zip(cells, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema), malformed


def _too_many() -> NotWellFormed:
    return NotWellFormed(ErrorReason.CAP_EXCEEDED, "", "has more rows than a batch may have: push several batches")


def _broken(place: str, rule: str) -> NotWellFormed:
    return NotWellFormed(ErrorReason.REQUEST_INVALID, place, rule)
