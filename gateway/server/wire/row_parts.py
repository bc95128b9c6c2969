"""Rows as protobuf, cut into small pieces before any of them is built.

An empty row takes two bytes on the wire and a hundred in memory, so that what a message may hold says little of what it
grows to. Here rows are told apart by tags and lengths alone (protobuf.dev, "Encoding"), counted, and handed on by runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

RUN_BYTES = 64 << 10
"""Rows are built so many bytes at a time; a row that is larger, by itself."""

_NUMBER, _ROW, _POSITION = 0x08, 0x12, 0x1A  # tags of RowBatch: field and wire type
_VALUE = 0x0A  # the tag of Row


class TooManyRows(ValueError):
    """There are more rows than there may be."""


class Run(NamedTuple):
    """Rows that follow each other, as the bytes of a RowBatch; None for a row of more values than it may have."""

    rows: int
    content: bytes | None


def runs_of(payload: bytes, most_rows: int, most_values: int) -> Iterator[Run]:
    """Return the rows of a RowBatch, after counting them all.

    Raises:
        TooManyRows: there are more than `most_rows`.
        ValueError: the bytes are no RowBatch.
    """
    rows = _rows(payload, most_rows)
    return _runs(payload, rows, most_values)


def _rows(payload: bytes, most: int) -> list[tuple[int, int, int]]:
    """Where each row begins, where its values do, and where it ends."""
    found: list[tuple[int, int, int]] = []
    at, end = 0, len(payload)
    while at < end:
        tag = payload[at]
        if tag == _NUMBER:
            _, at = _varint(payload, at + 1)
            continue
        size, body = _varint(payload, at + 1)
        if tag not in (_ROW, _POSITION) or body + size > end:
            raise ValueError("no RowBatch")
        if tag == _ROW:
            if len(found) == most:
                raise TooManyRows
            found.append((at, body, body + size))
        at = body + size
    return found


def _runs(payload: bytes, rows: list[tuple[int, int, int]], most_values: int) -> Iterator[Run]:
    first = 0
    while first < len(rows):
        begin, body, end = rows[first]
        last = first + 1
        while last < len(rows) and rows[last][2] - begin <= RUN_BYTES:
            end = rows[last][2]
            last += 1
        fits = end - begin <= RUN_BYTES or _values(payload, body, end, most_values)
        yield Run(last - first, payload[begin:end] if fits else None)
        first = last


def _values(payload: bytes, at: int, end: int, most: int) -> bool:
    """Whether a row has so many values at most."""
    for _ in range(most + 1):
        if at >= end:
            return True
        size, body = _varint(payload, at + 1)
        if payload[at] != _VALUE:
            raise ValueError("no RowBatch")
        at = body + size
    return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("no RowBatch")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
