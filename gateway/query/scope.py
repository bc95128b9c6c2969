"""Which rows a query may read: region subtree, consent, conditions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gateway.model.contract import DataContract
from gateway.model.filter import Operator
from gateway.model.plan import RowScope
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType, Scalar, is_askable, is_unicode
from gateway.query import postgres, spark
from gateway.query.scan import Bound, column, list_parameter, parameter

_COMPARISONS: dict[Operator, type[exp.Binary]] = {
    Operator.EQUAL: exp.EQ,
    Operator.LESS: exp.LT,
    Operator.LESS_OR_EQUAL: exp.LTE,
    Operator.GREATER: exp.GT,
    Operator.GREATER_OR_EQUAL: exp.GTE,
}
_TOLD = (SourceKind.POSTGRES, SourceKind.SPARK)
"""The engines that are told how values compare."""


@dataclass(frozen=True, slots=True)
class ScopeShape:
    """What the text of a scope depends on: fields, their types, and operators, but no value, nor how many there are."""

    region_field: str | None
    consent_field: str | None
    conditions: tuple[tuple[str, FieldType, Operator], ...]
    engine: SourceKind = SourceKind.PARQUET
    """What has to be told how values compare depends on who compares them."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields that the scope reads."""
        named = {field for field in (self.region_field, self.consent_field) if field is not None}
        return frozenset(named | {field for field, _, _ in self.conditions})


def scope_of(contract: DataContract, scope: RowScope) -> ScopeShape:
    """Return the shape of a scope.

    Raises:
        ValueError: if a field is not declared, or a value not of its field's type or none that engines can be asked
            about; or if a region is asked of a dataset without one, or is no path.
    """
    if scope.region is not None and contract.region_field is None:
        raise ValueError("the dataset has no regions to narrow")
    if scope.region is not None and ("\x00" in scope.region or not is_unicode(scope.region)):
        raise ValueError("a region is no path")
    if scope.consent_field is not None and _type(contract, scope.consent_field) is not FieldType.BOOL:
        raise ValueError("consent is a field of type bool")
    for condition in scope.conditions:
        check_values(contract, condition.field, condition.values)
        if condition.operator is not Operator.IN and len(condition.values) != 1:
            raise ValueError("a comparison takes one value")
    return ScopeShape(
        None if scope.region is None else contract.region_field,
        scope.consent_field,
        tuple(
            (condition.field, _type(contract, condition.field), condition.operator) for condition in scope.conditions
        ),
        contract.source.kind if contract.source.kind in _TOLD else SourceKind.PARQUET,
    )


def check_values(contract: DataContract, field: str, values: tuple[Scalar, ...]) -> None:
    """Raise ValueError unless the field is declared and every value is NULL, or of its type and to be asked about.

    Requests and policies with another value were refused before. A text may have a NUL: what a token stands for was
    read in some dataset, and is asked for in others as well.
    """
    kind = _type(contract, field)
    for value in values:
        if value is not None and not kind.holds(value):
            raise ValueError("a value is not of its field's type")
        if not is_askable(value):
            raise ValueError("no engine can be asked about a value")


def _type(contract: DataContract, field: str) -> FieldType:
    if field not in contract.fields:
        raise ValueError("a plan names a field that its contract does not declare")
    return contract.fields[field].type


def predicates(shape: ScopeShape, prefix: str = "") -> list[exp.Expr]:
    """The conditions that all hold for a row in scope. `prefix` tells the parameters of two scopes apart."""
    result: list[exp.Expr] = []
    if shape.region_field is not None:
        region = column(shape.region_field)
        result.append(
            exp.or_(
                exp.EQ(this=region, expression=parameter(f"{prefix}region")),
                exp.StartsWith(this=region.copy(), expression=parameter(f"{prefix}region_below")),
            )
        )
    if shape.consent_field is not None:
        result.append(exp.Is(this=column(shape.consent_field), expression=exp.true()))
    for place, (field, kind, operator) in enumerate(shape.conditions):
        if operator is Operator.IN:
            # of an empty list FALSE, and a NULL in it equals nothing; an engine takes it for IN (…), and holds that
            # against the statistics of a Parquet file
            among = list_parameter(f"{prefix}c{place}", kind)
            result.append(exp.ArrayContains(this=among, expression=_compared(shape, field, kind, operator)))
        else:
            value = _compared(shape, field, kind, operator)
            result.append(_COMPARISONS[operator](this=value, expression=parameter(f"{prefix}c{place}")))
    return result


def _compared(shape: ScopeShape, field: str, kind: FieldType, operator: Operator) -> exp.Expr:
    value: exp.Expr = column(field)
    by_order = operator not in (Operator.EQUAL, Operator.IN)
    if shape.engine is SourceKind.POSTGRES and kind is FieldType.STRING and by_order:
        return postgres.by_bytes(value)
    if shape.engine is SourceKind.SPARK and kind is FieldType.DOUBLE:
        return spark.comparable(value)
    return value


def scope_parameters(scope: RowScope, prefix: str = "") -> dict[str, Bound]:
    """The values of the parameters that `predicates` names."""
    values: dict[str, Bound] = {
        f"{prefix}c{place}": list(condition.values) if condition.operator is Operator.IN else condition.values[0]
        for place, condition in enumerate(scope.conditions)
    }
    if scope.region is not None:
        values |= {f"{prefix}region": scope.region, f"{prefix}region_below": scope.region + "/"}
    return values
