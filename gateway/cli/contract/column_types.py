"""Which of the gateway's types a column has, found by reading all of it, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.model.calendar import CITY_OFFSET
from gateway.model.values import FieldType

ARROW: dict[FieldType, pa.DataType] = {
    FieldType.STRING: pa.string(),
    FieldType.INT64: pa.int64(),
    FieldType.DOUBLE: pa.float64(),
    FieldType.BOOL: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.TIMESTAMP: pa.timestamp("us"),
}

_MISSING = pa.array(["NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None", "-", "--"])
"""Words that files write for a missing value."""

# A number with a leading zero is a code, and one with more digits than its type holds is a name.
_INT = r"^-?(0|[1-9][0-9]{0,17})$"
_DOUBLE = r"^[-+]?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?$"
_BOOL = r"^(?i:true|false)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_TIMESTAMP = _LOCAL + "$"
_ZONED = _LOCAL + r"(Z|[-+][0-9]{2}(:?[0-9]{2})?)$"


class Obstacle(StrEnum):
    """Why the source cannot serve the column as the file has it, although a copy of the file could."""

    MISSING_WORDS = "it writes missing values as words, such as NA"
    ZONE = "its times carry a time zone, and the gateway's are the city's own"
    UNSIGNED = "its numbers are unsigned 64-bit ones"
    DECIMAL = "its numbers are decimals without a fraction"


@dataclass(frozen=True, slots=True)
class Typing:
    """What was found. `type` is None for a column that has no place in a contract; `why` then says what to do.

    `words` says that missing values are (perhaps) written as words.
    """

    type: FieldType | None
    why: str = ""
    obstacle: Obstacle | None = None
    words: bool = False


class Typer:
    """Watches one column, batch by batch."""

    def __init__(self, type_: pa.DataType, textual: bool) -> None:
        """`textual` is a CSV file's column, whose text decides; any other has the type of its file."""
        self._arrow = type_.value_type if pa.types.is_dictionary(type_) else type_
        self._textual = textual
        self._patterns = dict(zip(_ORDER, (_BOOL, _INT, _DATE, _TIMESTAMP, _ZONED, _DOUBLE), strict=True))
        self._words = self._seen = False
        self._castable = True

    def watch(self, column: pa.Array[Any]) -> None:
        """Take the next values into account."""
        if self._textual:
            self._watch_text(column)
        elif self._castable and self._risky() and not _fits(column, *self._cast()):
            self._castable = False

    def _watch_text(self, column: pa.Array[Any]) -> None:
        values = column.drop_null()
        words = pc.is_in(values, _MISSING)
        if pc.any(words).as_py():
            self._words = True
            values = values.filter(pc.invert(words))
        if not len(values):
            return
        self._seen = True
        for name, pattern in list(self._patterns.items()):
            matches = pc.all(pc.match_substring_regex(values, pattern)).as_py()
            if not matches or not _fits(values, *_CALENDRICAL.get(name, ())):
                del self._patterns[name]

    def found(self) -> Typing:
        """Return what all values so far allow."""
        return self._found_text() if self._textual else self._found_arrow()

    def _found_text(self) -> Typing:
        if not self._seen or not self._patterns:
            return Typing(FieldType.STRING, words=self._words)
        name = next(name for name in _ORDER if name in self._patterns)
        obstacle = Obstacle.ZONE if name == "zoned" else Obstacle.MISSING_WORDS if self._words else None
        return Typing(FieldType.TIMESTAMP if name == "zoned" else FieldType(name), obstacle=obstacle, words=self._words)

    def _found_arrow(self) -> Typing:
        type_ = self._arrow
        if not self._castable:
            return Typing(None, f"its values ({type_}) do not all fit into {self._cast()[-1]}; store them otherwise")
        obstacle = self._obstacle()
        if obstacle is not None:
            return Typing(_TARGETS[obstacle], obstacle=obstacle)
        if pa.types.is_integer(type_):
            return Typing(FieldType.INT64)
        if pa.types.is_float32(type_) or pa.types.is_float64(type_):
            return Typing(FieldType.DOUBLE)
        if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
            return Typing(FieldType.STRING)
        if pa.types.is_boolean(type_):
            return Typing(FieldType.BOOL)
        if pa.types.is_date32(type_):
            return Typing(FieldType.DATE)
        if pa.types.is_timestamp(type_):
            return Typing(FieldType.TIMESTAMP)
        return Typing(None, _unsupported(type_))

    def _risky(self) -> bool:
        """Whether some value may have no equal in the gateway's type."""
        nanoseconds = pa.types.is_timestamp(self._arrow) and self._arrow.unit == "ns"
        return nanoseconds or self._obstacle() is not None

    def _obstacle(self) -> Obstacle | None:
        type_ = self._arrow
        if pa.types.is_uint64(type_):
            return Obstacle.UNSIGNED
        if pa.types.is_decimal(type_) and type_.scale == 0:
            return Obstacle.DECIMAL
        if pa.types.is_timestamp(type_) and type_.tz is not None:
            return Obstacle.ZONE
        return None

    def _cast(self) -> tuple[pa.DataType, ...]:
        if pa.types.is_timestamp(self._arrow):
            return (pa.timestamp("us", self._arrow.tz),)
        if pa.types.is_decimal(self._arrow):
            return (pa.decimal128(38, 0), pa.int64())
        return (pa.int64(),)


_ORDER = ("bool", "int64", "date", "timestamp", "zoned", "double")
_CALENDRICAL: dict[str, tuple[pa.DataType, ...]] = {
    "date": (pa.date32(),),
    "timestamp": (pa.timestamp("us"),),
    "zoned": (pa.timestamp("us", "UTC"),),
}
_TARGETS = {
    Obstacle.UNSIGNED: FieldType.INT64,
    Obstacle.DECIMAL: FieldType.INT64,
    Obstacle.ZONE: FieldType.TIMESTAMP,
}


def converted(column: pa.Array[Any], typing: Typing, type_: FieldType) -> pa.Array[Any]:
    """Return the column in the Arrow type of a field, losslessly, with the city's local time for zoned instants.

    Words for missing values become missing where `typing` found another type than text, whatever the field's type.

    Raises:
        pa.ArrowInvalid: a value does not fit, which the typer of the same column would have found.
    """
    column = decoded(column)
    target = ARROW[type_]
    if pa.types.is_string(column.type) and typing.type is not FieldType.STRING:
        column = pc.replace_with_mask(column, pc.is_in(column, _MISSING), pa.scalar(None, pa.string()))
        if type_ is FieldType.TIMESTAMP and _is_zoned(column):
            column = column.cast(pa.timestamp("us", "UTC"))
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        instants = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        offset = pa.scalar(CITY_OFFSET // _MICROSECOND, pa.int64())
        return pc.add_checked(instants, offset).cast(target)
    if pa.types.is_decimal(column.type) and type_ is FieldType.INT64:
        column = column.cast(pa.decimal128(38, 0))
    return column.cast(target)


_MICROSECOND = CITY_OFFSET.resolution


def decoded(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return a dictionary-encoded column as a plain one, and any other as it is."""
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def _is_zoned(column: pa.Array[Any]) -> bool:
    values = column.drop_null()
    return len(values) > 0 and bool(pc.all(pc.match_substring_regex(values, _ZONED)).as_py())


def _fits(column: pa.Array[Any], *types: pa.DataType) -> bool:
    try:
        for type_ in types:
            column = column.cast(type_)
    except pa.ArrowException:
        return False
    return True


def _unsupported(type_: pa.DataType) -> str:
    if pa.types.is_nested(type_):
        return "it is nested; give each part a column of its own"
    if pa.types.is_null(type_):
        return "it holds nothing at all"
    if pa.types.is_decimal(type_):
        return "it holds decimal fractions; store whole numbers of the smallest unit, such as cents"
    if pa.types.is_time(type_) or pa.types.is_duration(type_) or pa.types.is_interval(type_):
        return f"the gateway has no type for {type_}; store whole minutes or seconds"
    if pa.types.is_date64(type_):
        return "its dates are stored in milliseconds; store days (date32)"
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_):
        return "it holds bytes; store text"
    return f"the gateway has no type for {type_}"
