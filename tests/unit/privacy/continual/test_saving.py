"""The figures of docs/reference/continual-release.md on what a series saves are those of the product."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.continual.choice import recommended_plan
from gateway.privacy.continual.plan import ContinualPlan, Strategy
from gateway.privacy.continual.publishing import margin_of
from gateway.privacy.mechanisms import gaussian_scale
from tests.integration.site import ROOT

DAYS, PERIODS, RHO = 365, 2, Fraction(1, 20)
ASKED = ((7, 0), (30, 0), (90, 0), (365, 0), (365, 1), (365, 7))


def documented(row: str) -> list[float]:
    text = (ROOT / "docs" / "reference" / "continual-release.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^\| \**{re.escape(row)}.*$", text, re.MULTILINE)
    return [float(cell) for cell in re.findall(r"(?<=\| )\**([0-9.]+)", line)]


@pytest.mark.parametrize(
    ("row", "plan"),
    [
        ("the series", recommended_plan(DAYS, Mechanism.GAUSSIAN, PERIODS)),
        ("single days, added up", ContinualPlan(DAYS, Strategy.TREE, DAYS + 1)),
    ],
    ids=["series", "days"],
)
def test_margins_are_as_documented(row: str, plan: ContinualPlan) -> None:
    bound = plan.sensitivity(PERIODS, 1)
    noise = IntegerNoise(Mechanism.GAUSSIAN, gaussian_scale(bound.l2_squared, RHO))
    assert [margin_of(plan, noise, day, span) for day, span in ASKED] == pytest.approx(documented(row), abs=0.06)


def test_daily_releases_are_as_documented() -> None:
    noise = IntegerNoise(Mechanism.GAUSSIAN, gaussian_scale(PERIODS**2, RHO / DAYS))
    total = noise.half_width()
    # a day, and any other span, is the difference of two totals
    told = [total] * 4 + [total * math.sqrt(2)] * 2
    assert told == pytest.approx(documented("a release of the total"), abs=0.6)
