"""`gateway key recover`: open a key file whose secret is lost, with an escrow."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.keys.recovery import recover as recovered
from gateway.cli.files import read_file, read_private
from gateway.cli.key.opening import apart, secret_of, told
from gateway.cli.signing import x25519_key


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
    apart(out, file)
    key = x25519_key(read_private(agent_key, "--agent-key"), str(agent_key))
    sealed = read_file(escrow, "--escrow")
    with told("nothing was recovered"):
        recovered(file, sealed, key, out, secret_of(secret_file, new=True))
    print(f"Made {out} with the new secret. Make a back-up of it, and erase {file}.")
    print(f"The escrow opens {out} as well, until the next rotation.")
