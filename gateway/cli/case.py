"""`gateway case`: the keepers of a register open and close cases."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.connection import connected
from gateway.cli.days import day_of


def open_(
    register: str,
    number: str,
    institution: str,
    /,
    *,
    ends_on: str = "",
    connect: Path | None = None,
    json_: bool = False,
) -> int:
    """Open a case for an institution: its number opens what a grant ties to it.

    Parameters
    ----------
    register
        The register, as the policy calls it.
    number
        The number of the case, in the form that the register declares.
    institution
        Who may use the number.
    ends_on
        The last day it is open, YYYY-MM-DD; left out, until it is closed.
    connect
        The connection file.
    json_
        Print JSON.
    """
    last = day_of(ends_on, "--ends-on") if ends_on else None
    with connected(connect) as keeper:
        case = keeper.open_case(register, number, institution, last)
    if json_:
        told = {
            "register": case.register,
            "number": case.number,
            "institution": case.institution,
            "opened_at": case.opened_at,
            "ends_on": case.ends_on,
            "recorded_by": case.recorded_by,
        }
        print_json(told)
    else:
        until = "until it is closed" if case.ends_on is None else f"until {case.ends_on}"
        print(f"{case.number} is open for {case.institution} {until}.")
    return 0


def close(register: str, number: str, institution: str, /, *, connect: Path | None = None) -> int:
    """Close a case: what it opened is shut from now on, streams that run included.

    Parameters
    ----------
    register
        The register, as the policy calls it.
    number
        The number of the case.
    institution
        For whom it was opened.
    connect
        The connection file.
    """
    with connected(connect) as keeper:
        keeper.close_case(register, number, institution)
    print(f"{number} is closed for {institution}.")
    return 0
