"""The register of broken glasses and their reviews, in the state database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.registers import emergencies
from gateway.model.emergency import Emergency, Verdict
from gateway.model.errors import ErrorReason, Fault

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_table = emergencies.c
_PARTS = (
    "institution", "person", "purpose", "why", "opened_at", "ends_at", "review_due", "reviewed_by", "reviewed_at",
)  # fmt: skip


class SqlEmergencyRegister:
    """An `EmergencyRegister`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def standing(self, grant: str, institution: str, person: str, now: datetime) -> Emergency | None:
        """Return the person's emergency that is open under a grant now, the newest, or None.

        One that a reviewer found unjustified opens nothing any more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        open_now = select(emergencies).where(
            _table.institution == institution,
            _table.person == person,
            _table.grant_name == grant,
            _table.opened_at <= now,
            _table.ends_at > now,
            _table.verdict.is_distinct_from(Verdict.UNJUSTIFIED.value),
        )
        newest = open_now.order_by(_table.opened_at.desc(), _table.emergency_id.desc()).limit(1)
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(newest).one_or_none()
            return None if row is None else _emergency(row)

    def open(self, emergency: Emergency) -> None:
        """Enter an emergency durably; one with the id of an older one, alike in all parts, is that one.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the id is taken by another.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            row = connection.execute(select(emergencies).where(_table.emergency_id == emergency.id)).one_or_none()
            if row is None:
                verdict = None if emergency.verdict is None else emergency.verdict.value
                parts: dict[str, Any] = {name: getattr(emergency, name) for name in _PARTS}
                connection.execute(
                    insert(emergencies).values(
                        emergency_id=emergency.id, grant_name=emergency.grant, verdict=verdict, **parts
                    )
                )
            elif _emergency(row) != emergency:
                raise Fault(ErrorReason.INTERNAL)

    def unreviewed(self) -> tuple[Emergency, ...]:
        """Return all that wait for a review, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        waiting = select(emergencies).where(_table.reviewed_at.is_(None))
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            rows = connection.execute(waiting.order_by(_table.opened_at, _table.emergency_id))
            return tuple(_emergency(row) for row in rows)

    def review(self, emergency_id: str, reviewer: str, verdict: Verdict, at: datetime) -> Emergency | None:
        """Enter a review durably and return the emergency; None if there is none or it was reviewed before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        this = _table.emergency_id == emergency_id
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            row = connection.execute(select(emergencies).where(this)).one_or_none()
            if row is None or row.reviewed_at is not None:
                return None
            parts = {"reviewed_by": reviewer, "reviewed_at": at, "verdict": verdict.value}
            connection.execute(update(emergencies).where(this).values(parts))
            return replace(_emergency(row), reviewed_by=reviewer, reviewed_at=at, verdict=verdict)

    def get(self, emergency_id: str) -> Emergency | None:
        """Return an emergency, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(select(emergencies).where(_table.emergency_id == emergency_id)).one_or_none()
            return None if row is None else _emergency(row)

    def between(self, start: datetime, end: datetime) -> tuple[Emergency, ...]:
        """Return the emergencies opened from `start` to before `end` (naive UTC), oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        opened = select(emergencies).where(_table.opened_at >= start, _table.opened_at < end)
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            rows = connection.execute(opened.order_by(_table.opened_at, _table.emergency_id))
            return tuple(_emergency(row) for row in rows)


def _emergency(row: Row[Any]) -> Emergency:
    verdict = None if row.verdict is None else Verdict(row.verdict)
    parts: dict[str, Any] = {name: getattr(row, name) for name in _PARTS}
    return Emergency(id=row.emergency_id, grant=row.grant_name, verdict=verdict, **parts)
