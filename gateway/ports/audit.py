"""The audit log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.event import Event
from gateway.model.record import AuditRecord, LogEntry, Receipt


class AuditLog(Protocol):
    """The append-only log. What `append` returned is durable."""

    def append(self, record: AuditRecord, manifest: Sequence[bytes] = ()) -> LogEntry:
        """Append a record, with its manifest where that is whole already, and return its entry once both are durable.

        `manifest` holds the 16-byte subject tokens of each batch; one without any is not stored. All is kept, or
        nothing.

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
