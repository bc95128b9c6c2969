"""The keys that the settings name, opened with their secret."""

from __future__ import annotations

from gateway.adapters.keys.ring import FileKeyRing
from gateway.settings import Settings
from gateway.wiring.files import read_secret


def open_keys(settings: Settings) -> FileKeyRing:
    """Open the key file. Its secret is stretched first, which takes a good part of a start and needs no interpreter.

    Raises:
        InvalidSettings: the file of the secret cannot be read, or is readable by others.
        Fault: KEYS_UNAVAILABLE.
    """
    secret = read_secret(settings.keys.secret_file, "keys.secret_file")
    keys = FileKeyRing.open(settings.keys.file, secret.strip())
    keys.signer.signing_keys()  # a key that could not be made would fail each release, after its charge
    return keys
