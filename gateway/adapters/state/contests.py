"""The register of contests, in the state database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.contests import contest_entries, contest_references
from gateway.model.contest import Entry, Reference, Standing
from gateway.model.errors import ErrorReason

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_references, _entries = contest_references.c, contest_entries.c


class SqlContestRegister:
    """A `ContestRegister`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def keep(self, reference: Reference) -> Reference:
        """Keep a contest's reference and return the one that stands: the first.

        Raises:
            Fault: REGISTER_UNAVAILABLE, also if its release was never charged.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            first = _reference(connection, reference.contest)
            if first is not None:
                return first
            connection.execute(
                insert(contest_references).values(
                    contest=reference.contest,
                    release_id=reference.release_id,
                    made_by=reference.made_by,
                    made_at=reference.made_at,
                )
            )
        return reference

    def reference(self, contest: str) -> Reference | None:
        """Return a contest's reference, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _reference(connection, contest)

    def contest_of(self, release_id: str) -> str | None:
        """Return the contest that a release is the reference of, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found: str | None = connection.execute(
                select(_references.contest).where(_references.release_id == release_id)
            ).scalar_one_or_none()
            return found

    def enter(self, entry: Entry) -> Standing:
        """Enter a score and return where the team stands now.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            last = connection.execute(select(func.max(_entries.number))).scalar()
            connection.execute(
                insert(contest_entries).values(
                    number=0 if last is None else last + 1,
                    contest=entry.contest,
                    institution=entry.institution,
                    person=entry.person,
                    entered_at=entry.at,
                    score=entry.score,
                )
            )
            rows = connection.execute(
                select(_entries.institution, _entries.score, _entries.entered_at)
                .where(_entries.contest == entry.contest, _entries.institution == entry.institution)
                .order_by(_entries.number)
            )
            (standing,) = _standings((name, score, at) for name, score, at in rows)
        return standing

    def standings(self, contest: str) -> tuple[Standing, ...]:
        """Return where the teams stand: the lowest score first, and of equals who had it first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            rows = connection.execute(
                select(_entries.institution, _entries.score, _entries.entered_at)
                .where(_entries.contest == contest)
                .order_by(_entries.number)
            )
            return _standings((name, score, at) for name, score, at in rows)


def _reference(connection: Connection, contest: str) -> Reference | None:
    row = connection.execute(select(contest_references).where(_references.contest == contest)).one_or_none()
    return None if row is None else Reference(row.contest, row.release_id, row.made_by, row.made_at)


def _standings(entries: Iterable[tuple[str, int, datetime]]) -> tuple[Standing, ...]:
    """Entries in the order in which they were made."""
    best: dict[str, Standing] = {}
    for name, score, at in entries:
        before = best.get(name)
        if before is None:
            best[name] = Standing(name, score, at, 1)
        else:
            kept, since = (score, at) if score < before.score else (before.score, before.since)
            best[name] = Standing(name, kept, since, before.entries + 1)
    return tuple(sorted(best.values(), key=lambda one: (one.score, one.since)))
