"""Field values and field types as the gateway's own code sees them."""

from __future__ import annotations

import math
from datetime import date, datetime
from enum import StrEnum

INT64 = range(-(2**63), 2**63)
"""The integers that a field can hold."""

Scalar = str | int | float | bool | date | datetime | None
"""One value of a field. `bool` is never taken for `int`; `datetime` is naive local time of the city."""


class FieldType(StrEnum):
    """The type of a field. Arrow types: utf8, int64, float64, bool, date32, timestamp[us]."""

    STRING = "string"
    INT64 = "int64"
    DOUBLE = "double"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"

    def holds(self, value: Scalar) -> bool:
        """Tell whether a non-null value is of this type, exactly (no silent conversion)."""
        return type(value) is _PYTHON_TYPES[self]

    @property
    def is_dated(self) -> bool:
        """Whether its values lie on the calendar."""
        return self in (FieldType.DATE, FieldType.TIMESTAMP)

    @property
    def is_number(self) -> bool:
        """Whether its values can be counted within bounds."""
        return self in (FieldType.INT64, FieldType.DOUBLE)


def is_askable(value: Scalar) -> bool:
    """Tell whether every engine can be asked about a value: not about a number that is none or without end, an integer
    beyond 64 bits, or a text that is not Unicode.
    """
    match value:
        case bool():
            return True
        case int():
            return value in INT64
        case float():
            return math.isfinite(value)
        case str():
            return is_unicode(value)
        case _:
            return True


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written in UTF-8: no half of a pair (a lone surrogate) is in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_PYTHON_TYPES: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INT64: int,
    FieldType.DOUBLE: float,
    FieldType.BOOL: bool,
    FieldType.DATE: date,
    FieldType.TIMESTAMP: datetime,
}
