"""Typed conditions on fields: the only way a caller or a contract narrows rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.values import Scalar


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "eq"
    IN = "in"
    LESS = "lt"
    LESS_OR_EQUAL = "le"
    GREATER = "gt"
    GREATER_OR_EQUAL = "ge"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`; several values for `IN` alone. A NULL never satisfies a condition."""

    field: str
    operator: Operator
    values: tuple[Scalar, ...]

    def __repr__(self) -> str:
        # values are the caller's: they must not reach a log
        return f"Condition({self.field} {self.operator} …)"
