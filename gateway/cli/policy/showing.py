"""How the commands of a policy's life show it: for people, and as JSON."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from gateway.cli.codes import INVALID
from gateway.cli.mistake import Mistake
from gateway.client.policies import Approval, PolicyInvalid, Proposal, Publication
from gateway.policy.folder import read_folder
from gateway.policy.problems import InvalidPolicy, Problems


def folder_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a policy folder, to be sent.

    Raises:
        Mistake: there is no such folder, or no policy can be in it.
    """
    if not folder.is_dir():
        raise Mistake(f"there is no policy folder {folder}")
    problems = Problems()
    files = read_folder(folder, problems)
    try:
        problems.raise_if_any()
    except InvalidPolicy as invalid:
        raise invalid_folder(folder, PolicyInvalid((), 0), [str(one) for one in invalid.problems]) from None
    return files


def invalid_folder(folder: Path, invalid: PolicyInvalid, told: list[str] | None = None) -> Mistake:
    """Return the mistake of a folder that is no valid policy: every problem with its file and line, in lines."""
    lines = told if told is not None else [str(problem) for problem in invalid.problems]
    more = invalid.total - len(lines)
    further = [f"and {more} more problems"] if more > 0 else []
    shown = "\n".join([*(f"{folder / line}" for line in lines), *further])
    return Mistake(f"{folder} is not a valid policy:\n{shown}".removesuffix("."), code=INVALID)


def proposal_lines(proposal: Proposal) -> list[str]:
    """Return what people need to know of a proposal."""
    kind = "emergency proposal" if proposal.emergency else "proposal"
    approved = ", ".join(one.officer for one in proposal.approvals) or "nobody yet"
    return [
        f"{kind} {proposal.id} by {proposal.author}, {_shown(proposal.proposed_at)}",
        f"  {proposal.note}",
        f"  from   {proposal.base}",
        f"  to     {proposal.digest}",
        f"  approved by {approved}",
    ]


def publication_lines(entry: Publication) -> list[str]:
    """Return what people need to know of a publication."""
    lines = [
        f"{entry.number}  {entry.act} by {entry.published_by}, {_shown(entry.published_at)}",
        f"   {entry.digest}",
    ]
    if entry.note:
        lines.append(f"   {entry.note}")
    if entry.approvals:
        lines.append(f"   approved by {', '.join(one.officer for one in entry.approvals)}")
    if entry.reviewed_at is not None:
        lines.append(f"   reviewed by {entry.reviewed_by}, {_shown(entry.reviewed_at)}")
    elif entry.review_due is not None:
        lines.append(f"   to be reviewed by another officer until {_shown(entry.review_due)}")
    return lines


def proposal_json(proposal: Proposal) -> dict[str, object]:
    """Return a proposal as JSON has it."""
    return {
        "id": proposal.id,
        "digest": proposal.digest,
        "base": proposal.base,
        "author": proposal.author,
        "note": proposal.note,
        "proposed_at": proposal.proposed_at,
        "emergency": proposal.emergency,
        "approvals": [_approval(one) for one in proposal.approvals],
    }


def publication_json(entry: Publication) -> dict[str, object]:
    """Return a publication as JSON has it."""
    return {
        "number": entry.number,
        "digest": entry.digest,
        "act": entry.act,
        "published_by": entry.published_by,
        "published_at": entry.published_at,
        "proposal_id": entry.proposal_id,
        "note": entry.note,
        "approvals": [_approval(one) for one in entry.approvals],
        "review_due": entry.review_due,
        "reviewed_by": entry.reviewed_by,
        "reviewed_at": entry.reviewed_at,
    }


def _approval(approval: Approval) -> dict[str, object]:
    return {
        "officer": approval.officer,
        "approved_at": approval.approved_at,
        "signature": approval.signature.hex(),
    }


def _shown(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z")
