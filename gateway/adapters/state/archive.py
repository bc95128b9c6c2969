"""The archive of policies, in the state database: what was proposed and approved, and what came into force."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, insert, select, update

from gateway.adapters.state.archive_files import pack, unpack
from gateway.adapters.state.chunks import chunks
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.policies import (
    kept_policies,
    proposal_approvals,
    proposals,
    publication_approvals,
    publications,
)
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Act, Approval, Files, Proposal, Publication

_UNAVAILABLE = ErrorReason.POLICY_UNAVAILABLE

_LAST_NUMBER = 2**63 - 1
"""The largest number that the database can be asked for."""


class SqlPolicyArchive:
    """A `PolicyArchive`. Files are stored once for each digest, compressed, and checked when they are read."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def keep(self, digest: str, files: Files) -> None:
        """Keep the files of a policy durably under its digest; nothing happens if they are kept already.

        Raises:
            Fault: POLICY_UNAVAILABLE; INTERNAL if other files are kept under the digest.
        """
        with faulting(_UNAVAILABLE):
            packed = pack(files)
            content_hash = hashlib.sha256(packed).digest()
            kept = select(kept_policies.c.content_hash).where(kept_policies.c.digest == digest)
            with self._database.reading() as connection:
                before = connection.execute(kept).scalar()
            if before is None:
                content = zlib.compress(packed)  # before the turn to write, in which others wait
                with self._database.writing() as connection:
                    before = connection.execute(kept).scalar()
                    if before is None:
                        row = {"digest": digest, "content": content, "content_hash": content_hash}
                        connection.execute(insert(kept_policies).values(row))
                        return
            if before != content_hash:
                raise Fault(ErrorReason.INTERNAL)

    def files(self, digest: str) -> Files | None:
        """Return the files of a policy, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE, also if they are not what was kept.
        """
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                row = connection.execute(select(kept_policies).where(kept_policies.c.digest == digest)).one_or_none()
            if row is None:
                return None
            packed = zlib.decompress(row.content)
            if hashlib.sha256(packed).digest() != row.content_hash:
                raise Fault(_UNAVAILABLE)
            return unpack(packed)

    def propose(self, proposal: Proposal) -> None:
        """Enter a proposal durably, with its approvals. One that is entered already, alike in all parts, is that one.

        Raises:
            Fault: POLICY_UNAVAILABLE; INTERNAL if its policy is not kept, or its id is taken by another.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            before = _proposals(connection, select(proposals).where(proposals.c.proposal_id == proposal.id))
            if before:
                if before[0] != proposal:
                    raise Fault(ErrorReason.INTERNAL)
                return
            _must_be_kept(connection, proposal.digest)
            last = connection.execute(select(func.max(proposals.c.number))).scalar()
            number = 0 if last is None else last + 1
            connection.execute(
                insert(proposals).values(
                    number=number,
                    proposal_id=proposal.id,
                    digest=proposal.digest,
                    base=proposal.base,
                    author=proposal.author,
                    note=proposal.note,
                    proposed_at=proposal.at,
                    emergency=proposal.emergency,
                )
            )
            for approval in proposal.approvals:
                _approve(connection, number, approval)

    def approve(self, proposal_id: str, approval: Approval) -> None:
        """Add an approval durably; an officer's second one replaces nothing and is not added.

        Raises:
            Fault: POLICY_UNAVAILABLE; INTERNAL if there is no such proposal.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            number = connection.execute(
                select(proposals.c.number).where(proposals.c.proposal_id == proposal_id)
            ).scalar()
            if number is None:
                raise Fault(ErrorReason.INTERNAL)
            _approve(connection, number, approval)

    def proposal(self, proposal_id: str) -> Proposal | None:
        """Return a proposal with its approvals, oldest first, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found = _proposals(connection, select(proposals).where(proposals.c.proposal_id == proposal_id))
            return found[0] if found else None

    def proposals(self, count: int) -> tuple[Proposal, ...]:
        """Return the newest proposals, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        newest = select(proposals).order_by(proposals.c.number.desc()).limit(max(count, 0))
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _proposals(connection, newest)

    def publish(self, publication: Publication) -> bool:
        """Enter a publication durably, if its number is one more than the newest (1 at first); return False otherwise.

        Raises:
            Fault: POLICY_UNAVAILABLE; INTERNAL if its policy is not kept.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            newest = connection.execute(select(func.max(publications.c.number))).scalar() or 0
            if publication.number != newest + 1:
                return False
            _must_be_kept(connection, publication.digest)
            connection.execute(
                insert(publications).values(
                    number=publication.number,
                    digest=publication.digest,
                    act=publication.act.value,
                    published_by=publication.by,
                    published_at=publication.at,
                    proposal_id=publication.proposal,
                    note=publication.note,
                    review_due=publication.review_due,
                    reviewed_by=publication.reviewed_by,
                    reviewed_at=publication.reviewed_at,
                )
            )
            for position, approval in enumerate(publication.approvals):
                row = {"number": publication.number, "position": position} | _written(approval)
                connection.execute(insert(publication_approvals).values(row))
        return True

    def review(self, number: int, reviewer: str, at: datetime) -> bool:
        """Enter the review of an emergency publication; return False if it needs none or has one, or there is none.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        waits = (
            publications.c.number == number,
            publications.c.review_due.is_not(None),
            publications.c.reviewed_at.is_(None),
        )
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if connection.execute(select(publications.c.number).where(*waits)).scalar() is None:
                return False
            connection.execute(update(publications).where(*waits).values(reviewed_by=reviewer, reviewed_at=at))
        return True

    def newest(self) -> Publication | None:
        """Return the publication in force, or None before the first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        found = self.history(1)
        return found[0] if found else None

    def history(self, count: int) -> tuple[Publication, ...]:
        """Return the newest publications, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        newest = select(publications).order_by(publications.c.number.desc()).limit(max(count, 0))
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _publications(connection, newest)

    def publication(self, number: int) -> Publication | None:
        """Return the publication of a number, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        if number > _LAST_NUMBER:
            return None
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found = _publications(connection, select(publications).where(publications.c.number == number))
            return found[0] if found else None

    def enacted(self, proposal_id: str) -> bool:
        """Tell whether a proposal came into force, be it long ago.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        return self._published(publications.c.proposal_id == proposal_id)

    def was_in_force(self, digest: str) -> bool:
        """Tell whether a policy is in force or was before, by its digest.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        return self._published(publications.c.digest == digest)

    def _published(self, which: ColumnElement[bool]) -> bool:
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found = connection.execute(select(publications.c.number).where(which).limit(1))
            return found.scalar() is not None


def _must_be_kept(connection: Connection, digest: str) -> None:
    kept = select(kept_policies.c.digest).where(kept_policies.c.digest == digest)
    if connection.execute(kept).scalar() is None:
        raise Fault(ErrorReason.INTERNAL)


def _approve(connection: Connection, number: int, approval: Approval) -> None:
    given = select(proposal_approvals.c.officer).where(proposal_approvals.c.number == number)
    officers = connection.execute(given).scalars().all()
    if approval.officer not in officers:
        row = {"number": number, "position": len(officers)} | _written(approval)
        connection.execute(insert(proposal_approvals).values(row))


def _written(approval: Approval) -> dict[str, Any]:
    return {"officer": approval.officer, "approved_at": approval.at, "signature": approval.signature}


def _approvals(connection: Connection, table: Table, entries: Sequence[Row[Any]]) -> dict[int, tuple[Approval, ...]]:
    """The approvals of proposals, or of publications, by number."""
    found: dict[int, tuple[Approval, ...]] = {}
    for some in chunks([entry.number for entry in entries]):
        given = select(table).where(table.c.number.in_(some)).order_by(table.c.number, table.c.position)
        for row in connection.execute(given):
            approval = Approval(row.officer, row.approved_at, row.signature)
            found[row.number] = (*found.get(row.number, ()), approval)
    return found


def _proposals(connection: Connection, which: Select[Any]) -> tuple[Proposal, ...]:
    rows = connection.execute(which).all()
    approvals = _approvals(connection, proposal_approvals, rows)
    return tuple(
        Proposal(
            id=row.proposal_id,
            digest=row.digest,
            base=row.base,
            author=row.author,
            note=row.note,
            at=row.proposed_at,
            emergency=row.emergency,
            approvals=approvals.get(row.number, ()),
        )
        for row in rows
    )


def _publications(connection: Connection, which: Select[Any]) -> tuple[Publication, ...]:
    rows = connection.execute(which).all()
    approvals = _approvals(connection, publication_approvals, rows)
    return tuple(
        Publication(
            number=row.number,
            digest=row.digest,
            act=Act(row.act),
            by=row.published_by,
            at=row.published_at,
            proposal=row.proposal_id,
            note=row.note,
            approvals=approvals.get(row.number, ()),
            review_due=row.review_due,
            reviewed_by=row.reviewed_by,
            reviewed_at=row.reviewed_at,
        )
        for row in rows
    )
