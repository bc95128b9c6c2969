"""The programs of the documentation, run as they stand against the demo's gateway."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import gateway.client as gw
from gateway.cli.app import run
from tests.integration.demo.conftest import ROOT, Kept

_PROGRAM = re.compile(r"<!-- tested: tests/integration/demo(.*?) -->\n```python\n(.*?)```", re.DOTALL)


def programs(page: str) -> list[tuple[str, str]]:
    """Condition and text of each program of a page that says it is tested here."""
    return _PROGRAM.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))


def _execute(program: str, kept: Kept, names: dict[str, Any]) -> None:
    exec(compile(program.replace("localhost:8443", kept.address), "documentation", "exec"), names)


def test_how_to_call_from_python(
    kept: Kept, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept.base)
    found = programs("howto/call-from-python.md")
    assert len(found) == 4
    names: dict[str, Any] = {}
    for _, program in found:
        _execute(program, kept, names)
    printed = capsys.readouterr().out
    assert "epidemic-tracing health_cases police-tracing ['hangzhou']" in printed
    assert "DISCLOSURE_NOT_GRANTED" in printed
    assert "affordable: True" in printed
    assert "lifetime/resident" in printed


def test_the_first_hour(kept: Kept, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask, be refused, change the policy wrongly, then rightly, ask again."""
    monkeypatch.chdir(kept.base)
    found = programs("tutorial/first-hour.md")
    assert [condition for condition, _ in found] == ["", "", ", after the change"]
    names: dict[str, Any] = {}
    for _, program in found[:2]:
        _execute(program, kept, names)
    assert "this would pass: health_cases · police-tracing · place" in capsys.readouterr().out
    before = names["cases"]
    police: gw.Gateway = names["police"]
    with police.extract("health_cases", "police-tracing", purpose="epidemic-tracing") as stream:
        digest = stream.receipt.policy_digest

    contract = Path(".demo/policies/contracts/health_cases.yaml")
    text = contract.read_text(encoding="utf-8")
    assert text.count("      visited_at: keep\n") == 1
    text = text.replace("      visited_at: keep\n", "      visited_at: {generalize: day}\n")
    contract.write_text(text, encoding="utf-8")
    assert run(["policy", "check", ".demo/policies"]) == 1
    assert "visited_at" in capsys.readouterr().err
    os.kill(kept.process.pid, signal.SIGHUP)
    kept.wait_for("the policy is invalid")  # and the last good policy keeps serving
    again = police.extract("health_cases", "police-tracing", purpose="epidemic-tracing")
    assert again.read_all().schema == before.schema
    assert again.receipt.policy_digest == digest

    assert text.count("    filters: [place, visited_at]\n") == 1
    text = text.replace("    filters: [place, visited_at]\n", "    filters: [place]\n")
    contract.write_text(text, encoding="utf-8")
    assert run(["policy", "check", ".demo/policies"]) == 0
    capsys.readouterr()
    os.kill(kept.process.pid, signal.SIGHUP)
    kept.wait_for("is in force")
    _execute(found[2][1], kept, names)
    hours = {row["visited_at"] for row in names["table"].to_pylist()}
    assert {getattr(at, "hour", 0) for at in hours} == {0}
    assert "('visited_at', 'generalize to day')" in capsys.readouterr().out
    assert names["cases"].receipt.policy_digest != digest
    police.close()
