"""The life of a policy: proposed by one officer, approved by another, published, and gone back on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.party import record_name

Files = Mapping[str, bytes]
"""The files of a policy folder: relative paths with "/" and contents."""


class Power(StrEnum):
    """What an officer may do: four things with a policy; agree to link two pseudonym domains; agree to open tokens."""

    PROPOSE = "propose"
    APPROVE = "approve"
    PUBLISH = "publish"
    REVIEW = "review"
    LINK = "link"
    REIDENTIFY = "reidentify"


@dataclass(frozen=True, slots=True)
class Officer:
    """A person with powers over the policy and over pseudonyms, in a subtree of regions and some datasets ("*": all).

    `key` is the officer's Ed25519 public key (32 bytes), against which approvals are checked.
    """

    institution: str
    person: str
    powers: frozenset[Power]
    region: str
    datasets: frozenset[str]
    key: bytes

    @property
    def id(self) -> str:
        """How records name the officer."""
        return record_name(self.institution, self.person)


@dataclass(frozen=True, slots=True)
class Approval:
    """An officer's signature under a proposal, a join grant or a re-identification."""

    officer: str
    at: datetime
    signature: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy that one officer proposes in place of the one in force, by the digests of both. Instants are naive UTC.

    `emergency` asks to skip the cool-down and the second officer; it is on record and must be reviewed.
    """

    id: str
    digest: str
    base: str
    author: str
    note: str
    at: datetime
    emergency: bool
    approvals: tuple[Approval, ...] = ()


class Act(StrEnum):
    """How a policy came into force."""

    FIRST = "first"
    PUBLISHED = "published"
    EMERGENCY = "emergency"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class Publication:
    """One entry of the history: which policy came into force, when, by whom, and on whose approval.

    `number` counts from 1 without gaps; the newest is in force. `review_due` is set for an emergency.
    """

    number: int
    digest: str
    act: Act
    by: str
    at: datetime
    proposal: str
    note: str
    approvals: tuple[Approval, ...]
    review_due: datetime | None = None
    reviewed_by: str = ""
    reviewed_at: datetime | None = None
