"""`gateway key escrow`: the master keys, sealed to an agent."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.adapters.keys.escrow import fingerprint
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.cli.key.opening import new_file, read_file, secret_of, told
from gateway.cli.mistake import Mistake


def escrow(file: Path, /, *, agent: Path, out: Path, secret_file: Path | None = None) -> None:
    """Seal the master keys to an agent, for the day on which the secret is lost. No domain's secret is in it.

    Parameters
    ----------
    file
        The key file.
    agent
        The agent's public key, X25519, PEM.
    out
        The file to write. One that exists is never replaced.
    secret_file
        A file with the secret that opens the key file; left out, it is asked for.
    """
    try:
        key = load_pem_public_key(read_file(agent, "--agent"))
    except (ValueError, UnsupportedAlgorithm):
        raise Mistake(f"{agent} holds no public key in PEM") from None
    if not isinstance(key, X25519PublicKey):
        raise Mistake(f"{agent} holds no X25519 public key", "Make one with openssl genpkey -algorithm X25519.")
    secret = secret_of(secret_file)
    with new_file(out) as stream, told("nothing was sealed"):
        stream.write(KeyKeeper.open(file, secret).escrow(key))
    print(f"Sealed {out} to the agent {fingerprint(key)}. It opens {file} until the next rotation.")
