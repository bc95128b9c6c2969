"""The registers that grants are tied to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

from gateway.model.consent import Case, Consent, ConsentScope
from gateway.model.emergency import Emergency, Verdict
from gateway.ports.accounts import Meters, RequestRegister
from gateway.ports.contests import ContestRegister
from gateway.ports.extracts import ExtractRegister
from gateway.ports.indicators import IndicatorRegister
from gateway.ports.intake import BatchRegister
from gateway.ports.linking import JoinRegister, ReidentificationRegister
from gateway.ports.series import SeriesRegister
from gateway.ports.synthesis import SynthesisRegister


class ConsentRegister(Protocol):
    """Who agreed to what, and who withdrew."""

    def agreed(self, scope: ConsentScope, subjects: pa.Array[Any], today: date) -> pa.BooleanArray:
        """Tell of each subject (fixed_size_binary(16) keyed tokens, no nulls) whether a consent holds today.

        A withdrawal shows at the latest `CONSENT_LAG` seconds after it was recorded, in whatever process.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def record(self, consents: Sequence[Consent]) -> None:
        """Enter consents durably, all or none; an entry with the id of an older one, alike in all parts, is that one.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if an id is taken by another entry.
        """
        ...

    def withdraw(self, register: str, consent_id: str, by: str, at: datetime) -> Consent | None:
        """Withdraw a consent, durably; return it, or None if there is none. Withdrawing again changes nothing.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def of_subject(self, register: str, subject: bytes) -> tuple[Consent, ...]:
        """Return all consents of a subject in a register, withdrawn ones too, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


CONSENT_LAG = 1.0
"""Seconds after which a withdrawn consent counts at the latest: no batch read later holds the subject."""


class CaseRegister(Protocol):
    """Case numbers that open what a grant ties to them."""

    def is_open(self, register: str, number: str, institution: str, now: datetime) -> bool:
        """Tell whether the institution has an open case of this number.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def open(self, case: Case) -> bool:
        """Enter a case durably; return False if there is one of this register, number and institution already.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def close(self, register: str, number: str, institution: str, at: datetime) -> bool:
        """Close a case durably; return False if none is open.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


class EmergencyRegister(Protocol):
    """Broken glasses and their reviews."""

    def standing(self, grant: str, institution: str, person: str, now: datetime) -> Emergency | None:
        """Return the person's emergency that is open under a grant now, the newest, or None.

        One that a reviewer found unjustified opens nothing any more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def open(self, emergency: Emergency) -> None:
        """Enter an emergency durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def unreviewed(self) -> tuple[Emergency, ...]:
        """Return all that wait for a review, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def review(self, emergency_id: str, reviewer: str, verdict: Verdict, at: datetime) -> Emergency | None:
        """Enter a review durably and return the emergency; None if there is none or it was reviewed before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def get(self, emergency_id: str) -> Emergency | None:
        """Return an emergency, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def between(self, start: datetime, end: datetime) -> tuple[Emergency, ...]:
        """Return the emergencies opened from `start` to before `end` (naive UTC), oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


@dataclass(frozen=True, slots=True)
class Registers:
    """What the city keeps beside its data, and what grants are tied to."""

    requests: RequestRegister
    meters: Meters
    consents: ConsentRegister
    cases: CaseRegister
    emergencies: EmergencyRegister
    joins: JoinRegister
    reidentifications: ReidentificationRegister
    contests: ContestRegister
    series: SeriesRegister
    indicators: IndicatorRegister
    syntheses: SynthesisRegister
    extracts: ExtractRegister
    batches: BatchRegister
