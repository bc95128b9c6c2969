"""Key files of format 1: read as they are, and upgraded when they are next written, without another token."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.ring import FileKeyRing
from gateway.model.errors import Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
ENDED = PseudonymDomain("hzcdc", "tracing")

# Written by the last version that wrote format 1, with the two keys that it gave.
WRITTEN = (
    '{"authentication":"5f8d6c4daa0ff09d459c404759fbe24063101e5fb351ad5e01afe4b29f4a6a1b",'
    '"destroyed":[{"purpose":"tracing","recipient":"hzcdc"}],'
    '"domains":[{"epoch":1,"master":1,"purpose":"subsidy-check","recipient":"hztax",'
    '"wrapped":"e70554da2ace020a99ec6248ece1df5f509b3507d9f25b4fbd71da2a7b236f0ca7042d1bf8f41f65"},'
    '{"epoch":1,"master":1,"purpose":"audit-manifest","recipient":"purpose-gateway",'
    '"wrapped":"16255c6a1d31a1277f1f7194524db85db9c14029433bd4c33b7561c1fb123477f2adc08fc23b088c"}],'
    '"format":1,"master":{"version":1,'
    '"wrapped":"225753d70f34d56ceaa0c847cef9dd639f21f2eeb7c517ba70bfddc04b9ef9b9e44ddc82c93d3fd2"},'
    '"stretching":{"n":32768,"name":"scrypt","p":1,"r":8,"salt":"73d2b74d8e440d8750c570d57cf2aef0"}}\n'
)
BLOCK = (
    "e67b7e16486232ce63d397b5954611d6683d61130602bc51fe724f23adecfbd2"
    "61b22d75deaed8a7409786f8d322da7883c28537776ab1ebe7fdcd5282d5adf7"
)
CONSENT = (
    "35fc43f7212622309a2211712ab5e2158a5462a305e055496a23ad7ff9a7c9a2"
    "4c3e39ee68f5adafdb0b91e2dace22bf1a540de657d2e535ab94d4f9a25faa93"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(WRITTEN)
    return path


def held(ring: FileKeyRing) -> list[str]:
    return [
        ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "resident-id").hex(),
        ring.working_key(AUDIT_DOMAIN, KeyUse.CONSENT, "person/resident-id").hex(),
    ]


def test_a_file_of_format_1_gives_the_keys_it_always_gave_and_is_not_written(path: Path) -> None:
    ring = FileKeyRing.open(path, SECRET)
    assert held(ring) == [BLOCK, CONSENT]
    assert ring.suite is CipherSuite.AES
    assert ring.versions() == (1,)
    assert path.read_text() == WRITTEN
    assert sorted(item.name for item in path.parent.iterdir()) == ["keys.json"]
    with pytest.raises(Fault):
        ring.working_key(ENDED, KeyUse.TOKEN_BLOCK, "text")


def test_the_next_write_upgrades_it_and_every_opening_goes_on(path: Path) -> None:
    first, second = FileKeyRing.open(path, SECRET), FileKeyRing.open(path, SECRET)
    renewed = first.working_key(PseudonymDomain("hztax", "subsidy-check", "2026"), KeyUse.TOKEN_BLOCK, "resident-id")
    body = json.loads(path.read_bytes())
    assert body["format"] == 2
    assert [master["encoding"] for master in body["masters"]] == [1]
    listed = json.loads(path.with_name("keys.json.destroyed").read_bytes())
    assert listed["destroyed"]["domains"] == [{"recipient": "hzcdc", "purpose": "tracing", "epoch": ""}]
    for ring in (first, second, FileKeyRing.open(path, SECRET)):
        assert held(ring) == [BLOCK, CONSENT]
        assert renewed.hex() not in (BLOCK, CONSENT)
        with pytest.raises(Fault):
            ring.working_key(ENDED, KeyUse.TOKEN_BLOCK, "text")


def test_a_rotation_changes_new_tokens_alone(path: Path) -> None:
    ring = FileKeyRing.open(path, SECRET)
    KeyKeeper.open(path, SECRET).rotate(timedelta(days=30))
    assert ring.versions() == (2, 1)
    assert ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "resident-id", 1).hex() == BLOCK
    fresh, own = held(ring)
    assert fresh != BLOCK
    assert own == CONSENT


def test_an_older_copy_of_format_1_does_not_bring_a_domain_back(path: Path) -> None:
    FileKeyRing.open(path, SECRET).destroy(TAX)
    path.write_text(WRITTEN)
    ring = FileKeyRing.open(path, SECRET)
    assert TAX not in ring.domains()
    with pytest.raises(Fault):
        ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "resident-id")
    assert "e70554da2ace020a" not in path.read_text()


def test_another_secret_does_not_open_it(path: Path) -> None:
    with pytest.raises(Fault):
        FileKeyRing.open(path, b"another secret of theirs")
    path.write_text(WRITTEN.replace("hztax", "hzpb"))
    with pytest.raises(Fault):
        FileKeyRing.open(path, SECRET)
