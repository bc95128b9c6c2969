"""Break-glass: access in an emergency, which is on record, ends, and must be reviewed by somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

REVIEW_WITHIN = timedelta(hours=24)
"""How soon a second person must look at every broken glass."""


class Verdict(StrEnum):
    """What a reviewer found."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


@dataclass(frozen=True, slots=True)
class Emergency:
    """One broken glass: who, under which grant, why, and until when it opens. Instants are naive UTC.

    `why` is for the reviewer alone: it never enters a log, a receipt or a metric.
    """

    id: str
    grant: str
    institution: str
    person: str
    purpose: str
    why: str
    opened_at: datetime
    ends_at: datetime
    review_due: datetime
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
    verdict: Verdict | None = None

    def overdue(self, now: datetime) -> bool:
        """Tell whether nobody has reviewed it in time."""
        return self.reviewed_at is None and now > self.review_due

    def __repr__(self) -> str:
        return f"Emergency({self.id} under {self.grant})"
