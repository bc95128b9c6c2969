"""Conditions that a contract fixes, and the values that it declares, checked against the field's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.model.contract import FieldSpec
from gateway.model.filter import Condition, Operator
from gateway.model.values import INT64, FieldType, Scalar
from gateway.policy.contracts.shape import ConditionShape
from gateway.policy.problems import shown, with_article

_WORDS = {
    Operator.EQUAL: "is",
    Operator.IN: "is one of",
    Operator.LESS: "is below",
    Operator.LESS_OR_EQUAL: "is at most",
    Operator.GREATER: "is above",
    Operator.GREATER_OR_EQUAL: "is at least",
}
_HOW = {
    FieldType.STRING: "Put it in quotes.",
    FieldType.INT64: "Write digits alone.",
    FieldType.DOUBLE: "Write a number.",
    FieldType.BOOL: "Write true or false.",
    FieldType.DATE: "Write YYYY-MM-DD.",
    FieldType.TIMESTAMP: "Write YYYY-MM-DDTHH:MM:SS.",
}
_UNORDERED = (FieldType.STRING, FieldType.BOOL)
_ORDERINGS = (Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL)


def to_condition(shape: ConditionShape, field: FieldSpec, wrong: Callable[[str, str], None]) -> Condition | None:
    """Return the condition, or None after telling `wrong` what does not fit."""
    if (shape.op is Operator.IN) != (shape.values is not None) or (shape.value is None) == (shape.values is None):
        taken = "values: […]" if shape.op is Operator.IN else "value: …"
        wrong(f"the operator '{shape.op}' takes '{taken}'", f"Write '{taken}' alone.")
        return None
    if shape.op in _ORDERINGS and field.type in _UNORDERED:
        wrong(f"{with_article(field.type)} has no order for '{shape.op}'", "Write 'eq', or 'in'.")
        return None
    written = shape.values if shape.values is not None else [shape.value]
    values = tuple(_typed(value, field.type) for value in written)
    if not check_values(values, field.type, wrong):
        return None
    return Condition(field.name, shape.op, values)


def check_values(values: Iterable[Scalar], type_: FieldType, wrong: Callable[[str, str], None]) -> bool:
    """Tell whether all values are of the type; tell `wrong` about the first that is not."""
    for value in values:
        if not type_.holds(value):
            wrong(f"{shown(value)} is not {with_article(type_)}", _HOW.get(type_, "Write it as the field's type."))
            return False
        if type_ is FieldType.INT64 and isinstance(value, int) and value not in INT64:
            wrong(f"{shown(value)} is too large for {with_article(type_)}", "Write a smaller number.")
            return False
    return True


def in_words(conditions: Iterable[Condition]) -> str:
    """Say for people what conditions of a contract ask for. Not for a caller's: it holds their values."""
    return " and ".join(
        f"{one.field} {_WORDS[one.operator]} {', '.join(map(_value, one.values))}" for one in conditions
    )


def _value(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(value: Scalar, type_: FieldType) -> Scalar:
    if type_ is FieldType.DOUBLE and type(value) is int:
        return float(value)
    if type_ is FieldType.TIMESTAMP and isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return value
        return instant if instant.tzinfo is None else value
    return value
