"""`gateway policy …` at the command line: exit codes, places, and JSON with the documented keys."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import codes
from gateway.cli.app import run

ROOT = Path(__file__).resolve().parents[3]
GOOD = ROOT / "tests" / "unit" / "policy" / "good"
RELEASE = ["--who", "zju", "--why", "open-data", "--asks", "release subsidies/by-tier", "--today", "2027-01-15"]
TABLE = """title: {en: Strangers, zh: 陌生人}
about: What strangers get.
today: 2027-01-15
cases:
  - case: Nothing
    who: stranger
    why: subsidy-audit
    asks: extract subsidies/audit-rows
    refused: PURPOSE_NOT_GRANTED
"""
ASKED = ["--who", "zju", "--why", "contact-tracing", "--asks", "extract health_cases/tracing", "--today", "2027-01-15"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy with a decision table."""
    made = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    (made / "tests").mkdir(exist_ok=True)
    (made / "tests" / "strangers.yaml").write_text(TABLE, "utf-8")
    return made


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["policy", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code, out, _ = said(capsys, *arguments, "--json")
    assert out.count("\n") == 1  # one document on one line
    return code, json.loads(out)


def test_tables_that_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "test", folder) == (codes.FINE, "1 case in 1 table: 0 not as written.\n", "")


def test_a_case_that_fails_is_told_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(folder / "tests/strangers.yaml", "PURPOSE_NOT_GRANTED", "PURPOSE_EXPIRED")
    code, out, _ = said(capsys, "test", folder)
    assert code == codes.FOUND
    assert f"{folder / 'tests/strangers.yaml'}:5: Nothing\n" in out
    assert "refused: expected PURPOSE_EXPIRED; got PURPOSE_NOT_GRANTED" in out
    code, found = report(capsys, "test", folder)
    assert code == codes.FOUND
    (failed,) = found["failed"]
    assert set(failed) == {"file", "line", "case", "differences"}
    assert set(found) == {"cases", "failed"}


def test_a_broken_table_is_found_by_check_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(folder / "tests/strangers.yaml", "why:", "whi:")
    code, _, err = said(capsys, "check", folder)
    assert code == codes.FOUND
    assert "strangers.yaml:7: unknown key 'whi'. Did you mean 'why'?" in err
    code, found = report(capsys, "check", folder)
    assert (code, found["valid"]) == (codes.FOUND, False)
    assert set(found["problems"][0]) == {"file", "line", "message", "remedy"}


@pytest.mark.parametrize(
    "command", [["test"], ["lint"], ["explain", *ASKED], ["diff", str(GOOD)]], ids=["test", "lint", "explain", "diff"]
)
def test_a_folder_that_is_no_policy_has_a_code_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (folder / "regions.yaml").unlink()
    code, out, err = said(capsys, command[0], *command[1:], folder)
    assert (code, out) == (codes.INVALID, "")
    assert "regions.yaml" in err
    code, out, err = said(capsys, command[0], *command[1:], folder / "nowhere")
    assert (code, out) == (codes.CANNOT_RUN, "")
    assert "there is no policy folder" in err


def test_explain_says_why_not_and_what_would_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "explain", folder, *ASKED)
    assert code == codes.FOUND
    assert "Refused: PURPOSE_NOT_GRANTED, on 2027-01-15." in out
    assert "g-trace (grants.csv:2): does not hold: it is for the role police" in out
    assert "p, g-zju-tracing, zju, health_cases/tracing, extract, hangzhou, contact-tracing" in out
    code, found = report(capsys, "explain", folder, *ASKED)
    assert found["would_pass"] is True
    assert set(found) == {
        "allowed", "reason", "grant", "region", "today", "purpose_ended", "unlawful", "contract_status", "denies",
        "trials", "grants", "further_grants", "fields", "request_changes", "policy_changes", "would_pass",
    }  # fmt: skip


def test_explain_says_that_it_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "explain", folder, "--who", "police", *ASKED[2:])
    assert code == codes.FINE
    assert "Allowed by g-trace, on 2027-01-15." in out
    assert "g-trace (grants.csv:2): holds" in out


def test_explain_takes_a_price_in_rho(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*RELEASE, "--statistics", "count"]
    for price, code in (("0.02", codes.FINE), ("50.1", codes.FOUND)):
        exit_code, out, _ = said(capsys, "explain", folder, *asked, "--rho", price)
        assert exit_code == code
        assert ("rho: must lie between" in out) == (code == codes.FOUND)
    code, _, err = said(capsys, "explain", folder, *asked, "--rho", "0.02", "--epsilon", "0.2")
    assert code == codes.CANNOT_RUN and "a price is an 'epsilon' or a 'rho'" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--who", "Zju", *ASKED[2:]], "--who"),
        ([*ASKED[:4], "--asks", "fetch it"], "is not what can be asked for"),
        ([*ASKED[:6], "--today", "tomorrow"], "is not a day"),
        (["--who", "zju", "--why", "x", "--asks", "release subsidies/by-tier"], "a release asks for 'statistics'"),
    ],
    ids=["who", "asks", "today", "release"],
)
def test_a_question_that_is_none_is_told_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    code, out, err = said(capsys, "explain", folder, *arguments)
    assert (code, out, len(err.splitlines())) == (codes.CANNOT_RUN, "", 1)
    assert told in err


def test_diff_tells_the_directions_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "diff", GOOD, folder)[0] == codes.FINE
    with (folder / "grants.csv").open("a") as grants:
        grants.write("p, g-new, zju, subsidies/audit-tiers, extract, hangzhou, subsidy-audit, , allow\n")
    code, out, _ = said(capsys, "diff", GOOD, folder)
    assert code == codes.WIDER
    assert "zju opens: extract subsidies/audit-tiers for subsidy-audit" in out
    assert "newly exposed" in out
    code, found = report(capsys, "diff", folder, GOOD)
    assert (code, found["wider"]) == (codes.FOUND, False)
    assert set(found) == {
        "before", "after", "wider", "entitlements", "disclosures", "denies", "memberships", "purposes", "budgets",
        "contracts", "people", "renamed",
    }  # fmt: skip


def test_lint_fails_from_where_it_is_told_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = ("--today", "2027-01-15")
    code, out, _ = said(capsys, "lint", folder, *day)
    assert code == codes.FINE
    assert "[every-disclosure]" in out
    assert "Which grants are used is not known here" in out
    assert said(capsys, "lint", folder, *day, "--fail-on", "warning")[0] == codes.FOUND
    code, _, err = said(capsys, "lint", folder, "--fail-on", "seriously")
    assert code == codes.CANNOT_RUN
    assert "Did you mean 'serious'?" in err
    code, found = report(capsys, "lint", folder, *day)
    assert (set(found), found["usage_known"]) == ({"findings", "failing", "usage_known"}, False)
    assert set(found["findings"][0]) == {"code", "severity", "file", "line", "message", "remedy", "replacement"}


def test_lint_knows_who_has_a_certificate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "institutions"
    names.write_text("police-xihu\naudit-office\n")
    _, out, _ = said(capsys, "lint", folder, "--institutions", names)
    assert "'g-zju' is for zju: nobody with a certificate" in out
    assert said(capsys, "lint", folder, "--institutions", tmp_path / "none")[0] == codes.CANNOT_RUN


def test_the_reference_has_every_code_and_every_finding() -> None:
    page = (ROOT / "docs/reference/policy-commands.md").read_text("utf-8")
    assert re.findall(r"^\| (\d) \|", page, re.MULTILINE) == [
        str(code) for code in (codes.FINE, codes.FOUND, codes.CANNOT_RUN, codes.INVALID, codes.WIDER, codes.REFUSED)
    ]
    source = "".join(path.read_text("utf-8") for path in (ROOT / "gateway/decision/lint").glob("*.py"))
    written = set(re.findall(r'^\s*(?:rule,\s+|Finding\(\s*)?"([a-z]+(?:-[a-z]+)+)"(?=,| if)', source, re.MULTILINE))
    written |= set(re.findall(r'(?:rule, |else )"([a-z]+(?:-[a-z]+)+)"', source)) | {"unused"}
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
    assert written <= listed, written - listed
    assert len(listed) >= 27
