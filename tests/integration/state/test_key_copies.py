"""Escrows and certificates: what an agent can and cannot do, and what a certificate says of copies."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.accountability import jcs
from gateway.adapters.keys import derivation, destructions, file_format
from gateway.adapters.keys import escrow as key_escrow
from gateway.adapters.keys.certificate import certify, verify
from gateway.adapters.keys.document import Records
from gateway.adapters.keys.form import CodeKeys
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.recovery import recover
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse
from tests.conformance.ports.still_clock import StillClock

SECRET, NEW = b"correct horse battery staple", b"another secret altogether"
TAX = PseudonymDomain("hztax", "subsidy-check")
POLICE = PseudonymDomain("hzpb", "investigation")
AGENT = X25519PrivateKey.generate()
OFFICER = Ed25519PrivateKey.generate()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def path(tmp_path: Path, clock: StillClock) -> Path:
    path = tmp_path / "keys"
    ring = FileKeyRing.create(path, SECRET, n=2**15, clock=clock)
    for domain in (TAX, POLICE, AUDIT_DOMAIN):
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    return path


@pytest.fixture
def keeper(path: Path, clock: StillClock) -> KeyKeeper:
    return KeyKeeper.open(path, SECRET, clock)


def refused(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as caught:
        attempt()
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    return "".join(caught.value.__notes__)


def test_an_escrow_opens_a_file_whose_secret_is_lost_with_every_key_as_it_was(
    path: Path, keeper: KeyKeeper, clock: StillClock
) -> None:
    keeper.rotate(timedelta(days=30))
    old = FileKeyRing.open(path, SECRET, clock)
    escrow = keeper.escrow(AGENT.public_key())
    old.destroy(POLICE)
    to = path.with_name("new")
    recover(path, escrow, AGENT, to, NEW, n=2**15)
    new = FileKeyRing.open(to, NEW, clock)
    assert new.versions() == old.versions() == (2, 1)
    for version in (2, 1):
        asked = (TAX, KeyUse.TOKEN_BLOCK, "text", version)
        assert new.working_key(*asked) == old.working_key(*asked)
    own = (AUDIT_DOMAIN, KeyUse.CONSENT, "text")
    assert new.working_key(*own) == old.working_key(*own)
    with pytest.raises(Fault):
        new.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text")
    refused(lambda: FileKeyRing.open(to, SECRET))
    assert "never overwritten" in refused(lambda: recover(path, escrow, AGENT, to, NEW, n=2**15))
    document = KeyKeeper.open(to, NEW, clock).document()
    assert [document.opened_by(one) for one in document.escrows] == [True]
    again = path.with_name("again")
    recover(to, escrow, AGENT, again, SECRET, n=2**15)
    assert FileKeyRing.open(again, SECRET, clock).working_key(*own) == old.working_key(*own)


def test_an_escrow_of_versions_that_a_restore_undid_is_not_said_to_open_the_file(
    path: Path, keeper: KeyKeeper, clock: StillClock
) -> None:
    first = path.read_bytes()
    clock.pass_by(60)
    keeper.rotate(timedelta(days=30))
    escrow = keeper.escrow(AGENT.public_key())
    path.write_bytes(first)

    def opens() -> list[bool]:
        document = KeyKeeper.open(path, SECRET, clock).document()
        return [document.opened_by(one) for one in document.escrows]

    assert opens() == [False]
    assert "from before the last rotation" in refused(lambda: recover(path, escrow, AGENT, path.with_name("to"), NEW))
    clock.pass_by(60)
    keeper.rotate(timedelta(days=30))  # another master key of the same version
    assert opens() == [False]
    refused(lambda: recover(path, escrow, AGENT, path.with_name("to"), NEW))


def test_an_escrow_does_not_bring_back_what_an_older_key_file_still_has(path: Path, keeper: KeyKeeper) -> None:
    escrow, older = keeper.escrow(AGENT.public_key()), path.read_bytes()
    keeper.destroy(POLICE)
    path.write_bytes(older)
    to = path.with_name("new")
    recover(path, escrow, AGENT, to, NEW, n=2**15)
    new = FileKeyRing.open(to, NEW)
    assert POLICE not in new.domains()
    with pytest.raises(Fault):
        new.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text")


def forge(path: Path, escrow: bytes, keeper: KeyKeeper) -> tuple[bytes, bytes]:
    """Return a key file and a list without any destruction, authenticated by what an escrow holds."""
    held = key_escrow.unseal(escrow, AGENT)
    newest = max(held.masters)
    keys = CodeKeys(bytes(32), derivation.recovery_key(held.masters[newest]))
    document = keeper.document()
    masters = tuple(replace(one, readable_until=None) for one in document.masters if one.version == newest)
    made = replace(document, masters=masters, tombstones=Tombstones())
    return file_format.write(made, keys), destructions.write(Records(), keys)


def test_an_agent_s_codes_count_neither_for_who_has_the_secret_nor_for_the_next_agent(
    path: Path, keeper: KeyKeeper
) -> None:
    ring, listed, to = FileKeyRing.open(path, SECRET), path.with_name("keys.destroyed"), path.with_name("to")
    old = keeper.escrow(AGENT.public_key())
    keeper.rotate(timedelta(days=30))
    new = keeper.escrow(AGENT.public_key())
    keeper.destroy(POLICE)
    sound = path.read_bytes(), listed.read_bytes()
    forged = {escrow: forge(path, escrow, keeper) for escrow in (old, new)}
    for escrow, (keys, names) in forged.items():
        for files in ((keys, sound[1]), (sound[0], names), (keys, names)):
            path.write_bytes(files[0])
            listed.write_bytes(files[1])
            refused(lambda: FileKeyRing.open(path, SECRET))
            refused(lambda: ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text"))
            if escrow is old:
                refused(lambda: recover(path, new, AGENT, to, NEW, n=2**15))
    path.write_bytes(sound[0])
    listed.write_bytes(sound[1])
    recover(path, new, AGENT, to, NEW, n=2**15)
    assert set(FileKeyRing.open(to, NEW).domains()) == {TAX, AUDIT_DOMAIN}


def test_who_died_while_rotating_leaves_files_that_the_next_who_opens_them_makes_whole(
    path: Path, keeper: KeyKeeper
) -> None:
    escrow, before = keeper.escrow(AGENT.public_key()), path.read_bytes()
    keeper.rotate(timedelta(0))
    path.write_bytes(before)  # the list was written, and the key file was not
    to = path.with_name("to")
    refused(lambda: recover(path, escrow, AGENT, to, NEW, n=2**15))
    key = FileKeyRing.open(path, SECRET).working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    recover(path, escrow, AGENT, to, NEW, n=2**15)
    assert FileKeyRing.open(to, NEW).working_key(TAX, KeyUse.TOKEN_BLOCK, "text") == key


def test_an_escrow_holds_no_secret_of_a_domain_and_shows_no_key(path: Path, keeper: KeyKeeper) -> None:
    escrow = keeper.escrow(AGENT.public_key())
    told = json.loads(escrow)
    assert told.keys() == {"kind", "agent", "made_at", "versions", "sealed"}
    assert told["agent"] == hashlib.sha256(AGENT.public_key().public_bytes_raw()).hexdigest()
    held = key_escrow.unseal(escrow, AGENT)
    assert held.masters.keys() == {1}
    assert held.masters[1].hex() not in escrow.decode()
    # one key of 32 bytes for each version, and nothing else
    masters: list[jcs.Json] = [{"version": 1, "key": held.masters[1].hex()}]
    plain = jcs.encode({"masters": masters})
    assert len(base64.b64decode(told["sealed"])) == len(plain) + 32 + 16


def test_an_escrow_opens_for_its_agent_alone_and_not_if_it_was_altered(path: Path, keeper: KeyKeeper) -> None:
    escrow = keeper.escrow(AGENT.public_key())
    to = path.with_name("new")
    refused(lambda: recover(path, escrow, X25519PrivateKey.generate(), to, NEW, n=2**15))
    told = json.loads(escrow)
    for name, value in (("made_at", "2020-01-01T00:00:00.000000Z"), ("versions", [1, 2]), ("sealed", "AAAA")):
        altered = jcs.encode(told | {name: value})
        refused(partial(recover, path, altered, AGENT, to, NEW, 2**15))
    refused(lambda: recover(path, b"{}", AGENT, to, NEW, n=2**15))
    assert not to.exists()


def test_an_escrow_of_before_a_rotation_or_of_another_file_opens_nothing(
    path: Path, keeper: KeyKeeper, tmp_path: Path
) -> None:
    escrow = keeper.escrow(AGENT.public_key())
    document = keeper.document()
    assert [document.opened_by(one) for one in document.escrows] == [True]
    to = tmp_path / "new"
    other = tmp_path / "other"
    FileKeyRing.create(other, SECRET, n=2**15)
    assert "not of this key file" in refused(lambda: recover(other, escrow, AGENT, to, NEW, n=2**15))
    keeper.rotate(timedelta(days=30))
    document = keeper.document()
    assert [document.opened_by(one) for one in document.escrows] == [False]
    assert "before the last rotation" in refused(lambda: recover(path, escrow, AGENT, to, NEW, n=2**15))
    fresh = keeper.escrow(AGENT.public_key())
    path.with_name("keys.destroyed").unlink()
    assert "missing" in refused(lambda: recover(path, fresh, AGENT, to, NEW, n=2**15))
    assert not to.exists()


def test_a_certificate_says_what_was_destroyed_when_and_what_copies_hold(
    path: Path, keeper: KeyKeeper, clock: StillClock
) -> None:
    day = clock.now().date()
    before_the_year = keeper.back_up(day + timedelta(days=90))
    clock.pass_by(60)
    year = PseudonymDomain("hztax", "subsidy-check", "2026")
    FileKeyRing.open(path, SECRET, clock).working_key(year, KeyUse.TOKEN_BLOCK, "text")
    keeper.escrow(AGENT.public_key())
    held = keeper.back_up(day + timedelta(days=60))
    past = keeper.back_up(day + timedelta(days=1))
    clock.pass_by(3 * 86400)
    assert len(keeper.document().back_ups) == 3
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    certificate = json.loads(certify(keeper.destroy(year), OFFICER))
    assert certificate["asked"] == {"recipient": "hztax", "purpose": "subsidy-check", "epoch": "2026"}
    assert certificate["gone"] == [certificate["asked"]]
    assert certificate["key_file"] == {"before": before, "after": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert certificate["destroyed_at"] == clock.now().isoformat(timespec="microseconds") + "Z"
    assert [one["agent"] for one in certificate["escrows"]] == [key_escrow.fingerprint(AGENT.public_key())]
    # not the one whose time has passed, nor the one from before the secret was made
    assert [(one["digest"], one["until"]) for one in certificate["back_ups"]] == [
        (hashlib.sha256(held).hexdigest(), (day + timedelta(days=60)).isoformat())
    ]
    both = json.loads(certify(keeper.destroy(TAX), OFFICER))
    assert [one["digest"] for one in both["back_ups"]] == [
        hashlib.sha256(copy).hexdigest() for copy in (before_the_year, held)
    ]
    assert hashlib.sha256(past).hexdigest() not in json.dumps(both)


def test_what_is_not_there_is_certified_with_every_back_up_that_could_hold_it(
    keeper: KeyKeeper, clock: StillClock
) -> None:
    copy = keeper.back_up(clock.now().date() + timedelta(days=90))
    nobody = PseudonymDomain("nobody", "nothing")
    first, again = keeper.destroy(nobody), keeper.destroy(nobody)
    assert first.gone == again.gone == ()
    assert first.before != first.after == again.before == again.after
    keeper.destroy(TAX)
    for destruction in (first, again, keeper.destroy(TAX)):
        assert [one.digest for one in destruction.back_ups] == [hashlib.sha256(copy).hexdigest()]
        assert verify(certify(destruction, OFFICER)).domain == destruction.asked


def test_the_gateway_s_own_domain_is_not_destroyed(keeper: KeyKeeper) -> None:
    with pytest.raises(Fault) as caught:
        keeper.destroy(AUDIT_DOMAIN)
    assert caught.value.reason is ErrorReason.INTERNAL


def test_a_certificate_fits_its_signature_and_names_who_signed(keeper: KeyKeeper) -> None:
    found = verify(certify(keeper.destroy(TAX), OFFICER))
    assert found.domain == TAX
    assert base64.b64decode(found.officer) == OFFICER.public_key().public_bytes_raw()


ALTERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "domain": lambda body: body["asked"].update(recipient="hzpb"),
    "time": lambda body: body.update(destroyed_at="2020-01-01T00:00:00.000000Z"),
    "back-ups": lambda body: body["back_ups"].pop(),
    "digest": lambda body: body["key_file"].update(after="00" * 32),
    "officer": lambda body: body.update(
        officer=base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    ),
    "no officer": lambda body: body.update(officer="AA=="),
    "signature": lambda body: body.update(signature=base64.b64encode(bytes(64)).decode()),
    "no signature": lambda body: body.pop("signature"),
    "no base64": lambda body: body.update(signature="!"),
    "kind": lambda body: body.update(kind="another"),
    "more": lambda body: body.update(note="x"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_certificate_that_was_altered_does_not_fit(keeper: KeyKeeper, name: str) -> None:
    keeper.back_up(date(2999, 1, 1))
    body = json.loads(certify(keeper.destroy(TAX), OFFICER))
    ALTERATIONS[name](body)
    with pytest.raises(ValueError):
        verify(jcs.encode(body))
