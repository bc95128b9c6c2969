"""The key that signs releases, through all that happens to a key file: what was signed stays verifiable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.adapters.keys import file_format
from gateway.adapters.keys.back_up import restore
from gateway.adapters.keys.document import SigningPair
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.recovery import recover
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.store import write_files
from gateway.model.calendar import city_day
from gateway.model.errors import Fault
from gateway.model.signing import Signature
from tests.conformance.ports.still_clock import StillClock

SECRET, NEW = b"correct horse battery staple", b"another secret altogether"
SAID = b"a statement"
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def path(tmp_path: Path, clock: StillClock) -> Path:
    FileKeyRing.create(tmp_path / "keys", SECRET, n=2**15, clock=clock)
    return tmp_path / "keys"


Opened = Callable[[], FileKeyRing]


@pytest.fixture
def opened(path: Path, clock: StillClock) -> Opened:
    return lambda: FileKeyRing.open(path, SECRET, clock)


def verified(ring: FileKeyRing, *signatures: Signature) -> list[bool]:
    """Verify by the ring's public keys; tell of each key whether it is retired."""
    keys = {key.id: key for key in ring.signer.signing_keys()}
    for one in signatures:
        Ed25519PublicKey.from_public_bytes(keys[one.key_id].public).verify(one.value, SAID)
    return [keys[one.key_id].retired_at is not None for one in signatures]


def test_a_file_of_before_there_was_such_a_key_keeps_its_bytes_until_one_is_needed(path: Path, opened: Opened) -> None:
    before = path.read_bytes()
    assert b"sign" not in before and b"sign" not in path.with_name("keys.destroyed").read_bytes()
    ring = opened()
    assert path.read_bytes() == before
    signature = ring.signer.sign(SAID)
    assert b"signing" in path.read_bytes() and verified(opened(), signature) == [False]


def test_after_a_rotation_another_key_signs_and_the_private_half_of_the_old_one_is_gone(
    path: Path, opened: Opened, clock: StillClock
) -> None:
    ring, keeper = opened(), KeyKeeper.open(path, SECRET, clock)
    first = ring.signer.sign(SAID)
    old = keeper.document().signing
    keeper.rotate(30 * DAY)
    second = ring.signer.sign(SAID)
    assert first.key_id != second.key_id
    assert verified(opened(), first, second) == [True, False]
    assert old is not None and old.public.hex() in path.read_text() and old.wrapped.hex() not in path.read_text()


def test_an_older_copy_brings_no_retired_key_back_and_loses_no_public_one(
    path: Path, opened: Opened, clock: StillClock
) -> None:
    ring, keeper = opened(), KeyKeeper.open(path, SECRET, clock)
    first, copy = ring.signer.sign(SAID), path.read_bytes()
    back_up = path.with_name("copy")
    back_up.touch(0o600)
    back_up.write_bytes(keeper.back_up(city_day(clock.now()) + DAY))
    clock.pass_by(43_200)
    keeper.rotate(30 * DAY)
    second = ring.signer.sign(SAID)
    path.write_bytes(copy)
    third = opened().signer.sign(SAID)
    # the key of the copy is retired, that of the rotation is lost: another one signs, and all are verified
    assert len({first.key_id, second.key_id, third.key_id}) == 3
    assert verified(opened(), first, second, third) == [True, True, False]
    path.unlink()
    restore(back_up, path, SECRET, clock=clock)
    fourth = opened().signer.sign(SAID)
    assert verified(opened(), first, second, third, fourth) == [True, True, True, False]


def test_it_comes_through_an_escrow(path: Path, opened: Opened, clock: StillClock) -> None:
    agent = X25519PrivateKey.generate()
    signature = opened().signer.sign(SAID)
    escrow = KeyKeeper.open(path, SECRET, clock).escrow(agent.public_key())
    recover(path, escrow, agent, path.with_name("new"), NEW, n=2**15)
    new = FileKeyRing.open(path.with_name("new"), NEW, clock)
    assert new.signer.sign(SAID) == signature and verified(new, signature) == [False]


def test_a_file_whose_key_is_retired_or_unknown_is_refused(path: Path, opened: Opened, clock: StillClock) -> None:
    ring = opened()
    ring.signer.sign(SAID)
    store = ring._store
    document = store.read().document
    assert document.signing is not None
    other = SigningPair(bytes(32), document.signing.wrapped)
    data = file_format.write(replace(document, signing=other), store.code_keys(document))
    path.write_bytes(data)
    with pytest.raises(Fault):
        opened()
    write_files(path, document, store._opener)
    assert opened().signer.sign(SAID)
