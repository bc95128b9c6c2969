"""Who takes part: the institution and the person behind a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


def record_name(institution: str, person: str) -> str:
    """Return how records and the policy name a person of an institution."""
    return f"{institution}/{person}"


@dataclass(frozen=True, slots=True)
class Peer:
    """What the transport proved and the caller presented, unverified as to identity.

    `certificate_pem` comes from the TLS handshake, which checked its chain; `bearer_token` is the caller's claim.
    """

    certificate_pem: bytes | None
    bearer_token: str | None

    def __repr__(self) -> str:
        return "Peer(…)"


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller. Made by an identity provider; decisions take it from the `authenticate` stage.

    `institution` is bound by the client certificate, `person` by the token's subject. The identity holds until
    `valid_until` (naive UTC), the earlier end of certificate and token.
    """

    institution: str
    person: str
    valid_until: datetime

    @property
    def id(self) -> str:
        """How records name the caller."""
        return record_name(self.institution, self.person)
