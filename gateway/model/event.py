"""Events beside disclosures that the audit log keeps: what happened to the policy, to registers and to keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened."""

    POLICY_PUBLISHED = "policy-published"
    POLICY_ROLLED_BACK = "policy-rolled-back"
    POLICY_EMERGENCY = "policy-emergency"
    POLICY_REVIEWED = "policy-reviewed"
    GLASS_BROKEN = "glass-broken"
    GLASS_REVIEWED = "glass-reviewed"
    CASE_OPENED = "case-opened"
    CASE_CLOSED = "case-closed"
    CONSENTS_RECORDED = "consents-recorded"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    KEYS_DESTROYED = "keys-destroyed"
    KEYS_CHANGED = "keys-changed"
    JOIN_PROPOSED = "join-proposed"
    JOIN_APPROVED = "join-approved"
    JOIN_ENDED = "join-ended"
    REIDENTIFICATION_ASKED = "reidentification-asked"
    REIDENTIFICATION_APPROVED = "reidentification-approved"
    SYNTHESIS_ENDED = "synthesis-ended"
    EXPORT_SWEPT = "export-swept"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when (naive UTC), by whom ("institution/person", or the gateway itself), and what it was about.

    `about` holds names, digests and counts, and never a data subject's value or free text that a caller wrote.
    """

    kind: EventKind
    at: datetime
    by: str
    about: Mapping[str, str]
