"""The cells of a question, and what is measured in them: alike for a release and for the days of a series.

Each row has keys and numbers; of these, each unit has totals in each of its cells; of these, it contributes bounded
amounts, which are summed over units. What of a unit's cells counts lies between, and is its caller's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from sqlglot import exp

from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AsFound, GroupKey, finds_keys
from gateway.model.values import FieldType
from gateway.query.contributions import ROWS, bounded_measure, totals_of
from gateway.query.keys import KeyShape, key_of, key_parameters, key_shape
from gateway.query.numbers import bigint, clamped, fixed_point
from gateway.query.scan import Bound, column, list_parameter, subquery
from gateway.query.sql_types import sql_type

_INT64_MAX = 2**63 - 1
_INT64_MIN = -(2**63)
_EXACT = 2**53
"""Up to here doubles are exact integers: where the engine has to reckon in them, nothing may go beyond."""


@dataclass(frozen=True, slots=True)
class ValueShape:
    """A measured field, as numbers within bounds."""

    field: str
    kind: FieldType
    decimals: int
    bounds: Bounds

    @property
    def number(self) -> exp.Expr:
        """The number of a row; NULL where it has none."""
        return fixed_point(self.field, self.kind, self.decimals, self.bounds)


@dataclass(frozen=True, slots=True)
class CellsShape:
    """What the text depends on. `drawn` is how many cells of a unit count, if it may have more."""

    keys: tuple[KeyShape, ...]
    values: tuple[ValueShape, ...]
    measures: tuple[Measure, ...]
    drawn: int | None

    @property
    def groups(self) -> list[str]:
        """The columns of the cells' keys."""
        return [f"g{place}" for place in range(len(self.keys))]

    @property
    def fields(self) -> frozenset[str]:
        """The fields of keys and numbers."""
        return frozenset({one.field for one in self.keys} | {one.field for one in self.values})

    def number_of(self, measure: Measure) -> int:
        """The number of the measured field; of a count, any."""
        return next((number for number, value in enumerate(self.values) if value.field == measure.field), 0)


def cells_shape(
    contract: DataContract, group_by: Sequence[GroupKey], measures: Sequence[Measure], max_groups: int
) -> CellsShape:
    """Return the shape of the cells of a plan, whose fields the contract declares.

    Raises:
        ValueError: if they do not fit the contract, or the bound of a unit's contribution does not fit in int64.
    """
    if not measures or max_groups < 1:
        raise ValueError("a plan has at least one measure and one group")
    if len({key.field for key in group_by}) != len(group_by):
        raise ValueError("a plan groups by a field once")
    values: dict[str, ValueShape] = {}
    for measure in measures:
        value = _value(contract, measure)
        if value is not None and values.setdefault(value.field, value) != value:
            raise ValueError("a field is measured within one pair of bounds")
    keys = tuple(key_shape(contract, group) for group in group_by)
    # the width of bins is bound, not written: no plan has a text of its own
    widthless = tuple(measure if not measure.width else _widthless(measure) for measure in measures)
    return CellsShape(keys, tuple(values.values()), widthless, _drawn(group_by, max_groups))


def _value(contract: DataContract, measure: Measure) -> ValueShape | None:
    """The measured field; None of a count."""
    if not 1 <= measure.max_rows <= _INT64_MAX:
        raise ValueError("a unit counts for at least one row")
    if measure.kind in (MeasureKind.ROWS, MeasureKind.UNITS):
        if measure.field is not None or measure.bounds is not None:
            raise ValueError("a count has neither field nor bounds")
        return None
    bounds = measure.bounds
    if measure.field is None or bounds is None or bounds.lower > bounds.upper:
        raise ValueError("a measure of a field needs the field and its bounds")
    field = contract.fields.get(measure.field)
    if field is None or not field.type.is_number:
        raise ValueError("only numbers are measured, of fields that the contract declares")
    if not all(_INT64_MIN <= value <= _INT64_MAX for value in (bounds.lower, bounds.upper)):
        raise ValueError("an integer does not fit in 64 bits")
    doubles = field.type is FieldType.DOUBLE or measure.kind is not MeasureKind.TOTAL
    if measure.largest > (_EXACT if doubles else _INT64_MAX) or (doubles and bounds.upper - bounds.lower > _EXACT):
        raise ValueError("the bound of a unit's contribution does not fit in the engine's numbers")
    return ValueShape(field.name, field.type, field.decimals, bounds)


def _widthless(measure: Measure) -> Measure:
    return Measure(measure.kind, measure.max_rows, measure.field, measure.bounds)


def _drawn(group_by: Sequence[GroupKey], max_groups: int) -> int | None:
    if finds_keys(group_by):
        return max_groups
    cells = prod(len(set(key.keys)) for key in group_by)
    return max_groups if group_by and cells > max_groups else None


def cell_parameters(group_by: Sequence[GroupKey]) -> dict[str, Bound]:
    """The values of the parameters that the text of the cells names."""
    bound: dict[str, Bound] = {}
    for place, group in enumerate(group_by):
        bound |= key_parameters(group, f"k{place}")
    return bound


def key_columns(contract: DataContract, group_by: Sequence[GroupKey]) -> list[tuple[str, FieldType]]:
    """Return the names and types of the columns of keys."""
    return [(f"g{place}", key_shape(contract, group).key_type) for place, group in enumerate(group_by)]


def sum_columns(measures: Sequence[Measure]) -> list[tuple[str, FieldType]]:
    """Return the names and types of the columns of sums over units."""
    return [(f"s{place}", FieldType.INT64) for place in range(len(measures))]


def keys_of_row(cells: CellsShape) -> list[exp.Expr]:
    """The keys of a row's cell, g0, g1, …"""
    return [exp.alias_(key_of(key, f"k{place}"), f"g{place}", quoted=True) for place, key in enumerate(cells.keys)]


def numbers_of_row(cells: CellsShape) -> list[exp.Expr]:
    """The numbers of a row, v0, v1, …"""
    return [exp.alias_(value.number, f"v{place}", quoted=True) for place, value in enumerate(cells.values)]


def totals_of_units(cells: CellsShape, keyed: exp.Select, within: Sequence[str]) -> exp.Select:
    """The totals over each unit's rows in each of its cells, as far as it is one of the question's.

    `keyed` gives the rows with their unit; `within` are the columns of a cell.
    """
    totals = _totals(cells)
    chosen = [
        present(f"g{place}")
        if key.way is AsFound
        else exp.ArrayContains(this=list_parameter(f"k{place}", key.key_type), expression=column(f"g{place}", "keyed"))
        for place, key in enumerate(cells.keys)
    ]
    by = [column(name, "keyed") for name in ["unit", *within]]
    outputs = [exp.alias_(total, name, quoted=True) for name, total in totals.items()]
    query = exp.select(*(name.copy() for name in by), *outputs).from_(subquery(keyed, "keyed"))
    return (query.where(*chosen) if chosen else query).group_by(*by)


def columns_of_units(cells: CellsShape, within: Sequence[str]) -> list[str]:
    """The columns that `totals_of_units` gives."""
    return ["unit", *within, *_totals(cells)]


def _totals(cells: CellsShape) -> dict[str, exp.Expr]:
    totals: dict[str, exp.Expr] = {ROWS: exp.Count(this=exp.Star())}
    for measure in cells.measures:
        totals |= totals_of(cells.number_of(measure), measure)
    return totals


def present(name: str) -> exp.Expr:
    """A row that is keyed has something in this column."""
    return exp.not_(exp.Is(this=column(name, "keyed"), expression=exp.null()))


def contributions(cells: CellsShape, totals: exp.Select, within: Sequence[str]) -> exp.Select:
    """What each unit contributes to each of its cells, s0, s1, …, out of its totals there."""
    bounded = [
        exp.alias_(bounded_measure(cells.number_of(measure), measure), f"s{place}", quoted=True)
        for place, measure in enumerate(cells.measures)
    ]
    return exp.select(*(column(name, "totals") for name in within), *bounded).from_(subquery(totals, "totals"))


def sums_over_units(
    cells: CellsShape, bounded: exp.Select, within: Sequence[str], *, parted: bool = False
) -> exp.Select:
    """The sums over units, cell by cell, in the order of the cells; of one part of the units, as they are."""
    sums = [exp.alias_(_sum(f"s{place}", parted), f"s{place}", quoted=True) for place in range(len(cells.measures))]
    names = [column(name, "bounded") for name in within]
    query = exp.select(*names, *sums).from_(subquery(bounded, "bounded"))
    if within:
        return query.group_by(*(name.copy() for name in names)).order_by(*(name.copy() for name in names))
    # without groups there would be a row of NULLs where no unit is
    return query.having(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0)))


def _sum(name: str, parted: bool) -> exp.Expr:
    total = exp.Sum(this=column(name, "bounded"))
    if parted:
        return exp.cast(total, sql_type("DECIMAL(38, 0)"))
    return bigint(clamped(total, _INT64_MIN, _INT64_MAX))
