"""Linking two pseudonym domains, and opening pseudonyms in an emergency: what two officers must agree to first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.model.contract import CanonicalForm
from gateway.model.governance import Approval
from gateway.model.party import record_name
from gateway.model.pseudonym import PseudonymDomain

LONGEST_JOIN = timedelta(days=90)
"""How long a join grant may stand at most."""

MOST_LINKED = 5000
"""Tokens of one call to link, at most."""

APPROVE_WITHIN = timedelta(hours=24)
"""How soon after it was asked for a re-identification must have its approvals."""

COLLECT_WITHIN = timedelta(hours=48)
"""How soon after it was asked for a re-identification must be collected."""

MOST_REIDENTIFIED = 100
"""Tokens of one re-identification, at most, whatever a grant says."""

APPROVALS = 2
"""The officers whose signatures a join takes, and a re-identification: of that, one of another institution."""

_JOINS = "join:"


@dataclass(frozen=True, slots=True)
class JoinEnd:
    """That the keys of a join grant are gone: nobody links or resolves its tokens any more.

    `audit_index` is the entry of the audit log that says the same. Instants are naive UTC.
    """

    destroyed_at: datetime
    audit_index: int


@dataclass(frozen=True, slots=True)
class Join:
    """A join grant: tokens of two domains may become tokens of a third one, in which they meet. Instants are naive UTC.

    The two are standing domains, each a recipient and the purpose that its tokens were made for; `purpose` is what they
    are joined for. `dataset` and `field` say where the field is declared, `form` what its values are brought to before
    they become tokens. Nothing holds before two officers have signed, nor after `ends_at`.
    """

    id: str
    first: PseudonymDomain
    second: PseudonymDomain
    dataset: str
    field: str
    form: CanonicalForm
    purpose: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    ends_at: datetime
    approvals: tuple[Approval, ...] = ()
    ended_by: str = ""
    ended_at: datetime | None = None
    end: JoinEnd | None = None

    @property
    def domain(self) -> PseudonymDomain:
        """The join's own pseudonym domain, in which tokens of both sides meet."""
        return PseudonymDomain(f"{_JOINS}{self.id}", self.purpose)

    @property
    def sides(self) -> tuple[PseudonymDomain, PseudonymDomain]:
        """The domains whose tokens become those of the join."""
        return (self.first, self.second)

    @property
    def purposes(self) -> frozenset[str]:
        """The purposes that it ends with: its own and those of its sides."""
        return frozenset((self.purpose, *(side.purpose for side in self.sides)))

    def over(self, now: datetime) -> bool:
        """Tell whether it has ended, early or by its time."""
        return self.ended_at is not None or now >= self.ends_at

    def __repr__(self) -> str:
        return f"Join({self.id})"


def join_of(domain: PseudonymDomain) -> str | None:
    """Return the id of the join grant whose domain this is, or None for any other domain."""
    return domain.recipient.removeprefix(_JOINS) if domain.recipient.startswith(_JOINS) else None


@dataclass(frozen=True, slots=True)
class Reidentification:
    """A request to open some tokens, before anything is opened. Instants are naive UTC.

    The tokens themselves are not kept: `tokens_digest` (SHA-256) holds whoever collects to the very same ones.
    `tokens_of` is the purpose that they were made for; `purpose` that for which they are to be opened. `public_key` is
    the X25519 key (32 bytes) to which the answer is sealed.
    """

    id: str
    institution: str
    person: str
    dataset: str
    disclosure: str
    field: str
    purpose: str
    tokens_of: str
    region: str
    case_number: str
    reason: str
    count: int
    tokens_digest: bytes
    public_key: bytes
    asked_at: datetime
    approvals: tuple[Approval, ...] = ()
    collected_at: datetime | None = None

    @property
    def asked_by(self) -> str:
        """How records name the person who asks."""
        return record_name(self.institution, self.person)

    @property
    def approve_by(self) -> datetime:
        """Until when officers may approve it."""
        return self.asked_at + APPROVE_WITHIN

    @property
    def collect_by(self) -> datetime:
        """Until when it may be collected."""
        return self.asked_at + COLLECT_WITHIN

    def __repr__(self) -> str:
        return f"Reidentification({self.id})"
