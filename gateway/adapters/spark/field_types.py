"""The types of a contract's fields, as Spark has them."""

from __future__ import annotations

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    LongType,
    StringType,
    TimestampNTZType,
)

from gateway.model.values import FieldType

SPARK_TYPES: dict[FieldType, DataType] = {
    FieldType.STRING: StringType(),
    FieldType.INT64: LongType(),
    FieldType.DOUBLE: DoubleType(),
    FieldType.BOOL: BooleanType(),
    FieldType.DATE: DateType(),
    FieldType.TIMESTAMP: TimestampNTZType(),
}
