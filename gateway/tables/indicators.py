"""Exact figures on their way: CountedFigures → SuppressedFigures → ReleasedFigures."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.kernels.suppression.holdings import Integers
from gateway.kernels.suppression.refresh import Published
from gateway.model.indicator import Figure, KeptIndicator
from gateway.model.permit import Obligation
from gateway.model.record import Receipt
from gateway.tables.permits import AdmittedPermit
from gateway.tables.seal import Sealed, require


class CountedFigures(Sealed):
    """What all leaves of an indicator hold, exactly; never leaves. Minted by `indicators`.

    Of each tree, amounts (leaves × measures × buckets).
    """

    __slots__ = ("_amounts",)
    _amounts: tuple[Integers, ...]

    @classmethod
    def _count(
        cls, admitted: AdmittedPermit, amounts: Sequence[Integers], discharged: frozenset[Obligation]
    ) -> CountedFigures:
        require(admitted, AdmittedPermit)
        return cls._mint(admitted.permit, admitted.discharged | discharged, amounts=tuple(amounts))

    @property
    def amounts(self) -> tuple[Integers, ...]:
        """What the leaves of each tree hold."""
        return self._amounts


class SuppressedFigures(Sealed):
    """An indicator with its small cells withheld, of the whole city. Minted by `indicators`, out of what was counted or
    of what is kept of it.
    """

    __slots__ = ("_kept", "_published")
    _published: tuple[Published, ...]
    _kept: KeptIndicator

    @classmethod
    def _suppress(
        cls,
        before: CountedFigures,
        published: Sequence[Published],
        kept: KeptIndicator,
        discharged: frozenset[Obligation],
    ) -> SuppressedFigures:
        require(before, CountedFigures)
        return cls._mint(before.permit, before.discharged | discharged, published=tuple(published), kept=kept)

    @classmethod
    def _reopen(
        cls,
        admitted: AdmittedPermit,
        published: Sequence[Published],
        kept: KeptIndicator,
        discharged: frozenset[Obligation],
    ) -> SuppressedFigures:
        require(admitted, AdmittedPermit)
        return cls._mint(admitted.permit, admitted.discharged | discharged, published=tuple(published), kept=kept)

    @property
    def published(self) -> tuple[Published, ...]:
        """What is shown of each tree."""
        return self._published

    @property
    def kept(self) -> KeptIndicator:
        """The version, as it is kept."""
        return self._kept


class ReleasedFigures(Sealed):
    """Figures of the caller's own regions, whose delivery was durably recorded. Minted by `record`."""

    __slots__ = ("_figures", "_receipt")
    _figures: tuple[Figure, ...]
    _receipt: Receipt

    @classmethod
    def _release(
        cls,
        before: SuppressedFigures,
        figures: Sequence[Figure],
        receipt: Receipt,
        discharged: frozenset[Obligation],
    ) -> ReleasedFigures:
        require(before, SuppressedFigures)
        return cls._mint(before.permit, before.discharged | discharged, figures=tuple(figures), receipt=receipt)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures."""
        return self._figures

    @property
    def receipt(self) -> Receipt:
        """The receipt of this delivery."""
        return self._receipt
