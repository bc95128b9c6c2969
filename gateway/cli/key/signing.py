"""`gateway key signing`: the public keys that certificates of releases are verified with."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.codes import FINE
from gateway.cli.key.opening import secret_of, told
from gateway.cli.signing import utc
from gateway.client.certificates import SigningKey, write_signing_keys


def signing(file: Path, /, *, secret_file: Path | None = None) -> int:
    """Print the public keys of all that ever signed a release, as the JSON that `gateway release verify` reads.

    Publish them: with them anybody verifies certificates, also those of keys that are retired. Where nothing was signed
    yet, the first key is made.

    Parameters
    ----------
    file
        The key file.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    """
    with told("the key file was not read"):
        keys = FileKeyRing.open(file, secret_of(secret_file)).signer.signing_keys()
    shown = [SigningKey(key.public, key.made_at.replace(tzinfo=UTC), utc(key.retired_at)) for key in keys]
    sys.stdout.write(write_signing_keys(shown).decode())
    return FINE
