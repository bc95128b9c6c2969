"""The same life from the command line: what people read, what programs read, and exit codes that tell things apart."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.integration.policy_life.town_hall import (
    AUTHOR,
    COLOUR,
    KEEPER,
    REVIEWER,
    SECOND,
    TownHall,
    open_town_hall,
    passed,
)


def test_a_policy_goes_its_whole_way_from_the_command_line(hall: TownHall) -> None:
    folder = hall.site.policies
    grants = folder / "grants.csv"
    written = grants.read_text()
    first = hall.said(AUTHOR, "policy", "history")[0]
    assert first["act"] == "first"

    grants.write_text(written.replace(COLOUR, COLOUR.replace(", allow", ", alow")))
    done = hall.command(AUTHOR, "policy", "propose", str(folder), "--note", "a slip")
    assert done.returncode == 3
    assert f"{grants}:{written.splitlines().index(COLOUR) + 1}: 'alow' is not a known effect." in done.stderr

    grants.write_text(written.replace(COLOUR, COLOUR.replace("max_keys=1", "max_keys=3")))
    proposal = hall.said(AUTHOR, "policy", "propose", str(folder), "--note", "three at once")
    for who, arguments in (
        (AUTHOR, ["policy", "publish", proposal["id"]]),
        (AUTHOR, ["policy", "approve", proposal["id"], "--officer-key", str(hall.key_file(AUTHOR))]),
        (SECOND, ["policy", "approve", proposal["id"], "--officer-key", str(hall.key_file(AUTHOR))]),
        (REVIEWER, ["policy", "propose", str(folder), "--note", "no power to"]),
    ):
        done = hall.command(who, *arguments)
        assert done.returncode == 5, done.stderr
        assert done.stderr.startswith("gateway: ") and "Traceback" not in done.stderr

    shown = hall.command(SECOND, "policy", "approve", proposal["id"], "--show-diff")
    assert shown.returncode == 0 and "not signed" in shown.stderr
    assert "  changed: grants.csv" in shown.stdout and "  health_codes in hangzhou" in shown.stdout
    assert f"-{COLOUR}" in shown.stdout.splitlines()
    assert hall.said(SECOND, "policy", "proposals")[0]["approvals"] == []

    signed = hall.said(SECOND, "policy", "approve", proposal["id"], "--officer-key", str(hall.key_file(SECOND)))
    assert signed["signed"] and [one["officer"] for one in signed["approvals"]] == ["data-bureau/sun.hao"]
    published = hall.said(AUTHOR, "policy", "publish", proposal["id"])
    assert published["digest"] == proposal["digest"]

    back = hall.said(AUTHOR, "policy", "rollback", first["digest"], "--note", "one is enough")
    assert hall.command(SECOND, "policy", "review", str(back["number"])).returncode == 0
    history = hall.said(REVIEWER, "policy", "history", "--verify")
    assert [(one["act"], one["verdict"]) for one in history] == [
        ("rolled-back", "not signed by a second officer"),
        ("published", "signed"),
        ("first", "not signed by a second officer"),
    ]
    told = hall.command(REVIEWER, "policy", "history", "--verify", "--count", "2")
    assert told.returncode == 0 and "approved by data-bureau/sun.hao" in told.stdout
    grants.write_text(written)


def test_a_history_that_was_tampered_with_is_noticed(tmp_path: Path, seeded: tuple[Path, Any]) -> None:
    hall = open_town_hall(tmp_path, seeded[0])
    hall.site.start()
    try:
        with hall.officer(AUTHOR) as author:
            files = author.snapshot().files
        passed(hall, {**files, "README.md": files["README.md"] + b"\n"})
        assert hall.command(AUTHOR, "policy", "history", "--verify").returncode == 0
        with sqlite3.connect(hall.site.folder / "state.sqlite", timeout=10) as state:
            table = "policy_publication_approvals"
            assert state.execute(f"UPDATE {table} SET signature = zeroblob(64)").rowcount > 0
        told = hall.command(AUTHOR, "policy", "history", "--verify")
        assert told.returncode == 1 and "the signatures do not fit" in told.stdout
        assert hall.site.stop() == 0
    finally:
        hall.site.kill()


def test_the_environment_says_how_to_reach_a_gateway_too(
    hall: TownHall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gateway.cli.app import run

    for name in ("", "_ADDRESS", "_CA", "_CERTIFICATE", "_KEY", "_TOKEN_FILE"):
        monkeypatch.delenv(f"GATEWAY_CONNECT{name}", raising=False)
    assert run(["policy", "history", "--json"]) == 2
    assert "address, ca, certificate, key, token_file" in capsys.readouterr().err
    monkeypatch.setenv("GATEWAY_CONNECT", str(hall.connection_file(AUTHOR)))
    assert run(["policy", "history", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    monkeypatch.setenv("GATEWAY_CONNECT_ADDRESS", "localhost:1")
    assert run(["policy", "history"]) == 2
    assert "UNREACHABLE" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["key", "token_file"])
def test_secrets_that_others_can_read_are_not_used(hall: TownHall, part: str) -> None:
    file = hall.connection_file(AUTHOR)
    name = f"{AUTHOR[0]}.key" if part == "key" else f"{AUTHOR[0]}.{AUTHOR[1]}.token"
    (hall.site.folder / name).chmod(0o640)
    done = hall.command(REVIEWER, "policy", "history")
    assert done.returncode == 0
    from gateway.cli.connection import connected
    from gateway.cli.mistake import Mistake

    with pytest.raises(Mistake, match=f"{part}: others than its owner"), connected(file):
        pass
    (hall.site.folder / name).chmod(0o600)


def test_an_officer_makes_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import base64

    from gateway.cli.app import run
    from gateway.client import read_officer_key

    out = tmp_path / "me.pem"
    assert run(["key", "officer", "--out", str(out)]) == 0
    line = capsys.readouterr().out.strip()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    public = read_officer_key(out.read_bytes()).public_key().public_bytes_raw()
    assert line == f"key: {base64.b64encode(public).decode()}"
    before = out.read_bytes()
    assert run(["key", "officer", "--out", str(out)]) == 2
    assert out.read_bytes() == before
    assert "never overwritten" in capsys.readouterr().err


def test_consents_are_recorded_listed_and_withdrawn(hall: TownHall, tmp_path: Path) -> None:
    (tmp_path / "form.txt").write_text("I agree.")
    file = tmp_path / "consents.csv"
    subject = "330102199001011234"
    header = "id,subject,purpose,recipient,source,proof,given_at,ends_on\n"
    file.write_text(header + f"k1,{subject},recruitment-fair,,paper form 1,form.txt,2026-11-01T09:00:00+08:00,\n")
    for _ in range(2):  # the same again is the same
        assert len(hall.said(KEEPER, "consent", "record", "job-fair", str(file))) == 1
    (tmp_path / "subject").write_text(subject + "\n")
    listed = hall.command(KEEPER, "consent", "list", "job-fair", "--subject-file", str(tmp_path / "subject"), "--json")
    (entry,) = json.loads(listed.stdout)
    assert (entry["id"], entry["recipient"], entry["withdrawn_at"]) == ("k1", "*", None)
    assert entry["given_at"] == "2026-11-01T01:00:00+00:00"
    assert (
        hall.said(KEEPER, "consent", "withdraw", "job-fair", "k1")["withdrawn_by"] == "human-resources-bureau/qian.li"
    )
    assert hall.command(KEEPER, "consent", "withdraw", "job-fair", "k2").returncode == 5
    assert hall.command(AUTHOR, "consent", "withdraw", "job-fair", "k1").returncode == 5
    spoilt = header + f"k3,{subject},recruitment-fair,,paper form 1,form.txt,yesterday,\n"
    done = hall.command(KEEPER, "consent", "record", "job-fair", input_=spoilt)
    assert done.returncode == 2 and "line 2 is no consent" in done.stderr
    late = header + f"k4,{subject},no-such-purpose,,paper form 1,{'0' * 64},2036-11-01T09:00:00+08:00,\n"
    done = hall.command(KEEPER, "consent", "record", "job-fair", input_=late)
    assert done.returncode == 5
    assert "consents[0].purpose is not a purpose" in done.stderr and "consents[0].given_at lies" in done.stderr
    for text in (listed.stdout, done.stdout, done.stderr, hall.site.log.read_text()):
        assert subject not in text


def test_a_case_is_opened_and_closed_by_its_keeper(hall: TownHall) -> None:
    police = ("police", "li.wei")
    case = ("missing-persons", "ZS-2026-0001", "police-xiacheng")
    assert hall.said(police, "case", "open", *case, "--ends-on", "2036-12-31")["ends_on"] == "2036-12-31"
    again = hall.command(police, "case", "open", *case)
    assert again.returncode == 5 and "number is open or was before" in again.stderr
    assert hall.command(police, "case", "open", "missing-persons", "1", "police").returncode == 5
    assert hall.command(AUTHOR, "case", "close", *case).returncode == 5
    assert hall.command(police, "case", "close", *case).returncode == 0
    assert hall.command(police, "case", "close", *case).returncode == 5


def test_emergencies_are_reviewed_and_an_institution_answers_for_its_calls(hall: TownHall) -> None:
    why = "a collapsed man is brought in"
    with hall.site.connect("xixi-hospital") as hospital:
        hospital.lookup(
            "ambulance_runs",
            "patient",
            purpose="emergency-treatment",
            by="run_id",
            values=["R-0"],
            break_glass_reason=why,
        )
    assert hall.command(AUTHOR, "emergency", "list").stdout.count(why) == 1
    (waiting,) = hall.said(REVIEWER, "emergency", "list")
    assert (waiting["why"], waiting["verdict"]) == (why, "")
    done = hall.command(("xixi-hospital", "li.wei"), "emergency", "review", waiting["id"], "justified")
    assert done.returncode == 5
    done = hall.command(REVIEWER, "emergency", "review", waiting["id"], "justified")
    assert done.returncode == 0 and "justified, by audit-bureau/wu.min" in done.stdout
    assert hall.said(REVIEWER, "emergency", "list") == []
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    own = ("report", "xixi-hospital")
    for who in (REVIEWER, ("xixi-hospital", "li.wei")):
        report = hall.said(who, *own, *period)
        assert (report["allowed"], report["overdue"]) == (1, 0)
        assert [one["why"] for one in report["emergencies"]] == [""]
    assert hall.command(("hotel-lakeside", "li.wei"), *own, *period).returncode == 5
    assert hall.command(REVIEWER, *own, "--from", "2026-01-01", "--to", "2028-01-01").returncode == 5
    assert hall.command(REVIEWER, *own, "--from", "2026-13-01", "--to", "2026-12-31").returncode == 2
    assert why not in hall.site.log.read_text()
