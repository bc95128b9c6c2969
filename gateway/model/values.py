"""Field values and field types as the gateway's own code sees them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

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


_PYTHON_TYPES: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INT64: int,
    FieldType.DOUBLE: float,
    FieldType.BOOL: bool,
    FieldType.DATE: date,
    FieldType.TIMESTAMP: datetime,
}
