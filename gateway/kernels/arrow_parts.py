"""Record batches that strangers wrote: read without trust in a byte of them."""

from __future__ import annotations

import struct

import pyarrow as pa

_CONTINUATION = 0xFFFFFFFF
_HEADER_TYPE, _HEADER = 1, 2  # places in the table Message of Arrow's Message.fbs
_RECORD_BATCH = 3
_LENGTH, _COMPRESSION = 0, 3  # places in the table RecordBatch


class TooManyRows(ValueError):
    """There are more rows than there may be."""


def read_part(message: bytes, schema: pa.Schema, most_rows: int) -> pa.RecordBatch:
    """Return the batch of one encapsulated record batch message (Arrow columnar format, "Encapsulated message format").

    It must be of this schema and not compressed: what is compressed says for itself how much memory it takes. All of it
    is validated, offsets and UTF-8 as well, so that everything may be computed with it. Columns that share bytes of the
    message would take more memory than it, once they are put together with others: there are none.

    Raises:
        TooManyRows: it says of itself that it has more rows.
        ValueError: it is none. The text tells nothing of it.
    """
    try:
        if _declared_rows(message) > most_rows:
            raise TooManyRows
        batch = pa.ipc.read_record_batch(pa.py_buffer(message), schema)
        batch.validate(full=True)
        if batch.nbytes > len(message):
            raise ValueError("columns share their bytes")
    except TooManyRows:
        raise
    except (pa.ArrowException, ValueError, OSError, struct.error, IndexError):
        raise ValueError("no record batch of this schema") from None
    return batch


def _declared_rows(message: bytes) -> int:
    """How many rows a batch says that it has; ValueError where it is compressed.

    Read it in the metadata, a FlatBuffers table (flatbuffers.dev, "Internals"); struct.error where it is cut.
    """
    mark, size = struct.unpack_from("<Ii", message)
    if mark != _CONTINUATION or not 0 < size <= len(message) - 8:
        raise ValueError("no encapsulated message")
    metadata = memoryview(message)[8 : 8 + size]
    root = _offset(metadata, 0)
    kind = _slot(metadata, root, _HEADER_TYPE)
    header = _slot(metadata, root, _HEADER)
    if kind is None or header is None or metadata[kind] != _RECORD_BATCH:
        raise ValueError("no record batch")
    batch = _offset(metadata, header)
    if _slot(metadata, batch, _COMPRESSION) is not None:
        raise ValueError("a compressed batch")
    length = _slot(metadata, batch, _LENGTH)
    rows: int = 0 if length is None else struct.unpack_from("<q", metadata, length)[0]
    return rows


def _offset(data: memoryview, at: int) -> int:
    target: int = at + struct.unpack_from("<I", data, at)[0]
    return target


def _slot(data: memoryview, table: int, place: int) -> int | None:
    """Where a field of a table stands, or None if it is not there."""
    start = table - struct.unpack_from("<i", data, table)[0]
    if start < 0:
        raise ValueError("no table")
    size = struct.unpack_from("<H", data, start)[0]
    at = 4 + 2 * place
    offset = struct.unpack_from("<H", data, start + at)[0] if at + 2 <= size else 0
    return table + offset if offset else None
