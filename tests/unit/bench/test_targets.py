"""What is aimed at: each figure exists under its name, and a miss is called one."""

from __future__ import annotations

import pytest

from bench.__main__ import BENCHMARKS
from bench.targets import TARGETS, Target, summary


def test_every_target_is_of_a_benchmark_and_has_one_bound() -> None:
    assert {target.benchmark for target in TARGETS} <= set(BENCHMARKS)
    assert all((target.least is None) != (target.most is None) for target in TARGETS)


@pytest.mark.parametrize(("value", "result"), [(2_999_999, "missed"), (3_000_000, "met")])
def test_a_least_is_met_from_there_on(value: float, result: str) -> None:
    lines = summary({"extract": {"rows_per_s": value}})
    assert lines == [{"figure": "extract.rows_per_s", "value": value, "aim": "≥ 3e+06", "result": result}]


@pytest.mark.parametrize(("value", "result"), [(50, "met"), (50.1, "missed")])
def test_a_most_is_met_up_to_there_and_figures_are_found_by_their_path(value: float, result: str) -> None:
    lines = summary({"day": {"at_120000000": {"seconds": value}}, "start": {"other": 1}})
    assert [(line["figure"], line["aim"], line["result"]) for line in lines] == [
        ("day.at_120000000.seconds", "≤ 50", result)
    ]


def test_either_bound_alone_counts() -> None:
    assert Target("x", "y").met(0) and not Target("x", "y", least=1).met(0) and not Target("x", "y", most=-1).met(0)
