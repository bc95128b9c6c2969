"""Which of a unit's cells count, where it has more than may: drawn by a hash of the plan's salt, the unit and the cell.

The hash is the engine's own, of 64 bits. It only shuffles and protects nothing: where two are equal, the keys decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from gateway.query.scan import DIALECT, column, parameter

SALT = "salt"


def place_of_cell(groups: Sequence[str], table: str, of: Sequence[str] = ("unit",)) -> exp.Window:
    """Each cell's place among those of its unit, or of its unit and day, from 1 on. Rows of one cell have one place."""
    return exp.Window(
        this=exp.DenseRank(),
        partition_by=[column(name, table) for name in of],
        order=_order([*of, *groups], groups, table),
    )


def taken_before(groups: Sequence[str], within: str, rows: str, table: str) -> exp.Expr:
    """How many rows of the unit and cell lie in bins that are drawn before this one."""
    until_this = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    drawn = exp.Window(
        this=exp.Sum(this=column(rows, table)),
        partition_by=[column(name, table) for name in ["unit", *groups]],
        order=_order(["unit", *groups, within], [within], table),
        spec=until_this,
    )
    return exp.Sub(this=drawn, expression=column(rows, table))


def _order(hashed: Sequence[str], ties: Sequence[str], table: str) -> exp.Order:
    parts: list[exp.Expr] = [parameter(SALT), *(_text(column(name, table)) for name in hashed)]
    # an engine combines the hashes of several values so simply that some orders of cells come more often than others;
    # the hash of what is combined knows none
    drawn = _hash(_hash(*parts))
    keys = [drawn, *(column(name, table) for name in ties)]
    return exp.Order(expressions=[exp.Ordered(this=key, nulls_first=False) for key in keys])


def _hash(*values: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this="hash", expressions=list(values))


def _text(value: exp.Expr) -> exp.Cast:
    return exp.cast(value, exp.DataType.build("VARCHAR", dialect=DIALECT))
