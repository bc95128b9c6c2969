"""Somebody who looks after a key file by `gateway key`, and the files that this takes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.app import run

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Keeper:
    """Somebody who looks after a key file. `out` and `err` are what the last command printed."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    type_in: Callable[[str], None]
    out: str = ""
    err: str = ""

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    def run(self, command: str, *arguments: str | Path, secret: str = "secret") -> int:
        """Run a command on the key file, with the secret's file unless told otherwise."""
        secrets = ("--secret-file", str(self.folder / secret)) if secret else ()
        code = run(("key", command, str(self.keys), *map(str, arguments), *secrets))
        self.out, self.err = self.capsys.readouterr()
        assert "Traceback" not in self.err
        assert SECRET not in self.out + self.err
        return code

    def destroy(self, *arguments: str, out: str = "certificate") -> int:
        """Run `destroy` with an officer's key."""
        own = ("--officer-key", self.folder / "officer.pem", "--out", self.folder / out)
        return self.run("destroy", *arguments, *own)

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        assert self.run("status", "--json") == 0, self.err
        said: dict[str, Any] = json.loads(self.out)
        return said

    def ring(self) -> FileKeyRing:
        return FileKeyRing.open(self.keys, SECRET.encode())


def write_secret(path: Path, secret: str) -> None:
    """Write a secret for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(secret + "\n")


def agent_of(folder: Path) -> tuple[Path, Path]:
    """Make an agent's public and private key."""
    agent = X25519PrivateKey.generate()
    public, private = folder / "agent.pub", folder / "agent.pem"
    public.write_bytes(agent.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private.touch(mode=0o600)
    private.write_bytes(agent.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public, private


def of_no_known_kind() -> bytes:
    """Return the PEM of a private key of an algorithm that nobody has."""
    # an Ed25519 key whose algorithm is another: id-Ed25519 is 1.3.101.112, and 1.3.101.127 is nobody's
    told = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    body = base64.encodebytes(told.replace(b"\x2b\x65\x70", b"\x2b\x65\x7f"))
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"
