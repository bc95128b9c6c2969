"""The seal: types that prove which way data has walked.

A row table is a stream of Arrow batches that moves Raw → Minimized → Blended → Pseudonymized → Protected → Released;
statistics move BoundedAggregates → ProtectedMeasures → ReleasedCells, and those of a series
DailyFigures → ProtectedDays → ReleasedDays. Each type is minted by one stage, out of the type
before it, and carries the permit and the obligations that were discharged. None has a public constructor, can be
copied, pickled or subclassed, or shows a value in its repr. That stops mistakes, not a determined colleague.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Never, Self

import pyarrow as pa

from gateway.model.budget import Charge
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Obligation, Permit
from gateway.model.record import Receipt
from gateway.model.series import ClosedDay
from gateway.model.statistics import NoisedMeasure, Release
from gateway.model.synthesis import NoisedCounts
from gateway.model.values import Scalar


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """One batch on its way, with what travels beside it.

    `tags` holds 16 bytes for each subject (one a row, or one for each who was asked for): tokens in the audit domain,
    for the disclosure manifest.
    `slots` (int32) tells for each row of a lookup which of the asked subjects it belongs to. `asked` holds the raw
    ids of the subjects that were asked for, where they were: they are tagged whether or not there was anything to
    give, and end with minimisation. `left` is what the subject's quota has left, where the disclosure consumes it.
    `traits` holds, row by row, what tells whether people blend in, as it may leave; it ends where they are judged.
    `days` (date32) holds, for each field whose tokens another one renews, the first day of that one's period in each
    row; it ends with pseudonymisation.
    """

    records: pa.RecordBatch
    tags: bytes
    slots: pa.Int32Array | None
    asked: pa.StringArray | None = None
    left: int | None = None
    traits: pa.RecordBatch | None = None
    days: Mapping[str, pa.Array[Any]] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """How many rows it has, in Arrow's word for it."""
        return self.records.num_rows

    def __repr__(self) -> str:
        return f"Segment({self.num_rows} rows)"


class _Sealed:
    """What the sealed types share. Subclasses outside this module are refused."""

    __slots__ = ("_discharged", "_permit")
    _permit: Permit
    _discharged: frozenset[Obligation]

    def __init__(self, seal: Never) -> None:
        # no value has the type Never, so the type checker refuses every call; at run time this does
        raise TypeError(f"{type(self).__name__} is minted by its stage and has no public constructor")

    def __init_subclass__(cls, **kwargs: object) -> None:
        if cls.__module__ != __name__:
            raise TypeError("a sealed table cannot be subclassed")
        super().__init_subclass__(**kwargs)

    @classmethod
    def _mint(cls, permit: Permit, discharged: frozenset[Obligation], **held: object) -> Self:
        """Make a sealed value. Only this module calls it; stages mint through the method of their own type."""
        sealed = object.__new__(cls)
        sealed._permit = permit
        sealed._discharged = discharged
        for name, value in held.items():
            setattr(sealed, f"_{name}", value)
        return sealed

    def __copy__(self) -> Never:
        raise TypeError("a sealed table cannot be copied")

    def __deepcopy__(self, _: object) -> Never:
        raise TypeError("a sealed table cannot be copied")

    def __reduce_ex__(self, _: object) -> Never:
        raise TypeError("a sealed table cannot be pickled")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} under {self._permit.scope.grant}>"

    @property
    def permit(self) -> Permit:
        """The permit the data moves under."""
        return self._permit

    @property
    def discharged(self) -> frozenset[Obligation]:
        """The obligations discharged so far."""
        return self._discharged


def _require(value: object, exact: type) -> None:
    if type(value) is not exact:
        raise Fault(ErrorReason.INTERNAL)


class SealedTable(_Sealed):
    """A stream of segments that can be taken once."""

    __slots__ = ("_data_version", "_schema", "_segments", "_taken", "_withheld_rows")
    _data_version: str
    _withheld_rows: int
    _schema: pa.Schema
    _segments: Iterator[Segment]
    _taken: bool
    _after: ClassVar[type[SealedTable] | None] = None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the segments' records."""
        return self._schema

    @property
    def data_version(self) -> str:
        """The version of the data that the stream reads."""
        return self._data_version

    @property
    def withheld_rows(self) -> int:
        """The rows that will not leave because too few people share what they say."""
        return self._withheld_rows

    def take(self) -> Iterator[Segment]:
        """Hand over the stream; a second taking is a fault, so that no stage can be by-passed."""
        if self._taken:
            raise Fault(ErrorReason.INTERNAL)
        self._taken = True
        return self._segments

    @classmethod
    def _seal(
        cls,
        permit: Permit,
        data_version: str,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> Self:
        return cls._mint(
            permit,
            discharged,
            data_version=data_version,
            schema=schema,
            segments=segments,
            taken=False,
            withheld_rows=0,
        )

    @classmethod
    def _advance(
        cls,
        before: SealedTable,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> Self:
        if cls._after is None:
            raise Fault(ErrorReason.INTERNAL)
        _require(before, cls._after)
        table = cls._seal(before.permit, before.data_version, schema, segments, before.discharged | discharged)
        table._withheld_rows = before.withheld_rows
        return table


class AdmittedPermit(_Sealed):
    """Proof that what registers know of a permit's terms holds, and that the call was counted. Minted by `admit`."""

    __slots__ = ()

    @classmethod
    def _admit(cls, permit: Permit) -> AdmittedPermit:
        _require(permit, Permit)
        return cls._mint(permit, frozenset())


class RawTable(SealedTable):
    """Permitted rows as the source has them. Minted by `fetch`."""

    __slots__ = ()

    @classmethod
    def _open(
        cls,
        admitted: AdmittedPermit,
        data_version: str,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> RawTable:
        _require(admitted, AdmittedPermit)
        return cls._seal(admitted.permit, data_version, schema, segments, discharged)


class MinimizedTable(SealedTable):
    """Only granted fields, generalised and masked; internal columns are gone. Minted by `minimize`."""

    __slots__ = ()
    _after = RawTable


class BlendedTable(SealedTable):
    """Only rows that enough people share, where the disclosure asks for that. Minted by `blend`."""

    __slots__ = ()
    _after = MinimizedTable

    @classmethod
    def _blend(
        cls, before: MinimizedTable, segments: Iterator[Segment], discharged: frozenset[Obligation], withheld_rows: int
    ) -> BlendedTable:
        table = cls._advance(before, before.schema, segments, discharged)
        table._withheld_rows = withheld_rows
        return table


class PseudonymizedTable(SealedTable):
    """Identifiers are tokens of the recipient's domain. Minted by `pseudonymize`."""

    __slots__ = ()
    _after = BlendedTable


class ProtectedTable(SealedTable):
    """Noise was added, or waived by name. Minted by `noise`."""

    __slots__ = ()
    _after = PseudonymizedTable


class ReleasedTable(SealedTable):
    """Durably recorded; may leave. Minted by `record`. `receipt` is that of the entry made before the first byte."""

    __slots__ = ("_completion", "_receipt")
    _after = ProtectedTable
    _receipt: Receipt
    _completion: list[Receipt]

    @classmethod
    def _record(
        cls,
        before: ProtectedTable,
        segments: Iterator[Segment],
        receipt: Receipt,
        completion: list[Receipt],
    ) -> ReleasedTable:
        table = cls._advance(before, before.schema, segments, frozenset())
        table._receipt = receipt
        table._completion = completion
        return table

    @property
    def receipt(self) -> Receipt:
        """The receipt of the entry that was durable before the first byte."""
        return self._receipt

    @property
    def completion(self) -> Receipt | None:
        """The receipt of what left in full; None until the stream has ended."""
        return self._completion[0] if self._completion else None


class ChargedPermit(_Sealed):
    """Proof that the loss of a release is durably charged. Minted by `charge`; without it no aggregates are fetched."""

    __slots__ = ("_charge", "_data_version")
    _charge: Charge
    _data_version: str

    @classmethod
    def _prove(cls, admitted: AdmittedPermit, charge: Charge, data_version: str) -> ChargedPermit:
        _require(admitted, AdmittedPermit)
        _require(charge, Charge)
        return cls._mint(admitted.permit, frozenset(), charge=charge, data_version=data_version)

    @property
    def charge(self) -> Charge:
        """The durable charge."""
        return self._charge

    @property
    def data_version(self) -> str:
        """The version of the data the charge is for."""
        return self._data_version


class BoundedAggregates(_Sealed):
    """Exact aggregates of bounded contributions; never leave. Minted by `fetch`.

    One vector of int64 for each measure of the release, over its `cells` in their order.
    """

    __slots__ = ("_cells", "_charged", "_vectors")
    _cells: tuple[tuple[Scalar, ...], ...]
    _charged: ChargedPermit
    _vectors: tuple[tuple[int, ...], ...]

    @classmethod
    def _bound(
        cls,
        charged: ChargedPermit,
        cells: tuple[tuple[Scalar, ...], ...],
        vectors: tuple[tuple[int, ...], ...],
        discharged: frozenset[Obligation],
    ) -> BoundedAggregates:
        _require(charged, ChargedPermit)
        done = charged.discharged | discharged
        return cls._mint(charged.permit, done, charged=charged, cells=cells, vectors=vectors)

    @property
    def charged(self) -> ChargedPermit:
        """The proof of the charge."""
        return self._charged

    @property
    def cells(self) -> tuple[tuple[Scalar, ...], ...]:
        """The keys of the cells; where keys are found in the data, of all that are there."""
        return self._cells

    @property
    def vectors(self) -> tuple[tuple[int, ...], ...]:
        """The exact values, one vector for each measure."""
        return self._vectors


class RehearsedAggregates(_Sealed):
    """Exact aggregates of made up rows, that nobody is charged for. Minted by `fetch`; they never were real."""

    __slots__ = ("_cells", "_vectors")
    _cells: tuple[tuple[Scalar, ...], ...]
    _vectors: tuple[tuple[int, ...], ...]

    @classmethod
    def _rehearse(
        cls, permit: Permit, cells: tuple[tuple[Scalar, ...], ...], vectors: tuple[tuple[int, ...], ...]
    ) -> RehearsedAggregates:
        _require(permit, Permit)
        return cls._mint(permit, frozenset(), cells=cells, vectors=vectors)

    @property
    def cells(self) -> tuple[tuple[Scalar, ...], ...]:
        """The keys of the cells."""
        return self._cells

    @property
    def vectors(self) -> tuple[tuple[int, ...], ...]:
        """The exact values, one vector for each measure."""
        return self._vectors


class ProtectedMeasures(_Sealed):
    """Noised measures, over the `cells` that may be shown. Minted by `noise`."""

    __slots__ = ("_cells", "_charged", "_measures")
    _cells: tuple[tuple[Scalar, ...], ...]
    _charged: ChargedPermit
    _measures: tuple[NoisedMeasure, ...]

    @classmethod
    def _protect(
        cls,
        before: BoundedAggregates,
        cells: tuple[tuple[Scalar, ...], ...],
        measures: tuple[NoisedMeasure, ...],
        discharged: frozenset[Obligation],
    ) -> ProtectedMeasures:
        _require(before, BoundedAggregates)
        done = before.discharged | discharged
        return cls._mint(before.permit, done, charged=before.charged, cells=cells, measures=measures)

    @property
    def charged(self) -> ChargedPermit:
        """The proof of the charge."""
        return self._charged

    @property
    def cells(self) -> tuple[tuple[Scalar, ...], ...]:
        """The keys of the cells that are shown."""
        return self._cells

    @property
    def measures(self) -> tuple[NoisedMeasure, ...]:
        """The measures with their noise."""
        return self._measures


class ReleasedCells(_Sealed):
    """A stored release that was durably recorded; may leave. Minted by `record`."""

    __slots__ = ("_paid", "_receipt", "_release")
    _release: Release
    _receipt: Receipt
    _paid: bool

    @classmethod
    def _record(cls, admitted: AdmittedPermit, release: Release, receipt: Receipt, *, paid: bool) -> ReleasedCells:
        _require(admitted, AdmittedPermit)
        _require(release, Release)
        return cls._mint(
            admitted.permit, admitted.permit.scope.obligations, release=release, receipt=receipt, paid=paid
        )

    @property
    def release(self) -> Release:
        """The release as stored."""
        return self._release

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt

    @property
    def paid(self) -> bool:
        """Whether this request was charged for the release."""
        return self._paid


class ReleasedFile(_Sealed):
    """Leave to give a file of synthetic rows, or the report on it: it was durably recorded. Minted by `record`."""

    __slots__ = ("_counts", "_receipt")
    _counts: NoisedCounts
    _receipt: Receipt

    @classmethod
    def _record(cls, admitted: AdmittedPermit, counts: NoisedCounts, receipt: Receipt) -> ReleasedFile:
        _require(admitted, AdmittedPermit)
        _require(counts, NoisedCounts)
        return cls._mint(admitted.permit, admitted.permit.scope.obligations, counts=counts, receipt=receipt)

    @property
    def counts(self) -> NoisedCounts:
        """The noised counts that all of it is made of."""
        return self._counts

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt


class DailyFigures(_Sealed):
    """Exact aggregates of days of a series, of bounded contributions; never leave. Minted by `series`.

    Of each day, from `first` on, one vector of int64 for each statistic, over all cells in their order.
    """

    __slots__ = ("_charged", "_days", "_first")
    _charged: ChargedPermit
    _first: int
    _days: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def _count(
        cls,
        charged: ChargedPermit,
        first: int,
        days: tuple[tuple[tuple[int, ...], ...], ...],
        discharged: frozenset[Obligation],
    ) -> DailyFigures:
        _require(charged, ChargedPermit)
        return cls._mint(charged.permit, charged.discharged | discharged, charged=charged, first=first, days=days)

    @property
    def charged(self) -> ChargedPermit:
        """The proof of the charge."""
        return self._charged

    @property
    def first(self) -> int:
        """The number of the first of the days."""
        return self._first

    @property
    def days(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The exact values."""
        return self._days


class ProtectedDays(_Sealed):
    """Days of a series with their noised nodes; not kept yet. Minted by `series`."""

    __slots__ = ("_days",)
    _days: tuple[ClosedDay, ...]

    @classmethod
    def _noise(
        cls, before: DailyFigures, days: tuple[ClosedDay, ...], discharged: frozenset[Obligation]
    ) -> ProtectedDays:
        _require(before, DailyFigures)
        return cls._mint(before.permit, before.discharged | discharged, days=days)

    @property
    def days(self) -> tuple[ClosedDay, ...]:
        """The days."""
        return self._days


class ReleasedDays(_Sealed):
    """Kept days of a series, whose delivery was durably recorded; their nodes may leave. Minted by `record`."""

    __slots__ = ("_days", "_receipt")
    _days: tuple[ClosedDay, ...]
    _receipt: Receipt

    @classmethod
    def _release(cls, admitted: AdmittedPermit, days: tuple[ClosedDay, ...], receipt: Receipt) -> ReleasedDays:
        _require(admitted, AdmittedPermit)
        return cls._mint(admitted.permit, admitted.permit.scope.obligations, days=days, receipt=receipt)

    @property
    def days(self) -> tuple[ClosedDay, ...]:
        """The days as they are kept."""
        return self._days

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt
