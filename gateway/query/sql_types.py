"""The types of trees: of the fields', and others, in the words of the embedded engine.

All trees are written so, whatever engine reads them: its own words come with the rendering.
"""

from __future__ import annotations

from sqlglot import exp

from gateway.model.values import FieldType

DIALECT = "duckdb"
"""How the embedded engine writes."""

NAMES = {
    FieldType.STRING: "VARCHAR",
    FieldType.INT64: "BIGINT",
    FieldType.DOUBLE: "DOUBLE",
    FieldType.BOOL: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.TIMESTAMP: "TIMESTAMP",
}


def sql_type(name: str) -> exp.DataType:
    """A type by its name."""
    return exp.DataType.build(name, dialect=DIALECT)


def type_of(kind: FieldType) -> exp.DataType:
    """The type of a field's values."""
    return sql_type(NAMES[kind])


def type_of_list(kind: FieldType) -> exp.DataType:
    """The type of lists of a field's values."""
    return sql_type(f"{NAMES[kind]}[]")
