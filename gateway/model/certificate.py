"""The certificate that a purpose ended and its pseudonym keys are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class SunsetCertificate:
    """What was destroyed when a purpose ended. Instants are naive UTC.

    `recipients` had pseudonyms for the purpose; nobody can make, join or resolve these any more. `audit_index` is the
    entry of the audit log that says the same.
    """

    purpose: str
    ended_on: date
    destroyed_at: datetime
    recipients: tuple[str, ...]
    policy_digest: str
    audit_index: int
