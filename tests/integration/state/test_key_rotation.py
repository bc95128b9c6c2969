"""Rotation: new tokens under a new master at once, old ones readable for a while, old masters gone for good."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from gateway.adapters.keys import derivation, file_format
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.store import Opener
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse
from tests.conformance.ports.still_clock import StillClock

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
MONTH = PseudonymDomain("hztax", "subsidy-check", "2026-11")
ROOT = Path(__file__).parents[3]
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def ring(path: Path, clock: StillClock) -> FileKeyRing:
    return FileKeyRing.create(path, SECRET, n=2**15, clock=clock)


@pytest.fixture
def keeper(ring: FileKeyRing, path: Path, clock: StillClock) -> KeyKeeper:
    return KeyKeeper.open(path, SECRET, clock)


def key(ring: FileKeyRing, version: int | None = None, domain: PseudonymDomain = TAX) -> bytes:
    return ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text", version)


def unreadable(ring: FileKeyRing, version: int) -> bool:
    try:
        key(ring, version)
    except Fault as fault:
        assert fault.reason is ErrorReason.KEYS_UNAVAILABLE
        return True
    return False


def test_a_rotation_makes_other_keys_and_leaves_the_old_ones_to_read_with(
    ring: FileKeyRing, keeper: KeyKeeper, path: Path, clock: StillClock
) -> None:
    old, month = key(ring), key(ring, domain=MONTH)
    assert keeper.rotate(30 * DAY) == 2
    for each in (ring, FileKeyRing.open(path, SECRET, clock)):
        assert each.versions() == (2, 1)
        assert key(each) == key(each, 2)
        assert key(each) not in (old, month)
        assert (key(each, 1), key(each, 1, MONTH)) == (old, month)


def test_when_the_window_closes_the_old_version_is_refused_also_where_its_keys_are_at_hand(
    ring: FileKeyRing, keeper: KeyKeeper, clock: StillClock
) -> None:
    key(ring)
    keeper.rotate(30 * DAY)
    new = key(ring)
    key(ring, 1)  # at hand from now on
    clock.pass_by(30 * 86400 - 1)
    assert not unreadable(ring, 1)
    clock.pass_by(1)
    assert unreadable(ring, 1)
    assert ring.versions() == (2,)
    assert key(ring) == key(ring, 2) == new


@pytest.mark.parametrize("by", ["finish", "the next write"])
def test_a_master_whose_window_closed_is_erased(
    ring: FileKeyRing, keeper: KeyKeeper, path: Path, clock: StillClock, by: str
) -> None:
    key(ring)
    wrapped = json.loads(path.read_bytes())["masters"][0]["wrapped"]
    keeper.rotate(DAY)
    keeper.finish()
    assert wrapped in path.read_text()  # its window is open
    clock.pass_by(86400)
    if by == "finish":
        keeper.finish()
    else:
        key(ring, domain=MONTH)
    assert [master.version for master in keeper.document().masters] == [2]
    assert [item.name for item in path.parent.iterdir() if wrapped in item.read_text()] == []
    assert unreadable(ring, 1)


def test_secrets_are_wrapped_anew_and_the_old_master_opens_none(
    ring: FileKeyRing, keeper: KeyKeeper, path: Path
) -> None:
    for domain in (TAX, MONTH):
        key(ring, domain=domain)
    before, _, _ = file_format.read(path.read_bytes())
    keeper.rotate(DAY)
    after, _, _ = file_format.read(path.read_bytes())
    opener = Opener.of(SECRET, after.stretching)
    old, new = (derivation.unwrap(opener.wrapping_key, master.wrapped) for master in after.masters)
    assert old == derivation.unwrap(opener.wrapping_key, before.newest.wrapped)
    for was, item in zip(before.secrets, after.secrets, strict=True):
        assert derivation.unwrap(new, item.wrapped) == derivation.unwrap(old, was.wrapped)
        with pytest.raises(InvalidUnwrap):
            derivation.unwrap(old, item.wrapped)


def test_the_gateway_s_own_keys_and_those_of_noise_stay_through_every_rotation(
    ring: FileKeyRing, keeper: KeyKeeper, path: Path, clock: StillClock
) -> None:
    asked = [(TAX, KeyUse.PERTURB), (MONTH, KeyUse.PERTURB)]
    before = [ring.working_key(domain, use, "text") for domain, use in asked]
    keeper.rotate(DAY)  # the own secret is made under the second version, those before were under the first
    own = [(AUDIT_DOMAIN, use) for use in KeyUse]
    before += [ring.working_key(domain, use, "text") for domain, use in own]
    asked += own
    for _ in range(3):
        keeper.rotate(DAY)
        clock.pass_by(2 * 86400)
        keeper.finish()
    assert [master.version for master in keeper.document().masters] == [2, 5]
    for each in (ring, FileKeyRing.open(path, SECRET, clock)):
        assert [each.working_key(domain, use, "text") for domain, use in asked] == before
        assert each.versions() == (5,)
        assert unreadable(each, 2)  # for everybody else


def test_no_rotation_opens_a_window_again(ring: FileKeyRing, keeper: KeyKeeper, clock: StillClock) -> None:
    key(ring)
    keeper.rotate(30 * DAY)
    keeper.rotate(10 * DAY)
    assert ring.versions() == (3, 2, 1)
    clock.pass_by(10 * 86400)
    assert ring.versions() == (3,)
    keeper.rotate(90 * DAY)
    assert ring.versions() == (4, 3)
    keeper.rotate(timedelta(0))
    assert ring.versions() == (5,)
    with pytest.raises(Fault):
        keeper.rotate(-DAY)
    assert ring.versions() == (5,)


def test_a_destroyed_domain_stays_destroyed_through_a_rotation(ring: FileKeyRing, keeper: KeyKeeper) -> None:
    key(ring)
    ring.destroy(TAX)
    keeper.rotate(DAY)
    assert unreadable(ring, 1) and unreadable(ring, 2)


def test_a_process_that_has_the_file_open_makes_new_tokens_at_its_next_use(path: Path) -> None:
    ring = FileKeyRing.create(path, SECRET, n=2**15)
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.keys.ring import FileKeyRing;"
        "from gateway.model.pseudonym import PseudonymDomain; from gateway.ports import KeyUse\n"
        "ring = FileKeyRing.open(Path(sys.argv[1]), sys.argv[2].encode())\n"
        "for line in sys.stdin:\n"
        "    keys = [ring.working_key(PseudonymDomain('hztax', 'subsidy-check'), KeyUse.TOKEN_BLOCK, 'text', version)\n"
        "            for version in (None, *ring.versions())]\n"
        "    print(*(key.hex() for key in keys), flush=True)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path), SECRET.decode()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def ask() -> list[str]:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("\n")
        return child.stdout.readline().split()

    try:
        old = key(ring).hex()
        assert ask() == [old, old]
        KeyKeeper.open(path, SECRET).rotate(DAY)
        new = key(ring).hex()
        assert ask() == [new, new, old]
        KeyKeeper.open(path, SECRET).rotate(timedelta(0))
        newest = key(ring).hex()
        assert ask() == [newest, newest]
    finally:
        child.communicate(timeout=30)
