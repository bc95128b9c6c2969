"""Which of a unit's cells or rows count, where it has more than may: drawn by a hash of the plan's salt, the unit and
the cell or row.

The hash is MD5, which every engine has: all draw alike. It only shuffles and protects nothing: where two are equal, the
keys decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from types import MappingProxyType

from sqlglot import exp

from gateway.query.scan import Bound, column, parameter
from gateway.query.sql_types import sql_type

_SALT = "salt"


def salt_parameter(salt: str) -> dict[str, Bound]:
    """The value of the parameter that drawings name: so much of a plan's salt that most texts are one block of MD5."""
    return {_SALT: salt[:16]}


def place_of_cell(groups: Sequence[str], table: str, of: Sequence[str] = ("unit",)) -> exp.Window:
    """Each cell's place among those of its unit, or of its unit and day, from 1 on. Rows of one cell have one place."""
    return exp.Window(
        this=exp.DenseRank(),
        partition_by=[column(name, table) for name in of],
        order=_order([*of, *groups], groups, table),
    )


def place_of_row(unit: str, columns: Sequence[str], table: str, numbers: Mapping[str, exp.Expr]) -> exp.Window:
    """Each row's place among those of its unit, from 1 on. Rows that are alike in all columns change places freely.

    `numbers` are integers that stand for columns of doubles, which no two engines write alike.
    """
    return exp.Window(
        this=exp.RowNumber(),
        partition_by=[column(unit, table)],
        order=_order([unit, *columns], columns, table, "", numbers),
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


def _order(
    hashed: Sequence[str],
    ties: Sequence[str],
    table: str,
    missing: str | None = None,
    numbers: Mapping[str, exp.Expr] = MappingProxyType({}),
) -> exp.Order:
    """By MD5 over the salt and the values, each but the last after its length and a colon; `missing` stands for none.

    Within a question the salt is one, and no two lists of as many values are written alike.
    """
    *framed, last = (_text(numbers.get(name, column(name, table)), missing) for name in hashed)
    parts: list[exp.Expr] = [parameter(_SALT)]
    for value in framed:
        parts += [_text(exp.Length(this=value.copy())), exp.Literal.string(":"), value]
    drawn = exp.MD5(this=reduce(_joined, [*parts, last]))
    keys = [drawn, *(numbers.get(name, column(name, table)).copy() for name in ties)]
    return exp.Order(expressions=[exp.Ordered(this=key, nulls_first=False) for key in keys])


def _joined(text: exp.Expr, more: exp.Expr) -> exp.Expr:
    return exp.DPipe(this=text, expression=more, safe=True)


def _text(value: exp.Expr, missing: str | None = None) -> exp.Expr:
    text = exp.cast(value, sql_type("VARCHAR"))
    return text if missing is None else exp.Coalesce(this=text, expressions=[exp.Literal.string(missing)])
