"""Purposes: a tree, each with a legal basis, an owner, a review date and, for emergencies, an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """What makes processing lawful: a W3C DPV identifier and the law it cites."""

    dpv: str
    citation: str

    def __str__(self) -> str:
        return f"{self.dpv} ({self.citation})"


@dataclass(frozen=True, slots=True)
class FurtherUse:
    """Another purpose whose data this one may use as well, and why that is compatible (GDPR art. 6(4))."""

    purpose: str
    why: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose. A grant for it covers its descendants; it never implies its parent or siblings.

    `expires_on` is its last day in the city's calendar; compulsory when `emergency`. `further_uses` are the purposes
    it is declared compatible with; without them it uses what was collected for itself or for what lies above it.
    """

    id: str
    parent: str | None
    name_en: str
    name_zh: str
    dpv: str
    legal_basis: LegalBasis
    owner: str
    review_on: date
    emergency: bool
    expires_on: date | None
    further_uses: tuple[FurtherUse, ...] = ()

    def ended_on(self, today: date) -> bool:
        """Tell whether its last day is over on a day of the city's calendar."""
        return self.expires_on is not None and self.expires_on < today
