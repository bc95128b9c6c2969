"""`gateway policy approve`: an officer looks at what another proposes, and signs it where the key is."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE
from gateway.cli.connection import connected
from gateway.cli.mistake import Mistake
from gateway.cli.policy.showing import proposal_json, proposal_lines
from gateway.cli.signing import approvers, tell_unsigned
from gateway.cli.signing import officer_key as key_of
from gateway.client.policies import Snapshot
from gateway.decision.authority import touched
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import read


def approve(
    proposal: str,
    /,
    *,
    officer_key: Path | None = None,
    show_diff: bool = False,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Show what a proposal changes, and sign it with your own key. The key stays on this machine.

    Parameters
    ----------
    proposal
        The id of the proposal.
    officer_key
        Your private key, as `gateway key officer` made it; left out, the proposal is shown and not signed.
    show_diff
        Show every line that changes.
    connect
        The connection file.
    json_
        Print JSON.
    """
    key = None if officer_key is None else key_of(officer_key)
    with connected(connect) as officer:
        found = officer.proposal(proposal)
        # both are held against the digests that are signed
        base, proposed = officer.snapshot(found.base), officer.snapshot(found.digest)
        changes, reach = list(_changed(base, proposed)), _reach(base, proposed)
        if not json_:
            _show(proposal_lines(found), changes, reach, _lines(base, proposed) if show_diff else iter(()))
        if key is not None:
            found = officer.approve(found, key)
    if json_:
        told = {**proposal_json(found), "signed": key is not None, "changes": changes, "touches": reach}
        if show_diff:
            told["diff"] = list(_lines(base, proposed))
        print_json(told)
    elif key is None:
        tell_unsigned()
    else:
        print(f"Signed. Approved by {approvers(found.approvals)}.")
    return FINE


def _show(head: list[str], changes: list[str], reach: list[str], diff: Iterator[str]) -> None:
    print("\n".join(head))
    for title, lines in (("Files:", changes), ("It reaches:", reach)):
        print(title)
        for line in lines or ["nothing"]:
            print(f"  {line}")
    for line in diff:
        print(line)


def _changed(base: Snapshot, proposed: Snapshot) -> Iterator[str]:
    for name in sorted({*base.files, *proposed.files}):
        before, after = base.files.get(name), proposed.files.get(name)
        if before != after:
            yield f"{'new' if before is None else 'gone' if after is None else 'changed'}: {name}"


def _reach(base: Snapshot, proposed: Snapshot) -> list[str]:
    """Where the change reaches, as officers' authority is measured; the gateway measures it again."""
    try:
        touches = touched(read(base.files), read(proposed.files))
    except InvalidPolicy:
        raise Mistake("this version of the command cannot read the policies", "Use that of the gateway.") from None
    return [f"{'all datasets' if one.dataset == '*' else one.dataset} in {one.region}" for one in sorted(touches)]


def _lines(base: Snapshot, proposed: Snapshot) -> Iterator[str]:
    for name in sorted({*base.files, *proposed.files}):
        before, after = (one.files.get(name, b"").decode("utf-8", "replace") for one in (base, proposed))
        if before != after:
            yield from difflib.unified_diff(
                before.splitlines(), after.splitlines(), f"before/{name}", f"after/{name}", lineterm=""
            )
