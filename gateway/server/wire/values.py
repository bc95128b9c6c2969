"""Single values and schemas, between proto and model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pyarrow as pa
from google.protobuf.struct_pb2 import NULL_VALUE

from gateway.api.v1 import value_pb2
from gateway.kernels.arrow_types import field_type
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.values import FieldType, Scalar
from gateway.server.problem import NotWellFormed

EPOCH_DAY = date(1970, 1, 1)
EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

FIELD_TYPES: dict[FieldType, value_pb2.FieldType.ValueType] = {
    FieldType.STRING: value_pb2.FIELD_TYPE_STRING,
    FieldType.INT64: value_pb2.FIELD_TYPE_INT64,
    FieldType.DOUBLE: value_pb2.FIELD_TYPE_DOUBLE,
    FieldType.BOOL: value_pb2.FIELD_TYPE_BOOL,
    FieldType.DATE: value_pb2.FIELD_TYPE_DATE,
    FieldType.TIMESTAMP: value_pb2.FIELD_TYPE_TIMESTAMP,
}

_OPERATORS: dict[int, Operator] = {
    value_pb2.OPERATOR_EQUAL: Operator.EQUAL,
    value_pb2.OPERATOR_IN: Operator.IN,
    value_pb2.OPERATOR_LESS: Operator.LESS,
    value_pb2.OPERATOR_LESS_OR_EQUAL: Operator.LESS_OR_EQUAL,
    value_pb2.OPERATOR_GREATER: Operator.GREATER,
    value_pb2.OPERATOR_GREATER_OR_EQUAL: Operator.GREATER_OR_EQUAL,
}


def scalar(value: value_pb2.Value, path: str) -> Scalar:
    """Read a proto value.

    Raises:
        NotWellFormed: REQUEST_INVALID at `path`, for a date or time outside the years 1 to 9999, a text with a NUL,
            which not every engine can be asked about, or no value.
    """
    match value.WhichOneof("kind"):
        case "null_value":
            return None
        case "string_value":
            if "\x00" in value.string_value:
                raise NotWellFormed(ErrorReason.REQUEST_INVALID, path, "must hold no NUL")
            return value.string_value
        case "int64_value":
            return value.int64_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "date_value":
            try:
                return EPOCH_DAY + timedelta(days=value.date_value)
            except OverflowError:
                raise _out_of_calendar(path) from None
        case "timestamp_value":
            try:
                return EPOCH + timedelta(microseconds=value.timestamp_value)
            except OverflowError:
                raise _out_of_calendar(path) from None
        case _:
            raise NotWellFormed(ErrorReason.REQUEST_INVALID, path, "must be given")


def _out_of_calendar(path: str) -> NotWellFormed:
    return NotWellFormed(ErrorReason.REQUEST_INVALID, path, "must lie within the years 1 to 9999")


def value_of(item: Scalar) -> value_pb2.Value:
    """Write a value as proto.

    Raises:
        Fault: INTERNAL for a type that no field has.
    """
    if item is None:
        return value_pb2.Value(null_value=NULL_VALUE)
    kind = type(item)
    if kind is str:
        return value_pb2.Value(string_value=str(item))
    if isinstance(item, bool):
        return value_pb2.Value(bool_value=item)
    if isinstance(item, int):
        return value_pb2.Value(int64_value=item)
    if isinstance(item, float):
        return value_pb2.Value(double_value=item)
    if isinstance(item, datetime):
        return value_pb2.Value(timestamp_value=(item - EPOCH) // _MICROSECOND)
    if isinstance(item, date):
        return value_pb2.Value(date_value=(item - EPOCH_DAY).days)
    raise Fault(ErrorReason.INTERNAL)


def conditions(filters: Iterable[value_pb2.Condition], path: str) -> tuple[Condition, ...]:
    """Read conditions.

    Raises:
        NotWellFormed: REQUEST_INVALID, for several values with an operator that takes one.
    """
    return tuple(_condition(item, f"{path}[{number}]") for number, item in enumerate(filters))


def _condition(item: value_pb2.Condition, path: str) -> Condition:
    operator = _OPERATORS[item.operator]
    if operator is not Operator.IN and len(item.values) != 1:
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, f"{path}.values", "takes exactly one value")
    values = tuple(scalar(value, f"{path}.values[{at}]") for at, value in enumerate(item.values))
    return Condition(item.field, operator, values)


def condition_of(item: Condition) -> value_pb2.Condition:
    """Write a condition as proto."""
    operator = next(number for number, known in _OPERATORS.items() if known is item.operator)
    return value_pb2.Condition(
        field=item.field,
        operator=value_pb2.Operator.ValueType(operator),
        values=[value_of(value) for value in item.values],
    )


def schema_of(schema: pa.Schema) -> value_pb2.Schema:
    """Write an Arrow schema as proto."""
    return value_pb2.Schema(
        fields=[value_pb2.SchemaField(name=field.name, type=FIELD_TYPES[field_type(field.type)]) for field in schema]
    )
