"""The reference of plans says what the code does: its limits, and how much one unit changes each measure."""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod
from pathlib import Path

import pytest

from gateway.model.contract import Bounds
from gateway.model.measure import Measure, MeasureKind
from gateway.model.statistics import OF_A_FIELD, StatisticKind
from gateway.privacy.answers.quantiles import BinTree
from gateway.privacy.binding import MAX_ANSWERS, MAX_BINS, QUANTILE_BINS
from gateway.privacy.pricing import SMALLEST
from gateway.privacy.sensitivity import sensitivity

PAGE = (Path(__file__).resolve().parents[3] / "docs/reference/plans.md").read_text(encoding="utf-8")
FORMULAS = {
    kind: (l1, l2)
    for kinds, l1, l2 in re.findall(r"^\| ([a-z, ]+) \| (G.*?) \| (G.*?) \|$", PAGE, re.MULTILINE)
    for kind in kinds.split(", ")
}
MEASURE = Measure(MeasureKind.ROWS, 7, "amount", Bounds(-2_000_001, 9_000_000), 50_000, 16)


def test_every_measure_has_a_sensitivity_in_the_page() -> None:
    assert set(FORMULAS) == {kind.value for kind in MeasureKind}


@pytest.mark.parametrize("kind", MeasureKind)
def test_sensitivities_are_as_the_page_says(kind: MeasureKind) -> None:
    measure = replace(MEASURE, kind=kind, branching=16 if kind is MeasureKind.BINS else 0)
    found = sensitivity(measure, 5)
    reach = 9_000_000 - 3_499_999
    assert measure.step > 1, "squares of these bounds go in steps"
    meant = {
        "G": 5,
        "m": 7,
        "W": 9_000_000,
        "R": reach,
        "L": BinTree(len(measure.edges), 16).levels,
        "S": -(-(reach**2) // measure.step),
    }
    assert (found.l1, found.l2_squared) == tuple(_value(formula, meant) for formula in FORMULAS[kind.value])


def test_a_tree_of_regions_is_as_the_page_says() -> None:
    assert "L1 is V·G·c and L2² is G·c² + (V-1)·(G·c)²" in " ".join(PAGE.split())
    found, c = sensitivity(replace(MEASURE, branching=0), 5, levels=3), MEASURE.max_rows
    assert (found.l1, found.l2_squared) == (3 * 5 * c, 5 * c**2 + (3 - 1) * (5 * c) ** 2)


def test_limits_are_as_the_page_says() -> None:
    assert f"| answers: cells times columns | {MAX_ANSWERS:,} |" in PAGE
    assert f"| bins of quantiles, in all cells | {MAX_BINS:,} |" in PAGE
    assert f"at most {QUANTILE_BINS} of equal width" in PAGE
    assert f"{float(SMALLEST.amount)} to the disclosure's `max_epsilon`" in PAGE
    assert float(SMALLEST.rho) == 5e-9 and "5·10⁻⁹ to max_epsilon²/2" in PAGE


def test_every_statistic_is_in_the_page() -> None:
    for kind in StatisticKind:
        assert f"| `{kind}(f)`" in PAGE if kind in OF_A_FIELD else f"| `{kind}` |" in PAGE


def _value(formula: str, meant: dict[str, int]) -> int:
    """What a product of the page's letters comes to; S stands for the squares in steps."""
    letters = formula.replace("⌈R²/s⌉", "S")
    # a square of a product is the product of squares: G·(m·W)² is G·m²·W²
    letters = re.sub(r"\((\w)·(\w)\)²", r"\1²·\2²", letters)
    return prod(meant[factor[0]] ** len(factor) for factor in letters.split("·"))
