"""Daily plans to SQL: the same bounded aggregates, day by day, of units that count on their first days alone.

As `aggregates`, with one more bound: of each unit, the days on which it has rows in any cell are numbered in their
order, from the first day of the plan on, and those beyond `days_per_unit` are dropped. A later day never changes an
earlier number, so a day that is read now and one that is read later agree on who has used which days, and nothing has
to be kept of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sqlglot import exp

from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import DailyPlan
from gateway.model.values import FieldType
from gateway.query.contributions import ROWS, bounded_measure, totals_of
from gateway.query.drawing import place_of_cell, salt_parameter
from gateway.query.keys import KeyShape, key_of, key_parameters, key_shape
from gateway.query.numbers import bigint, clamped, fixed_point
from gateway.query.scan import (
    DIALECT,
    Bound,
    Location,
    Query,
    Scan,
    column,
    list_parameter,
    parameter,
    scan_of,
    source,
    subquery,
)
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters
from gateway.query.units import count_parameters, counts, spelling

DAY = "day"
"""The column of days."""

_MEASURED = (MeasureKind.ROWS, MeasureKind.UNITS, MeasureKind.TOTAL)
_INT64 = 2**63
_EXACT = 2**53
_BEGIN, _FROM, _AFTER = "day_begin", "day_from", "day_after"


@dataclass(frozen=True, slots=True)
class _Value:
    field: str
    kind: FieldType
    decimals: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the text depends on."""

    scan: Scan
    scope: ScopeShape
    unit: str
    spelling: CanonicalForm | None
    day: str
    days_per_unit: int
    keys: tuple[KeyShape, ...]
    values: tuple[_Value, ...]
    measures: tuple[Measure, ...]
    drawn: int | None

    @property
    def groups(self) -> list[str]:
        """The columns of the cells' keys."""
        return [f"g{place}" for place in range(len(self.keys))]

    def number_of(self, measure: Measure) -> int:
        """The number of the measured field; of a count, any."""
        return next((number for number, value in enumerate(self.values) if value.field == measure.field), 0)


def compile_days(plan: DailyPlan, location: Location) -> Query:
    """Render a daily plan over a file.

    Columns: day; g0, g1, … for the keys in order; then s0, s1, … as BIGINT for the measures. A row counts on the day of
    its date or timestamp; one without, or with a unit that is NULL or not in canonical spelling, counts nowhere.

    Raises:
        ValueError: if the plan does not fit its contract, or a bound does not fit in the engine's numbers.
    """
    _check(plan)
    contract = plan.contract
    scope = scope_of(contract, plan.scope)
    unit = contract.privacy_unit.field
    keys = tuple(key_shape(contract, group) for group in plan.group_by)
    values = {measure.field: _value(contract, measure) for measure in plan.measures if measure.field is not None}
    fields = frozenset(scope.fields | values.keys() | {key.field for key in keys} | {unit, plan.advances_by})
    cells = prod(len(set(key.keys)) for key in plan.group_by)
    shape = _Shape(
        scan_of(contract, fields, location, lenient=True),
        scope,
        unit,
        spelling(contract),
        plan.advances_by,
        plan.days_per_unit,
        keys,
        tuple(values.values()),
        plan.measures,
        plan.max_groups if plan.group_by and cells > plan.max_groups else None,
    )
    bound: dict[str, Bound] = {"source": location.path, **scope_parameters(plan.scope)}
    bound |= count_parameters(shape.spelling)
    bound |= {_BEGIN: plan.begin, _FROM: plan.first, _AFTER: plan.after}
    for place, group in enumerate(plan.group_by):
        bound |= key_parameters(group, f"k{place}")
    if shape.drawn is not None:
        bound |= salt_parameter(plan.salt)
    return Query(_render(shape), bound)


def day_columns(plan: DailyPlan) -> tuple[tuple[str, FieldType], ...]:
    """Return the names and types of the columns that `compile_days` gives."""
    keys = [(f"g{place}", key_shape(plan.contract, group).key_type) for place, group in enumerate(plan.group_by)]
    sums = ((f"s{place}", FieldType.INT64) for place in range(len(plan.measures)))
    return ((DAY, FieldType.DATE), *keys, *sums)


def _value(contract: DataContract, measure: Measure) -> _Value:
    field = contract.fields.get(measure.field or "")
    if field is None or measure.bounds is None or not field.type.is_number:
        raise ValueError("a measure of a field is of a number that the contract declares, within bounds")
    return _Value(field.name, field.type, field.decimals, measure.bounds)


def _check(plan: DailyPlan) -> None:
    if not plan.measures or min(plan.max_groups, plan.days_per_unit) < 1:
        raise ValueError("a plan has at least one measure, one group and one day")
    if not plan.begin <= plan.first < plan.after:
        raise ValueError("the days of a plan are in order")
    dated = plan.contract.fields.get(plan.advances_by)
    if dated is None or not dated.type.is_dated:
        raise ValueError("a plan advances by a date or a timestamp")
    if len({key.field for key in plan.group_by}) != len(plan.group_by):
        raise ValueError("a plan groups by a field once")
    for measure in plan.measures:
        if measure.kind not in _MEASURED or measure.max_rows < 1:
            raise ValueError("days are measured by counts and sums")
        field = plan.contract.fields.get(measure.field or "")
        doubles = field is not None and field.type is FieldType.DOUBLE
        if measure.largest >= (_EXACT if doubles else _INT64):
            raise ValueError("the bound of a unit's contribution does not fit in the engine's numbers")


@lru_cache(maxsize=256)
def _render(shape: _Shape) -> str:
    groups, within = shape.groups, [DAY, *shape.groups]
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
    if shape.drawn is not None:
        placed.append(exp.alias_(place_of_cell(groups, "units", of=("unit", DAY)), "drawn", quoted=True))
        chosen.append(exp.LTE(this=column("drawn", "placed"), expression=exp.Literal.number(shape.drawn)))
    ranked = exp.select(exp.Star(), *placed).from_(subquery(_totals(shape), "units"))
    counted = exp.select(exp.Star()).from_(subquery(ranked, "placed")).where(*chosen)
    contributions = [
        exp.alias_(bounded_measure(shape.number_of(measure), measure), f"s{place}", quoted=True)
        for place, measure in enumerate(shape.measures)
    ]
    bounded = exp.select(*(column(name, "totals") for name in within), *contributions).from_(
        subquery(counted, "totals")
    )
    sums = [
        exp.alias_(
            bigint(clamped(exp.Sum(this=column(f"s{place}", "bounded")), -_INT64, _INT64 - 1)), f"s{place}", quoted=True
        )
        for place in range(len(shape.measures))
    ]
    names = [column(name, "bounded") for name in within]
    query = exp.select(*names, *sums).from_(subquery(bounded, "bounded"))
    return query.group_by(*(name.copy() for name in names)).order_by(*(name.copy() for name in names)).sql(DIALECT)


def _totals(shape: _Shape) -> exp.Select:
    """The totals over each unit's rows on each day in each of its cells."""
    totals: dict[str, exp.Expr] = {ROWS: exp.Count(this=exp.Star())}
    for measure in shape.measures:
        totals |= totals_of(shape.number_of(measure), measure)
    chosen = [
        exp.ArrayContains(this=list_parameter(f"k{place}", key.key_type), expression=column(f"g{place}", "keyed"))
        for place, key in enumerate(shape.keys)
    ]
    by = [column(name, "keyed") for name in ["unit", DAY, *shape.groups]]
    outputs = [exp.alias_(total, name, quoted=True) for name, total in totals.items()]
    query = exp.select(*(name.copy() for name in by), *outputs).from_(subquery(_keyed(shape), "keyed"))
    return (query.where(*chosen) if chosen else query).group_by(*by)


def _keyed(shape: _Shape) -> exp.Select:
    """Each row in scope that has a unit and a day: its unit, its day, its cell, and its numbers."""
    dated = column(shape.day)
    within = [
        exp.GTE(this=dated, expression=_day(_BEGIN)),
        exp.LT(this=dated.copy(), expression=_day(_AFTER)),
    ]
    outputs = [
        exp.alias_(column(shape.unit), "unit", quoted=True),
        exp.alias_(exp.cast(dated.copy(), _date()), DAY, quoted=True),
    ]
    outputs += [exp.alias_(key_of(key, f"k{place}"), f"g{place}", quoted=True) for place, key in enumerate(shape.keys)]
    outputs += [
        exp.alias_(fixed_point(value.field, value.kind, value.decimals, value.bounds), f"v{place}", quoted=True)
        for place, value in enumerate(shape.values)
    ]
    rows = subquery(source(shape.scan), "source")
    return exp.select(*outputs).from_(rows).where(counts(shape.unit, shape.spelling), *within, *predicates(shape.scope))


def _day(name: str) -> exp.Cast:
    return exp.cast(parameter(name), _date())


def _date() -> exp.DataType:
    return exp.DataType.build("DATE", dialect=DIALECT)
