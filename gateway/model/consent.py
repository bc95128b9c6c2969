"""Consent: who agreed to what, how that is known, and that it ends when it is withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

ANYBODY = "*"
"""Stands for every recipient in a consent."""


@dataclass(frozen=True, slots=True)
class ConsentScope:
    """What is asked of the register: one register, one purpose exactly, one recipient."""

    register: str
    purpose: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Consent:
    """An entry of a consent register.

    `subject` is a keyed token of the subject (16 bytes): the register names nobody. Consent is to one purpose exactly
    and one recipient, or to anybody. `source` says how it was obtained (a form and its version), `proof` is the SHA-256
    of what proves it. It holds from `given_at` to `ends_on`, its last day, or until it is withdrawn. Instants are
    naive UTC.
    """

    id: str
    register: str
    subject: bytes
    purpose: str
    recipient: str
    source: str
    proof: bytes
    given_at: datetime
    ends_on: date | None
    recorded_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str = ""

    def __repr__(self) -> str:
        return f"Consent({self.id} in {self.register})"


@dataclass(frozen=True, slots=True)
class Case:
    """An open case of a case register: `number` opens what a grant ties to it, for one institution."""

    register: str
    number: str
    institution: str
    opened_at: datetime
    ends_on: date | None
    recorded_by: str
    closed_at: datetime | None = None
