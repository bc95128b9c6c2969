"""The benchmark of decisions: its figures from known runs, and a small run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import decide, rules
from bench.decide import Asked, AskedPlain, Call, Size, Swapped, benchmark, figures, judged
from bench.rules import DATASETS, questions, write_policy
from gateway.policy.snapshot import PolicySnapshot, load


def test_figures_are_medians_in_microseconds_and_the_headline_is_the_largest() -> None:
    asked = Asked(0.5, 0.25, (1e-4, 2e-4, 3e-4), (5e-5, 6e-5, 7e-5), (1e-6, 2e-6, 3e-6), None)
    swapped = Swapped(0.6, (2e-4, 4e-4, 6e-4), (1e-4, 1e-4, 1e-4))
    small = Size(100, (1, 2), [asked], [AskedPlain(0.1, (2e-3,))], [swapped])
    large = Size(1000, (1, 7), [asked], [AskedPlain(0.1, (2e-2,))], [swapped])
    told = figures([small, large])
    assert (told["rules"], told["largest_shard"], told["vs_plain"]) == (1000, 7, 100.0)
    at_100 = told["at_100"]
    assert isinstance(at_100, Mapping)
    assert (at_100["cached_p50_us"], at_100["uncached_p50_us"], at_100["plain_p50_us"]) == (2.0, 200.0, 2000.0)
    assert (at_100["vs_plain"], at_100["load_s"], at_100["load_cpu_s"], at_100["load_and_swap_s"]) == (
        10,
        0.5,
        0.25,
        0.6,
    )
    assert at_100["uncached_p50_cpu_us"] == 60.0
    assert "whole" not in at_100
    due = at_100["due_to_answer"]
    assert isinstance(due, Mapping)
    assert (due["quiet_p50_us"], due["during_load_p50_us"], due["during_load_worst_us"]) == (100.0, 400.0, 600.0)


def test_a_run_holds_the_snapshot_against_plain_casbin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "DATASETS", 3)
    monkeypatch.setattr(decide, "ASKED", 40)
    monkeypatch.setattr(decide, "PLAIN_SECONDS", 0.2)
    decided: list[Call] = []

    def whole(policy: PolicySnapshot, asks: Call) -> object:
        decided.append(asks)
        return judged(policy, asks)

    told = benchmark([60], whole).run(60, 1, lambda text: None)
    at_60 = told["at_60"]
    assert isinstance(at_60, Mapping)
    assert "whole" in at_60
    assert len(decided) == 120, "each question once to see what it comes to, anew, and once again"


def test_rules_are_as_many_as_asked_for_and_skewed(tmp_path: Path) -> None:
    write_policy(tmp_path / "policies", 3000)
    policy = load(tmp_path / "policies")
    written = [grant for grant in policy.grants if grant.id.startswith("b-") and grant.id[2:].isdigit()]
    assert len(written) == 3000
    wild = [one for one in written if "*" in one.object or "*" in (one.recipient, one.kind, one.region)]
    assert 0.08 < len(wild) / 3000 < 0.12
    first, last = (
        sum(one.object.startswith(f"register_{number:03}/") for one in written) for number in (0, DATASETS - 1)
    )
    assert first > 10 * last
    asked = questions(policy, 300)
    assert len(set(asked)) == 300
    rulings = [policy.ruling(*question) for question in asked]
    assert min(sum(one.denied for one in rulings), sum(bool(one.grants) for one in rulings)) > 10
