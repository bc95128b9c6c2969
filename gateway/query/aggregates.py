"""Aggregate plans to SQL: exact aggregates to which each privacy unit contributes a bounded amount.

Five steps: each row's cell and numbers; the totals of each unit's rows in each of its cells; where a unit may have more
cells than it counts for, a drawing of `max_groups` of them; what it contributes to each; the sums over units. Whatever
one unit holds, its contribution depends on its own rows alone, so that removing it changes nothing of the others'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import CanonicalForm
from gateway.model.measure import MeasureKind
from gateway.model.plan import AggregatePlan
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType
from gateway.query.cells import (
    CellsShape,
    cell_parameters,
    cells_shape,
    columns_of_units,
    contributions,
    key_columns,
    keys_of_row,
    numbers_of_row,
    present,
    sum_columns,
    sums_over_units,
    totals_of_units,
)
from gateway.query.contributions import ROWS
from gateway.query.drawing import place_of_cell, salt_parameter, taken_before
from gateway.query.joins import UNIT, JoinShape, join_parameters, join_shape, joined_rows
from gateway.query.keys import bin_of
from gateway.query.numbers import bigint, number
from gateway.query.rendering import Text, render
from gateway.query.scan import Bound, Location, Query, Scan, column, parameter, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters
from gateway.query.sql_types import sql_type
from gateway.query.units import count_parameters, counts, spelling

_BIN, _BIN_WIDTH = "b", "bin_width"


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one dataset: its scan, those in scope, and the field of the unit."""

    scan: Scan
    scope: ScopeShape
    unit: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the text depends on."""

    rows: _Rows | JoinShape
    spelling: CanonicalForm | None
    cells: CellsShape
    parted: bool = False


def compile_aggregates(
    plan: AggregatePlan, location: Location, part: int = 0, parts: int = 1, *, joined: Location | None = None
) -> Query:
    """Render an aggregate plan over a file, or over one part of its units. Plans of one shape share their text.

    `joined` is the file of the dataset that the plan joins, if it joins one.

    Columns: g0, g1, … for the keys in order; for a histogram b, the lower end of the bin; then s0, s1, … as BIGINT for
    the measures. Rows in the order of their keys.

    A row whose privacy unit is NULL, or not in canonical spelling, is outside the question: nobody could bound what
    one person contributes under two spellings. A sum over units that leaves int64 stops at its edge, which no unit can
    move by more than it contributes. Sums of parts are DECIMAL(38) and go on: whoever adds them up stops them, once.

    Raises:
        ValueError: if the plan does not fit its contract, or a bound does not fit in int64.
    """
    for measure in plan.measures:
        if (measure.kind is MeasureKind.BINS) != (measure.width > 0) or (measure.width and len(plan.measures) != 1):
            raise ValueError("bins have a width and are measured by themselves")
    cells = cells_shape(plan.fields, plan.group_by, plan.measures, plan.max_groups)
    shape = _Shape(_rows(plan, location, cells.fields, joined), spelling(plan.contract), cells, parts > 1)
    bound: dict[str, Bound] = {"source": location.bound, **scope_parameters(plan.scope)}
    kind = plan.contract.source.kind
    bound |= count_parameters(shape.spelling, kind)
    if shape.parted:
        bound |= {"part": part, "parts": parts}
    bound |= cell_parameters(plan.group_by)
    histogram = plan.measures[0].kind is MeasureKind.BINS
    if cells.drawn is not None or histogram or plan.joined is not None:
        bound |= salt_parameter(plan.salt)
    if plan.joined is not None and joined is not None:
        bound |= join_parameters(plan, plan.joined, joined)
    if histogram:
        bound[_BIN_WIDTH] = plan.measures[0].width
    return Query(_render_histogram(shape, kind) if histogram else _render(shape, kind), bound)


def _rows(
    plan: AggregatePlan, location: Location, fields: frozenset[str], joined: Location | None
) -> _Rows | JoinShape:
    if plan.joined is not None and joined is not None:
        return join_shape(plan, plan.joined, location, joined)
    if plan.joined is not None or joined is not None:
        raise ValueError("a join has a file of the other dataset")
    scope, unit = scope_of(plan.contract, plan.scope), plan.contract.privacy_unit.field
    return _Rows(scan_of(plan.contract, scope.fields | fields | {unit}, location, lenient=True), scope, unit)


def aggregate_columns(plan: AggregatePlan) -> tuple[tuple[str, FieldType], ...]:
    """Return the names and types of the columns that `compile_aggregates` gives."""
    bins = [(_BIN, FieldType.INT64)] if plan.measures[0].kind is MeasureKind.BINS else []
    return (*key_columns(plan.fields, plan.group_by), *bins, *sum_columns(plan.measures))


@lru_cache(maxsize=256)
def _render(shape: _Shape, kind: SourceKind) -> Text:
    cells = shape.cells
    units = _drawing(shape, totals_of_units(cells, _keyed(shape), cells.groups), cells.groups)
    bounded = contributions(cells, units, cells.groups)
    return render(sums_over_units(cells, bounded, cells.groups, parted=shape.parted), kind)


@lru_cache(maxsize=256)
def _render_histogram(shape: _Shape, kind: SourceKind) -> Text:
    """Of a unit's rows in a cell, those count that are in the bins drawn first, up to `max_rows` of them."""
    cells = shape.cells
    within = [*cells.groups, _BIN]
    drawn = _drawing(shape, totals_of_units(cells, _keyed(shape), within).where(present(_BIN)), within)
    before = exp.alias_(taken_before(cells.groups, _BIN, ROWS, "totals"), "before", quoted=True)
    ordered = exp.select(exp.Star(), before).from_(subquery(drawn, "totals"))
    left = exp.Sub(this=number(cells.measures[0].max_rows), expression=column("before", "ordered"))
    nothing = exp.LTE(this=left, expression=exp.Literal.number(0))
    all_of_them = exp.LTE(this=column(ROWS, "ordered"), expression=left.copy())
    taken = (
        exp.case().when(nothing, exp.Literal.number(0)).when(all_of_them, column(ROWS, "ordered")).else_(left.copy())
    )
    bounded = exp.select(
        *(column(name, "ordered") for name in within), exp.alias_(bigint(taken), "s0", quoted=True)
    ).from_(subquery(ordered, "ordered"))
    return render(sums_over_units(cells, bounded, within, parted=shape.parted), kind)


def _keyed(shape: _Shape) -> exp.Select:
    """Each row in scope that has a unit: its unit, its cell, and its numbers."""
    rows = shape.rows
    unit = rows.unit if isinstance(rows, _Rows) else UNIT
    outputs = [exp.alias_(column(unit), "unit", quoted=True)]
    outputs += keys_of_row(shape.cells)
    if shape.cells.measures[0].kind is MeasureKind.BINS:
        (value,) = shape.cells.values
        outputs.append(exp.alias_(bin_of(value.number, value.bounds.lower, _BIN_WIDTH), _BIN, quoted=True))
    else:
        outputs += numbers_of_row(shape.cells)
    part = _in_part(unit) if shape.parted else None
    if isinstance(rows, JoinShape):
        return exp.select(*outputs).from_(subquery(joined_rows(rows, part), "source"))
    conditions = predicates(rows.scope) + ([] if part is None else [part])
    query = exp.select(*outputs).from_(subquery(source(rows.scan), "source"))
    return query.where(*conditions) if conditions else query


def _in_part(unit: str) -> exp.Expr:
    # a unit is whole in one part: what it contributes is the same, however many parts there are
    hashed = exp.Anonymous(this="hash", expressions=[column(unit)])
    # the hash has 64 bits and no sign: beside a BIGINT the engine would reckon in 128, which takes longer than all else
    part, parts = (exp.cast(parameter(name), sql_type("UBIGINT")) for name in ("part", "parts"))
    return exp.EQ(this=exp.Mod(this=hashed, expression=parts), expression=part)


def _drawing(shape: _Shape, totals: exp.Select, within: Sequence[str]) -> exp.Select:
    """The totals of units that count, of no more cells of each than count: drawn where a unit has more."""
    names = columns_of_units(shape.cells, within)
    units = column("unit", "units")
    few = (
        exp.select(*(column(name, "units") for name in names))
        .from_("units")
        .where(_among(units, exp.not_(column("many", "counting"))))
    )
    kept: exp.Query = few
    if shape.cells.drawn is not None:
        placed = exp.alias_(place_of_cell(shape.cells.groups, "units"), "drawn", quoted=True)
        ranked = exp.select(exp.Star(), placed).from_("units").where(_among(units, column("many", "counting")))
        first = exp.LTE(this=column("drawn", "ranked"), expression=exp.Literal.number(shape.cells.drawn))
        chosen = (column(name, "ranked") for name in names)
        kept = exp.union(few, exp.select(*chosen).from_(subquery(ranked, "ranked")).where(first), distinct=False)
    return (
        exp.select(exp.Star())
        .from_(exp.Subquery(this=kept, alias=exp.TableAlias(this=exp.to_identifier("kept", quoted=True))))
        .with_("units", as_=totals, materialized=True)
        .with_("counting", as_=_counting(shape), materialized=True)
    )


def _counting(shape: _Shape) -> exp.Select:
    """The units that count, each once, and whether one may have more cells than count.

    A unit's spelling is looked at here, once, and not in each of its rows: as a condition on the unit alone an engine
    would move it to the rows.
    """
    rows = exp.Count(this=exp.Star())
    held = exp.GT(this=rows.copy(), expression=exp.Literal.number(0))
    many = (
        exp.false()
        if shape.cells.drawn is None
        else exp.GT(this=rows, expression=exp.Literal.number(shape.cells.drawn))
    )
    return (
        exp.select(column("unit"), exp.alias_(many, "many", quoted=True))
        .from_(exp.to_table("units", alias="source"))
        .group_by(column("unit"))
        .having(exp.case().when(held, counts("unit", shape.spelling)).else_(exp.false()))
    )


def _among(unit: exp.Expr, condition: exp.Expr) -> exp.Expr:
    chosen = exp.select(column("unit", "counting")).from_("counting").where(condition)
    return exp.In(this=unit.copy(), query=exp.Subquery(this=chosen))
