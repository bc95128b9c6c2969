"""What the commands of re-identification take for a key, before they ask a gateway for anything."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.cli.mistake import Mistake
from gateway.cli.reidentify import collect


def of_no_known_kind() -> bytes:
    # an Ed25519 key whose algorithm is another: id-Ed25519 is 1.3.101.112, and 1.3.101.127 is nobody's
    told = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    body = base64.encodebytes(told.replace(b"\x2b\x65\x70", b"\x2b\x65\x7f"))
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("kind", ["text", "of no known kind", "an officer's"])
def test_a_key_that_nothing_was_sealed_to_is_a_mistake(tmp_path: Path, kind: str) -> None:
    pem = {
        "text": b"no key",
        "of no known kind": of_no_known_kind(),
        "an officer's": Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }[kind]
    file = tmp_path / "answer.pem"
    file.touch(mode=0o600)
    file.write_bytes(pem)
    with pytest.raises(Mistake, match="holds no X25519 private key"):
        collect("0" * 32, key_file=file, tokens_file=tmp_path / "tokens.txt", connect=tmp_path / "none.toml")
