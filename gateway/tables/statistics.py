"""Statistics on their way: BoundedAggregates → ProtectedMeasures → ReleasedCells, or a file made of them."""

from __future__ import annotations

from gateway.model.permit import Obligation, Permit
from gateway.model.record import Receipt
from gateway.model.statistics import NoisedMeasure, Release
from gateway.model.synthesis import NoisedCounts
from gateway.model.values import Scalar
from gateway.tables.permits import AdmittedPermit, ChargedPermit
from gateway.tables.seal import Sealed, require


class BoundedAggregates(Sealed):
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
        require(charged, ChargedPermit)
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


class RehearsedAggregates(Sealed):
    """Exact aggregates of made up rows, that nobody is charged for. Minted by `fetch`; they never were real."""

    __slots__ = ("_cells", "_vectors")
    _cells: tuple[tuple[Scalar, ...], ...]
    _vectors: tuple[tuple[int, ...], ...]

    @classmethod
    def _rehearse(
        cls, permit: Permit, cells: tuple[tuple[Scalar, ...], ...], vectors: tuple[tuple[int, ...], ...]
    ) -> RehearsedAggregates:
        require(permit, Permit)
        return cls._mint(permit, frozenset(), cells=cells, vectors=vectors)

    @property
    def cells(self) -> tuple[tuple[Scalar, ...], ...]:
        """The keys of the cells."""
        return self._cells

    @property
    def vectors(self) -> tuple[tuple[int, ...], ...]:
        """The exact values, one vector for each measure."""
        return self._vectors


class ProtectedMeasures(Sealed):
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
        require(before, BoundedAggregates)
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


class ReleasedCells(Sealed):
    """A stored release that was durably recorded; may leave. Minted by `record`."""

    __slots__ = ("_paid", "_receipt", "_release")
    _release: Release
    _receipt: Receipt
    _paid: bool

    @classmethod
    def _record(cls, admitted: AdmittedPermit, release: Release, receipt: Receipt, *, paid: bool) -> ReleasedCells:
        require(admitted, AdmittedPermit)
        require(release, Release)
        return cls._mint(admitted.permit, admitted.permit.obligations, release=release, receipt=receipt, paid=paid)

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


class ReleasedFile(Sealed):
    """Leave to give a file of synthetic rows, or the report on it: it was durably recorded. Minted by `record`."""

    __slots__ = ("_counts", "_receipt")
    _counts: NoisedCounts
    _receipt: Receipt

    @classmethod
    def _record(cls, admitted: AdmittedPermit, counts: NoisedCounts, receipt: Receipt) -> ReleasedFile:
        require(admitted, AdmittedPermit)
        require(counts, NoisedCounts)
        return cls._mint(admitted.permit, admitted.permit.scope.obligations, counts=counts, receipt=receipt)

    @property
    def counts(self) -> NoisedCounts:
        """The noised counts that all of it is made of."""
        return self._counts

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt
