"""The register of join grants, in the state database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from gateway.adapters.state.approvals import approvals_of, approve
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.linking import joins
from gateway.model.contract import CanonicalForm
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Approval
from gateway.model.linking import Join, JoinEnd
from gateway.model.pseudonym import PseudonymDomain

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_table = joins.c
_PARTS = ("dataset", "field", "purpose", "reason", "proposed_by", "proposed_at", "ends_at", "ended_by", "ended_at")


class SqlJoinRegister:
    """A `JoinRegister`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def propose(self, join: Join) -> None:
        """Enter a join grant that nobody has approved, durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the id is taken, or the grant is of epochs, approved or over.
        """
        if join.approvals or join.ended_at or join.end or join.first.epoch or join.second.epoch:
            raise Fault(ErrorReason.INTERNAL)
        parts: dict[str, Any] = {name: getattr(join, name) for name in _PARTS}
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if _one(connection, join.id) is not None:
                raise Fault(ErrorReason.INTERNAL)
            last = connection.execute(select(func.max(_table.number))).scalar()
            connection.execute(
                insert(joins).values(
                    number=0 if last is None else last + 1,
                    join_id=join.id,
                    first_recipient=join.first.recipient,
                    first_purpose=join.first.purpose,
                    second_recipient=join.second.recipient,
                    second_purpose=join.second.purpose,
                    form=join.form.value,
                    **parts,
                )
            )

    def approve(self, join_id: str, approval: Approval) -> Join | None:
        """Add an approval durably and return the grant; None if there is none, it was ended, or has this officer's.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            found = _one(connection, join_id)
            if found is None or found.ended_at is not None or not approve(connection, join_id, approval):
                return None
            return _one(connection, join_id)

    def finish(self, join_id: str, by: str, at: datetime) -> Join | None:
        """End a grant early, durably, and return it; None if there is none or it was ended before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            found = _one(connection, join_id)
            if found is None or found.ended_at is not None:
                return None
            connection.execute(update(joins).where(_table.join_id == join_id).values(ended_by=by, ended_at=at))
            return _one(connection, join_id)

    def certify(self, join_id: str, end: JoinEnd) -> None:
        """Enter durably that a grant's keys are gone; of several such entries the first stays.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        first = (_table.join_id == join_id) & _table.destroyed_at.is_(None)
        values = {"destroyed_at": end.destroyed_at, "audit_index": end.audit_index}
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            connection.execute(update(joins).where(first).values(values))

    def get(self, join_id: str) -> Join | None:
        """Return a grant with its approvals, oldest first, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _one(connection, join_id)

    def newest(self, count: int) -> tuple[Join, ...]:
        """Return the newest grants, the newest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _joins(connection, select(joins).order_by(_table.number.desc()).limit(max(count, 0)))

    def uncertified(self) -> tuple[Join, ...]:
        """Return the grants whose keys are not known to be gone, oldest first, whether or not they are over.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            chosen = select(joins).where(_table.destroyed_at.is_(None))
            return _joins(connection, chosen.order_by(_table.number))


def _one(connection: Connection, join_id: str) -> Join | None:
    found = _joins(connection, select(joins).where(_table.join_id == join_id))
    return found[0] if found else None


def _joins(connection: Connection, chosen: Select[Any]) -> tuple[Join, ...]:
    rows = connection.execute(chosen).all()
    approvals = approvals_of(connection, [row.join_id for row in rows])
    return tuple(_join(row, approvals.get(row.join_id, ())) for row in rows)


def _join(row: Row[Any], approvals: tuple[Approval, ...]) -> Join:
    parts: dict[str, Any] = {name: getattr(row, name) for name in _PARTS}
    return Join(
        id=row.join_id,
        first=PseudonymDomain(row.first_recipient, row.first_purpose),
        second=PseudonymDomain(row.second_recipient, row.second_purpose),
        form=CanonicalForm(row.form),
        approvals=approvals,
        end=None if row.destroyed_at is None else JoinEnd(row.destroyed_at, row.audit_index),
        **parts,
    )
