"""`gateway policy propose | publish | rollback | review | proposals`: the steps of a policy into force."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.as_json import print_all, print_json, print_one
from gateway.cli.codes import FINE
from gateway.cli.connection import connected
from gateway.cli.policy.showing import (
    folder_files,
    invalid_folder,
    proposal_json,
    proposal_lines,
    publication_json,
    publication_lines,
)
from gateway.client.policies import PolicyInvalid, Publication


def propose(
    folder: Path = Path("policies"),
    /,
    *,
    note: str,
    emergency: bool = False,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Propose a policy folder to a running gateway. Nothing changes by it yet.

    Parameters
    ----------
    folder
        The policy folder.
    note
        Why, for the officers who look at it.
    emergency
        It cannot wait for a second officer and the cool-down; another officer reviews it within 24 hours.
    connect
        The connection file.
    json_
        Print JSON.
    """
    files = folder_files(folder)
    with connected(connect) as officer:
        try:
            proposal = officer.propose(files, note, emergency=emergency)
        except PolicyInvalid as invalid:
            raise invalid_folder(folder, invalid) from None
    if json_:
        print_json(proposal_json(proposal))
    else:
        print("\n".join(proposal_lines(proposal)))
        then = "publish it" if emergency else "another officer approves it"
        print(f"Next: {then}: gateway policy {'publish' if emergency else 'approve'} {proposal.id}")
    return FINE


def publish(proposal: str, /, *, connect: Path | None = None, json_: bool = False) -> int:
    """Put a proposal into force, in every process of the gateway.

    Parameters
    ----------
    proposal
        The id of the proposal.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        return _tell(officer.publish(proposal), json_=json_)


def rollback(digest: str, /, *, note: str, connect: Path | None = None, json_: bool = False) -> int:
    """Put a policy that was in force before back into force, at once. Another officer reviews it within 24 hours.

    Parameters
    ----------
    digest
        The digest of the policy, as `gateway policy history` shows it.
    note
        Why, for the officer who reviews it.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        return _tell(officer.roll_back(digest, note), json_=json_)


def review(number: int, /, *, connect: Path | None = None, json_: bool = False) -> int:
    """Enter that you have looked at a publication that came into force without a second officer.

    Parameters
    ----------
    number
        The number of the publication, as `gateway policy history` shows it.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        return _tell(officer.review(number), json_=json_)


def proposals(*, count: int = 20, connect: Path | None = None, json_: bool = False) -> int:
    """List what was proposed, the newest first.

    Parameters
    ----------
    count
        How many.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.proposals(count)
    print_all(found, proposal_json, proposal_lines, json_=json_)
    return FINE


def _tell(entry: Publication, *, json_: bool) -> int:
    print_one(entry, publication_json, publication_lines, json_=json_)
    return FINE
