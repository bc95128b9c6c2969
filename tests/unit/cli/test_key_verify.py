"""`gateway key officer` and `verify`: an officer's key is made, named, and held against a certificate."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.adapters.keys.certificate import certify
from gateway.adapters.keys.keeper import Destruction
from gateway.cli.app import run
from gateway.cli.signing import officer_key
from gateway.model.pseudonym import PseudonymDomain

TAX = PseudonymDomain("hztax", "subsidy-check")


@dataclass
class Reader:
    """Somebody who was given a certificate and an officer's public line. `out` and `err` are what was printed last."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    def verify(self, *options: str) -> int:
        code = run(("key", "verify", str(self.folder / "certificate"), *options))
        self.out, self.err = self.capsys.readouterr()
        assert "Traceback" not in self.err
        return code


@pytest.fixture
def reader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Reader:
    private = tmp_path / "me.pem"
    assert run(("key", "officer", "--out", str(private))) == 0
    (tmp_path / "me.pub").write_text(capsys.readouterr().out)
    destruction = Destruction(TAX, (TAX,), datetime(2026, 11, 22), "00" * 32, "11" * 32, (), ())
    (tmp_path / "certificate").write_bytes(certify(destruction, officer_key(private)))
    return Reader(tmp_path, capsys)


def test_the_officer_is_named_by_key_by_line_or_by_file(reader: Reader) -> None:
    line = (reader.folder / "me.pub").read_text()
    bare = reader.folder / "bare.pub"
    bare.write_text(line.removeprefix("key: "))
    for officer in (line, line.strip(), bare.read_text().strip(), str(reader.folder / "me.pub"), str(bare)):
        assert reader.verify("--officer", officer) == 0
        assert "hztax for subsidy-check, all epochs: destroyed" in reader.out
        assert reader.err == ""


def test_another_officer_s_key_does_not_pass(reader: Reader) -> None:
    other = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    (reader.folder / "other.pub").write_text(f"key: {other}\n")
    for officer in (other, str(reader.folder / "other.pub")):
        assert reader.verify("--officer", officer) == 1
        assert "another key signed it" in reader.err


@pytest.mark.parametrize("officer", ["", "nowhere.pub", "AAAA", "me.pem", "."])
def test_what_is_no_public_key_is_a_mistake(reader: Reader, officer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reader.folder)
    assert reader.verify("--officer", officer) == 2
    assert "--officer" in reader.err and "gateway key officer" in reader.err
    assert reader.out == ""


def test_who_names_no_officer_is_told_that_the_signer_was_not_checked(reader: Reader) -> None:
    assert reader.verify() == 0
    assert "signed by" in reader.out
    assert "whose key signed it was not checked" in reader.err


def test_who_has_no_key_is_told_how_to_make_one(reader: Reader) -> None:
    missing = reader.folder / "nobody.pem"
    arguments = ("--officer-key", str(missing), "--out", str(reader.folder / "second"))
    assert run(("key", "destroy", str(reader.folder / "keys"), "--recipient", "a", "--purpose", "b", *arguments)) == 2
    assert f"gateway key officer --out {missing}" in reader.capsys.readouterr().err
