"""`gateway key rotate`: a new master key, and the end of those whose window has closed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from gateway.adapters.keys.keeper import KeyKeeper
from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE
from gateway.cli.key.opening import secret_of, told
from gateway.cli.mistake import Mistake
from gateway.cli.signing import at, utc

_SPAN = re.compile(r"([0-9]{1,5})([dh])", re.ASCII)


def rotate(
    file: Path,
    /,
    *,
    readable_for: str = "",
    finish: bool = False,
    secret_file: Path | None = None,
    json_: bool = False,
) -> int:
    """Make a new master key: tokens are made with it from now on, in every process.

    Parameters
    ----------
    file
        The key file.
    readable_for
        How long tokens made before can still be read: days as "30d", or hours as "12h"; "0d" is not at all.
    finish
        Make no new master key; erase those whose time is over.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    json_
        Print JSON.
    """
    if finish == bool(readable_for):
        raise Mistake("give either --readable-for or --finish", "Such as --readable-for 30d.")
    window = None if finish else _span(readable_for)
    with told("nothing was rotated"):
        keeper = KeyKeeper.open(file, secret_of(secret_file))
        before = [master.version for master in keeper.document().masters]
        newest = None if window is None else keeper.rotate(window)
        keeper.finish()
        document = keeper.document()
    masters = document.masters
    erased = [version for version in before if version not in {master.version for master in masters}]
    if json_:
        versions = [{"version": one.version, "readable_until": utc(one.readable_until)} for one in masters]
        print_json({"newest": masters[-1].version, "versions": versions, "erased": erased})
        return FINE
    if newest is not None:
        print(f"Version {newest} makes tokens from now on.")
        if document.escrows:
            print("Escrows do not open the file any more: make another.")
        print("Make another back-up: those of before do not know this version.")
    for one in masters:
        if one.readable_until is not None:
            print(f"Version {one.version} can be read until {at(one.readable_until)}.")
    if erased:
        print(f"Erased for good: version {', '.join(map(str, erased))}.")
    return FINE


def _span(written: str) -> timedelta:
    match = _SPAN.fullmatch(written)
    if match is None:
        raise Mistake("--readable-for is no span of time", "Write days as 30d, or hours as 12h.")
    number = int(match[1])
    return timedelta(days=number) if match[2] == "d" else timedelta(hours=number)
