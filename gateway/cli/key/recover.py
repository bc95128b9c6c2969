"""`gateway key recover`: open a key file whose secret is lost, with an escrow."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.adapters.keys.recovery import recover as recovered
from gateway.cli.connection import read_private
from gateway.cli.key.opening import read_file, secret_of, told
from gateway.cli.mistake import Mistake


def recover(file: Path, /, *, escrow: Path, agent_key: Path, out: Path, secret_file: Path | None = None) -> None:
    """Make a key file with another secret from one whose secret is lost. The old file stays as it is.

    Parameters
    ----------
    file
        The key file whose secret is lost, with its list of destructions beside it.
    escrow
        What `gateway key escrow` wrote since the last rotation.
    agent_key
        The agent's private key, X25519, PEM without a password.
    out
        The key file to make. One that exists is never replaced.
    secret_file
        A file with the new secret; left out, it is asked for.
    """
    pem = read_private(agent_key, "--agent-key")
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Mistake(f"{agent_key} holds no private key in PEM without a password") from None
    if not isinstance(key, X25519PrivateKey):
        raise Mistake(f"{agent_key} holds no X25519 private key")
    sealed = read_file(escrow, "--escrow")
    with told("nothing was recovered"):
        recovered(file, sealed, key, out, secret_of(secret_file, new=True))
    print(f"Made {out} with the new secret. Make an escrow and a back-up of it, and erase {file}.")
