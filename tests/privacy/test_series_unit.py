"""One person more or less in a series, through the engine and every closing: all nodes move no more than stated.

Whoever counts on more days than declared, and whoever is given days anew at each closing, is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import BoundedQuery, DailyPlan, GroupKey, RowScope
from gateway.policy.snapshot import load
from gateway.privacy.continual.plan import ContinualPlan, Strategy
from gateway.privacy.layout import laid_out
from tests.integration.daily import DISTRICTS, FIRST, Payment, Payments, day
from tests.integration.site import ROOT

HORIZON, PERIODS, GROUPS = 12, 3, 2
MEASURES = (
    Measure(MeasureKind.ROWS, 2),
    Measure(MeasureKind.UNITS, 2),
    Measure(MeasureKind.TOTAL, 2, "amount_yuan", Bounds(0, 20_000)),
)
QUERY = BoundedQuery((GroupKey("district", DISTRICTS),), tuple((one,) for one in MEASURES), GROUPS)
CLOSINGS = ((1, 4), (5, 5), (6, 11), (12, 12))
"""The days that are read at a time."""

Reading = Callable[[DailyPlan], DailyPlan]


@pytest.fixture(scope="module")
def contract() -> DataContract:
    return load(ROOT / "policies").contracts["subsidies"]


def figures(folder: Path, contract: DataContract, rows: Sequence[Payment], reading: Reading) -> list[list[Any]]:
    """Exact figures (day, statistic), each day read at its closing."""
    Payments(folder).write(rows)
    source = DuckDBSource(folder)
    days: list[list[Any]] = []
    for first, last in CLOSINGS:
        plan = DailyPlan(
            contract, RowScope("hangzhou", None, ()), "paid_on", FIRST, day(first), day(last + 1), PERIODS,
            QUERY.group_by, MEASURES, GROUPS, "00",
        )  # fmt: skip
        found = source.days(reading(plan))
        told = found.column("day").to_pylist()
        for number in range(first, last + 1):
            own = found.filter(np.array([one == day(number) for one in told], bool)).drop_columns(["day"])
            days.append(list(laid_out(own, QUERY, MEASURES)))
    source.close()
    return days


def crowd() -> list[Payment]:
    rng = np.random.default_rng(3)
    return [
        Payment(unit, day(int(number)), int(rng.integers(0, 20_000)), int(rng.integers(5)))
        for unit in range(60)
        for number in rng.integers(1, 13, size=6)
    ]


def busy() -> list[Payment]:
    """Somebody who is paid the most, every day, everywhere, more often than counts."""
    return [Payment(777, day(number), 20_000, place) for number in range(0, 14) for place in range(5)] * 3


def moved(
    folder: Path, contract: DataContract, plan: ContinualPlan, reading: Reading = lambda plan: plan
) -> list[tuple[float, float]]:
    """How far the one person moves the nodes of each statistic, in L1 and L2², as a share of what is stated."""
    folder.mkdir(exist_ok=True)
    without, with_ = (figures(folder, contract, rows, reading) for rows in (crowd(), [*crowd(), *busy()]))
    shares = []
    for statistic, measure in enumerate(MEASURES):
        change: npt.NDArray[np.int64] = np.array([day[statistic] for day in with_], np.int64) - np.array(
            [day[statistic] for day in without], np.int64
        )
        nodes = np.concatenate([plan.measures(number, change[:number]) for number in range(1, HORIZON + 1)]).astype(
            float
        )
        stated = plan.sensitivity(PERIODS, measure.largest, GROUPS)
        shares.append((float(np.abs(nodes).sum()) / stated.l1, float((nodes**2).sum()) / stated.l2_squared))
    return shares


PLANS = [ContinualPlan(HORIZON, Strategy.SQUARE_ROOT), ContinualPlan(HORIZON, Strategy.TREE, 3)]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_one_person_moves_all_nodes_no_more_than_stated(
    tmp_path: Path, contract: DataContract, plan: ContinualPlan
) -> None:
    for l1, l2_squared in moved(tmp_path, contract, plan):
        # the busiest reaches the bound of L1; that of L2, where the days' cells are the same
        assert 0.99 <= l1 <= 1
        assert 0.3 <= l2_squared <= 1


def unlimited(plan: DailyPlan) -> DailyPlan:
    """The mistake: a person counts on every day."""
    return replace(plan, days_per_unit=HORIZON)


def forgetful(plan: DailyPlan) -> DailyPlan:
    """The mistake: each closing numbers days from its own first."""
    return replace(plan, begin=plan.first)


def spread(plan: DailyPlan) -> DailyPlan:
    """The mistake: a person counts in every cell of a day."""
    return replace(plan, max_groups=len(DISTRICTS))


@pytest.mark.parametrize("mistake", [unlimited, forgetful, spread])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_a_broken_reading_is_found(
    tmp_path: Path, contract: DataContract, plan: ContinualPlan, mistake: Reading
) -> None:
    assert all(l1 > 1 for l1, _ in moved(tmp_path, contract, plan, mistake))


def test_a_later_day_never_changes_what_an_earlier_closing_read(tmp_path: Path, contract: DataContract) -> None:
    until = [row for row in [*crowd(), *busy()] if row.day is not None and row.day < FIRST + timedelta(days=5)]
    early = figures(tmp_path, contract, until, lambda plan: plan)[:5]
    assert early == figures(tmp_path, contract, [*crowd(), *busy()], lambda plan: plan)[:5]
