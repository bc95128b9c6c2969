"""The key file: published vectors, one fixed example of ours, and what is refused."""

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
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from hypothesis import given

from gateway.adapters import key_derivation as derivation
from gateway.adapters import key_document
from gateway.adapters.keyring_file import FileKeyRing
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import KeyUse
from tests.conformance.ports.strategies import text
from tests.integration.state import crowd

SECRET = b"correct horse battery staple"
TAX = PseudonymDomain("hztax", "subsidy-check")
POLICE = PseudonymDomain("hzpb", "investigation")
ENDED = PseudonymDomain("hzcdc", "tracing")
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("material", "salt", "info", "length", "expected"),
    [
        (b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42,
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
        (bytes(range(0x50)), bytes(range(0x60, 0xB0)), bytes(range(0xB0, 0x100)), 82,
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
         "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
        (b"\x0b" * 22, b"", b"", 42,
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    ],
)  # fmt: skip
def test_hkdf_gives_the_vectors_of_rfc_5869_a1_to_a3(
    material: bytes, salt: bytes, info: bytes, length: int, expected: str
) -> None:
    assert derivation.hkdf_sha256(salt, material, info, length).hex() == expected


@pytest.mark.parametrize(
    ("key", "wrapped"),
    [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ],
)
def test_wrapping_gives_the_vectors_of_rfc_5649_section_6(key: str, wrapped: str) -> None:
    wrapping = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    assert derivation.wrap(wrapping, bytes.fromhex(key)).hex() == wrapped
    assert derivation.unwrap(wrapping, bytes.fromhex(wrapped)).hex() == key
    altered = bytes([bytes.fromhex(wrapped)[0] ^ 1]) + bytes.fromhex(wrapped)[1:]
    with pytest.raises(InvalidUnwrap):
        derivation.unwrap(wrapping, altered)


def test_stretching_gives_the_vector_of_rfc_7914_section_12() -> None:
    wrapping, mac = derivation.stretch(b"pleaseletmein", b"SodiumChloride", 16384, 8, 1)
    assert (wrapping + mac).hex() == (
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
        "e61e85dc0d651e40dfcf017b45575887"
    )


def test_working_keys_never_change() -> None:
    info = derivation.key_info(TAX, 1, "token-block", "resident-id")
    assert info == (
        b"\0\0\0\x1bpurpose-gateway working key\0\0\0\x011\0\0\0\x0btoken-block\0\0\0\x0bresident-id"
        b"\0\0\0\x0dsubsidy-check\0\0\0\x05hztax\0\0\0\x011"
    )
    key = derivation.working_key(bytes(32), bytes(range(32)), TAX, 1, "token-block", "resident-id")
    assert key == derivation.hkdf_sha256(bytes(32), bytes(range(32)), info, 64)
    assert key.hex() == (
        "ab1d9f07f9265f621bc9629472df78760d6680311e7821d5d47ea0ee5bab8746"
        "bd490ae3ba6381ae7936a3628252bf27c8e00b3b6559fa61ec9970c759357d27"
    )


@given(text, text, text, text, text, text)
def test_no_two_uses_have_equal_bytes(a: str, b: str, c: str, d: str, e: str, f: str) -> None:
    left = derivation.key_info(PseudonymDomain(a, b), 1, c, d)
    right = derivation.key_info(PseudonymDomain(e, f), 1, c, d)
    assert (left == right) == ((a, b) == (e, f))
    # a part cannot flow into its neighbour
    moved = derivation.key_info(PseudonymDomain(a, b), 1, c + d, "")
    assert (left == moved) == (d == "")


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
    copy = tmp_path / "keys.json"
    copy.touch(mode=0o600)
    copy.write_bytes(original.read_bytes())
    return copy


def refused(path: Path, secret: bytes = SECRET) -> str:
    with pytest.raises(Fault) as caught:
        FileKeyRing.open(path, secret)
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET.decode() not in shown
    return "".join(caught.value.__notes__)


def test_the_file_is_for_its_owner_and_holds_no_key_in_the_clear(path: Path, original: Path) -> None:
    assert stat.S_IMODE(original.stat().st_mode) == 0o600
    ring = FileKeyRing.open(path, SECRET)
    key = ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    body = json.loads(path.read_bytes())
    wrapping, _ = derivation.stretch(SECRET, bytes.fromhex(body["stretching"]["salt"]), 2**15, 8, 1)
    master = derivation.unwrap(wrapping, bytes.fromhex(body["master"]["wrapped"]))
    secret = derivation.unwrap(master, bytes.fromhex(body["domains"][0]["wrapped"]))
    assert key == derivation.working_key(master, secret, TAX, 1, "token-block", "text")
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


TAMPERINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "secrets exchanged": swap,
    "domain removed": lambda body: body["domains"].pop(),
    "domain renamed": lambda body: body["domains"][0].update(recipient="hzpb2"),
    "domain doubled": lambda body: body["domains"].append(body["domains"][0]),
    "epoch": lambda body: body["domains"][0].update(epoch=2),
    "master": lambda body: body["master"].update(wrapped=body["domains"][0]["wrapped"]),
    "salt": lambda body: body["stretching"].update(salt="00" * 16),
    "weak stretching": lambda body: body["stretching"].update(n=2**14),
    "huge stretching": lambda body: body["stretching"].update(n=2**30),
    "odd stretching": lambda body: body["stretching"].update(n=2**15 + 1),
    "blocks": lambda body: body["stretching"].update(r=1),
    "authentication": lambda body: body.update(authentication="00" * 32),
    "no authentication": lambda body: body.pop("authentication"),
    "format": lambda body: body.update(format=2),
    "a key too many": lambda body: body.update(note="x"),
    "no hex": lambda body: body["master"].update(wrapped="xyz"),
    "form": lambda body: body.update(domains={}),
    "tombstone removed": lambda body: body["destroyed"].pop(),
    "tombstones removed": lambda body: body.pop("destroyed"),
    "tombstone added": lambda body: body["destroyed"].append({"recipient": "hzpb", "purpose": "other"}),
    "tombstone of a secret": lambda body: body["destroyed"].append({"recipient": "hztax", "purpose": "subsidy-check"}),
    "tombstone doubled": lambda body: body["destroyed"].append(body["destroyed"][0]),
    "tombstone of another form": lambda body: body["destroyed"][0].update(epoch=1),
    "tombstones of another form": lambda body: body.update(destroyed={}),
}


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


def test_a_file_that_exists_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(Fault) as caught:
        FileKeyRing.create(path, SECRET, n=2**15)
    assert "never overwritten" in caught.value.__notes__[0]
    assert path.read_bytes() == before


@pytest.mark.parametrize(("secret", "n"), [(b"", 2**15), (SECRET, 2**14), (SECRET, 2**15 + 1)])
def test_no_file_is_made_with_a_weak_secret(tmp_path: Path, secret: bytes, n: int) -> None:
    with pytest.raises(Fault):
        FileKeyRing.create(tmp_path / "keys.json", secret, n=n)
    assert not (tmp_path / "keys.json").exists()


def test_processes_that_make_the_same_domains_agree(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.keyring_file import FileKeyRing;"
        "from gateway.model.pseudonym import PseudonymDomain; from gateway.ports import KeyUse;"
        "ring = FileKeyRing.open(Path(sys.argv[1]), sys.argv[2].encode());"
        "[print(ring.working_key(PseudonymDomain(f'r{n}', 'p'), KeyUse.TOKEN_SIV, 'text').hex()) for n in range(20)]"
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


@pytest.mark.parametrize("wrong", [(TAX,), (ENDED, ENDED)], ids=["of a secret", "twice"])
def test_no_document_holds_such_tombstones(path: Path, wrong: tuple[PseudonymDomain, ...]) -> None:
    document, _ = key_document.read(path.read_bytes())
    with pytest.raises(ValueError, match="destroyed domain"):
        key_document.read(key_document.write(replace(document, destroyed=wrong), bytes(32)))


def test_a_file_without_tombstones_has_the_form_it_always_had(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ring = FileKeyRing.create(path, SECRET, n=2**15)
    ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    assert json.loads(path.read_bytes()).keys() == {"format", "stretching", "master", "domains", "authentication"}


def test_destroying_erases_the_secret_from_the_file_and_leaves_a_name(path: Path) -> None:
    before = json.loads(path.read_bytes())
    wrapped = before["domains"][0]["wrapped"]
    ring = FileKeyRing.open(path, SECRET)
    ring.destroy(TAX)
    assert [item.name for item in path.parent.iterdir() if wrapped in item.read_text()] == []
    after = json.loads(path.read_bytes())
    assert after["domains"] == before["domains"][1:]
    assert after["destroyed"] == [
        {"recipient": "hzcdc", "purpose": "tracing"},
        {"recipient": "hztax", "purpose": "subsidy-check"},
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_process_that_has_the_file_open_notices_a_destruction_at_its_next_use(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.keyring_file import FileKeyRing;"
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
    assert len(json.loads(path.read_bytes())["destroyed"]) == 12


def test_keys_that_are_at_hand_are_not_given_where_the_file_is_gone(path: Path) -> None:
    ring = FileKeyRing.open(path, SECRET)
    ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    path.unlink()
    with pytest.raises(Fault):
        ring.working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
