"""A demo that could not fail would prove nothing: a policy that gives too much must stop it."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from gateway.cli.demo.city import prepare
from gateway.cli.demo.hub import push
from gateway.cli.demo.play import Play
from gateway.cli.demo.report import Misbehaved, Report
from gateway.cli.demo.rows import check, extract
from gateway.cli.demo.server import free_port, serving
from gateway.cli.demo.statistics import contest
from seeds.generator import CANARIES, MARKS
from tests.integration.demo.conftest import PEOPLE


def test_scenes_fail_over_a_policy_that_gives_too_much(tmp_path: Path) -> None:
    city = prepare(tmp_path / "city", PEOPLE, free_port(0))
    contracts = city.folder / "policies" / "contracts"
    _edit(contracts / "health_cases.yaml", "visited_at: keep\n", "visited_at: keep\n            diagnosis: keep\n")
    _edit(
        contracts / "subsidies.yaml",
        "fields:\n            tier: keep\n",
        "fields:\n            eligible: keep\n            tier: keep\n",
    )
    named = '{keep: {justification: "Whoever mends it may ring up who reported it."}}'
    _edit(contracts / "grid_reports.yaml", "resident_id: pseudonymize\n", f"resident_id: {named}\n")
    _edit(city.folder / "policies" / "budgets.yaml", "contest-team-a: 4.0", "contest-team-a: 5.0")
    with serving(city), ExitStack() as connections:
        report = Report(Console(file=io.StringIO(), width=100), MARKS)
        play = Play(city, report, 0.0, CANARIES[3].resident_id, CANARIES[0].resident_id, connections)
        with pytest.raises(Misbehaved, match="nothing of a canary leaves"):
            extract(play)
        with pytest.raises(Misbehaved, match="the tier is right"):
            check(play)
        with pytest.raises(Misbehaved, match="nothing of a canary leaves"):
            push(play)
        with pytest.raises(Misbehaved, match="two releases"):
            contest(play)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
