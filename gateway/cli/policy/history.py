"""`gateway policy history`: how policies came into force, and whether those who are named signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.connection import connected
from gateway.cli.policy.showing import publication_json, publication_lines
from gateway.client import NotFound, Officer, SnapshotMismatch
from gateway.client.policies import Approval, Proposal, Publication, Snapshot, approval_text
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import read

SIGNED = "signed"
UNSIGNED = "not signed by a second officer"
BROKEN = "the signatures do not fit"


def history(*, count: int = 20, verify: bool = False, connect: Path | None = None, json_: bool = False) -> int:
    """List how policies came into force, the newest first.

    With --verify, exits with 1 if a publication is not what officers of the policy before it signed.

    Parameters
    ----------
    count
        How many.
    verify
        Hold each against its files, and its signatures against the officers' keys in the policy before it.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        # one more, for the policy before the oldest
        entries = officer.publications(count + verify)
        found = _verified(officer, entries) if verify else {}
    shown = entries[:count]
    if json_:
        told = [
            {**publication_json(one), **({"verdict": found.get(one.number, UNSIGNED)} if verify else {})}
            for one in shown
        ]
        print_json(told)
    else:
        for entry in shown:
            print("\n".join([*publication_lines(entry), *([f"   {found[entry.number]}"] if verify else [])]))
    return FOUND if any(found[one.number] == BROKEN for one in shown if verify) else FINE


def _verified(officer: Officer, entries: tuple[Publication, ...]) -> Mapping[int, str]:
    digests = {entry.number: entry.digest for entry in entries}
    snapshot = cache(officer.snapshot)  # each policy is asked for as a publication, and as the one before the next
    return {entry.number: _verdict(officer, snapshot, entry, digests.get(entry.number - 1, "")) for entry in entries}


def _verdict(officer: Officer, snapshot: Callable[[str], Snapshot], entry: Publication, base: str) -> str:
    try:
        # the files are held against the digest as they arrive
        snapshot(entry.digest)
        if entry.act != "published" and not entry.approvals:
            return UNSIGNED
        proposal = officer.proposal(entry.proposal_id)
        if (proposal.digest, proposal.base) != (entry.digest, base):
            return BROKEN
        keys = {one.id: one.key for one in read(snapshot(base).files).officers.officers.values()}
    except (NotFound, SnapshotMismatch, InvalidPolicy):
        return BROKEN
    signed = [_fits(one, proposal, keys.get(one.officer, b"")) for one in entry.approvals]
    return SIGNED if signed and all(signed) else BROKEN


def _fits(approval: Approval, proposal: Proposal, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(approval.signature, approval_text(proposal))
    except (InvalidSignature, ValueError):
        return False
    return approval.officer != proposal.author
