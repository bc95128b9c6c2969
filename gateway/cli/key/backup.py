"""`gateway key backup`: a copy of the key file, kept for a stated time."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.keys.keeper import KeyKeeper
from gateway.cli.days import day_of
from gateway.cli.files import new_file
from gateway.cli.key.opening import apart, secret_of, told


def backup(file: Path, /, *, out: Path, until: str, secret_file: Path | None = None) -> None:
    """Copy the key file with its list of destructions, and enter in it until when the copy is kept.

    Parameters
    ----------
    file
        The key file.
    out
        The file to write. One that exists is never replaced.
    until
        The last day on which the copy is kept, YYYY-MM-DD. Erase it then; it is not restored later.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    """
    apart(out, file)
    last = day_of(until, "--until")
    secret = secret_of(secret_file)
    with new_file(out) as stream, told("no back-up was made"):
        stream.write(KeyKeeper.open(file, secret).back_up(last))
    print(f"Made {out}. Erase it after {last}. The same secret opens it.")
