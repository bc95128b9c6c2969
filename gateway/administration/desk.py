"""What the pages of administration stand on, and who may come to them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.decision.warrant import reaches
from gateway.model.errors import ErrorReason
from gateway.model.governance import Officer, Power
from gateway.model.party import Identity, Peer
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.pseudonym import AUDIT_DOMAIN
from gateway.policy.store import PolicyStore
from gateway.ports import (
    AuditLog,
    BudgetLedger,
    Certificates,
    Clock,
    IdentityProvider,
    KeyRing,
    PolicyArchive,
    Registers,
)

GATEWAY = AUDIT_DOMAIN.recipient
"""How records name what the gateway does by itself: no institution is called so."""


@dataclass(frozen=True, slots=True)
class Office:
    """The ports of administration. Composed in `wiring`, and nowhere else."""

    clock: Clock
    identities: IdentityProvider
    policy: PolicyStore
    keys: KeyRing
    ledger: BudgetLedger
    registers: Registers
    audit: AuditLog
    archive: PolicyArchive
    certificates: Certificates


def identify(office: Office, peer: Peer) -> Identity:
    """Return who calls.

    Raises:
        Unauthenticated: with the reason.
    """
    return office.identities.identify(peer, office.clock.now())


def officer(office: Office, peer: Peer, *powers: Power) -> Officer | Refusal:
    """Return the officer who calls, by the policy in force, if one of the powers is theirs; any power if none is named.

    Raises:
        Unauthenticated: with the reason.
        Fault: POLICY_UNAVAILABLE.
    """
    return officer_of(office, identify(office, peer), *powers)


def officer_of(office: Office, identity: Identity, *powers: Power) -> Officer | Refusal:
    """Return the officer that a verified caller is, as `officer` does.

    Raises:
        Fault: POLICY_UNAVAILABLE.
    """
    if office.policy.published:
        # who was removed elsewhere a moment ago is no officer here
        office.policy.follow()
    found = office.policy.current().officers.get(identity.institution, identity.person)
    if found is None or (powers and not found.powers & set(powers)):
        wanted = " or ".join(f"'{power}'" for power in powers)
        told = (FieldViolation("", f"takes the power {wanted}"),) if powers else ()
        return Refusal(ErrorReason.AUTHORITY_EXCEEDED, violations=told)
    return found


def sees(office: Office, looking: Officer, dataset: str) -> bool:
    """Tell whether a dataset lies within an officer's authority, by any of their powers.

    Raises:
        Fault: POLICY_UNAVAILABLE.
    """
    policy = office.policy.current()
    return any(reaches(looking, power, dataset, policy) for power in looking.powers)


def gone() -> Refusal:
    """Return the refusal of what was there a moment ago: somebody else was faster."""
    return Refusal(ErrorReason.ENTRY_NOT_FOUND)
