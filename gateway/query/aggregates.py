"""Aggregate plans to SQL: exact aggregates to which each privacy unit contributes a bounded amount.

Three steps: each unit's own bounded statistics in each of its cells; where a unit may have more cells than it counts
for, a drawing of `max_groups` of them; the sums over units. Whatever one unit holds, its contribution depends on its
own rows alone, so that removing it changes nothing of the others'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from sqlglot import exp

from gateway.model.contract import CanonicalForm
from gateway.model.plan import AggregatePlan, BoundedStatistic
from gateway.model.statistics import StatisticKind
from gateway.model.values import FieldType
from gateway.query.scan import DIALECT, Bound, Location, Query, Scan, column, parameter, scan_of, source, subquery
from gateway.query.scope import ScopeShape, check_values, is_in, predicates, scope_of, scope_parameters
from gateway.query.units import count_parameters, counts, spelling

_INT64_MAX = 2**63 - 1
_INT64_MIN = -(2**63)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the text depends on."""

    scan: Scan
    scope: ScopeShape
    unit: str
    spelling: CanonicalForm | None
    group_by: tuple[tuple[str, FieldType], ...]
    statistics: tuple[BoundedStatistic, ...]
    drawn: int | None


def compile_aggregates(plan: AggregatePlan, location: Location) -> Query:
    """Render an aggregate plan over a file. Plans of one shape share their text.

    Columns: g0, g1, … for the group_by fields in order, then s0, s1, … as BIGINT; rows ordered by the g's.

    A row whose privacy unit is NULL, or not in canonical spelling, is outside the question: nobody could bound what
    one person contributes under two spellings. A sum over units that leaves int64
    stops at its edge, which no unit can move by more than it contributes.

    Raises:
        ValueError: if the plan does not fit its contract, or a bound does not fit in int64.
    """
    _check(plan)
    scope = scope_of(plan.contract, plan.scope)
    unit = plan.contract.privacy_unit.field
    summed = {bounded.statistic.field for bounded in plan.statistics if bounded.statistic.field is not None}
    grouped = {key.field for key in plan.group_by}
    shape = _Shape(
        scan_of(plan.contract, frozenset(scope.fields | summed | grouped | {unit}), location, lenient=True),
        scope,
        unit,
        spelling(plan.contract),
        tuple((key.field, plan.contract.fields[key.field].type) for key in plan.group_by),
        plan.statistics,
        _drawn(plan),
    )
    keys = {f"k{place}": list(group.keys) for place, group in enumerate(plan.group_by)}
    values: dict[str, Bound] = {"source": location.path, **scope_parameters(plan.scope), **keys}
    values |= count_parameters(shape.spelling)
    if shape.drawn is not None:
        values["salt"] = plan.salt
    return Query(_render(shape), values)


def _drawn(plan: AggregatePlan) -> int | None:
    """How many cells of a unit count, if it may have more."""
    cells = prod(len(set(key.keys)) for key in plan.group_by)
    return plan.max_groups if plan.group_by and cells > plan.max_groups else None


def _check(plan: AggregatePlan) -> None:
    if not plan.statistics or plan.max_groups < 1:
        raise ValueError("a plan has at least one statistic and one group")
    if len({key.field for key in plan.group_by}) != len(plan.group_by):
        raise ValueError("a plan groups by a field once")
    for key in plan.group_by:
        check_values(plan.contract, key.field, key.keys)
    for bounded in plan.statistics:
        kind, field, bounds = bounded.statistic.kind, bounded.statistic.field, bounded.bounds
        if not 1 <= bounded.max_rows <= _INT64_MAX:
            raise ValueError("a unit counts for at least one row")
        if kind is not StatisticKind.SUM:
            if field is not None or bounds is not None:
                raise ValueError("a count has neither field nor bounds")
            continue
        if field is None or bounds is None or bounds.lower > bounds.upper:
            raise ValueError("a sum needs a field and its bounds")
        check_values(plan.contract, field, (bounds.lower, bounds.upper))
        if plan.contract.fields[field].type is not FieldType.INT64:
            raise ValueError("a sum is of integers")
        if bounded.max_rows * max(abs(bounds.lower), abs(bounds.upper)) > _INT64_MAX:
            raise ValueError("the bound of a unit's total does not fit in int64")


@lru_cache(maxsize=256)
def _render(shape: _Shape) -> str:
    groups = [f"g{place}" for place in range(len(shape.group_by))]
    units = _per_unit(shape, groups)
    if shape.drawn is not None:
        ranked = exp.select(exp.Star(), exp.alias_(_rank(groups), "drawn", quoted=True)).from_(subquery(units, "units"))
        units = (
            exp.select(exp.Star())
            .from_(subquery(ranked, "ranked"))
            .where(exp.LTE(this=column("drawn", "ranked"), expression=exp.Literal.number(shape.drawn)))
        )
    totals = [
        exp.alias_(
            _bigint(_clamped(exp.Sum(this=column(f"s{place}", "bounded")), _INT64_MIN, _INT64_MAX)),
            f"s{place}",
            quoted=True,
        )
        for place in range(len(shape.statistics))
    ]
    query = exp.select(*(column(name, "bounded") for name in groups), *totals).from_(subquery(units, "bounded"))
    if groups:
        query = query.group_by(*(column(name, "bounded") for name in groups)).order_by(
            *(column(name, "bounded") for name in groups)
        )
    # without groups there would be a row of NULLs where no unit is
    return query.having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0))).sql(DIALECT)


def _per_unit(shape: _Shape, groups: list[str]) -> exp.Select:
    """Each unit's bounded statistics in each of its cells."""
    keys = [is_in(field, kind, f"k{place}") for place, (field, kind) in enumerate(shape.group_by)]
    counted = counts(shape.unit, shape.spelling)
    outputs = [
        exp.alias_(column(shape.unit), "unit", quoted=True),
        *(
            exp.alias_(column(field), name, quoted=True)
            for (field, _), name in zip(shape.group_by, groups, strict=True)
        ),
        *(
            exp.alias_(_contribution(bounded), f"s{place}", quoted=True)
            for place, bounded in enumerate(shape.statistics)
        ),
    ]
    by = [column(shape.unit), *(column(field) for field, _ in shape.group_by)]
    rows = subquery(source(shape.scan), "source")
    return exp.select(*outputs).from_(rows).where(counted, *keys, *predicates(shape.scope)).group_by(*by)


def _contribution(bounded: BoundedStatistic) -> exp.Expr:
    """What one unit contributes to one cell."""
    statistic, bounds, most = bounded.statistic, bounded.bounds, bounded.max_rows
    if statistic.kind is StatisticKind.COUNT_UNITS:
        return _bigint(exp.Literal.number(1))
    if statistic.kind is StatisticKind.COUNT:
        return _clamped(exp.Count(this=exp.Star()), 0, most)
    assert statistic.field is not None and bounds is not None  # _check saw to it
    value = column(statistic.field)
    nothing = exp.Is(this=value.copy(), expression=exp.null())
    counted = exp.case().when(nothing, exp.Literal.number(0)).else_(_clamped(value, bounds.lower, bounds.upper))
    # a unit with fewer rows than max_rows keeps its own total: 0 stays within reach whatever the bounds
    return _bigint(_clamped(exp.Sum(this=counted), min(0, most * bounds.lower), max(0, most * bounds.upper)))


def _clamped(value: exp.Expr, lower: int, upper: int) -> exp.Case:
    """An explicit CASE: LEAST and GREATEST turn NULL into a bound on some engines."""
    least, most = _number(lower), _number(upper)
    return (
        exp.case()
        .when(exp.LT(this=value.copy(), expression=least), least.copy())
        .when(exp.GT(this=value.copy(), expression=most), most.copy())
        .else_(value.copy())
    )


def _rank(groups: list[str]) -> exp.Window:
    """Each cell's place among its unit's: by a keyed hash, and by its keys where two hashes are equal."""
    parts = [parameter("salt"), *(_text(column(name, "units")) for name in ["unit", *groups])]
    encoded: exp.Expr = _framed(parts[0])
    for part in parts[1:]:
        encoded = exp.DPipe(this=encoded, expression=_framed(part), safe=True)
    order = [exp.MD5(this=encoded), *(column(name, "units") for name in groups)]
    return exp.Window(
        this=exp.RowNumber(),
        partition_by=[column("unit", "units")],
        order=exp.Order(expressions=[exp.Ordered(this=key, nulls_first=False) for key in order]),
    )


def _framed(text: exp.Expr) -> exp.Expr:
    """The text after its length and a colon: no two lists of texts are written alike."""
    length = exp.DPipe(this=_text(exp.Length(this=text.copy())), expression=exp.Literal.string(":"), safe=True)
    return exp.DPipe(this=length, expression=text.copy(), safe=True)


def _text(value: exp.Expr) -> exp.Cast:
    return exp.cast(value, exp.DataType.build("VARCHAR", dialect=DIALECT))


def _bigint(value: exp.Expr) -> exp.Cast:
    return exp.cast(value, exp.DataType.build("BIGINT", dialect=DIALECT))


def _number(value: int) -> exp.Expr:
    return _bigint(exp.Literal.number(value))
