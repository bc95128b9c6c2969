"""Daily plans to SQL: the same bounded aggregates, day by day, of units that count on their first days alone.

As `aggregates`, with one more bound: of each unit, the days on which it has rows in any cell are numbered in their
order, from the first day of the plan on, and those beyond `days_per_unit` are dropped. A later day never changes an
earlier number, so a day that is read now and one that is read later agree on who has used which days, and nothing has
to be kept of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import CanonicalForm
from gateway.model.measure import MeasureKind
from gateway.model.plan import DailyPlan
from gateway.model.values import FieldType
from gateway.query.cells import (
    CellsShape,
    cell_parameters,
    cells_shape,
    contributions,
    key_columns,
    keys_of_row,
    numbers_of_row,
    sum_columns,
    sums_over_units,
    totals_of_units,
)
from gateway.query.drawing import place_of_cell, salt_parameter
from gateway.query.rendering import Text, render
from gateway.query.scan import Bound, Location, Query, Scan, column, parameter, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters
from gateway.query.sql_types import type_of
from gateway.query.units import count_parameters, counts, spelling

DAY = "day"
"""The column of days."""

_MEASURED = (MeasureKind.ROWS, MeasureKind.UNITS, MeasureKind.TOTAL)
_BEGIN, _FROM, _AFTER = "day_begin", "day_from", "day_after"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the text depends on."""

    scan: Scan
    scope: ScopeShape
    unit: str
    spelling: CanonicalForm | None
    day: str
    days_per_unit: int
    cells: CellsShape


def compile_days(plan: DailyPlan, location: Location) -> Query:
    """Render a daily plan over a file.

    Columns: day; g0, g1, … for the keys in order; then s0, s1, … as BIGINT for the measures. A row counts on the day of
    its date or timestamp; one without, or with a unit that is NULL or not in canonical spelling, counts nowhere.

    Raises:
        ValueError: if the plan does not fit its contract, or a bound does not fit in the engine's numbers.
    """
    _check(plan)
    contract = plan.contract
    scope, unit = scope_of(contract, plan.scope), contract.privacy_unit.field
    cells = cells_shape(contract, plan.group_by, plan.measures, plan.max_groups)
    shape = _Shape(
        scan_of(contract, frozenset(scope.fields | cells.fields | {unit, plan.advances_by}), location, lenient=True),
        scope,
        unit,
        spelling(contract),
        plan.advances_by,
        plan.days_per_unit,
        cells,
    )
    bound: dict[str, Bound] = {"source": location.bound, **scope_parameters(plan.scope)}
    bound |= count_parameters(shape.spelling, contract.source.kind)
    bound |= {_BEGIN: plan.begin, _FROM: plan.first, _AFTER: plan.after}
    bound |= cell_parameters(plan.group_by)
    if cells.drawn is not None:
        bound |= salt_parameter(plan.salt)
    return Query(_render(shape), bound)


def day_columns(plan: DailyPlan) -> tuple[tuple[str, FieldType], ...]:
    """Return the names and types of the columns that `compile_days` gives."""
    return ((DAY, FieldType.DATE), *key_columns(plan.contract, plan.group_by), *sum_columns(plan.measures))


def _check(plan: DailyPlan) -> None:
    if plan.days_per_unit < 1:
        raise ValueError("a unit counts on at least one day")
    if not plan.begin <= plan.first < plan.after:
        raise ValueError("the days of a plan are in order")
    dated = plan.contract.fields.get(plan.advances_by)
    if dated is None or not dated.type.is_dated:
        raise ValueError("a plan advances by a date or a timestamp")
    if any(measure.kind not in _MEASURED for measure in plan.measures):
        raise ValueError("days are measured by counts and sums")


@lru_cache(maxsize=256)
def _render(shape: _Shape) -> Text:
    cells = shape.cells
    within = [DAY, *cells.groups]
    turn = exp.Window(
        this=exp.DenseRank(),
        partition_by=[column("unit", "units")],
        order=exp.Order(expressions=[exp.Ordered(this=column(DAY, "units"), nulls_first=False)]),
    )
    placed: list[exp.Expr] = [exp.alias_(turn, "turn", quoted=True)]
    chosen: list[exp.Expr] = [
        exp.LTE(this=column("turn", "placed"), expression=exp.Literal.number(shape.days_per_unit)),
        exp.GTE(this=column(DAY, "placed"), expression=_day(_FROM)),
    ]
    if cells.drawn is not None:
        placed.append(exp.alias_(place_of_cell(cells.groups, "units", of=("unit", DAY)), "drawn", quoted=True))
        chosen.append(exp.LTE(this=column("drawn", "placed"), expression=exp.Literal.number(cells.drawn)))
    ranked = exp.select(exp.Star(), *placed).from_(subquery(totals_of_units(cells, _keyed(shape), within), "units"))
    counted = exp.select(exp.Star()).from_(subquery(ranked, "placed")).where(*chosen)
    return render(sums_over_units(cells, contributions(cells, counted, within), within), shape.scan.kind)


def _keyed(shape: _Shape) -> exp.Select:
    """Each row in scope that has a unit and a day: its unit, its day, its cell, and its numbers."""
    dated = column(shape.day)
    within = [
        exp.GTE(this=dated, expression=_day(_BEGIN)),
        exp.LT(this=dated.copy(), expression=_day(_AFTER)),
    ]
    outputs = [
        exp.alias_(column(shape.unit), "unit", quoted=True),
        exp.alias_(exp.cast(dated.copy(), type_of(FieldType.DATE)), DAY, quoted=True),
    ]
    outputs += [*keys_of_row(shape.cells), *numbers_of_row(shape.cells)]
    rows = subquery(source(shape.scan), "source")
    return exp.select(*outputs).from_(rows).where(counts(shape.unit, shape.spelling), *within, *predicates(shape.scope))


def _day(name: str) -> exp.Cast:
    return exp.cast(parameter(name), type_of(FieldType.DATE))
