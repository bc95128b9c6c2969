"""`gateway link`: officers join two recipients' pseudonyms for a time, and end it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.as_json import print_all, print_one
from gateway.cli.codes import FINE
from gateway.cli.connection import connected
from gateway.cli.days import day_of
from gateway.cli.mistake import Mistake
from gateway.cli.signing import approvals_json, approvers, at, officer_key, tell_unsigned
from gateway.client import GatewayError, TokenDomain
from gateway.client.warrants import Join
from gateway.model.calendar import end_of_day


def propose(
    dataset: str,
    field: str,
    /,
    *,
    first: str,
    second: str,
    purpose: Annotated[str, Parameter(name="--for")],
    reason: str,
    until: str,
    officer_key_: Annotated[Path | None, Parameter(name="--officer-key")] = None,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Propose to join two recipients' pseudonyms of a field, and sign it. It takes another officer's signature.

    Parameters
    ----------
    dataset
        The dataset that declares the field.
    field
        The field whose tokens are joined.
    first
        RECIPIENT:PURPOSE of the one side: whose tokens, and what they were given for.
    second
        RECIPIENT:PURPOSE of the other side.
    purpose
        The purpose that they are joined for.
    reason
        Why, 10 to 500 characters. Name nobody in it.
    until
        The last day, YYYY-MM-DD, within 90 days.
    officer_key_
        Your private key, as `gateway key officer` made it; left out, two others have to sign. It stays on this machine.
    connect
        The connection file.
    json_
        Print JSON.
    """
    ends_at = end_of_day(day_of(until, "--until")).replace(tzinfo=UTC)
    sides = _side(first, "--first"), _side(second, "--second")
    key = None if officer_key_ is None else officer_key(officer_key_)
    with connected(connect) as officer:
        join = officer.propose_join(
            *sides, dataset=dataset, field=field, purpose=purpose, reason=reason, ends_at=ends_at
        )
        if key is not None:
            try:
                join = officer.approve_join(join, key)
            except GatewayError:
                _tell_waiting(join)
                raise
    return _tell(join, json_=json_)


def approve(
    join: str, /, *, officer_key_: Annotated[Path | None, Parameter(name="--officer-key")] = None,
    connect: Path | None = None, json_: bool = False,
) -> int:  # fmt: skip
    """Show what an officer would join, and sign it with your own key. The key stays on this machine.

    Parameters
    ----------
    join
        The id of the join grant.
    officer_key_
        Your private key, as `gateway key officer` made it; left out, the grant is shown and not signed.
    connect
        The connection file.
    json_
        Print JSON.
    """
    key = None if officer_key_ is None else officer_key(officer_key_)
    with connected(connect) as officer:
        found = next((one for one in officer.joins() if one.id == join), None)
        if found is None:
            raise Mistake(f"there is no join grant {join} within your authority", "gateway link list shows them.")
        if key is not None:
            found = officer.approve_join(found, key)
    if key is None:
        tell_unsigned()
    return _tell(found, json_=json_)


def end(join: str, /, *, connect: Path | None = None, json_: bool = False) -> int:
    """End a join grant before its time. Its keys are destroyed, and what was linked under it links nothing any more.

    Parameters
    ----------
    join
        The id of the join grant.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.end_join(join)
    return _tell(found, json_=json_)


def list_(*, connect: Path | None = None, json_: bool = False) -> int:
    """List the newest join grants within your authority, the newest first.

    Parameters
    ----------
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.joins()
    print_all(found, _json, _lines, json_=json_)
    return FINE


def _side(written: str, option: str) -> TokenDomain:
    recipient, colon, purpose = written.partition(":")
    if not (colon and recipient and purpose):
        raise Mistake(f"{option} is not RECIPIENT:PURPOSE", "Write it as in police:epidemic-tracing.")
    return TokenDomain(recipient, purpose)


def _tell_waiting(join: Join) -> None:
    """Tell that a proposal was made, before the mistake that says why it was not signed."""
    print(
        f"Join {join.id} is proposed, and not signed. Sign it with gateway link approve {join.id} --officer-key FILE,"
        f" or end it with gateway link end {join.id}.",
        file=sys.stderr,
    )


def _tell(join: Join, *, json_: bool) -> int:
    print_one(join, _json, _lines, json_=json_)
    return FINE


def _json(join: Join) -> dict[str, object]:
    return {**asdict(join), "approvals": approvals_json(join.approvals)}


def _lines(join: Join) -> list[str]:
    lines = [
        f"join {join.id} by {join.proposed_by}, {at(join.proposed_at)}",
        f"  {join.first.recipient} ({join.first.purpose}) with {join.second.recipient} ({join.second.purpose})",
        f"  {join.dataset}/{join.field} as {join.form}, for {join.purpose}",
        f"  {join.reason}",
        f"  approved by {approvers(join.approvals)}",
    ]
    lines.append(f"  {_standing(join)}")
    if join.destroyed_at is not None:
        lines.append(f"  its keys were destroyed, {at(join.destroyed_at)}: entry {join.destroyed_entry} of the log")
    return lines


def _standing(join: Join) -> str:
    if join.ended_at is not None:
        return f"ended by {join.ended_by}, {at(join.ended_at)}"
    if join.ends_at <= datetime.now(UTC):
        return f"ended {at(join.ends_at)}"
    if join.in_force:
        return f"in force until {at(join.ends_at)}"
    lacking = join.approvals_lacking
    if not lacking:
        return f"not in force: {join.dataset} declares {join.field} in another form now; would end {at(join.ends_at)}"
    officers = "officer has" if lacking == 1 else "officers have"
    return f"not in force: {lacking} more {officers} to sign it; would end {at(join.ends_at)}"
