"""From responses to columns. What the descriptors do not know stops the reading: nobody has classified it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from gateway.adapters.upstream.agreement import NEXT_PAGE, Method
from gateway.adapters.upstream.leaves import DATE, TIMESTAMP, WRAPPERS, Leaf
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.calendar import CITY_OFFSET
from gateway.model.errors import ErrorReason, Fault
from gateway.model.values import FieldType

Records: TypeAlias = Sequence[Any]
_Values: TypeAlias = Callable[[Records], list[Any]]

_CITY_OFFSET = int(CITY_OFFSET.total_seconds())
_SECONDS = range(-62_135_596_800, 253_402_300_800)
"""What a google.protobuf.Timestamp may say: the years 1 to 9999."""


class Decoder:
    """Reads some fields of the records in the responses of a method."""

    def __init__(self, method: Method, columns: Sequence[tuple[str, FieldType, Leaf]]) -> None:
        self._class = GetMessageClass(method.response)
        self._records = attrgetter(method.spec.records) if method.spec.records else None
        self._next_page = attrgetter(NEXT_PAGE) if method.paged else None
        self._columns = [_column(leaf, kind) for _, kind, leaf in columns]
        self.schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind, _ in columns])

    def read(self, response: bytes) -> tuple[Records, str]:
        """Return the records in a response, and the token of the next page, "" if there is none.

        Raises:
            Fault: SOURCE_SCHEMA_CHANGED if it is no such message, or holds a field that the descriptors do not know.
        """
        try:
            message: Message = self._class.FromString(response)
        except DecodeError:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
        size = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() != size:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        records = (message,) if self._records is None else self._records(message)
        return records, "" if self._next_page is None else self._next_page(message)

    def columns(self, records: Records) -> pa.RecordBatch:
        """Return the fields of records as columns.

        Raises:
            Fault: SOURCE_SCHEMA_CHANGED if a value is not what its field says: text that is not UTF-8, an enum's
                number without a name, a day or instant that is none.
        """
        try:
            arrays = [column(records) for column in self._columns]
        except (ValueError, TypeError, OverflowError, pa.ArrowException):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _column(leaf: Leaf, kind: FieldType) -> Callable[[Records], pa.Array[Any]]:
    field, absent = leaf.field, _absent(leaf)
    name = None if field.message_type is None else field.message_type.full_name
    path = ".".join(step.name for step in leaf.steps)
    match name:
        case str() if name == TIMESTAMP:
            return partial(_instants, _values(f"{path}.seconds"), _values(f"{path}.nanos"), absent)
        case str() if name == DATE:
            return partial(_days, attrgetter(f"{path}.year", f"{path}.month", f"{path}.day"), absent)
        case str() if name in WRAPPERS:
            return partial(_plain, _values(f"{path}.value"), ARROW_TYPES[kind], absent)
    if field.enum_type is not None:
        return partial(_named, _values(path), _names(field.enum_type), absent)
    return partial(_plain, _values(path), ARROW_TYPES[kind], absent)


def _values(path: str) -> _Values:
    get = attrgetter(path)
    return lambda records: list(map(get, records))


def _absent(leaf: Leaf) -> Callable[[Records], Any]:
    """What tells of each record whether a value is missing; None where none is."""
    tests: list[Callable[[Records], list[bool]]] = []
    for depth, step in enumerate(leaf.steps):
        if step.has_presence and not step.is_required:
            tests.append(partial(_missing, ".".join(one.name for one in leaf.steps[:depth]), step.name))
    return lambda records: np.logical_or.reduce([test(records) for test in tests]) if tests else None


def _missing(way: str, name: str, records: Records) -> list[bool]:
    holders = map(attrgetter(way), records) if way else records
    return [not holder.HasField(name) for holder in holders]


def _plain(values: _Values, kind: pa.DataType, absent: Callable[[Records], Any], records: Records) -> pa.Array[Any]:
    return pa.array(values(records), kind, mask=absent(records))


def _named(values: _Values, names: dict[int, str], absent: Callable[[Records], Any], records: Records) -> pa.Array[Any]:
    try:
        return pa.array([names[number] for number in values(records)], pa.string(), mask=absent(records))
    except KeyError:
        raise ValueError("an enum's number has no name") from None


def _names(kind: EnumDescriptor) -> dict[int, str]:
    return {number: value.name for number, value in kind.values_by_number.items()}


def _instants(seconds: _Values, nanos: _Values, absent: Callable[[Records], Any], records: Records) -> pa.Array[Any]:
    whole, parts = np.array(seconds(records), np.int64), np.array(nanos(records), np.int64)
    if len(whole) and not (
        _SECONDS.start <= whole.min() and whole.max() < _SECONDS.stop and parts.min() >= 0 and parts.max() < 10**9
    ):
        raise ValueError("an instant is none")
    local = (whole + _CITY_OFFSET) * 1_000_000 + parts // 1000
    return pa.array(local, pa.timestamp("us"), mask=absent(records))


def _days(parts: attrgetter[tuple[int, int, int]], absent: Callable[[Records], Any], records: Records) -> pa.Array[Any]:
    missing = absent(records)
    days = [None if gone else date(*parts(record)) for record, gone in zip(records, missing, strict=True)]
    return pa.array(days, pa.date32())
