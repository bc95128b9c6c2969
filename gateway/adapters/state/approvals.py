"""Officers' approvals of join grants and of re-identifications, in the state database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from gateway.adapters.state.chunks import chunks
from gateway.adapters.state.schema.linking import linking_approvals
from gateway.model.governance import Approval

_table = linking_approvals.c


def approvals_of(connection: Connection, subjects: Sequence[str]) -> dict[str, tuple[Approval, ...]]:
    """Return the approvals of each subject, oldest first; a subject without any is left out."""
    found: dict[str, tuple[Approval, ...]] = {}
    for some in chunks(subjects):
        rows = select(linking_approvals).where(_table.subject_id.in_(some)).order_by(_table.subject_id, _table.position)
        for row in connection.execute(rows):
            approval = Approval(row.officer, row.approved_at, row.signature)
            found[row.subject_id] = (*found.get(row.subject_id, ()), approval)
    return found


def approve(connection: Connection, subject: str, approval: Approval) -> bool:
    """Add an approval; False if the officer has given one already."""
    given = approvals_of(connection, [subject]).get(subject, ())
    if any(one.officer == approval.officer for one in given):
        return False
    connection.execute(
        insert(linking_approvals).values(
            subject_id=subject,
            officer=approval.officer,
            position=len(given),
            approved_at=approval.at,
            signature=approval.signature,
        )
    )
    return True
