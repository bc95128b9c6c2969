"""Record batches as protobuf wire bytes, written by the column.

A Python protobuf object for each cell, and one more copy of every Arrow buffer, would cost more than all
stages before. So the few frames that carry data are written here by hand, after the protobuf encoding
specification (protobuf.dev/programming-guides/encoding); tests read them back with the generated classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from gateway.api.v1 import sharing_service_pb2, value_pb2
from gateway.kernels.arrow_types import field_type
from gateway.model.values import FieldType
from gateway.server.wire.values import value_of

_LENGTH_DELIMITED = 2

Codec: TypeAlias = Literal["lz4", "zstd"]


def varint(number: int) -> bytes:
    """Encode a non-negative integer in base 128."""
    if number < 128:
        return _SHORT[number]
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT = tuple(bytes((number,)) for number in range(128))


def _tag(number: int) -> bytes:
    return varint(number << 3 | _LENGTH_DELIMITED)


_FIELDS = sharing_service_pb2.ExtractResponse.DESCRIPTOR.fields_by_name
_ARROW_BATCH = _tag(_FIELDS["arrow_batch"].number)
_ROW_BATCH = _tag(_FIELDS["row_batch"].number)
_IPC_MESSAGE = _tag(sharing_service_pb2.ArrowBatch.DESCRIPTOR.fields_by_name["ipc_message"].number)
_BATCH_ROW = _tag(sharing_service_pb2.RowBatch.DESCRIPTOR.fields_by_name["rows"].number)
_ROW_VALUE = _tag(value_pb2.Row.DESCRIPTOR.fields_by_name["values"].number)


def arrow_frame(number: int, records: pa.RecordBatch, position: bytes = b"", codec: Codec | None = None) -> bytes:
    """Return the bytes of ExtractResponse{arrow_batch} with the batch as one encapsulated IPC message.

    `codec`, "lz4" or "zstd", compresses the body of the message, buffer by buffer, as Arrow's format says.
    """
    message = records.serialize() if codec is None else _compressed(records, codec)
    head = sharing_service_pb2.ArrowBatch(number=number, rows=records.num_rows, position=position).SerializeToString()
    size = message.size
    inner = b"".join((head, _IPC_MESSAGE, varint(size)))
    return b"".join((_ARROW_BATCH, varint(len(inner) + size), inner, memoryview(message)))


def _compressed(records: pa.RecordBatch, codec: Codec) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    # without threads of its own: a stream takes one core at a time
    options = pa.ipc.IpcWriteOptions(compression=codec, use_threads=False)
    with pa.ipc.new_stream(sink, records.schema, options=options) as writer:
        writer.write_batch(records)
        end = sink.tell()
    head = records.schema.serialize().size  # the stream's first message, which callers have
    return sink.getvalue().slice(head, end - head)


def row_frame(number: int, records: pa.RecordBatch, position: bytes = b"") -> bytes:
    """Return the bytes of ExtractResponse{row_batch}."""
    head = sharing_service_pb2.RowBatch(number=number, position=position).SerializeToString()
    rows = b"".join(_framed(_BATCH_ROW, row) for row in row_bytes(records))
    return b"".join((_ROW_BATCH, varint(len(head) + len(rows)), head, rows))


def row_bytes(records: pa.RecordBatch) -> Iterator[bytes]:
    """Yield the bytes of a Row message for each row."""
    if records.num_columns == 0:
        yield from (b"" for _ in range(records.num_rows))
        return
    columns = [_cells(records.column(at)) for at in range(records.num_columns)]
    yield from map(b"".join, zip(*columns, strict=True))


def _framed(tag: bytes, body: bytes) -> bytes:
    return tag + varint(len(body)) + body


def _cells(column: pa.Array[Any]) -> list[bytes]:
    """Return each cell as a framed Value; a value that repeats is encoded once."""
    kind = field_type(column.type)
    encode = _ENCODERS.get(kind, _any)
    known: dict[Any, bytes] = {}
    cells: list[bytes] = []
    for item in _plain(column, kind).to_pylist():
        cell = known.get(item)
        if cell is None:
            cell = _framed(_ROW_VALUE, _NULL if item is None else encode(item))
            known[item] = cell
        cells.append(cell)
    return cells


def _plain(column: pa.Array[Any], kind: FieldType) -> pa.Array[Any]:
    """Return dates and times as the integers Values hold, doubles as their bits (0.0 and -0.0 are equal)."""
    if kind is FieldType.DATE:
        return column.cast(pa.int32())
    if kind is FieldType.TIMESTAMP:
        return column.cast(pa.int64())
    if kind is FieldType.DOUBLE:
        return column.view(pa.int64())
    return column


def _any(item: Any) -> bytes:
    return value_of(item).SerializeToString()


_VALUE = value_pb2.Value.DESCRIPTOR.fields_by_name
_NULL = _any(None)
_STRING = _tag(_VALUE["string_value"].number)
_DOUBLE = varint(_VALUE["double_value"].number << 3 | 1)


def _string(item: str) -> bytes:
    return _framed(_STRING, item.encode())


def _double(bits: int) -> bytes:
    return _DOUBLE + bits.to_bytes(8, "little", signed=True)


def _date(days: int) -> bytes:
    return value_pb2.Value(date_value=days).SerializeToString()


def _timestamp(microseconds: int) -> bytes:
    return value_pb2.Value(timestamp_value=microseconds).SerializeToString()


_ENCODERS: dict[FieldType, Callable[[Any], bytes]] = {
    FieldType.STRING: _string,
    FieldType.DOUBLE: _double,
    FieldType.DATE: _date,
    FieldType.TIMESTAMP: _timestamp,
}


def pieces(records: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into slices whose Arrow IPC body stays within `max_bytes`, down to single rows.

    Slices share memory. Sizes are those of the slices themselves, so rows of unequal length are no trouble.
    """
    if records.num_rows <= 1 or pa.ipc.get_record_batch_size(records) <= max_bytes:
        yield records
        return
    half = records.num_rows // 2
    yield from pieces(records.slice(0, half), max_bytes)
    yield from pieces(records.slice(half), max_bytes)
