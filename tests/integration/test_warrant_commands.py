"""The commands `gateway link` and `gateway reidentify` against a running gateway."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.adapters.dev_ca import write_private
from gateway.cli.app import run
from gateway.model.calendar import city_day
from tests.integration.site import Site, utc_now, values_of
from tests.integration.warrants import AUDITOR, BUREAU, REASON, REQUESTER, Warrants, Who, officers_file


@pytest.fixture
def hall(new_site: Site) -> Warrants:
    keys = officers_file(new_site.policies)
    new_site.start()
    return Warrants(new_site, keys)


def command(hall: Warrants, who: Who, *arguments: str) -> tuple[int, str, str]:
    """Run a command of the gateway as somebody."""
    folder, (institution, person) = hall.site.folder, who
    token = folder / f"{person}.token"
    write_private(token, hall.site.token(institution, person).encode())
    (folder / f"{person}.toml").write_text(
        f'address = "{hall.site.target}"\nca = "ca.pem"\ncertificate = "{institution}.pem"\n'
        f'key = "{institution}.key"\ntoken_file = "{token.name}"\n'
    )
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*arguments, "--connect", str(folder / f"{person}.toml")])
    return code, out.getvalue(), err.getvalue()


def said(hall: Warrants, who: Who, *arguments: str) -> Any:
    """What a command that works says in JSON."""
    code, out, err = command(hall, who, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def key_file(hall: Warrants, who: Who) -> str:
    path = hall.site.folder / f"{who[1]}.officer.pem"
    if not path.exists():
        write_private(path, hall.keys[who].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def test_a_join_is_proposed_signed_and_ended(hall: Warrants) -> None:
    until = (city_day(utc_now()) + timedelta(days=7)).isoformat()
    sides = ("--first", "police:epidemic-tracing", "--second", "health-commission:epidemic-tracing")
    what = ("health_cases", "resident_id", *sides, "--for", "contact-matching", "--reason", REASON, "--until", until)
    # what is proposed with another's key waits unsigned, and the officer is told so
    code, out, err = command(hall, BUREAU, "link", "propose", *what, "--officer-key", key_file(hall, AUDITOR))
    (unsigned,) = said(hall, BUREAU, "link", "list")
    assert code == 5 and out == "" and "SIGNATURE_INVALID" in err and unsigned["approvals"] == []
    assert f"Join {unsigned['id']} is proposed, and not signed" in err
    assert f"gateway link approve {unsigned['id']}" in err and f"gateway link end {unsigned['id']}" in err
    signed = said(hall, BUREAU, "link", "propose", *what, "--officer-key", key_file(hall, BUREAU))
    join = signed["id"]
    assert [one["officer"] for one in signed["approvals"]] == ["data-bureau/chen.jie"] and not signed["in_force"]
    code, _, err = command(hall, BUREAU, "link", "approve", join, "--officer-key", key_file(hall, BUREAU))
    assert code == 5 and "SECOND_OFFICER_REQUIRED" in err
    code, out, err = command(hall, AUDITOR, "link", "approve", join)
    assert code == 0 and REASON in out and "by data-bureau/chen.jie\n" in out and "not signed" in err
    assert "not in force: 1 more officer has to sign it" in out
    shown = said(hall, AUDITOR, "link", "approve", join, "--officer-key", key_file(hall, AUDITOR))
    assert [one["officer"] for one in shown["approvals"]] == ["data-bureau/chen.jie", "audit-bureau/wu.min"]
    with hall.stack:
        assert hall.link("police", join)
    code, out, _ = command(hall, AUDITOR, "link", "list")
    assert code == 0 and join in out and "audit-bureau/wu.min" in out
    assert "  in force until" in out and "not in force: 2 more officers have to sign it" in out
    code, out, _ = command(hall, BUREAU, "link", "end", join)
    assert code == 0 and "its keys were destroyed" in out and "in force" not in out
    for again in (("end", join), ("approve", join, "--officer-key", key_file(hall, BUREAU))):
        code, _, err = command(hall, BUREAU, "link", *again)
        assert code == 5 and "ENTRY_NOT_FOUND" in err and "ended already" in err
    code, _, err = command(hall, BUREAU, "link", "propose", *what[:2], "--first", "police", *what[4:])
    assert code == 2 and "RECIPIENT:PURPOSE" in err


def test_a_token_is_asked_for_signed_and_collected(hall: Warrants, tmp_path: Path) -> None:
    with hall.stack:
        tokens = hall.tokens("health-commission")[:2]
    given, answer = tmp_path / "tokens.txt", tmp_path / "answer.pem"
    given.write_text("\n".join([*tokens, "forged"]) + "\n")
    files = ("--key-file", str(answer), "--tokens-file", str(given))
    what = ("health_cases", "contact-warning", "--by", "resident_id", "--tokens-of", "epidemic-tracing")
    why = ("--for", "contact-warning", "--reason", "somebody is in danger", "--case-number", "YQ-2026-0007")
    code, _, err = command(hall, REQUESTER, "reidentify", "ask", *what, *why[:4], *files)
    assert code == 5 and "CASE_NUMBER_REQUIRED" in err and "--case-number" in err and "YQ-9999-9999" in err
    code, _, err = command(hall, REQUESTER, "reidentify", "ask", *what, *why[:4], "--case-number", "YQ-7", *files)
    assert code == 5 and "CASE_NUMBER_REQUIRED" in err and "--case-number" in err
    many = tmp_path / "many.txt"
    many.write_text("forged\n" * 6)
    code, _, err = command(hall, REQUESTER, "reidentify", "ask", *what, *why, *files[:3], str(many))
    assert code == 5 and "CAP_EXCEEDED" in err and "at most 5 subjects at a time" in err and not answer.exists()
    asked = said(hall, REQUESTER, "reidentify", "ask", *what, *why, *files)["id"]
    assert answer.stat().st_mode & 0o077 == 0
    code, _, err = command(hall, REQUESTER, "reidentify", "ask", *what, *why, *files)
    assert code == 2 and "never overwritten" in err
    code, _, err = command(hall, REQUESTER, "reidentify", "collect", asked, *files)
    assert code == 5 and "REIDENTIFICATION_NOT_APPROVED" in err
    for who in (AUDITOR, BUREAU):
        assert asked in command(hall, who, "reidentify", "list")[1]
        said(hall, who, "reidentify", "approve", asked, "--officer-key", key_file(hall, who))
    other = tmp_path / "other.pem"
    key = X25519PrivateKey.generate()
    write_private(other, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    code, _, err = command(hall, REQUESTER, "reidentify", "collect", asked, "--key-file", str(other), *files[2:])
    assert code == 2 and f"{other} is not the key" in err and "Nothing was collected" in err
    code, out, _ = command(hall, REQUESTER, "reidentify", "collect", asked, *files)
    people = out.split("\n")
    assert code == 0 and people[2:] == ["", ""]
    assert set(people[:2]) <= set(values_of(hall.site.data, "health_cases", "resident_id"))
    code, _, err = command(hall, REQUESTER, "reidentify", "collect", asked, *files)
    assert code == 5 and "REIDENTIFICATION_COLLECTED" in err
