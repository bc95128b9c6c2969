"""`gateway key verify`: hold a certificate of destruction against its signature."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.adapters.keys import form
from gateway.adapters.keys.certificate import verify as verified
from gateway.cli.codes import FINE, FOUND
from gateway.cli.files import read_file
from gateway.cli.key.domains import shown
from gateway.cli.mistake import Mistake
from gateway.cli.signing import at

_KEY_BYTES = 32


def verify(certificate: Path, /, *, officer: str | None = None) -> int:
    """Hold a certificate of destruction against its signature, and say what it says.

    Parameters
    ----------
    certificate
        The file that `gateway key destroy` wrote.
    officer
        The public key of the officer who must have signed, base64, as officers.yaml has it, or a file with it.
    """
    wanted = None if officer is None else _public_key(officer)
    try:
        found = verified(read_file(certificate, "the certificate"))
    except ValueError as error:
        print(f"gateway: {certificate}: {error}.", file=sys.stderr)
        return FOUND
    if wanted is not None and wanted != form.read_base64(found.officer):
        print(f"gateway: {certificate}: another key signed it: {found.officer}.", file=sys.stderr)
        return FOUND
    epochs = "" if found.domain.epoch else ", all epochs"
    print(f"{shown(found.domain)}{epochs}: destroyed at {at(found.at)}; signed by {found.officer}.")
    if wanted is None:
        print(
            "gateway: whose key signed it was not checked: hold it against officers.yaml, or give --officer.",
            file=sys.stderr,
        )
    return FINE


def _public_key(written: str) -> bytes:
    """Return the key that is written, or that stands in a file: in base64, bare or as `gateway key officer` prints it.

    Raises:
        Mistake: it is neither.
    """
    key = _read_key(written)
    try:
        key = key or _read_key(Path(written).read_text("ascii"))
    except (OSError, ValueError):
        key = None
    if key is None:
        raise Mistake(
            "--officer is neither a public key in base64 nor a file with one", "gateway key officer prints it."
        )
    return key


def _read_key(text: str) -> bytes | None:
    try:
        key = form.read_base64(text.strip().removeprefix("key:").strip())
    except ValueError:
        return None
    return key if len(key) == _KEY_BYTES else None
