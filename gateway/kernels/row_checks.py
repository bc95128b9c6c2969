"""Which rows of a batch fit their contract, and why others do not: column by column, over a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.canonical import canonicalize
from gateway.kernels.text import Column, Mask, compute
from gateway.model.contract import DataContract, FieldSpec
from gateway.model.ingest import MOST_TEXT_BYTES, Quality, RejectedRow, RowReason
from gateway.model.region import is_within
from gateway.model.spelling import SPELLINGS
from gateway.model.values import FieldType

_REASONS = tuple(RowReason)
_FIRST_YEAR, _LAST_YEAR = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)


@dataclass(frozen=True, slots=True)
class Expected:
    """What rows are held to besides their contract: the paths of all regions, the region that they may be of, and the
    time (city time) that they may be from, at the earliest and at the latest.
    """

    regions: Sequence[str]
    within: str
    earliest: date | None
    latest: datetime


class Findings:
    """Why rows of a batch are turned away; the first finding of a row counts."""

    def __init__(self, rows: int) -> None:
        self._reasons = np.zeros(rows, np.uint8)  # 0: none; else 1 + the place of the reason
        self._fields = np.zeros(rows, np.uint16)
        self._names: list[str] = [""]

    def add(self, rows: Mask, reason: RowReason, field: str = "") -> None:
        """Turn rows away that were not before."""
        fresh = rows & (self._reasons == 0)
        if not fresh.any():
            return
        if field not in self._names:
            self._names.append(field)
        self._reasons[fresh] = 1 + _REASONS.index(reason)
        self._fields[fresh] = self._names.index(field)

    def join(self, others: Findings) -> None:
        """Add what was found elsewhere of the same rows."""
        for place, reason in enumerate(_REASONS, start=1):
            for number, name in enumerate(others._names):
                self.add((others._reasons == place) & (others._fields == number), reason, name)

    @property
    def accepted(self) -> Mask:
        """The rows that nothing is against."""
        mask: Mask = self._reasons == 0
        return mask

    def counts(self) -> Mapping[RowReason, int]:
        """How many rows are turned away, by reason; without those that are no reason for any."""
        counted = np.bincount(self._reasons, minlength=1 + len(_REASONS))[1:].tolist()
        return {reason: count for reason, count in zip(_REASONS, counted, strict=True) if count}

    def told(self, most: int) -> tuple[RejectedRow, ...]:
        """The first rows that are turned away, in order."""
        rows = np.flatnonzero(self._reasons)[:most].tolist()
        return tuple(
            RejectedRow(row, _REASONS[int(self._reasons[row]) - 1], self._names[int(self._fields[row])]) for row in rows
        )

    def quality(self, newest: datetime | None) -> Quality:
        """What was measured, as it stands."""
        return Quality(int(self.accepted.sum()), self.counts(), newest)


def check_rows(records: pa.RecordBatch, contract: DataContract, dated_by: str | None, expected: Expected) -> Findings:
    """Hold every row against the contract. The columns have the contract's names and Arrow types.

    Checked are, in this order: what must not be missing, the length of texts, bounds and the calendar, declared keys,
    the spelling of identifiers after they are brought to their canonical form, regions, and the time that dates a row.
    """
    findings = Findings(records.num_rows)
    for name in records.schema.names:
        field, column = contract.fields[name], records.column(name)
        for reason, rows in _of_field(column, field, contract, dated_by, expected):
            findings.add(rows, reason, name)
    return findings


def newest(records: pa.RecordBatch, dated_by: str | None) -> datetime | None:
    """Return when the newest row is of (city time); None where nothing tells."""
    if dated_by is None or dated_by not in records.schema.names:
        return None
    found = compute.max(records.column(dated_by)).as_py()
    return datetime.combine(found, time()) if type(found) is date else found


def repeated(digests: npt.NDArray[np.void]) -> Mask:
    """Tell of each row whether one before it has the same digest."""
    _, first = np.unique(digests, return_index=True)
    mask = np.ones(len(digests), np.bool_)
    mask[first] = False
    return mask


def _of_field(
    column: Column, field: FieldSpec, contract: DataContract, dated_by: str | None, expected: Expected
) -> Iterator[tuple[RowReason, Mask]]:
    must = not field.nullable or field.name == contract.region_field
    if must and column.null_count:
        yield RowReason.MISSING, _mask(compute.is_null(column))
    if field.type is FieldType.STRING:
        yield RowReason.TOO_LONG, _mask(compute.greater(compute.binary_length(column), MOST_TEXT_BYTES))
    yield RowReason.OUT_OF_BOUNDS, _out_of_bounds(column, field)
    if field.keys is not None:
        known = compute.is_in(column, value_set=pa.array(list(field.keys), ARROW_TYPES[field.type]))
        yield RowReason.UNKNOWN_KEY, _mask(compute.and_(compute.is_valid(column), compute.invert(known)))
    pattern = SPELLINGS.get(field.canonical)
    if pattern is not None:
        fits = compute.match_substring_regex(canonicalize(column, field.canonical), f"^{pattern}$")
        yield RowReason.MALFORMED, _mask(compute.invert(fits))
    if contract.holds_regions(field):
        yield from _of_regions(column, field.name == contract.region_field, expected)
    if field.name == dated_by:
        yield RowReason.IN_FUTURE, _mask(compute.greater(column, _as(expected.latest, field.type)))
        if expected.earliest is not None:
            yield RowReason.TOO_OLD, _mask(compute.less(column, _as(expected.earliest, field.type)))


def _of_regions(column: Column, places_rows: bool, expected: Expected) -> Iterator[tuple[RowReason, Mask]]:
    known = compute.is_in(column, value_set=pa.array(expected.regions, pa.string()))
    yield RowReason.UNKNOWN_REGION, _mask(compute.and_(compute.is_valid(column), compute.invert(known)))
    if places_rows:
        own = [path for path in expected.regions if is_within(path, expected.within)]
        inside = compute.is_in(column, value_set=pa.array(own, pa.string()))
        yield RowReason.OUTSIDE_REGION, _mask(compute.invert(inside))


def _out_of_bounds(column: Column, field: FieldSpec) -> Mask:
    if field.type is FieldType.TIMESTAMP:
        bounds: tuple[object, object] = (_FIRST_YEAR, _LAST_YEAR)
    elif field.type is FieldType.DATE:
        bounds = (_FIRST_YEAR.date(), _LAST_YEAR.date())
    elif field.bounds is not None:
        bounds = (field.bounds.lower, field.bounds.upper)
    elif field.type is FieldType.DOUBLE:
        return _mask(compute.invert(compute.is_finite(column)))
    else:
        return np.zeros(len(column), np.bool_)
    lower, upper = (pa.scalar(bound, column.type) for bound in bounds)
    # what is not a number is no less and no greater than anything: it is within no bounds
    within = compute.and_(compute.greater_equal(column, lower), compute.less_equal(column, upper))
    return _mask(compute.invert(within))


def _as(moment: datetime | date, kind: FieldType) -> pa.Scalar[pa.DataType]:
    if kind is FieldType.DATE:
        return pa.scalar(moment.date() if isinstance(moment, datetime) else moment, pa.date32())
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return pa.scalar(whole, pa.timestamp("us"))


def _mask(found: Column) -> Mask:
    """A column of booleans as a mask; what is missing is nothing found."""
    mask: Mask = compute.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask
