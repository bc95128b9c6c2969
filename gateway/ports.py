"""The ports: what the product needs of the world, as Protocols. Adapters stand behind them; `wiring` plugs them in.

Every port is safe to call from several threads. What an adapter cannot do, it says by raising a `Fault`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol

import pyarrow as pa

from gateway.model.budget import Account, Balance, Charge
from gateway.model.certificate import SunsetCertificate
from gateway.model.consent import Case, Consent, ConsentScope
from gateway.model.contract import DataContract
from gateway.model.emergency import Emergency, Verdict
from gateway.model.event import Event
from gateway.model.governance import Approval, Files, Proposal, Publication
from gateway.model.meter import Claim, Exhausted, Taken
from gateway.model.party import Identity, Peer
from gateway.model.permit import PseudonymDomain
from gateway.model.plan import AggregatePlan, RowPlan
from gateway.model.record import AuditRecord, LogEntry, Receipt
from gateway.model.statistics import Release


class Clock(Protocol):
    """Time. Naive UTC, so that stored instants compare."""

    def now(self) -> datetime:
        """Return the instant, naive UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    def sleep_until(self, instant: float) -> None:
        """Block until `monotonic()` reaches `instant`."""
        ...


class IdentityProvider(Protocol):
    """Turns what a caller presents into who the caller is."""

    def identify(self, peer: Peer, now: datetime) -> Identity:
        """Return the verified identity.

        Raises:
            Unauthenticated: with the reason; the text carries nothing of what was presented.
        """
        ...


class Source(Protocol):
    """Where rows are. Reads only, streams Arrow, and never runs text that a caller wrote."""

    def verify(self, contract: DataContract) -> None:
        """Check that the data still has the schema its contract declares.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...

    def data_version(self, contract: DataContract) -> str:
        """Return a name for the data as it stands (hex); another state of the data has another name.

        It may be computed from the data, and therefore stays inside: see `stages.charge.data_version`.
        """
        ...

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the planned columns, typed as the contract says, in batches of about `batch_rows`.

        Closing the iterator early frees what the engine holds.
        """
        ...

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the exact bounded aggregates, one row per non-empty cell.

        Columns: the group_by fields in order, then one int64 column per statistic, named s0, s1, …
        """
        ...


class KeyUse(StrEnum):
    """What a working key is for. Keys of two uses are independent."""

    TOKEN_BLOCK = "token-block"
    TOKEN_SIV = "token-siv"
    MANIFEST = "manifest"
    DATA_VERSION = "data-version"
    METER = "meter"
    CONSENT = "consent"


AUDIT_DOMAIN = PseudonymDomain("purpose-gateway", "audit-manifest")
"""The gateway's own domain: disclosure manifests and names of data versions. No purpose has its name."""


class KeyRing(Protocol):
    """Working keys. Each pseudonym domain has its own random secret; destroying it makes its tokens unlinkable."""

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form.

        A domain's secret is made when it is first asked for.

        Raises:
            Fault: KEYS_UNAVAILABLE; also for a domain whose secret was destroyed, for ever.
        """
        ...

    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that have a secret.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def destroy(self, domain: PseudonymDomain) -> None:
        """Erase a domain's secret, durably and for ever: it is never made anew. Nothing happens where there is none.

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        ...


class BudgetLedger(Protocol):
    """The durable account of privacy loss, and the releases that were paid for."""

    def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        """Return what each account has spent.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def charge(self, release_id: str, accounts: Sequence[Account], rho: Fraction) -> Charge | tuple[Balance, ...]:
        """Charge all accounts or none, durably; or return the balances of the accounts that cannot bear it.

        A release that was charged before is not charged again (`fresh=False`), whatever accounts are given now.

        Raises:
            Fault: LEDGER_UNAVAILABLE; nothing was charged then.
        """
        ...

    def stored(self, release_id: str) -> Release | None:
        """Return the release if it was stored.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def store(self, release: Release) -> Release:
        """Store a charged release durably and return the one that stands: the first stored under its id.

        Raises:
            Fault: LEDGER_UNAVAILABLE; or INTERNAL if the release was never charged.
        """
        ...


class RequestRegister(Protocol):
    """Remembers which request a caller's request_id stands for."""

    def bind(self, institution: str, person: str, request_id: str, body_digest: bytes) -> bool:
        """Bind the id durably; return False if this caller had bound it to another body.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...


class AuditLog(Protocol):
    """The append-only log. What `append` returned is durable."""

    def append(self, record: AuditRecord) -> LogEntry:
        """Append a record and return its entry once it is durable.

        Raises:
            Fault: AUDIT_UNAVAILABLE; the record may or may not be in the log, and nothing may be disclosed.
        """
        ...

    def append_manifest(self, index: int, segment: int, tokens: bytes) -> None:
        """Store the 16-byte subject tokens of one batch of the disclosure that began at `index`, durably.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        ...

    def note(self, event: Event) -> LogEntry:
        """Append what happened to the policy, to a consent or a key, and return its entry once it is durable.

        Raises:
            Fault: AUDIT_UNAVAILABLE; the event may or may not be in the log.
        """
        ...

    def get(self, index: int) -> Receipt | None:
        """Return an entry with its record of a disclosure, or None.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        ...

    def newest(self, count: int) -> tuple[AuditRecord, ...]:
        """Return the newest records of decisions, the newest first: each disclosure once, as it began or was refused.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        ...

    def between(self, start: datetime, end: datetime) -> Iterator[AuditRecord]:
        """Yield the records of all decisions from `start` to before `end` (naive UTC), oldest first, each once.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        ...


class Meters(Protocol):
    """Counts how often, per account and period. Exact between threads and processes."""

    def take(self, claims: Sequence[Claim]) -> Taken | Exhausted:
        """Take all claims durably, or none.

        A mark that an account has already costs nothing. Accounts whose end is over may be forgotten.

        Raises:
            Fault: REGISTER_UNAVAILABLE; the claims may or may not have been taken then. INTERNAL for what no caller may
                ask: an account or mark that is empty or longer than 64 bytes, or whose end is long over.
        """
        ...


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


class PolicyArchive(Protocol):
    """Every policy that was proposed or in force, and how it came to be. Nothing in it is ever changed or deleted."""

    def keep(self, digest: str, files: Files) -> None:
        """Keep the files of a policy durably under its digest; nothing happens if they are kept already.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def files(self, digest: str) -> Files | None:
        """Return the files of a policy, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def propose(self, proposal: Proposal) -> None:
        """Enter a proposal durably. Its policy must be kept already.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def approve(self, proposal_id: str, approval: Approval) -> None:
        """Add an approval durably; an officer's second one replaces nothing and is not added.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def proposal(self, proposal_id: str) -> Proposal | None:
        """Return a proposal with its approvals, oldest first, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def proposals(self, count: int) -> tuple[Proposal, ...]:
        """Return the newest proposals, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def publish(self, publication: Publication) -> bool:
        """Enter a publication durably, if its number is one more than the newest; return False otherwise.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def review(self, number: int, reviewer: str, at: datetime) -> bool:
        """Enter the review of an emergency publication; return False if it needs none or has one.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def newest(self) -> Publication | None:
        """Return the publication in force, or None before the first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def history(self, count: int) -> tuple[Publication, ...]:
        """Return the newest publications, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...


class Certificates(Protocol):
    """Certificates of purposes that ended."""

    def write(self, certificate: SunsetCertificate) -> None:
        """Write a certificate durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def of(self, purpose: str) -> tuple[SunsetCertificate, ...]:
        """Return the certificates of a purpose, oldest first; of every purpose for "".

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
