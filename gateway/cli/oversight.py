"""`gateway report` and `gateway emergency`: what an institution did with data, and what was done in emergencies."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.as_json import print_all, print_json, print_one
from gateway.cli.connection import connected
from gateway.cli.days import day_of
from gateway.client.registers import Emergency, Report
from gateway.model.calendar import end_of_day


def report(
    institution: str,
    /,
    *,
    first: Annotated[str, Parameter(name="--from")],
    last: Annotated[str, Parameter(name="--to")],
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Report what an institution did with data in a period of at most 366 days.

    Parameters
    ----------
    institution
        The institution.
    first
        The first day, YYYY-MM-DD, in the city's time.
    last
        The last day.
    connect
        The connection file.
    json_
        Print JSON.
    """
    start = end_of_day(day_of(first, "--from") - timedelta(days=1)).replace(tzinfo=UTC)
    end = end_of_day(day_of(last, "--to")).replace(tzinfo=UTC)
    with connected(connect) as officer:
        found = officer.report(institution, start, end)
    if json_:
        print_json(_report(found))
        return 0
    print(f"{found.institution}, {first} to {last}: {found.allowed} allowed, {found.refused} refused.")
    for line in found.lines:
        what = f"{line.dataset}/{line.disclosure} for {line.purpose}"
        print(f"  {line.count:>8}  {line.outcome} {line.reason}".rstrip() + f"  {line.person}: {what}")
    print(f"Privacy loss of its releases: rho {found.rho}, delta {found.delta}.")
    for rule, count in found.trials:
        print(f"On trial, {rule} would have refused {count}.")
    if found.emergencies:
        print(f"Broken glasses: {len(found.emergencies)}, of these {found.overdue} not reviewed in time.")
    for emergency in found.emergencies:
        print(f"  {_line(emergency)}")
    return 0


def emergencies(*, connect: Path | None = None, json_: bool = False) -> int:
    """List the broken glasses that wait for a review, the oldest first.

    Parameters
    ----------
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.emergencies()
    print_all(found, _emergency, lambda one: [_line(one), f"  {one.why}"], json_=json_)
    return 0


def review(
    emergency: str,
    verdict: Literal["justified", "unjustified"],
    /,
    *,
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Enter your review of somebody else's broken glass.

    Parameters
    ----------
    emergency
        Its id, as `gateway emergency list` shows it.
    verdict
        What you found.
    connect
        The connection file.
    json_
        Print JSON.
    """
    with connected(connect) as officer:
        found = officer.review_emergency(emergency, verdict)
    print_one(found, _emergency, lambda one: [_line(one)], json_=json_)
    return 0


def _line(one: Emergency) -> str:
    state = f"{one.verdict}, by {one.reviewed_by}" if one.verdict else f"review due {one.review_due.isoformat()}"
    who = f"{one.institution}/{one.person}"
    return f"{one.id}  {one.opened_at.isoformat()}  {who} under {one.grant} for {one.purpose}; {state}"


def _emergency(one: Emergency) -> dict[str, object]:
    return {
        "id": one.id,
        "grant": one.grant,
        "institution": one.institution,
        "person": one.person,
        "purpose": one.purpose,
        "why": one.why,
        "opened_at": one.opened_at,
        "ends_at": one.ends_at,
        "review_due": one.review_due,
        "reviewed_by": one.reviewed_by,
        "reviewed_at": one.reviewed_at,
        "verdict": one.verdict,
    }


def _report(found: Report) -> dict[str, object]:
    return {
        "institution": found.institution,
        "allowed": found.allowed,
        "refused": found.refused,
        "lines": [
            {
                "person": line.person,
                "purpose": line.purpose,
                "dataset": line.dataset,
                "disclosure": line.disclosure,
                "outcome": line.outcome,
                "reason": line.reason,
                "count": line.count,
            }
            for line in found.lines
        ],
        "rho": str(found.rho),
        "delta": str(found.delta),
        "trials": dict(found.trials),
        "emergencies": [_emergency(one) for one in found.emergencies],
        "overdue": found.overdue,
    }
