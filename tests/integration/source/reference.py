"""What an aggregate plan means, in plain Python: cells, bounding and sums, and the draws of cells."""

import hashlib
import math
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from math import prod
from typing import Any, TypeAlias

from gateway.model.contract import Bounds
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AsFound, AsIs, AtLevel, GroupKey, InBins, InPeriod, finds_keys

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

LEAST, MOST = -(2**63), 2**63 - 1


def expected(table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
    """The semantics of the plan in plain Python: {cell: values}."""
    histogram = plan.measures[0].kind is MeasureKind.BINS
    cells: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in table:
        counts = not histogram or _contribution(replace(plan.measures[0], kind=MeasureKind.PRESENT), [row])
        if row["subject"] not in (None, " a", "ａ") and _in_scope(row, plan) and counts:
            cells[row["subject"]][tuple(_key(row, key) for key in plan.group_by)].append(row)
    drawn = finds_keys(plan.group_by) or (
        bool(plan.group_by) and prod(len(key.keys) for key in plan.group_by) > plan.max_groups
    )
    result: dict[Key, list[int]] = {}
    for unit, own in cells.items():
        kept = sorted(own, key=lambda cell: (_hash(plan.salt, unit, cell), cell))
        for cell in kept[: plan.max_groups] if drawn else kept:
            parts = {cell: tuple(_contribution(measure, own[cell]) for measure in plan.measures)}
            for place, added in (_bins(plan, unit, cell, own[cell]) if histogram else parts).items():
                totals = result.setdefault(place, [0] * len(plan.measures))
                for number, value in enumerate(added):
                    totals[number] += value
    return {cell: tuple(_clamp(total, LEAST, MOST) for total in totals) for cell, totals in result.items()}


def _holds(row: Row, condition: Condition) -> bool:
    value: Any = row[condition.field]
    if value is None:
        return False
    answers: dict[Operator, bool] = {
        Operator.EQUAL: value == condition.values[0],
        Operator.IN: value in condition.values,
        Operator.GREATER_OR_EQUAL: condition.operator is Operator.GREATER_OR_EQUAL and value >= condition.values[0],
    }
    return answers[condition.operator]


def _number(value: Any, bounds: Bounds) -> int | None:
    """A number as statistics count it; those of `ratio` in hundredths."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int):
        return _clamp(value, bounds.lower, bounds.upper)
    scaled = value * 100
    if scaled <= bounds.lower:
        return bounds.lower
    if scaled >= bounds.upper:
        return bounds.upper
    return _rounded(scaled)


def _rounded(value: float) -> int:
    """Half away from zero, as engines do."""
    whole = math.floor(abs(value))
    return int(math.copysign(whole + (abs(value) - whole >= 0.5), value))


def _key(row: Row, group: GroupKey) -> Any:
    value = row[group.field]
    match group.by:
        case AsIs() | AsFound():
            return value
        case AtLevel(depth):
            parts = [] if value is None else value.split("/")[:depth]
            return "/".join(parts) if len(parts) == depth and all(parts) else None
        case InPeriod(period):
            return None if value is None else _start(value, period)
        case InBins(bounds, width):
            number = _number(value, bounds)
            return None if number is None else bounds.lower + (number - bounds.lower) // width * width


def _start(value: Any, period: Period) -> Any:
    if period is Period.HOUR:
        return value.replace(minute=0, second=0)
    day = value.date() if isinstance(value, datetime) else value
    starts = {
        Period.DAY: day,
        Period.WEEK: day - timedelta(days=day.weekday()),
        Period.MONTH: day.replace(day=1),
        Period.YEAR: day.replace(month=1, day=1),
    }
    return starts[period]


def _in_scope(row: Row, plan: AggregatePlan) -> bool:
    scope, region = plan.scope, row["region"]
    within = scope.region is None or (
        region is not None and region.split("/")[: scope.region.count("/") + 1] == scope.region.split("/")
    )
    consented = scope.consent_field is None or row[scope.consent_field] is True
    declared = all(
        _key(row, key) is not None if isinstance(key.by, AsFound) else _key(row, key) in key.keys
        for key in plan.group_by
    )
    return within and consented and declared and all(_holds(row, condition) for condition in scope.conditions)


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _contribution(measure: Measure, cell_rows: list[Row]) -> int:
    most, kind = measure.max_rows, measure.kind
    if kind is MeasureKind.ROWS:
        return min(len(cell_rows), most)
    if kind is MeasureKind.UNITS:
        return 1
    assert measure.bounds is not None and measure.field is not None
    low, high = measure.bounds.lower, measure.bounds.upper
    found = [_number(row[measure.field], measure.bounds) for row in cell_rows]
    values = [value for value in found if value is not None]
    if kind is MeasureKind.PRESENT:
        return min(len(values), most)
    if kind is MeasureKind.TOTAL:
        return _clamp(sum(values), min(0, most * low), max(0, most * high))
    offsets = [value - measure.centre for value in values]
    if kind is MeasureKind.SQUARES:
        offsets = [_rounded(float(offset) * float(offset) / measure.step) for offset in offsets]
    total = sum(offsets)
    if len(values) > most:
        total = _rounded(float(total) * most / len(values))
    return _clamp(total, 0 if kind is MeasureKind.SQUARES else -measure.largest, measure.largest)


def _bins(plan: AggregatePlan, unit: str, cell: Key, cell_rows: list[Row]) -> dict[Key, tuple[int]]:
    """What a unit adds to the bins of one of its cells: bins that come first, until its rows are used up."""
    (measure,) = plan.measures
    assert measure.bounds is not None and measure.field is not None
    counted: dict[int, int] = defaultdict(int)
    for row in cell_rows:
        value = _number(row[measure.field], measure.bounds)
        if value is not None:
            counted[measure.bounds.lower + (value - measure.bounds.lower) // measure.width * measure.width] += 1
    left, taken = measure.max_rows, {}
    for bin_ in sorted(counted, key=lambda lower: (_hash(plan.salt, unit, (*cell, lower)), lower)):
        taken[(*cell, bin_)] = (min(left, counted[bin_]),)
        left -= taken[(*cell, bin_)][0]
    return taken


def _hash(salt: str, unit: str, cell: Key) -> str:
    *framed, last = (unit, *map(str, cell)) if cell else (unit,)
    text = salt[:16] + "".join(f"{len(part)}:{part}" for part in framed) + last
    return hashlib.md5(text.encode()).hexdigest()
