"""Opening a key file whose secret is lost, with an escrow of its master keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.adapters.keys import derivation, destructions, file_format, form
from gateway.adapters.keys import escrow as key_escrow
from gateway.adapters.keys.files import fault, faulting, load, locked
from gateway.adapters.keys.store import DEFAULT_N, Opener, new_stretching, refuse_existing, write_files


@faulting
def recover(path: Path, escrow: bytes, agent: X25519PrivateKey, to: Path, secret: bytes, n: int = DEFAULT_N) -> None:
    """Make a key file with another secret from one whose secret is lost. The old file stays as it is.

    Args:
        path: the key file, with its list of destructions beside it.
        escrow: what `KeyKeeper.escrow` returned since the last rotation.
        to: where the key file of the new secret is made.
        n: the work factor of scrypt, as for `FileKeyRing.create`.

    Raises:
        Fault: KEYS_UNAVAILABLE; a note says why. A file that exists is never replaced.
    """
    held = key_escrow.unseal(escrow, agent)
    document, body, _ = file_format.read(load(path)[1])
    if any(master.version not in held.masters for master in document.masters):
        raise fault("the escrow was made before the last rotation, and does not hold the newest master key")
    if document.newest.version != max(held.masters):
        # agents of before a rotation hold the key that such a file would be authenticated under
        raise fault("the key file is from before the last rotation: bring the newer one back")
    recovery_key = derivation.recovery_key(held.masters[document.newest.version])
    if not form.recovered(body, recovery_key):
        raise fault("the escrow is not of this key file, or the file was altered")
    listed = destructions.load_list(path, recovery_key, recovering=True)
    if listed is None or not listed.records.tombstones.cover_all(document.tombstones):
        raise fault("the list of destructions beside the key file is missing, or older than it")
    stretching = new_stretching(secret, n)
    opener = Opener.of(secret, stretching)
    masters = tuple(
        replace(master, wrapped=derivation.wrap(opener.wrapping_key, held.masters[master.version]))
        for master in document.masters
    )
    made = replace(document, stretching=stretching, masters=masters).knowing(listed.records)
    with locked(to):
        refuse_existing(to)
        write_files(to, made, opener)
