"""The register of re-identifications, in the state database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from gateway.adapters.state.approvals import approvals_of, approve
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.linking import reidentifications
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Approval
from gateway.model.linking import Reidentification

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_table = reidentifications.c
_PARTS = (
    "institution", "person", "dataset", "disclosure", "field", "purpose", "tokens_of", "region", "case_number",
    "reason", "tokens_digest", "public_key", "asked_at", "collected_at",
)  # fmt: skip


class SqlReidentificationRegister:
    """A `ReidentificationRegister`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def ask(self, asked: Reidentification) -> None:
        """Enter a request durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the id is taken, or the request is approved or collected.
        """
        if asked.approvals or asked.collected_at is not None:
            raise Fault(ErrorReason.INTERNAL)
        parts: dict[str, Any] = {name: getattr(asked, name) for name in _PARTS}
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if _one(connection, asked.id) is not None:
                raise Fault(ErrorReason.INTERNAL)
            connection.execute(insert(reidentifications).values(request_id=asked.id, token_count=asked.count, **parts))

    def approve(self, request_id: str, approval: Approval) -> Reidentification | None:
        """Add an approval durably and return the request; None if it is none, was collected, or has the officer's.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            found = _one(connection, request_id)
            if found is None or found.collected_at is not None or not approve(connection, request_id, approval):
                return None
            return _one(connection, request_id)

    def collect(self, request_id: str, at: datetime) -> bool:
        """Enter durably that a request is collected; False if there is none or it was collected before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        waits = (_table.request_id == request_id) & _table.collected_at.is_(None)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            done = connection.execute(update(reidentifications).where(waits).values(collected_at=at))
            return done.rowcount == 1

    def get(self, request_id: str) -> Reidentification | None:
        """Return a request with its approvals, oldest first, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _one(connection, request_id)

    def waiting(self, after: datetime) -> tuple[Reidentification, ...]:
        """Return the requests that were asked after an instant and not collected, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        chosen = select(reidentifications).where(_table.asked_at > after, _table.collected_at.is_(None))
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _asked(connection, chosen.order_by(_table.asked_at, _table.request_id))


def _one(connection: Connection, request_id: str) -> Reidentification | None:
    found = _asked(connection, select(reidentifications).where(_table.request_id == request_id))
    return found[0] if found else None


def _asked(connection: Connection, chosen: Select[Any]) -> tuple[Reidentification, ...]:
    rows = connection.execute(chosen).all()
    approvals = approvals_of(connection, [row.request_id for row in rows])
    return tuple(_request(row, approvals.get(row.request_id, ())) for row in rows)


def _request(row: Row[Any], approvals: tuple[Approval, ...]) -> Reidentification:
    parts: dict[str, Any] = {name: getattr(row, name) for name in _PARTS}
    return Reidentification(id=row.request_id, count=row.token_count, approvals=approvals, **parts)
