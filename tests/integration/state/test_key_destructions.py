"""A destroyed domain stays destroyed when an older copy of the key file comes back; and where that ends."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.accountability.jcs import Json
from gateway.adapters.keys import destructions, file_format, form
from gateway.adapters.keys.back_up import restore
from gateway.adapters.keys.document import Records
from gateway.adapters.keys.form import CodeKeys
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.recovery import recover
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.store import Opener
from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import KeyUse
from tests.conformance.ports.still_clock import StillClock

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
YEAR = PseudonymDomain("hztax", "subsidy-check", "2026")
POLICE = PseudonymDomain("hzpb", "investigation")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    ring = FileKeyRing.create(path, SECRET, n=2**15)
    for domain in (TAX, YEAR, POLICE):
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    return path


def listed(path: Path) -> Path:
    return path.with_name("keys.destroyed")


def lost(ring: FileKeyRing, domain: PseudonymDomain) -> bool:
    try:
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    except Fault as fault:
        assert fault.reason is ErrorReason.KEYS_UNAVAILABLE
        return True
    return False


def refused(opened: Callable[[], object]) -> str:
    with pytest.raises(Fault) as caught:
        opened()
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    return "".join(caught.value.__notes__)


def copied(path: Path, to: str) -> Path:
    return Path(shutil.copy2(path, path.with_name(to)))


def test_an_older_key_file_brings_no_destroyed_domain_back(path: Path) -> None:
    older = copied(path, "older")
    wrapped = [item["wrapped"] for item in json.loads(path.read_bytes())["domains"]]
    running = FileKeyRing.open(path, SECRET)
    kept = running.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text")
    running.destroy(TAX)
    older.replace(path)
    for ring in (running, FileKeyRing.open(path, SECRET)):
        assert all(lost(ring, domain) for domain in (TAX, YEAR, PseudonymDomain("hztax", "subsidy-check", "2031")))
        assert ring.domains() == (POLICE,)
        assert ring.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text") == kept
    # to open it was to erase again what came back
    assert [one in path.read_text() for one in wrapped] == [False, False, True]


def test_an_older_key_file_of_before_the_domain_was_made_does_not_make_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    ring = FileKeyRing.create(path, SECRET, n=2**15)
    older = copied(path, "older")
    ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    ring.destroy(TAX)
    older.replace(path)
    assert lost(ring, TAX) and lost(FileKeyRing.open(path, SECRET), TAX)


def test_a_domain_that_lives_in_a_newer_back_up_alone_is_destroyed_there_too(path: Path, tmp_path: Path) -> None:
    older, only = copied(path, "older"), PseudonymDomain("hzcdc", "tracing")
    FileKeyRing.open(path, SECRET).working_key(only, KeyUse.TOKEN_BLOCK, "text")
    copy = tmp_path / "copy"
    copy.touch(mode=0o600)
    copy.write_bytes(KeyKeeper.open(path, SECRET).back_up(date(2999, 1, 1)))
    older.replace(path)
    FileKeyRing.open(path, SECRET).destroy(only)
    path.unlink()
    assert restore(copy, path, SECRET) == (only,)
    assert lost(FileKeyRing.open(path, SECRET), only)


def test_expired_epochs_do_not_come_back_either(path: Path) -> None:
    ring = FileKeyRing.open(path, SECRET)
    past = PseudonymDomain("hztax", "subsidy-check", "2025-01")
    ring.working_key(past, KeyUse.TOKEN_BLOCK, "text")
    older = copied(path, "older")
    assert ring.expire_epochs(date(2026, 1, 1)) == (past,)
    older.replace(path)
    assert lost(FileKeyRing.open(path, SECRET), past)
    assert not lost(FileKeyRing.open(path, SECRET), YEAR)


def test_without_its_list_no_key_file_opens(path: Path) -> None:
    older = copied(path, "older")
    FileKeyRing.open(path, SECRET).destroy(TAX)
    older.replace(path)
    listed(path).unlink()
    assert "missing" in refused(lambda: FileKeyRing.open(path, SECRET))
    assert "missing" in refused(lambda: KeyKeeper.open(path, SECRET))


def test_an_older_list_beside_a_newer_key_file_is_refused(path: Path) -> None:
    older = copied(listed(path), "older")
    FileKeyRing.open(path, SECRET).destroy(YEAR)
    older.replace(listed(path))
    assert "older than the key file" in refused(lambda: FileKeyRing.open(path, SECRET))


def test_both_files_of_one_older_day_cannot_be_told_by_themselves(path: Path) -> None:
    """The limit that docs/reference/keys.md states: certificates of destruction are what is left then."""
    older, older_list = copied(path, "older"), copied(listed(path), "older-list")
    FileKeyRing.open(path, SECRET).destroy(TAX)
    older.replace(path)
    older_list.replace(listed(path))
    assert not lost(FileKeyRing.open(path, SECRET), TAX)


def test_a_writer_that_died_between_the_two_files_destroyed_the_domain(path: Path) -> None:
    keys = path.read_bytes()
    ring = FileKeyRing.open(path, SECRET)
    ring.destroy(TAX)
    path.write_bytes(keys)  # the list was written, and the key file was not
    assert lost(ring, TAX)
    ring.working_key(PseudonymDomain("new", "new"), KeyUse.TOKEN_BLOCK, "text")
    assert len(json.loads(path.read_bytes())["domains"]) == 2


TAMPERINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "emptied": lambda body: body["destroyed"].update(domains=[]),
    "another name": lambda body: body["destroyed"]["domains"][0].update(recipient="hzpb"),
    "another day": lambda body: body["destroyed"].update(before="2026-01-01"),
    "without a copy": lambda body: body["back_ups"].pop(),
    "another kind": lambda body: body.update(kind="purpose-gateway destructions 2"),
    "another recovery": lambda body: body.update(recovery="00" * 32),
    "no code": lambda body: body.pop("authentication"),
    "a key too many": lambda body: body.update(note="x"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_list_that_was_altered_is_refused(path: Path, name: str) -> None:
    ring = FileKeyRing.open(path, SECRET)
    ring.destroy(TAX)
    KeyKeeper.open(path, SECRET).back_up(date(2999, 1, 1))
    body = json.loads(listed(path).read_bytes())
    TAMPERINGS[name](body)
    listed(path).write_text(json.dumps(body, sort_keys=True, separators=(",", ":")))
    refused(lambda: FileKeyRing.open(path, SECRET))
    assert lost(ring, POLICE)


def test_the_list_of_other_keys_is_refused(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    FileKeyRing.create(other / "keys", SECRET, n=2**15)  # the same secret, another salt
    listed(other / "keys").replace(listed(path))
    assert "another key file" in refused(lambda: FileKeyRing.open(path, SECRET))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_list_is_refused(path: Path, data: bytes) -> None:
    listed(path).write_bytes(data)
    assert "damaged" in refused(lambda: FileKeyRing.open(path, SECRET))


def test_tombstones_of_epochs_stay_few() -> None:
    whole, epoch = PseudonymDomain("a", "b"), PseudonymDomain("a", "b", "2026-11-20")
    stones = Tombstones(frozenset((epoch,))).including(Tombstones(frozenset((whole,))))
    assert stones.domains == {whole}
    assert Tombstones(frozenset((epoch,))).including(Tombstones(before="2026-11-21")).domains == frozenset()
    assert Tombstones(frozenset((epoch,))).including(Tombstones(before="2026-11-20")).domains == {epoch}
    assert stones.cover_all(Tombstones(frozenset((epoch, whole))))
    assert not Tombstones(frozenset((epoch,))).cover_all(stones)
    assert not stones.cover_all(Tombstones(before="2026-01-01"))


def test_operators_are_told_whose_keys_were_destroyed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring = FileKeyRing.open(path, SECRET)
    ring.destroy(TAX)
    with caplog.at_level(logging.WARNING):
        assert lost(ring, YEAR)
        assert not lost(ring, POLICE)
    assert caplog.messages == [
        "keys refused: those of hztax for subsidy-check were destroyed for good; is a grant of it left?"
    ]


# back-ups


@pytest.fixture
def back_up(path: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    copy.touch(mode=0o600)
    copy.write_bytes(KeyKeeper.open(path, SECRET).back_up(date(2999, 1, 1)))
    return copy


def test_a_back_up_comes_back_with_the_keys_it_had_and_without_what_was_destroyed_since(
    path: Path, back_up: Path
) -> None:
    ring = FileKeyRing.open(path, SECRET)
    kept = ring.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text")
    ring.destroy(TAX)
    refused(lambda: restore(back_up, path, SECRET))  # a key file is there
    path.unlink()
    assert set(restore(back_up, path, SECRET)) == {TAX, YEAR}
    for each in (ring, FileKeyRing.open(path, SECRET)):
        assert lost(each, TAX) and lost(each, YEAR)
        assert each.working_key(POLICE, KeyUse.TOKEN_BLOCK, "text") == kept
    destruction = KeyKeeper.open(path, SECRET).destroy(POLICE)
    assert len(destruction.back_ups) == 1  # the restored file knows of the back-up it came from


def test_copies_made_after_a_back_up_are_known_when_that_one_comes_back(path: Path, back_up: Path) -> None:
    older = path.read_bytes()
    keeper, agent = KeyKeeper.open(path, SECRET), X25519PrivateKey.generate()
    later = keeper.back_up(date(2999, 1, 1))
    escrow = keeper.escrow(agent.public_key())
    known = keeper.document().records
    assert {one.digest for one in known.back_ups} == {
        sha256(copy).hexdigest() for copy in (back_up.read_bytes(), later)
    }
    path.write_bytes(older)  # by hand
    assert KeyKeeper.open(path, SECRET).document().records == known
    path.write_bytes(older)
    recover(path, escrow, agent, path.with_name("recovered"), b"another secret", n=2**15)
    assert KeyKeeper.open(path.with_name("recovered"), b"another secret").document().records == known
    path.unlink()
    restore(back_up, path, SECRET)
    destruction = KeyKeeper.open(path, SECRET).destroy(TAX)
    assert (destruction.back_ups, destruction.escrows) == (known.back_ups, known.escrows)


def test_a_list_without_copies_is_read_and_made_whole(path: Path) -> None:
    KeyKeeper.open(path, SECRET).back_up(date(2999, 1, 1))
    document, body, _ = file_format.read(path.read_bytes())
    opener = Opener.of(SECRET, document.stretching)
    names: dict[str, Json] = {"kind": "purpose-gateway destructions 1", "destroyed": body["destroyed"]}
    listed(path).write_bytes(form.recoverable(names, opener.code_keys(document).of("purpose-gateway destructions 1")))
    assert KeyKeeper.open(path, SECRET).document().back_ups == document.back_ups
    assert len(json.loads(listed(path).read_bytes())["back_ups"]) == 1


def test_a_domain_made_after_the_back_up_has_the_same_keys_in_every_process_when_it_is_made_anew(
    path: Path, back_up: Path
) -> None:
    running, made = FileKeyRing.open(path, SECRET), PseudonymDomain("hzcdc", "tracing")
    before = running.working_key(made, KeyUse.TOKEN_SIV, "text")
    path.unlink()
    restore(back_up, path, SECRET)
    fresh = FileKeyRing.open(path, SECRET)
    for use in (KeyUse.TOKEN_SIV, KeyUse.TOKEN_BLOCK):
        assert fresh.working_key(made, use, "text") == running.working_key(made, use, "text") != before


def test_a_back_up_does_not_come_back_without_the_list_unless_that_is_lost(path: Path, back_up: Path) -> None:
    FileKeyRing.open(path, SECRET).destroy(TAX)
    path.unlink()
    listed(path).unlink()
    assert "missing" in refused(lambda: restore(back_up, path, SECRET))
    assert restore(back_up, path, SECRET, destroyed=[TAX], list_is_lost=True) == (TAX, YEAR)
    ring = FileKeyRing.open(path, SECRET)
    assert lost(ring, TAX) and not lost(ring, POLICE)


def test_a_back_up_does_not_come_back_beside_an_older_list(path: Path, tmp_path: Path) -> None:
    older = copied(listed(path), "older")
    FileKeyRing.open(path, SECRET).destroy(TAX)
    copy = tmp_path / "copy"
    copy.touch(mode=0o600)
    copy.write_bytes(KeyKeeper.open(path, SECRET).back_up(date(2999, 1, 1)))
    path.unlink()
    older.replace(listed(path))
    assert "older than the back-up" in refused(lambda: restore(copy, path, SECRET))


def test_a_back_up_does_not_come_back_after_its_time_or_with_another_secret(path: Path, back_up: Path) -> None:
    clock = StillClock()
    keeper = KeyKeeper.open(path, SECRET, clock)
    day = clock.now().date()
    back_up.write_bytes(keeper.back_up(day + timedelta(days=3)))
    refused(lambda: keeper.back_up(day - timedelta(days=3)))
    path.unlink()
    assert "not the one of this back-up" in refused(lambda: restore(back_up, path, b"another secret", clock=clock))
    clock.pass_by(5 * 86400)
    assert "day that has passed" in refused(lambda: restore(back_up, path, SECRET, clock=clock))
    later = json.loads(back_up.read_bytes()) | {"until": "2999-01-01"}
    back_up.write_text(json.dumps(later, sort_keys=True, separators=(",", ":")))
    assert "altered" in refused(lambda: restore(back_up, path, SECRET, clock=clock))
    assert not path.exists()


def test_the_list_is_not_read_with_the_code_of_anything_else(path: Path) -> None:
    # a back-up, a list and a key file are authenticated under three different keys
    data, own, recovery = Records(), bytes(32), bytes(31) + b"\1"
    listed = destructions.write(data, CodeKeys(own, recovery))
    assert destructions.read(listed, own) == destructions.read(listed, recovery, recovering=True) == data
    for key, recovering in ((recovery, False), (own, True)):
        with pytest.raises(Fault):
            destructions.read(listed, key, recovering=recovering)
