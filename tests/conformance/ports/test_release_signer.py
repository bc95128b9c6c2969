"""What every ReleaseSigner does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.model.signing import Signature, SigningKey
from gateway.ports import ReleaseSigner
from tests.conformance.ports.conftest import OpenSigner


def verify(signer: ReleaseSigner, signature: Signature, statement: bytes) -> None:
    (key,) = [one for one in signer.signing_keys() if one.id == signature.key_id]
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature.value, statement)


def test_what_one_opening_signs_every_other_verifies(open_signer: OpenSigner) -> None:
    first, second = open_signer(), open_signer()
    signature = first.sign(b"a statement")
    for signer in (first, second, open_signer()):
        verify(signer, signature, b"a statement")
        with pytest.raises(InvalidSignature):
            verify(signer, signature, b"another statement")
    assert second.sign(b"a statement") == signature  # Ed25519 is deterministic


def test_the_first_key_is_made_once_by_whoever_needs_it(open_signer: OpenSigner) -> None:
    signers = [open_signer() for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: signers[number % 4].signing_keys(), range(16)))
    assert len(set(found)) == 1 and len(found[0]) == 1
    (key,) = found[0]
    assert isinstance(key, SigningKey) and len(key.public) == 32 and key.retired_at is None
