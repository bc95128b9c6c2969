"""The key file: what is in it, what is refused, and how processes share it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.keys import derivation, file_format
from gateway.adapters.keys.form import CodeKeys
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import KeyUse
from tests.integration.state import crowd

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
POLICE = PseudonymDomain("hzpb", "investigation")
ENDED = PseudonymDomain("hzcdc", "tracing")
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    ring = FileKeyRing.create(path, SECRET, n=2**15)
    for domain in (TAX, POLICE, ENDED):
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    ring.destroy(ENDED)
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    for one in (original, original.with_name("keys.json.destroyed")):
        copy = tmp_path / one.name
        copy.touch(mode=0o600)
        copy.write_bytes(one.read_bytes())
    return tmp_path / "keys.json"


def refused(path: Path, secret: bytes = SECRET) -> str:
    with pytest.raises(Fault) as caught:
        FileKeyRing.open(path, secret)
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET.decode() not in shown
    return "".join(caught.value.__notes__)


def test_the_file_is_for_its_owner_and_holds_no_key_in_the_clear(path: Path, original: Path) -> None:
    for one in (original, original.with_name("keys.json.destroyed")):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    ring = FileKeyRing.open(path, SECRET)
    key = ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    body = json.loads(path.read_bytes())
    wrapping, _ = derivation.stretch(SECRET, bytes.fromhex(body["stretching"]["salt"]), 2**15, 8, 1)
    master = derivation.unwrap(wrapping, bytes.fromhex(body["masters"][0]["wrapped"]))
    secret = derivation.unwrap(master, bytes.fromhex(body["domains"][0]["wrapped"]))
    info = derivation.key_info(CipherSuite.AES, 1, TAX, "token-block", "text")
    assert key == derivation.working_key(master, secret, info)
    for hidden in (master, secret, wrapping, key):
        assert hidden.hex() not in path.read_text()
    assert len({item["wrapped"] for item in body["domains"]}) == 2


def test_the_default_work_factor_is_at_least_what_is_accepted() -> None:
    assert signature(FileKeyRing.create).parameters["n"].default >= 2**15


def test_another_secret_is_refused_with_a_reason(path: Path) -> None:
    assert "secret is not the one" in refused(path, b"another")
    assert "empty" in refused(path, b"")


def swap(body: dict[str, Any]) -> None:
    one, two = body["domains"]
    one["wrapped"], two["wrapped"] = two["wrapped"], one["wrapped"]


NAME = {"recipient": "hzpb", "purpose": "other", "epoch": ""}
HELD = {"recipient": "hztax", "purpose": "subsidy-check", "epoch": ""}
TAMPERINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "secrets exchanged": swap,
    "domain removed": lambda body: body["domains"].pop(),
    "domain renamed": lambda body: body["domains"][0].update(recipient="hzpb2"),
    "domain doubled": lambda body: body["domains"].append(body["domains"][0]),
    "epoch": lambda body: body["domains"][0].update(epoch="2026"),
    "made under another": lambda body: body["domains"][0].update(made_under=2),
    "suite": lambda body: body.update(suite="sm4"),
    "unknown suite": lambda body: body.update(suite="des"),
    "master": lambda body: body["masters"][0].update(wrapped=body["domains"][0]["wrapped"]),
    "master's version": lambda body: body["masters"][0].update(version=2),
    "master's age": lambda body: body["masters"][0].update(made_at="2020-01-01T00:00:00.000000Z"),
    "master without an age": lambda body: body["masters"][0].pop("made_at"),
    "master's window": lambda body: body["masters"][0].update(readable_until="2999-01-01T00:00:00.000000Z"),
    "masters doubled": lambda body: body["masters"].append(body["masters"][0]),
    "no master": lambda body: body["masters"].pop(),
    "salt": lambda body: body["stretching"].update(salt="00" * 16),
    "weak stretching": lambda body: body["stretching"].update(n=2**14),
    "huge stretching": lambda body: body["stretching"].update(n=2**30),
    "odd stretching": lambda body: body["stretching"].update(n=2**15 + 1),
    "blocks": lambda body: body["stretching"].update(r=1),
    "authentication": lambda body: body.update(authentication="00" * 32),
    "recovery": lambda body: body.update(recovery="00" * 32),
    "no recovery": lambda body: body.pop("recovery"),
    "no authentication": lambda body: body.pop("authentication"),
    "format 1": lambda body: body.update(format=1),
    "format 3": lambda body: body.update(format=3),
    "a key too many": lambda body: body.update(note="x"),
    "no hex": lambda body: body["masters"][0].update(wrapped="xyz"),
    "form": lambda body: body.update(domains={}),
    "tombstone removed": lambda body: body["destroyed"]["domains"].pop(),
    "tombstones removed": lambda body: body.pop("destroyed"),
    "tombstone added": lambda body: body["destroyed"]["domains"].append(NAME),
    "tombstone of a secret": lambda body: body["destroyed"]["domains"].append(HELD),
    "tombstone doubled": lambda body: body["destroyed"]["domains"].append(body["destroyed"]["domains"][0]),
    "tombstone of another form": lambda body: body["destroyed"]["domains"][0].pop("epoch"),
    "tombstones of another form": lambda body: body.update(destroyed=[]),
    "epochs ended": lambda body: body["destroyed"].update(before="2026-01-01"),
    "epochs ended on no day": lambda body: body["destroyed"].update(before="2026"),
    "back-up added": lambda body: body["back_ups"].append({}),
}


def test_a_file_of_a_version_that_was_never_released_is_refused_with_what_to_do(path: Path) -> None:
    body = json.loads(path.read_bytes()) | {"format": 1}
    path.write_text(json.dumps(body, sort_keys=True, separators=(",", ":")))
    path.with_name(path.name + ".destroyed").unlink()
    assert "gateway key init" in refused(path, SECRET)


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_file_that_was_altered_is_refused(path: Path, name: str) -> None:
    ring = FileKeyRing.open(path, SECRET)
    body = json.loads(path.read_bytes())
    TAMPERINGS[name](body)
    path.write_text(json.dumps(body, sort_keys=True, separators=(",", ":")))
    refused(path)
    with pytest.raises(Fault):  # an open ring does not trust it either
        ring.working_key(PseudonymDomain("new", "new"), KeyUse.TOKEN_BLOCK, "text")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"null", b"{" * 5000])
def test_what_is_no_key_file_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert "damaged" in refused(path)


def test_a_cut_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])
    refused(path)


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    assert "0600" in refused(path)


def test_a_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    assert "no key file" in refused(tmp_path / "keys.json")
    assert list(tmp_path.iterdir()) == []


def test_files_that_exist_are_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(Fault) as caught:
        FileKeyRing.create(path, SECRET, n=2**15)
    assert "never overwritten" in caught.value.__notes__[0]
    assert path.read_bytes() == before
    path.unlink()
    with pytest.raises(Fault) as caught:  # nor is the list of other keys
        FileKeyRing.create(path, SECRET, n=2**15)
    assert "move it away" in caught.value.__notes__[0]
    assert not path.exists()


@pytest.mark.parametrize(("secret", "n"), [(b"", 2**15), (SECRET, 2**14), (SECRET, 2**15 + 1)])
def test_no_file_is_made_with_a_weak_secret(tmp_path: Path, secret: bytes, n: int) -> None:
    with pytest.raises(Fault):
        FileKeyRing.create(tmp_path / "keys.json", secret, n=n)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("suite", CipherSuite)
def test_the_suite_is_a_property_of_the_file_and_of_its_keys(tmp_path: Path, suite: CipherSuite) -> None:
    path = tmp_path / "keys.json"
    FileKeyRing.create(path, SECRET, n=2**15, suite=suite)
    ring = FileKeyRing.open(path, SECRET)
    assert ring.suite is suite
    info = [derivation.key_info(one, 1, TAX, "token-block", "text") for one in CipherSuite]
    assert len({*info}) == len(CipherSuite)


def test_processes_that_make_the_same_domains_agree(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.keys.ring import FileKeyRing;"
        "from gateway.model.pseudonym import PseudonymDomain; from gateway.ports import KeyUse;"
        "ring = FileKeyRing.open(Path(sys.argv[1]), sys.argv[2].encode());"
        "[print(ring.working_key(PseudonymDomain(f'r{n}', 'p', f'202{n % 2}'), KeyUse.TOKEN_SIV, 'text').hex())"
        " for n in range(20)]"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), SECRET.decode()],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    outputs = [child.communicate(timeout=60)[0] for child in children]
    assert len(outputs[0].split()) == 20
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(json.loads(path.read_bytes())["domains"]) == 22


def test_no_document_holds_a_secret_and_its_tombstone(path: Path) -> None:
    document, _, _ = file_format.read(path.read_bytes())
    for wrong in (Tombstones(frozenset((TAX,))), Tombstones(frozenset((ENDED, TAX)))):
        with pytest.raises(ValueError, match="destroyed domain"):
            file_format.read(file_format.write(replace(document, tombstones=wrong), CodeKeys(bytes(32), bytes(32))))


def test_destroying_erases_the_secret_from_the_file_and_leaves_a_name(path: Path) -> None:
    before = json.loads(path.read_bytes())
    wrapped = before["domains"][0]["wrapped"]
    ring = FileKeyRing.open(path, SECRET)
    ring.destroy(TAX)
    assert [item.name for item in path.parent.iterdir() if wrapped in item.read_text()] == []
    after = json.loads(path.read_bytes())
    assert after["domains"] == before["domains"][1:]
    tombs = [
        {"recipient": "hzcdc", "purpose": "tracing", "epoch": ""},
        {"recipient": "hztax", "purpose": "subsidy-check", "epoch": ""},
    ]
    assert after["destroyed"] == {"domains": tombs, "before": ""}
    assert json.loads(path.with_name("keys.json.destroyed").read_bytes())["destroyed"] == after["destroyed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_process_that_has_the_file_open_notices_a_destruction_at_its_next_use(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.keys.ring import FileKeyRing;"
        "from gateway.model.errors import Fault; from gateway.model.pseudonym import PseudonymDomain;"
        "from gateway.ports import KeyUse\n"
        "ring = FileKeyRing.open(Path(sys.argv[1]), sys.argv[2].encode())\n"
        "def use(domain):\n"
        "    try: return ring.working_key(domain, KeyUse.TOKEN_BLOCK, 'text').hex()\n"
        "    except Fault as fault: return fault.reason.value\n"
        "for line in sys.stdin: print(use(PseudonymDomain(*line.split())), flush=True)"
    )
    ring = FileKeyRing.open(path, SECRET)
    keys = {domain: ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text").hex() for domain in (TAX, POLICE)}
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path), SECRET.decode()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )

    def ask(domain: PseudonymDomain) -> str:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(f"{domain.recipient} {domain.purpose}\n")
        return child.stdout.readline().strip()

    try:
        assert {domain: ask(domain) for domain in keys} == keys
        ring.destroy(TAX)
        assert [ask(TAX), ask(POLICE)] == ["KEYS_UNAVAILABLE", keys[POLICE]]
        ask(PseudonymDomain("hzedu", "enrolment"))  # it writes, and brings nothing back
        assert PseudonymDomain("hzedu", "enrolment") in ring.domains()
        with pytest.raises(Fault):
            ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    finally:
        child.communicate(timeout=30)
    assert TAX not in FileKeyRing.open(path, SECRET).domains()


def test_processes_that_make_and_destroy_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    FileKeyRing.create(path, crowd.SECRET, n=2**15)
    command = [sys.executable, "-m", "tests.integration.state.crowd", "keys", str(path), "3", "12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=100)
    alive = {name for line in done.stdout.splitlines() for name in json.loads(line)}
    ring = FileKeyRing.open(path, crowd.SECRET)
    assert {domain.recipient for domain in ring.domains()} == alive
    assert len(alive) == 24
    assert len(json.loads(path.read_bytes())["destroyed"]["domains"]) == 12


@pytest.mark.parametrize("name", ["keys.json", "keys.json.destroyed"])
def test_keys_that_are_at_hand_are_not_given_where_a_file_is_gone(path: Path, name: str) -> None:
    ring = FileKeyRing.open(path, SECRET)
    ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    path.with_name(name).unlink()
    with pytest.raises(Fault):
        ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")


def test_what_a_writer_that_died_left_is_cleaned_up_and_nothing_else(path: Path) -> None:
    left = path.with_name(f".{path.name}.{'0a' * 16}.part")
    others = [
        path.with_name(name) for name in (f"{path.name}.new", f".{path.name}.mine.part", f".keys.{'0a' * 16}.part")
    ]
    for one in (left, *others):
        one.write_bytes(b"x")
    FileKeyRing.open(path, SECRET).destroy(TAX)
    assert not left.exists()
    assert [one.read_bytes() for one in others] == [b"x"] * 3
    assert sorted(one.name for one in path.parent.glob(".*.part")) == sorted(one.name for one in others[1:])
