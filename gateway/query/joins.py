"""Rows of two datasets, joined wherever their privacy unit is one; of a unit, no more of each than may take part.

What takes part of a unit depends on its own rows alone, and so does every row that comes out: removing a unit from both
datasets removes its rows and changes no other.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gateway.model.contract import Bounds, DataContract
from gateway.model.joining import own_name
from gateway.model.plan import AggregatePlan, Joining, RowScope
from gateway.model.values import FieldType
from gateway.query.drawing import place_of_row
from gateway.query.numbers import fixed_point
from gateway.query.scan import Bound, Location, Scan, column, parameter, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters

_OTHER = "joined_"

UNIT, _PLACE = ".unit", ".place"
"""Columns beside those of both datasets, of whose fields none begins with a dot: a field may be called "place"."""


@dataclass(frozen=True, slots=True)
class SideShape:
    """One dataset of a join: the rows in scope, and the columns that are taken of them, with the names they get."""

    scan: Scan
    scope: ScopeShape
    unit: str
    columns: tuple[tuple[str, str], ...]
    doubles: tuple[tuple[str, int, Bounds], ...]
    """Those of them that are doubles, with the decimals and the bounds of their fixed point."""


@dataclass(frozen=True, slots=True)
class JoinShape:
    """Both datasets of a join: what the text depends on."""

    own: SideShape
    other: SideShape


def join_shape(plan: AggregatePlan, joined: Joining, location: Location, other: Location) -> JoinShape:
    """Return the shape of a join.

    Raises:
        ValueError: if it does not fit the contracts, or the datasets do not find their privacy unit alike.
    """
    units = [contract.unit_field for contract in (plan.contract, joined.contract)]
    if len({(unit.type, unit.canonical) for unit in units}) != 1 or plan.contract.dataset == joined.contract.dataset:
        raise ValueError("two datasets are joined by one privacy unit")
    if min(joined.rows, joined.own_rows) != 1:
        raise ValueError("of one dataset of a join, one row of a unit takes part")
    dataset = joined.contract.dataset
    theirs = [(field, name) for name in joined.columns if (field := own_name(dataset, name)) is not None]
    taken = {name for _, name in theirs}
    mine = [(name, name) for name in joined.columns if name not in taken]
    return JoinShape(
        _side(plan.contract, plan.scope, tuple(mine), location),
        _side(joined.contract, joined.scope, tuple(theirs), other),
    )


def _side(
    contract: DataContract, scope: RowScope, columns: tuple[tuple[str, str], ...], location: Location
) -> SideShape:
    shape, unit = scope_of(contract, scope), contract.privacy_unit.field
    fields = frozenset(shape.fields | {field for field, _ in columns} | {unit})
    doubles = tuple(
        (name, contract.fields[field].decimals, _bounds(contract, field))
        for field, name in columns
        if contract.fields[field].type is FieldType.DOUBLE
    )
    return SideShape(scan_of(contract, fields, location, lenient=True), shape, unit, columns, doubles)


def _bounds(contract: DataContract, field: str) -> Bounds:
    bounds = contract.fields[field].fixed_bounds
    if bounds is None:
        raise ValueError("a double of a question has bounds")
    return bounds


def join_parameters(plan: AggregatePlan, joined: Joining, other: Location) -> dict[str, Bound]:
    """The values of the parameters that `joined_rows` names; the salt is the plan's."""
    return {
        **scope_parameters(plan.scope),
        **scope_parameters(joined.scope, _OTHER),
        f"{_OTHER}source": other.bound,
        "rows": joined.own_rows,
        f"{_OTHER}rows": joined.rows,
    }


def joined_rows(shape: JoinShape, part: exp.Expr | None) -> exp.Select:
    """SELECT the unit and the columns of both datasets, of all pairs of rows that take part.

    `part` is the condition, on the column `UNIT` of the table `source`, of the part of units that is gone through.
    """
    own, other = _taking_part(shape.own, "", part), _taking_part(shape.other, _OTHER, part)
    outputs = [column(UNIT, "own"), *(column(name, "own") for _, name in shape.own.columns)]
    outputs += [column(name, "other") for _, name in shape.other.columns]
    same = exp.EQ(this=column(UNIT, "own"), expression=column(UNIT, "other"))
    return exp.select(*outputs).from_(subquery(own, "own")).join(subquery(other, "other"), on=same)


def _taking_part(side: SideShape, prefix: str, part: exp.Expr | None) -> exp.Select:
    """The rows in scope, of each unit as many as may take part."""
    columns = [exp.alias_(column(side.unit), UNIT, quoted=True)]
    columns += [exp.alias_(column(field), name, quoted=True) for field, name in side.columns]
    rows = exp.select(*columns).from_(subquery(source(side.scan, f"{prefix}source"), "source"))
    conditions = predicates(side.scope, prefix)
    if conditions:
        rows = rows.where(*conditions)
    names = [name for _, name in side.columns]
    # engines write doubles each in its own way: drawn is by the number that is counted
    numbers = {name: fixed_point(name, FieldType.DOUBLE, decimals, bounds) for name, decimals, bounds in side.doubles}
    placed = exp.alias_(place_of_row(UNIT, names, "source", numbers), _PLACE, quoted=True)
    own = (column(name, "source") for name in [UNIT, *names])
    ranked = exp.select(*own, placed).from_(subquery(rows, "source"))
    if part is not None:
        ranked = ranked.where(part.copy())
    within = exp.LTE(this=column(_PLACE, "ranked"), expression=parameter(f"{prefix}rows"))
    kept = [column(UNIT, "ranked"), *(column(name, "ranked") for name in names)]
    return exp.select(*kept).from_(subquery(ranked, "ranked")).where(within)
