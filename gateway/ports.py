"""The ports: what the product needs of the world, as Protocols. Adapters stand behind them; `wiring` plugs them in.

Every port is safe to call from several threads. What an adapter cannot do, it says by raising a `Fault`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

import pyarrow as pa

from gateway.model.budget import Account, Balance, Charge
from gateway.model.contract import DataContract
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


AUDIT_DOMAIN = PseudonymDomain("purpose-gateway", "audit-manifest")
"""The gateway's own domain: disclosure manifests and names of data versions. No purpose has its name."""


class KeyRing(Protocol):
    """Working keys. Each pseudonym domain has its own random secret; destroying it makes its tokens unlinkable."""

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form.

        A domain's secret is made when it is first asked for.

        Raises:
            Fault: KEYS_UNAVAILABLE.
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

    def get(self, index: int) -> Receipt | None:
        """Return an entry with its record, or None.

        Raises:
            Fault: AUDIT_UNAVAILABLE.
        """
        ...
