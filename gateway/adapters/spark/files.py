"""Row plans over Parquet files as plans of Spark: the declared columns of the rows in scope, read and no others."""

from __future__ import annotations

from datetime import date, datetime
from functools import reduce

from pyspark.sql.column import Column
from pyspark.sql.connect import functions as fn
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.dataframe import DataFrame
from pyspark.sql.types import DateType, StructField, StructType, TimestampNTZType

from gateway.adapters.spark.field_types import SPARK_TYPES
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.model.values import FieldType, Scalar
from gateway.query.scope import scope_of


def planned(spark: SparkSession, plan: RowPlan, paths: tuple[str, ...]) -> DataFrame:
    """Return a plan of Spark over Parquet files, named by URIs, that hold every declared field.

    Raises:
        ValueError: if the plan does not fit its contract.
    """
    read = scope_of(plan.contract, plan.scope).fields | frozenset(plan.columns)
    declared = {name: spec.type for name, spec in plan.contract.fields.items() if name in read}
    schema = StructType([StructField(name, SPARK_TYPES[kind]) for name, kind in declared.items()])
    rows: DataFrame = spark.read.schema(schema).parquet(*paths)
    conditions = _conditions(plan, plan.scope)
    if conditions:
        rows = rows.filter(reduce(lambda one, other: one & other, conditions))
    rows = rows.select(*map(_column, plan.columns))
    return rows if plan.limit is None else rows.limit(plan.limit)


def _conditions(plan: RowPlan, scope: RowScope) -> list[Column]:
    """The conditions that all hold for a row in scope: as `query.scope.predicates` has them for other engines."""
    found: list[Column] = []
    if scope.region is not None and plan.contract.region_field is not None:
        region = _column(plan.contract.region_field)
        found.append((region == scope.region) | region.startswith(scope.region + "/"))
    if scope.consent_field is not None:
        found.append(_column(scope.consent_field))
    found += (_condition(one, plan.contract.fields[one.field].type) for one in scope.conditions)
    return found


def _condition(condition: Condition, kind: FieldType) -> Column:
    field, values = _column(condition.field), condition.values
    if kind is FieldType.DOUBLE:
        # what is known of a file's values beforehand tells its two zeros apart, and is asked of bare columns alone
        field = field + 0.0
    match condition.operator:
        case Operator.EQUAL:
            return field == _value(values[0])
        case Operator.LESS:
            return field < _value(values[0])
        case Operator.LESS_OR_EQUAL:
            return field <= _value(values[0])
        case Operator.GREATER:
            return field > _value(values[0])
        case Operator.GREATER_OR_EQUAL:
            return field >= _value(values[0])
        case Operator.IN:
            # a NULL equals nothing, also in a list
            some = [_value(value) for value in values if value is not None]
            return field.isin(some) if some else fn.lit(False)


def _column(name: str) -> Column:
    return fn.col(f"`{name}`")


def _value(value: Scalar) -> Column:
    # as text: the library takes a time without a zone for one of this process's own, and Spark takes days before
    # 1582-10-15 for days of another calendar
    if isinstance(value, datetime):
        return fn.lit(value.isoformat(sep=" ")).cast(TimestampNTZType())
    if isinstance(value, date):
        return fn.lit(value.isoformat()).cast(DateType())
    return fn.lit(value)
