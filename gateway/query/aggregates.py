"""Aggregate plans to SQL: exact aggregates to which each privacy unit contributes a bounded amount.

Five steps: each row's cell and numbers; the totals of each unit's rows in each of its cells; where a unit may have more
cells than it counts for, a drawing of `max_groups` of them; what it contributes to each; the sums over units. Whatever
one unit holds, its contribution depends on its own rows alone, so that removing it changes nothing of the others'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sqlglot import exp

from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AsFound, finds_keys
from gateway.model.values import FieldType
from gateway.query.contributions import ROWS, bounded_measure, totals_of
from gateway.query.drawing import place_of_cell, salt_parameter, taken_before
from gateway.query.joins import JoinShape, join_parameters, join_shape, joined_rows
from gateway.query.keys import KeyShape, bin_of, key_of, key_parameters, key_shape
from gateway.query.numbers import bigint, clamped, fixed_point, number
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

_INT64_MAX = 2**63 - 1
_INT64_MIN = -(2**63)
_EXACT = 2**53
"""Up to here doubles are exact integers: where the engine has to reckon in them, nothing may go beyond."""
_BIN, _BIN_WIDTH = "b", "bin_width"


@dataclass(frozen=True, slots=True)
class _Value:
    """A measured field, as numbers within bounds."""

    field: str
    kind: FieldType
    decimals: int
    bounds: Bounds


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
    keys: tuple[KeyShape, ...]
    values: tuple[_Value, ...]
    measures: tuple[Measure, ...]
    drawn: int | None
    parted: bool = False

    @property
    def groups(self) -> list[str]:
        """The columns of the cells' keys."""
        return [f"g{place}" for place in range(len(self.keys))]

    def number_of(self, measure: Measure) -> int:
        """The number of the measured field; of a count, any."""
        return next((number for number, value in enumerate(self.values) if value.field == measure.field), 0)


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
    _check(plan)
    contract, fields = plan.contract, plan.fields
    keys = tuple(key_shape(fields, group) for group in plan.group_by)
    values = {measure.field: _value(fields, measure) for measure in plan.measures if measure.field is not None}
    # the width of bins is bound, not written: no plan has a text of its own
    measures = tuple(measure if not measure.width else _widthless(measure) for measure in plan.measures)
    shape = _Shape(
        _rows(plan, location, frozenset(values) | {key.field for key in keys}, joined),
        spelling(contract),
        keys,
        tuple(values.values()),
        measures,
        _drawn(plan),
        parts > 1,
    )
    bound: dict[str, Bound] = {"source": location.path, **scope_parameters(plan.scope)}
    bound |= count_parameters(shape.spelling)
    if shape.parted:
        bound |= {"part": part, "parts": parts}
    for place, group in enumerate(plan.group_by):
        bound |= key_parameters(group, f"k{place}")
    histogram = plan.measures[0].kind is MeasureKind.BINS
    if shape.drawn is not None or histogram or plan.joined is not None:
        bound |= salt_parameter(plan.salt)
    if plan.joined is not None and joined is not None:
        bound |= join_parameters(plan, plan.joined, joined)
    if histogram:
        bound[_BIN_WIDTH] = plan.measures[0].width
    return Query(_render_histogram(shape) if histogram else _render(shape), bound)


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
    keys = [(f"g{place}", key_shape(plan.fields, group).key_type) for place, group in enumerate(plan.group_by)]
    bins = [(_BIN, FieldType.INT64)] if plan.measures[0].kind is MeasureKind.BINS else []
    return (*keys, *bins, *((f"s{place}", FieldType.INT64) for place in range(len(plan.measures))))


def _value(contract: DataContract, measure: Measure) -> _Value:
    field = contract.fields.get(measure.field or "")
    if field is None or measure.bounds is None:
        raise ValueError("a measure of a field is of one that the contract declares, within bounds")
    return _Value(field.name, field.type, field.decimals, measure.bounds)


def _widthless(measure: Measure) -> Measure:
    return Measure(measure.kind, measure.max_rows, measure.field, measure.bounds)


def _drawn(plan: AggregatePlan) -> int | None:
    """How many cells of a unit count, if it may have more."""
    if finds_keys(plan.group_by):
        return plan.max_groups
    cells = prod(len(set(key.keys)) for key in plan.group_by)
    return plan.max_groups if plan.group_by and cells > plan.max_groups else None


def _check(plan: AggregatePlan) -> None:
    if not plan.measures or plan.max_groups < 1:
        raise ValueError("a plan has at least one measure and one group")
    if len({key.field for key in plan.group_by}) != len(plan.group_by):
        raise ValueError("a plan groups by a field once")
    bounds: dict[str, Bounds] = {}
    fields = plan.fields.fields
    for measure in plan.measures:
        if not 1 <= measure.max_rows <= _INT64_MAX:
            raise ValueError("a unit counts for at least one row")
        if (measure.kind is MeasureKind.BINS) != (measure.width > 0) or (measure.width and len(plan.measures) != 1):
            raise ValueError("bins have a width and are measured by themselves")
        if measure.kind in (MeasureKind.ROWS, MeasureKind.UNITS):
            if measure.field is not None or measure.bounds is not None:
                raise ValueError("a count has neither field nor bounds")
            continue
        if measure.field is None or measure.bounds is None or measure.bounds.lower > measure.bounds.upper:
            raise ValueError("a measure of a field needs the field and its bounds")
        if bounds.setdefault(measure.field, measure.bounds) != measure.bounds:
            raise ValueError("a field is measured within one pair of bounds")
        field = fields.get(measure.field)
        if field is None or not field.type.is_number:
            raise ValueError("only numbers are measured")
        if not all(_INT64_MIN <= value <= _INT64_MAX for value in (measure.bounds.lower, measure.bounds.upper)):
            raise ValueError("an integer does not fit in 64 bits")
        doubles = field.type is FieldType.DOUBLE or measure.kind is not MeasureKind.TOTAL
        span = measure.bounds.upper - measure.bounds.lower
        if measure.largest > (_EXACT if doubles else _INT64_MAX) or (doubles and span > _EXACT):
            raise ValueError("the bound of a unit's contribution does not fit in the engine's numbers")


@lru_cache(maxsize=256)
def _render(shape: _Shape) -> str:
    groups = shape.groups
    totals: dict[str, exp.Expr] = {ROWS: exp.Count(this=exp.Star())}
    for measure in shape.measures:
        totals |= totals_of(shape.number_of(measure), measure)
    units = _drawing(shape, _totals(shape, totals, groups))
    contributions = [
        exp.alias_(bounded_measure(shape.number_of(measure), measure), f"s{place}", quoted=True)
        for place, measure in enumerate(shape.measures)
    ]
    bounded = exp.select(*(column(name, "totals") for name in groups), *contributions).from_(subquery(units, "totals"))
    return _summed(shape, bounded, groups)


@lru_cache(maxsize=256)
def _render_histogram(shape: _Shape) -> str:
    """Of a unit's rows in a cell, those count that are in the bins drawn first, up to `max_rows` of them."""
    groups, within = shape.groups, [*shape.groups, _BIN]
    totals = _totals(shape, {ROWS: exp.Count(this=exp.Star())}, within)
    drawn = _drawing(shape, totals)
    before = exp.alias_(taken_before(groups, _BIN, ROWS, "totals"), "before", quoted=True)
    ordered = exp.select(exp.Star(), before).from_(subquery(drawn, "totals"))
    left = exp.Sub(this=number(shape.measures[0].max_rows), expression=column("before", "ordered"))
    nothing = exp.LTE(this=left, expression=exp.Literal.number(0))
    all_of_them = exp.LTE(this=column(ROWS, "ordered"), expression=left.copy())
    taken = (
        exp.case().when(nothing, exp.Literal.number(0)).when(all_of_them, column(ROWS, "ordered")).else_(left.copy())
    )
    bounded = exp.select(
        *(column(name, "ordered") for name in within), exp.alias_(bigint(taken), "s0", quoted=True)
    ).from_(subquery(ordered, "ordered"))
    return _summed(shape, bounded, within)


def _totals(shape: _Shape, totals: dict[str, exp.Expr], groups: list[str]) -> exp.Select:
    """The totals over each unit's rows in each of its cells."""
    chosen: list[exp.Expr] = [
        _present(f"g{place}")
        if key.way is AsFound
        else exp.ArrayContains(this=list_parameter(f"k{place}", key.key_type), expression=column(f"g{place}", "keyed"))
        for place, key in enumerate(shape.keys)
    ]
    if _BIN in groups:
        chosen.append(_present(_BIN))
    by = [column(name, "keyed") for name in ["unit", *groups]]
    outputs = [exp.alias_(total, name, quoted=True) for name, total in totals.items()]
    query = exp.select(*(name.copy() for name in by), *outputs).from_(subquery(_keyed(shape), "keyed"))
    return (query.where(*chosen) if chosen else query).group_by(*by)


def _present(name: str) -> exp.Expr:
    return exp.not_(exp.Is(this=column(name, "keyed"), expression=exp.null()))


def _keyed(shape: _Shape) -> exp.Select:
    """Each row in scope that has a unit: its unit, its cell, and its numbers."""
    rows = shape.rows
    unit = rows.unit if isinstance(rows, _Rows) else "unit"
    outputs = [exp.alias_(column(unit), "unit", quoted=True)]
    outputs += [exp.alias_(key_of(key, f"k{place}"), f"g{place}", quoted=True) for place, key in enumerate(shape.keys)]
    for place, value in enumerate(shape.values):
        expression = fixed_point(value.field, value.kind, value.decimals, value.bounds)
        if shape.measures[0].kind is MeasureKind.BINS:
            expression, name = bin_of(expression, value.bounds.lower, _BIN_WIDTH), _BIN
        else:
            name = f"v{place}"
        outputs.append(exp.alias_(expression, name, quoted=True))
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
    unsigned = exp.DataType.build("UBIGINT", dialect=DIALECT)
    part, parts = (exp.cast(parameter(name), unsigned.copy()) for name in ("part", "parts"))
    return exp.EQ(this=exp.Mod(this=hashed, expression=parts), expression=part)


def _drawing(shape: _Shape, totals: exp.Select) -> exp.Select:
    """The totals of units that count, of no more cells of each than count: drawn where a unit has more."""
    units = column("unit", "units")
    few = exp.select(exp.Star()).from_("units").where(_among(units, exp.not_(column("many", "counting"))))
    kept: exp.Query = few
    if shape.drawn is not None:
        placed = exp.alias_(place_of_cell(shape.groups, "units"), "drawn", quoted=True)
        ranked = exp.select(exp.Star(), placed).from_("units").where(_among(units, column("many", "counting")))
        first = exp.LTE(this=column("drawn", "ranked"), expression=exp.Literal.number(shape.drawn))
        without = exp.Star(except_=[exp.to_identifier("drawn", quoted=True)])
        kept = exp.union(few, exp.select(without).from_(subquery(ranked, "ranked")).where(first), distinct=False)
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
    many = exp.false() if shape.drawn is None else exp.GT(this=rows, expression=exp.Literal.number(shape.drawn))
    return (
        exp.select(column("unit"), exp.alias_(many, "many", quoted=True))
        .from_(exp.to_table("units", alias="source"))
        .group_by(column("unit"))
        .having(exp.case().when(held, counts("unit", shape.spelling)).else_(exp.false()))
    )


def _among(unit: exp.Expr, condition: exp.Expr) -> exp.Expr:
    chosen = exp.select(column("unit", "counting")).from_("counting").where(condition)
    return exp.In(this=unit.copy(), query=exp.Subquery(this=chosen))


def _summed(shape: _Shape, bounded: exp.Select, groups: list[str]) -> str:
    """The sums over units, cell by cell."""
    sums = [
        exp.alias_(_sum(f"s{place}", shape.parted), f"s{place}", quoted=True) for place in range(len(shape.measures))
    ]
    names = [column(name, "bounded") for name in groups]
    query = exp.select(*names, *sums).from_(subquery(bounded, "bounded"))
    if groups:
        query = query.group_by(*(name.copy() for name in names)).order_by(*(name.copy() for name in names))
    # without groups there would be a row of NULLs where no unit is
    return query.having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0))).sql(DIALECT)


def _sum(name: str, parted: bool) -> exp.Expr:
    total = exp.Sum(this=column(name, "bounded"))
    if parted:
        return exp.cast(total, exp.DataType.build("DECIMAL(38, 0)", dialect=DIALECT))
    return bigint(clamped(total, _INT64_MIN, _INT64_MAX))
