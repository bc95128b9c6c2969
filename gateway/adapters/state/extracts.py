"""The register of open extracts, in the state database."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.requests import extracts
from gateway.model.errors import ErrorReason
from gateway.model.extract import OpenExtract
from gateway.ports import Clock

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_c = extracts.c


class SqlExtractRegister:
    """An `ExtractRegister`. What has expired is erased as others are opened."""

    def __init__(self, database: StateDatabase, clock: Clock, lifetime: timedelta, kept_each: int) -> None:
        """`lifetime` is how long an extract is kept, `kept_each` how many of one institution are."""
        self._database = database
        self._clock = clock
        self._lifetime = lifetime
        self._kept_each = kept_each

    def open(self, extract: OpenExtract) -> datetime:
        """Keep an extract durably and return the instant until which it is kept at most.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        now = self._clock.now()
        ends_at = now + self._lifetime
        others = select(_c.extract_id).where(_c.institution == extract.institution)
        older = others.order_by(_c.entry_index.desc()).offset(self._kept_each - 1)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            connection.execute(delete(extracts).where(_c.ends_at <= now))
            for (forgotten,) in connection.execute(older).all():
                connection.execute(delete(extracts).where(_c.extract_id == forgotten))
            connection.execute(
                insert(extracts).values(
                    extract_id=extract.id,
                    institution=extract.institution,
                    person=extract.person,
                    asked=extract.asked,
                    permission=extract.permission,
                    decided_at=extract.decided_at,
                    data_version=extract.data_version,
                    entry_index=extract.entry,
                    streams=extract.streams,
                    ends_at=ends_at,
                )
            )
        return ends_at

    def find(self, extract_id: str) -> OpenExtract | None:
        """Return an extract; None if there is none, or none any more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(select(extracts).where(_c.extract_id == extract_id)).one_or_none()
        if row is None or row.ends_at <= self._clock.now():
            return None
        return OpenExtract(
            id=row.extract_id,
            institution=row.institution,
            person=row.person,
            asked=row.asked,
            permission=row.permission,
            decided_at=row.decided_at,
            data_version=row.data_version,
            entry=row.entry_index,
            streams=row.streams,
        )
