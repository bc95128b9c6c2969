"""The Arrow type of each field type, both ways. There is no other mapping."""

from __future__ import annotations

import pyarrow as pa

from gateway.model.values import FieldType

ARROW_TYPES: dict[FieldType, pa.DataType] = {
    FieldType.STRING: pa.string(),
    FieldType.INT64: pa.int64(),
    FieldType.DOUBLE: pa.float64(),
    FieldType.BOOL: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.TIMESTAMP: pa.timestamp("us"),
}


def field_type(arrow: pa.DataType) -> FieldType:
    """Return the field type of an Arrow type.

    Raises:
        ValueError: the gateway has no such type. The text names the Arrow type alone.
    """
    for field, known in ARROW_TYPES.items():
        if arrow.equals(known):
            return field
    raise ValueError(f"no field type is {arrow}")
