"""`gateway key escrow`: the master keys, sealed to an agent."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.keys.escrow import fingerprint
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.cli.files import new_file, read_file
from gateway.cli.key.opening import apart, secret_of, told
from gateway.cli.signing import x25519_public_key


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
    apart(out, file)
    key = x25519_public_key(read_file(agent, "--agent"), str(agent))
    secret = secret_of(secret_file)
    with new_file(out) as stream, told("nothing was sealed"):
        stream.write(KeyKeeper.open(file, secret).escrow(key))
    print(f"Sealed {out} to the agent {fingerprint(key)}. It opens {file} until the next rotation.")
