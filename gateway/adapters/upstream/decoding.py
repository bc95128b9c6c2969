"""From responses to columns. What the descriptors do not know stops the reading: nobody has classified it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from gateway.adapters.upstream.agreement import NEXT_PAGE, Method
from gateway.adapters.upstream.leaves import DATE, TIMESTAMP, WRAPPERS, Leaf
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.batches import schema_of
from gateway.model.calendar import CITY_OFFSET
from gateway.model.errors import ErrorReason, Fault
from gateway.model.values import FieldType

Records: TypeAlias = Sequence[Any]
Column: TypeAlias = "pa.Array[Any]"
_Absent: TypeAlias = "npt.NDArray[np.bool_] | None"

_CITY_OFFSET = int(CITY_OFFSET.total_seconds())
_SECONDS = range(-62_135_596_800, 253_402_300_800)
"""What a google.protobuf.Timestamp may say: the years 1 to 9999."""


class Decoder:
    """Reads some fields of the records in the responses of a method.

    A `lenient` one takes a value that is not what its field says for NULL; any other fails on it.
    """

    def __init__(
        self, method: Method, columns: Sequence[tuple[str, FieldType, Leaf]], *, lenient: bool = False
    ) -> None:
        self._class = GetMessageClass(method.response)
        self._records = attrgetter(method.spec.records) if method.spec.records else None
        self._next_page = attrgetter(NEXT_PAGE) if method.paged else None
        self._columns = [_column(leaf, kind, lenient) for _, kind, leaf in columns]
        self.schema = schema_of((name, kind) for name, kind, _ in columns)

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
            batch = _Batch(records)
            arrays = [column(batch) for column in self._columns]
        except (ValueError, TypeError, OverflowError, pa.ArrowException):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _Batch:
    """Records, and the messages in them that hold their leaves: each is taken out of its record once."""

    def __init__(self, records: Records) -> None:
        self._at: dict[str, Records] = {"": records}

    def at(self, way: str) -> Records:
        """The messages at a path, one a record; where a record has none, an empty one."""
        if way not in self._at:
            above, _, name = way.rpartition(".")
            self._at[way] = list(map(attrgetter(name), self.at(above)))
        return self._at[way]

    def values(self, path: str) -> list[Any]:
        """The values at a path, one a record."""
        way, _, name = path.rpartition(".")
        return list(map(attrgetter(name), self.at(way)))

    def absent(self, leaf: Leaf) -> _Absent:
        """Which records have no value at a leaf; None where every record has one."""
        missing: npt.NDArray[np.bool_] | None = None
        for depth, step in enumerate(leaf.steps):
            if step.has_presence and not step.is_required:
                way, name = ".".join(one.name for one in leaf.steps[:depth]), step.name
                here = np.array([not holder.HasField(name) for holder in self.at(way)], np.bool_)
                missing = here if missing is None else missing | here
        return missing


def _column(leaf: Leaf, kind: FieldType, lenient: bool) -> Callable[[_Batch], Column]:
    field = leaf.field
    name = None if field.message_type is None else field.message_type.full_name
    if name == TIMESTAMP:
        return partial(_instants, leaf, lenient)
    if name == DATE:
        return partial(_days, leaf, lenient)
    if field.enum_type is not None:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return partial(_named, leaf, lenient, names)
    return partial(_plain, leaf, f"{leaf.path}.value" if name in WRAPPERS else leaf.path, ARROW_TYPES[kind])


def _plain(leaf: Leaf, path: str, kind: pa.DataType, batch: _Batch) -> Column:
    return pa.array(batch.values(path), kind, mask=batch.absent(leaf))


def _named(leaf: Leaf, lenient: bool, names: dict[int, str], batch: _Batch) -> Column:
    named = list(map(names.get, batch.values(leaf.path)))
    absent = batch.absent(leaf)
    wrong = np.array([name is None for name in named], np.bool_)
    return pa.array(named, pa.string(), mask=_missing(absent, wrong, lenient))


def _instants(leaf: Leaf, lenient: bool, batch: _Batch) -> Column:
    seconds, nanos = (np.array(batch.values(f"{leaf.path}.{part}"), np.int64) for part in ("seconds", "nanos"))
    wrong = (seconds < _SECONDS.start) | (seconds >= _SECONDS.stop) | (nanos < 0) | (nanos >= 10**9)
    instants = (np.where(wrong, 0, seconds) + _CITY_OFFSET) * 1_000_000 + nanos // 1000
    return pa.array(instants, pa.timestamp("us"), mask=_missing(batch.absent(leaf), wrong, lenient))


def _days(leaf: Leaf, lenient: bool, batch: _Batch) -> Column:
    year, month, day = (np.array(batch.values(f"{leaf.path}.{part}"), np.int64) for part in ("year", "month", "day"))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    wrong = (year < 1) | (year > 9999) | (month < 1) | (month > 12) | (day < 1)
    wrong |= days.astype("datetime64[M]") != months
    return pa.array(days, pa.date32(), mask=_missing(batch.absent(leaf), wrong, lenient))


def _missing(absent: _Absent, wrong: npt.NDArray[np.bool_], lenient: bool) -> _Absent:
    """Which values are NULL. Raises ValueError where one that is there is wrong, and that is not NULL."""
    if absent is not None:
        wrong = wrong & ~absent
    if not wrong.any():
        return absent
    if not lenient:
        raise ValueError("a value is not what its field says")
    return wrong if absent is None else absent | wrong
