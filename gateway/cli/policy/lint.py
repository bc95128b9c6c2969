"""`gateway policy lint`: what is valid in a policy and unwise."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.codes import FINE, FOUND
from gateway.cli.counting import counted
from gateway.cli.days import today_or
from gateway.cli.mistake import Mistake
from gateway.cli.policy.folder import valid_folder
from gateway.decision.lint.findings import Finding, Severity
from gateway.decision.lint.look import at_least
from gateway.decision.lint.look import lint as look
from gateway.policy.problems import did_you_mean, shown

_NO_USAGE = "Which grants are used is not known here: a running gateway knows it."


def lint(
    folder: Path = Path("policies"),
    /,
    *,
    fail_on: str = Severity.SERIOUS.value,
    today: str = "",
    institutions: Path | None = None,
    json_: bool = False,
) -> int:
    """Look for what is valid and unwise: too broad, without effect, past its day, or badly justified.

    Exits with 0 if nothing is found that matters so much, 1 if something is, 2 if there is no such folder, 3 if it is
    not a valid policy.

    Parameters
    ----------
    folder
        The policy folder.
    fail_on
        From where on a finding fails: note, warning or serious.
    today
        The day, YYYY-MM-DD; left out, today in the city.
    institutions
        A file with the institutions that have a certificate, one a line; left out, that is not looked at.
    json_
        Print JSON.
    """
    if fail_on not in list(Severity):
        raise Mistake(f"{shown(fail_on)} is not a severity", did_you_mean(fail_on, list(Severity)))
    known = None if institutions is None else _names(institutions)
    on = today_or(today, "--today")
    findings = look(valid_folder(folder), on, institutions=known)
    failing = at_least(findings, Severity(fail_on))
    if json_:
        print_json(_report(findings, len(failing)))
    else:
        for one in findings:
            place = f"{folder / one.file}:{one.line}" if one.line else f"{folder / one.file}"
            print(f"{place}: {one.severity}: {one.message}. {one.remedy} [{one.code}]")
            for line in one.replacement:
                print(f"    {line}")
        print(f"{counted(len(findings), 'finding')}, {len(failing)} of them {fail_on} or worse. {_NO_USAGE}")
    return FOUND if failing else FINE


def _names(file: Path) -> frozenset[str]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeError):
        raise Mistake(f"{file} cannot be read", "Name a text file with one institution a line.") from None
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _report(findings: Collection[Finding], failing: int) -> dict[str, object]:
    return {
        "findings": [
            {
                "code": one.code,
                "severity": one.severity.value,
                "file": one.file,
                "line": one.line,
                "message": one.message,
                "remedy": one.remedy,
                "replacement": list(one.replacement),
            }
            for one in findings
        ],
        "failing": failing,
        "usage_known": False,
    }
