"""Which of a unit's cells count, where it has more than may: drawn by a hash of the plan's salt, the unit and the cell.

The hash only shuffles; it protects nothing. Where two are equal, the keys decide.
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
    encoded: exp.Expr = _framed(parameter(SALT))
    for name in hashed:
        encoded = exp.DPipe(this=encoded, expression=_framed(_text(column(name, table))), safe=True)
    keys = [exp.MD5(this=encoded), *(column(name, table) for name in ties)]
    return exp.Order(expressions=[exp.Ordered(this=key, nulls_first=False) for key in keys])


def _framed(text: exp.Expr) -> exp.Expr:
    """The text after its length and a colon: no two lists of texts are written alike."""
    length = exp.DPipe(this=_text(exp.Length(this=text.copy())), expression=exp.Literal.string(":"), safe=True)
    return exp.DPipe(this=length, expression=text.copy(), safe=True)


def _text(value: exp.Expr) -> exp.Cast:
    return exp.cast(value, exp.DataType.build("VARCHAR", dialect=DIALECT))
