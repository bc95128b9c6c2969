"""Where a pseudonym means something, and what it is made with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum


class CipherSuite(StrEnum):
    """The block cipher under all tokens of a key file: AES-256 (FIPS 197) or SM4 (GB/T 32907-2016)."""

    AES = "aes"
    SM4 = "sm4"


class Renewal(StrEnum):
    """How long a value keeps its token: after it, a new secret makes another one, and the two do not link."""

    DAILY = "daily"
    MONTHLY = "monthly"
    YEARLY = "yearly"

    def epoch(self, day: date) -> str:
        """Return the name of the epoch of a day of the city: "2026-11-22", "2026-11" or "2026"."""
        return day.isoformat()[: _NAMED_BY[self]]


_NAMED_BY = {Renewal.DAILY: 10, Renewal.MONTHLY: 7, Renewal.YEARLY: 4}


@dataclass(frozen=True, slots=True)
class PseudonymDomain:
    """One recipient and one purpose, and the epoch of tokens that are renewed ("" for those that are not).

    Tokens of two domains do not join. Each has a random secret of its own.
    """

    recipient: str
    purpose: str
    epoch: str = ""

    def at(self, renewed: Renewal | None, day: date) -> PseudonymDomain:
        """Return the domain of this recipient and purpose for tokens that are made on a day."""
        return replace(self, epoch="" if renewed is None else renewed.epoch(day))


AUDIT_DOMAIN = PseudonymDomain("purpose-gateway", "audit-manifest")
"""The gateway's own domain: disclosure manifests, meters, registers of consent and names of data versions. No policy
names a purpose or an institution so. Its keys stay through every rotation, since registers hold what they made."""
