"""`gateway key verify`: hold a certificate of destruction against its signature."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.adapters.keys.certificate import verify as verified
from gateway.cli.codes import FINE, FOUND
from gateway.cli.files import read_file
from gateway.cli.key.domains import shown
from gateway.cli.signing import at


def verify(certificate: Path, /, *, officer: str = "") -> int:
    """Hold a certificate of destruction against its signature, and say what it says.

    Parameters
    ----------
    certificate
        The file that `gateway key destroy` wrote.
    officer
        The public key of the officer who must have signed, base64, as officers.yaml has it.
    """
    try:
        found = verified(read_file(certificate, "the certificate"))
    except ValueError as error:
        print(f"gateway: {certificate}: {error}.", file=sys.stderr)
        return FOUND
    if officer and officer != found.officer:
        print(f"gateway: {certificate}: another key signed it: {found.officer}.", file=sys.stderr)
        return FOUND
    epochs = "" if found.domain.epoch else ", all epochs"
    print(f"{shown(found.domain)}{epochs}: destroyed at {at(found.at)}; signed by {found.officer}.")
    return FINE
