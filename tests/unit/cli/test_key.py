"""`gateway key`: what each command does, says and refuses."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.app import run
from gateway.model.errors import Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import KeyUse
from tests.unit.cli.key_keeper import SECRET, Keeper, agent_of, of_no_known_kind, write_secret

TAX = PseudonymDomain("hztax", "subsidy-check")
MONTH = PseudonymDomain("hztax", "subsidy-check", "2026-11")
NAMED = ("--recipient", "hztax", "--purpose", "subsidy-check")


@pytest.fixture
def keeper(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keeper:
    def type_in(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    type_in("")
    write_secret(tmp_path / "secret", SECRET)
    ring = FileKeyRing.create(tmp_path / "keys", SECRET.encode(), 2**15)
    for domain in (TAX, MONTH):
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    assert run(("key", "officer", "--out", str(tmp_path / "officer.pem"))) == 0
    (tmp_path / "officer.pub").write_text(capsys.readouterr().out.removeprefix("key: ").strip())
    return Keeper(tmp_path, capsys, type_in)


def lost(ring: FileKeyRing, domain: PseudonymDomain) -> bool:
    try:
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    except Fault:
        return True
    return False


def test_init_makes_a_file_of_the_suite_with_a_secret_that_is_typed(keeper: Keeper) -> None:
    for name in ("keys", "keys.destroyed"):
        (keeper.folder / name).unlink()
    assert keeper.run("init", "--suite", "sm3", secret="") == 2
    keeper.type_in("too short\n")
    assert keeper.run("init", "--suite", "sm4", secret="") == 2
    assert "16 to 4096" in keeper.err
    assert not keeper.keys.exists()
    keeper.type_in(SECRET + "\n")
    assert keeper.run("init", "--suite", "sm4", secret="") == 0
    assert keeper.ring().suite is CipherSuite.SM4
    assert "Copy it by gateway key backup alone" in keeper.out


def test_status_shows_names_and_versions_and_no_key(keeper: Keeper) -> None:
    said = keeper.status()
    assert said["suite"] == "aes"
    assert [(one["version"], one["state"], one["readable_until"]) for one in said["versions"]] == [(1, "newest", None)]
    assert [one["epoch"] for one in said["domains"]] == ["", "2026-11"]
    assert (said["destroyed"], said["back_ups"], said["escrows"]) == ([], [], [])
    wrapped = [
        item["wrapped"] for name in ("masters", "domains") for item in json.loads(keeper.keys.read_bytes())[name]
    ]
    assert len(wrapped) == 3
    shown = keeper.out
    keeper.type_in(SECRET + "\n")
    assert keeper.run("status", secret="") == 0
    assert "hztax for subsidy-check, epoch 2026-11" in keeper.out
    assert not any(one[:16] in shown + keeper.out for one in wrapped)


@pytest.mark.parametrize("command", [("status",), ("rotate", "--finish")], ids=lambda command: command[0])
def test_without_its_secret_nothing_is_done(keeper: Keeper, command: tuple[str, ...]) -> None:
    write_secret(keeper.folder / "other", "another secret of the same length")
    assert keeper.run(*command, secret="other") == 2
    assert "secret is not the one" in keeper.err
    assert keeper.run(*command, secret="nowhere") == 2
    assert "openssl rand" in keeper.err
    keeper.keys.chmod(0o644)
    assert keeper.run(*command) == 2
    assert "0600" in keeper.err
    keeper.keys.chmod(0o600)
    (keeper.folder / "secret").chmod(0o640)
    assert keeper.run(*command) == 2
    assert "others than its owner can use the secret file. Run chmod 600" in keeper.err


def test_rotate_makes_a_version_and_says_how_long_the_old_one_lasts(keeper: Keeper) -> None:
    assert keeper.run("rotate", "--readable-for", "30d", "--json") == 0
    said = json.loads(keeper.out)
    assert (said["newest"], said["erased"]) == (2, [])
    assert keeper.ring().versions() == (2, 1)
    assert [one["state"] for one in keeper.status()["versions"]] == ["newest", "readable"]
    assert keeper.run("rotate", "--readable-for", "12h") == 0
    assert "Version 3 makes tokens" in keeper.out
    assert keeper.run("rotate", "--readable-for", "0d") == 0
    assert "Erased for good: version 1, 2, 3." in keeper.out
    assert keeper.ring().versions() == (4,)
    assert keeper.run("rotate", "--finish") == 0
    assert keeper.ring().versions() == (4,)


@pytest.mark.parametrize("options", [(), ("--finish", "--readable-for", "1d"), ("--readable-for", "soon")])
def test_rotate_wants_a_span_or_the_end(keeper: Keeper, options: tuple[str, ...]) -> None:
    before = keeper.keys.read_bytes()
    assert keeper.run("rotate", *options) == 2
    assert keeper.keys.read_bytes() == before


def test_destroy_asks_back_and_writes_a_certificate_that_verifies(keeper: Keeper) -> None:
    keeper.type_in("hztax\n")
    assert keeper.destroy(*NAMED) == 2
    assert "nothing was destroyed" in keeper.err
    assert not lost(keeper.ring(), TAX)
    assert not (keeper.folder / "certificate").exists()
    keeper.type_in("hztax subsidy-check\n")
    assert keeper.destroy(*NAMED) == 0
    assert lost(keeper.ring(), TAX) and lost(keeper.ring(), MONTH)
    certificate = keeper.folder / "certificate"
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o600
    officer = (keeper.folder / "officer.pub").read_text()
    assert run(("key", "verify", str(certificate), "--officer", officer)) == 0
    assert "hztax for subsidy-check, all epochs: destroyed" in keeper.capsys.readouterr().out
    certificate.write_bytes(certificate.read_bytes().replace(b"hztax", b"hzedu"))
    assert run(("key", "verify", str(certificate))) == 1
    assert run(("key", "verify", str(keeper.folder / "nowhere"))) == 2


def test_destroy_of_one_epoch_leaves_the_rest_and_what_is_gone_is_certified_again(keeper: Keeper) -> None:
    assert keeper.run("backup", "--out", keeper.folder / "copy", "--until", "2999-01-01") == 0
    assert keeper.destroy(*NAMED, "--epoch", "2026-11", "--yes", "--json") == 0
    assert json.loads(keeper.out)["epochs"] == ["2026-11"]
    assert lost(keeper.ring(), MONTH) and not lost(keeper.ring(), TAX)
    keys = keeper.keys.read_bytes()
    assert keeper.destroy(*NAMED, "--epoch", "2026-11", "--yes", out="second") == 0
    assert "not any more" in keeper.out and "Perhaps held by the back-up" in keeper.out
    assert keeper.keys.read_bytes() == keys
    first, second = (json.loads((keeper.folder / name).read_bytes()) for name in ("certificate", "second"))
    assert second["gone"] == [] and first["gone"] == [first["asked"]] == [second["asked"]]
    assert second["key_file"]["before"] == second["key_file"]["after"] == first["key_file"]["after"]
    assert second["back_ups"] == first["back_ups"] != []


def test_destroy_of_what_was_never_made_sees_that_it_never_is(keeper: Keeper) -> None:
    hzedu = ("--recipient", "hzedu", "--purpose", "enrolment", "--yes")
    before = keeper.keys.read_bytes()
    assert keeper.destroy(*hzedu) == 2
    assert keeper.keys.read_bytes() == before
    assert keeper.destroy(*hzedu, "--never-made") == 0
    assert "There was no secret of it" in keeper.out
    assert lost(keeper.ring(), PseudonymDomain("hzedu", "enrolment", "2026"))
    assert run(("key", "verify", str(keeper.folder / "certificate"))) == 0


@pytest.mark.parametrize(
    "named",
    [
        ("", "subsidy-check"),
        ("hztax", ""),
        ("hztax ", "subsidy-check"),
        ("join:", "subsidy-check"),
        ("hztax", "join:subsidy-check"),
        ("hztax", "subsidy-check", "2026-13"),
        ("hztax", "subsidy-check", "2026-02-30"),
        ("hztax", "subsidy-check", "0000"),
        ("hztax", "subsidy-check", "2026-1"),
        ("hztax", "subsidy-check", "20261122"),
    ],
    ids="/".join,
)
def test_what_is_no_name_is_not_destroyed(keeper: Keeper, named: tuple[str, ...]) -> None:
    before = keeper.keys.read_bytes()
    options = [part for pair in zip(("--recipient", "--purpose", "--epoch"), named, strict=False) for part in pair]
    assert keeper.destroy(*options, "--yes", "--never-made") == 2
    assert " is no " in keeper.err
    assert keeper.keys.read_bytes() == before
    assert not (keeper.folder / "certificate").exists()


@pytest.mark.parametrize(
    ("named", "near"),
    [
        (("hztx", "subsidy-check"), "Did you mean 'hztax for subsidy-check'?"),
        (("hztax", "subsidy-chek", "2026-11"), "Did you mean 'hztax for subsidy-check, epoch 2026-11'?"),
        (("hztax", "subsidy-check", "2025-11"), "Did you mean 'hztax for subsidy-check, epoch 2026-11'?"),
    ],
    ids=["recipient", "purpose", "epoch"],
)
def test_a_slip_of_the_pen_destroys_nothing_and_is_told_what_is_near(
    keeper: Keeper, named: tuple[str, ...], near: str
) -> None:
    before = keeper.keys.read_bytes()
    options = [part for pair in zip(("--recipient", "--purpose", "--epoch"), named, strict=False) for part in pair]
    assert keeper.destroy(*options, "--yes") == 2
    assert near in keeper.err and "--never-made" in keeper.err
    assert keeper.keys.read_bytes() == before


def test_the_domain_of_a_join_is_destroyed_by_its_id(keeper: Keeper) -> None:
    join = PseudonymDomain(f"join:{'0a' * 16}", "investigation")
    keeper.ring().working_key(join, KeyUse.TOKEN_BLOCK, "text")
    assert keeper.destroy("--recipient", join.recipient, "--purpose", join.purpose, "--yes") == 0
    assert "Destroyed, with 1 secret. " in keeper.out
    assert lost(keeper.ring(), join)


def test_destroy_destroys_nothing_where_it_cannot_certify(keeper: Keeper) -> None:
    assert keeper.destroy(*NAMED, "--yes", out="nowhere/certificate") == 2
    (keeper.folder / "taken").touch()
    assert keeper.destroy(*NAMED, "--yes", out="taken") == 2
    (keeper.folder / "officer.pem").chmod(0o644)
    assert keeper.destroy(*NAMED, "--yes") == 2
    (keeper.folder / "officer.pem").write_text("no key")
    (keeper.folder / "officer.pem").chmod(0o600)
    assert keeper.destroy(*NAMED, "--yes") == 2
    assert not lost(keeper.ring(), TAX)


def test_the_gateway_s_own_domain_is_not_destroyed(keeper: Keeper) -> None:
    own = ("--recipient", "purpose-gateway", "--purpose", "audit-manifest")
    assert keeper.destroy(*own, "--yes") == 2
    assert "the gateway's own keys are not destroyed" in keeper.err
    assert not (keeper.folder / "certificate").exists()


def test_a_back_up_comes_back_without_what_was_destroyed_and_certificates_name_it(keeper: Keeper) -> None:
    copy = keeper.folder / "copy"
    assert keeper.run("backup", "--out", copy, "--until", "2999-01-01") == 0
    assert keeper.run("backup", "--out", copy, "--until", "2999-01-01") == 2
    assert keeper.run("backup", "--out", keeper.folder / "past", "--until", "2020-01-01") == 2
    assert not (keeper.folder / "past").exists()
    assert len(keeper.status()["back_ups"]) == 1
    assert keeper.destroy(*NAMED, "--yes") == 0
    assert "Still held by the back-up" in keeper.out and "2999-01-01" in keeper.out
    assert keeper.run("restore", "--back-up", copy) == 2
    assert "never overwritten" in keeper.err
    keeper.keys.unlink()
    assert keeper.run("restore", "--back-up", copy) == 0
    assert "Destroyed again: 2 secrets." in keeper.out
    assert lost(keeper.ring(), TAX)


def test_where_the_list_is_lost_certificates_destroy_again(keeper: Keeper) -> None:
    copy = keeper.folder / "copy"
    assert keeper.run("backup", "--out", copy, "--until", "2999-01-01") == 0
    assert keeper.destroy(*NAMED, "--yes") == 0
    keeper.keys.unlink()
    (keeper.folder / "keys.destroyed").unlink()
    certificate = keeper.folder / "certificate"
    assert keeper.run("restore", "--back-up", copy, "--certificate", certificate) == 2
    assert "missing" in keeper.err
    assert keeper.run("restore", "--back-up", copy, "--list-is-lost", "--certificate", keeper.folder / "secret") == 2
    assert keeper.run("restore", "--back-up", copy, "--list-is-lost", "--certificate", certificate) == 0
    assert "begins anew" in keeper.err
    assert lost(keeper.ring(), TAX)


def test_an_escrow_recovers_a_file_whose_secret_is_lost(keeper: Keeper) -> None:
    agent = X25519PrivateKey.generate()
    public, private, sealed, new = (keeper.folder / name for name in ("agent.pub", "agent.pem", "sealed", "new"))
    public.write_bytes(agent.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private.touch(mode=0o600)
    private.write_bytes(agent.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = keeper.ring().working_key(TAX, KeyUse.TOKEN_BLOCK, "text")
    assert keeper.run("escrow", "--agent", keeper.folder / "officer.pem", "--out", sealed) == 2
    assert keeper.run("escrow", "--agent", keeper.folder / "nowhere", "--out", sealed) == 2
    assert not sealed.exists()
    assert keeper.run("escrow", "--agent", public, "--out", sealed) == 0
    assert [one["opens_this_file"] for one in keeper.status()["escrows"]] == [True]
    write_secret(keeper.folder / "fresh", "another secret, and a longer one")
    given = ("--escrow", sealed, "--agent-key", private, "--out", new)
    assert keeper.run("recover", "--escrow", sealed, "--agent-key", public, "--out", new, secret="fresh") == 2
    assert keeper.run("recover", *given, secret="fresh") == 0
    recovered = FileKeyRing.open(new, b"another secret, and a longer one")
    assert recovered.working_key(TAX, KeyUse.TOKEN_BLOCK, "text") == key
    assert keeper.run("recover", *given, secret="fresh") == 2
    assert KeyKeeper.open(keeper.keys, SECRET.encode()).document().suite is CipherSuite.AES


def test_a_recovered_file_stays_whatever_its_name_is(keeper: Keeper) -> None:
    public, private = agent_of(keeper.folder)
    sealed, new = keeper.folder / "sealed", keeper.folder / "keys.new"
    assert keeper.run("escrow", "--agent", public, "--out", sealed) == 0
    assert keeper.run("recover", "--escrow", sealed, "--agent-key", private, "--out", new) == 0
    recovered = new.read_bytes()
    keeper.ring().destroy(TAX)  # writes both files of the old name
    assert new.read_bytes() == recovered
    assert FileKeyRing.open(new, SECRET.encode()).domains() == (TAX, MONTH)


@pytest.mark.parametrize("name", ["keys", "keys.destroyed", "keys.lock", f".keys.{'0' * 32}.part"])
def test_nothing_is_made_under_a_name_that_belongs_to_the_key_file(keeper: Keeper, name: str) -> None:
    public, private = agent_of(keeper.folder)
    sealed = keeper.folder / "sealed"
    assert keeper.run("escrow", "--agent", public, "--out", sealed) == 0
    before = {one.name: one.read_bytes() for one in keeper.folder.iterdir()}
    taken = ("--out", keeper.folder / "." / name)
    assert keeper.run("recover", "--escrow", sealed, "--agent-key", private, *taken) == 2
    assert "belongs to" in keeper.err
    assert keeper.run("backup", "--until", "2999-01-01", *taken) == 2
    assert "belongs to" in keeper.err
    assert keeper.run("escrow", "--agent", public, *taken) == 2
    assert "belongs to" in keeper.err
    assert keeper.destroy(*NAMED, "--yes", out=name) == 2
    assert "belongs to" in keeper.err
    assert {one.name: one.read_bytes() for one in keeper.folder.iterdir()} == before


@pytest.mark.parametrize("kind", ["text", "of no known kind", "behind a password", "an officer's"])
def test_an_agent_s_key_that_is_none_is_a_mistake(keeper: Keeper, kind: str) -> None:
    pem = {
        "text": b"no key",
        "of no known kind": of_no_known_kind(),
        "behind a password": X25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        ),
        "an officer's": (keeper.folder / "officer.pem").read_bytes(),
    }[kind]
    agent = keeper.folder / "agent.pem"
    agent.touch(mode=0o600)
    agent.write_bytes(pem)
    assert keeper.run("recover", "--escrow", agent, "--agent-key", agent, "--out", keeper.folder / "new") == 2
    assert "holds no X25519 private key" in keeper.err
    assert keeper.run("escrow", "--agent", agent, "--out", keeper.folder / "sealed") == 2
    assert "holds no X25519 public key" in keeper.err
    assert not (keeper.folder / "sealed").exists()
