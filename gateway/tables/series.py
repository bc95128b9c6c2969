"""Days of a series on their way: DailyFigures → ProtectedDays → ReleasedDays."""

from __future__ import annotations

from gateway.model.permit import Obligation
from gateway.model.record import Receipt
from gateway.model.series import ClosedDay
from gateway.tables.permits import AdmittedPermit, ChargedPermit
from gateway.tables.seal import Sealed, require


class DailyFigures(Sealed):
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
        require(charged, ChargedPermit)
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


class ProtectedDays(Sealed):
    """Days of a series with their noised nodes; not kept yet. Minted by `series`."""

    __slots__ = ("_days",)
    _days: tuple[ClosedDay, ...]

    @classmethod
    def _noise(
        cls, before: DailyFigures, days: tuple[ClosedDay, ...], discharged: frozenset[Obligation]
    ) -> ProtectedDays:
        require(before, DailyFigures)
        return cls._mint(before.permit, before.discharged | discharged, days=days)

    @property
    def days(self) -> tuple[ClosedDay, ...]:
        """The days."""
        return self._days


class ReleasedDays(Sealed):
    """Kept days of a series, whose delivery was durably recorded; their nodes may leave. Minted by `record`."""

    __slots__ = ("_days", "_receipt")
    _days: tuple[ClosedDay, ...]
    _receipt: Receipt

    @classmethod
    def _release(cls, admitted: AdmittedPermit, days: tuple[ClosedDay, ...], receipt: Receipt) -> ReleasedDays:
        require(admitted, AdmittedPermit)
        return cls._mint(admitted.permit, admitted.permit.scope.obligations, days=days, receipt=receipt)

    @property
    def days(self) -> tuple[ClosedDay, ...]:
        """The days as they are kept."""
        return self._days

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt
