"""Values and rows between Python, Arrow and proto."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from google.protobuf.struct_pb2 import NULL_VALUE

from gateway.api.v1 import value_pb2

Scalar = str | int | float | bool | date | datetime | None
"""A value of a field; a datetime is one on the city's clocks, without a time zone."""

Condition = tuple[str, str, Scalar | Sequence[Scalar]]
"""A condition on a field: name, operator (==, in, <, <=, >, >=) and value, or values for `in`."""

_EPOCH = datetime(1970, 1, 1)
_EPOCH_DAY = date(1970, 1, 1)

_OPERATORS: dict[str, value_pb2.Operator.ValueType] = {
    "==": value_pb2.OPERATOR_EQUAL,
    "in": value_pb2.OPERATOR_IN,
    "<": value_pb2.OPERATOR_LESS,
    "<=": value_pb2.OPERATOR_LESS_OR_EQUAL,
    ">": value_pb2.OPERATOR_GREATER,
    ">=": value_pb2.OPERATOR_GREATER_OR_EQUAL,
}

_ARROW: dict[int, pa.DataType] = {
    value_pb2.FIELD_TYPE_STRING: pa.string(),
    value_pb2.FIELD_TYPE_INT64: pa.int64(),
    value_pb2.FIELD_TYPE_DOUBLE: pa.float64(),
    value_pb2.FIELD_TYPE_BOOL: pa.bool_(),
    value_pb2.FIELD_TYPE_DATE: pa.date32(),
    value_pb2.FIELD_TYPE_TIMESTAMP: pa.timestamp("us"),
}


def field_type_of(kind: pa.DataType) -> value_pb2.FieldType.ValueType:
    """Return the field type of an Arrow type.

    Raises:
        TypeError: no field has it.
    """
    for number, known in _ARROW.items():
        if kind.equals(known):
            return value_pb2.FieldType.ValueType(number)
    raise TypeError("a field is a string, an integer, a number, a boolean, a date or a timestamp")


_KIND_ARROW: dict[str, pa.DataType] = {
    "string_value": pa.string(),
    "int64_value": pa.int64(),
    "double_value": pa.float64(),
    "bool_value": pa.bool_(),
    "date_value": pa.date32(),
    "timestamp_value": pa.timestamp("us"),
}


def to_value(item: Scalar) -> value_pb2.Value:
    """Write a Python value as proto.

    Raises:
        TypeError: for a type no field has, or a datetime with a time zone.
    """
    if item is None:
        return value_pb2.Value(null_value=NULL_VALUE)
    if isinstance(item, str):
        return value_pb2.Value(string_value=item)
    if isinstance(item, bool):
        return value_pb2.Value(bool_value=item)
    if isinstance(item, int):
        return value_pb2.Value(int64_value=item)
    if isinstance(item, float):
        return value_pb2.Value(double_value=item)
    if isinstance(item, datetime):
        if item.tzinfo is not None:
            raise TypeError("a datetime here is one on the city's clocks, without a time zone")
        return value_pb2.Value(timestamp_value=(item - _EPOCH) // timedelta(microseconds=1))
    if isinstance(item, date):
        return value_pb2.Value(date_value=(item - _EPOCH_DAY).days)
    raise TypeError("a value is a str, int, float, bool, date, datetime or None")


def from_value(value: value_pb2.Value) -> Scalar:
    """Read a proto value."""
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    raw: Any = getattr(value, kind)
    if kind == "date_value":
        return _EPOCH_DAY + timedelta(days=raw)
    if kind == "timestamp_value":
        return _EPOCH + timedelta(microseconds=raw)
    plain: str | int | float | bool = raw
    return plain


def written(value: value_pb2.Value) -> list[str | bool]:
    """Return a value as certificates write it: its type, and its text; nothing for what is no value of a field."""
    try:
        item = from_value(value)
    except OverflowError:
        return []
    match item:
        case None:
            return ["null"]
        case bool(flag):
            return ["bool", flag]
        case str(text):
            return ["string", text]
        case int(number):
            return ["int64", str(number)]
        case float(number):
            return ["double", number.hex()]
        case datetime() as instant:
            return ["timestamp", instant.isoformat(timespec="microseconds")]
        case date() as day:
            return ["date", day.isoformat()]


def to_conditions(filters: Iterable[Condition]) -> list[value_pb2.Condition]:
    """Write conditions as proto.

    Raises:
        ValueError: for an unknown operator.
    """
    return [_condition(*item) for item in filters]


def from_conditions(conditions: Iterable[value_pb2.Condition]) -> list[Condition]:
    """Read conditions from proto."""
    names = {number: name for name, number in _OPERATORS.items()}
    return [
        (
            item.field,
            names[item.operator],
            [from_value(value) for value in item.values]
            if item.operator == value_pb2.OPERATOR_IN
            else from_value(item.values[0]),
        )
        for item in conditions
    ]


def _condition(field: str, operator: str, value: Scalar | Sequence[Scalar]) -> value_pb2.Condition:
    if operator not in _OPERATORS:
        raise ValueError("an operator is one of " + ", ".join(_OPERATORS))
    # a str is a Sequence, too
    values = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    return value_pb2.Condition(field=field, operator=_OPERATORS[operator], values=[to_value(item) for item in values])


def to_schema(schema: value_pb2.Schema) -> pa.Schema:
    """Return the Arrow schema of rows."""
    return pa.schema([pa.field(field.name, _ARROW[field.type]) for field in schema.fields])


def to_batch(rows: Sequence[value_pb2.Row], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as a record batch of the schema."""
    columns = [
        pa.array([from_value(row.values[at]) for row in rows], type=field.type) for at, field in enumerate(schema)
    ]
    return pa.record_batch(columns, schema=schema)


def to_column(values: Sequence[value_pb2.Value]) -> pa.Array[Any]:
    """Return values of one kind as an Arrow array; all null is an array of nulls."""
    kinds = {kind for value in values if (kind := value.WhichOneof("kind")) not in (None, "null_value")}
    arrow = _KIND_ARROW[str(kinds.pop())] if kinds else pa.null()
    return pa.array([from_value(value) for value in values], type=arrow)
