"""Releases of every grouping and statistic, through TLS, against the same reckoned in plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.api.v1 import release_pb2
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import (
    AMOUNT,
    FIRST,
    GATES,
    LAST,
    MAX_GROUPS,
    RATING,
    STREETS,
    Key,
    at_level,
    contributions,
    day_of,
    hour,
    in_bins,
    starting,
    truth,
    within,
)
from tests.integration.grpc.visits import column as values_of

ASK: dict[str, Any] = {"purpose": "academic-research"}
FEAST = date(2026, 2, 2)
STATISTICS = (
    gw.count(),
    gw.count_units(),
    gw.sum_of("amount"),
    gw.mean_of("amount"),
    gw.variance_of("amount"),
    gw.quantiles_of("amount", 0.25, 0.5, 0.9),
    gw.sum_of("rating"),
    gw.mean_of("rating"),
    gw.variance_of("rating"),
    gw.quantiles_of("rating"),
)
WHOLE = {"count", "count_units", "sum(amount)"}
"""The columns of integers."""

MEASURED = {*WHOLE, "sum(rating)"}
"""The columns that are measures as they are."""

SPREAD = {"amount": 1000.0, "rating": 10.0}
ENOUGH = 500
"""In a cell with so many visitors, the noise of a count cannot hide that they are many."""


@dataclass(frozen=True)
class Cut:
    """One way to group: as it is asked, the key of a row, and the keys of the cells in order."""

    asked: str | release_pb2.Grouping
    key: Key
    cells: Sequence[Any]
    arrow: pa.DataType


def days(first: date, last: date, step: int = 1) -> list[date]:
    return [first + timedelta(days=number) for number in range(0, (last - first).days + 1, step)]


KEYS = Cut("gate", lambda row: row["gate"], GATES, pa.string())
LEVEL = Cut(gw.by_level("community", "street"), at_level("community", 3), STREETS, pa.string())
CUTS: dict[str, tuple[Cut, ...]] = {
    "nothing": (),
    "keys": (KEYS,),
    "level": (LEVEL,),
    "level of communities": (
        Cut(
            gw.by_level("next_stop", "community"),
            at_level("next_stop", 4),
            [f"{street}/c0{number}" for street in STREETS for number in (1, 2, 3)],
            pa.string(),
        ),
    ),
    "hours": (
        Cut(
            gw.by_period("came_at", "hour", FEAST, FEAST + timedelta(days=1)),
            hour,
            [datetime(2026, 2, 2) + timedelta(hours=number) for number in range(48)],
            pa.timestamp("us"),
        ),
    ),
    "days": (Cut(gw.by_period("booked_on", "day", FIRST, LAST), day_of("booked_on"), days(FIRST, LAST), pa.date32()),),
    "days of a timestamp": (
        Cut(gw.by_period("came_at", "day", FIRST, FEAST), day_of("came_at"), days(FIRST, FEAST), pa.date32()),
    ),
    "weeks": (
        Cut(
            # January 1st was a Thursday: its week began in the year before
            gw.by_period("came_at", "week", FIRST, date(2026, 2, 9)),
            starting("came_at", lambda day: day - timedelta(days=day.weekday())),
            days(date(2025, 12, 29), date(2026, 2, 9), 7),
            pa.date32(),
        ),
    ),
    "months": (
        Cut(
            gw.by_period("booked_on", "month", date(2025, 12, 31), LAST),
            starting("booked_on", lambda day: day.replace(day=1)),
            [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)],
            pa.date32(),
        ),
    ),
    "years": (
        Cut(
            gw.by_period("came_at", "year", date(2025, 6, 1), date(2026, 6, 1)),
            starting("came_at", lambda day: day.replace(month=1, day=1)),
            [date(2025, 1, 1), date(2026, 1, 1)],
            pa.date32(),
        ),
    ),
    "bins of integers": (
        Cut(gw.by_bins("amount", 250), in_bins("amount", AMOUNT, 0, 250), [0, 250, 500, 750, 1000], pa.int64()),
    ),
    "bins of decimals": (
        Cut(
            gw.by_bins("rating", 2.25),
            in_bins("rating", RATING, 2, 225),
            [-5.0, -2.75, -0.5, 1.75, 4.0],
            pa.float64(),
        ),
    ),
    "two at once": (KEYS, LEVEL),
}


def expected_cells(cuts: Sequence[Cut]) -> list[tuple[Any, ...]]:
    cells: list[tuple[Any, ...]] = [()]
    for cut in cuts:
        cells = [(*cell, key) for cell in cells for key in cut.cells]
    return cells


def keys_of(table: pa.Table, cuts: int) -> list[tuple[Any, ...]]:
    columns = [table.column(number).to_pylist() for number in range(cuts)]
    return [tuple(column[row] for column in columns) for row in range(table.num_rows)]


@pytest.mark.parametrize("way", CUTS)
def test_answers_are_near_the_truth_in_every_cell(fair: Fair, way: str) -> None:
    cuts = CUTS[way]
    # the streets are those of the region asked for
    region = "hangzhou/xihu" if any("level" in str(cut.asked) for cut in cuts) else "hangzhou"
    release = fair.gateway.release(
        "fair_visits", "visits", STATISTICS, group_by=[cut.asked for cut in cuts], epsilon=10.0, region=region, **ASK
    )
    table = release.to_arrow()
    cells = expected_cells(cuts)
    assert keys_of(table, len(cuts)) == cells
    assert [table.schema.field(number).type for number in range(len(cuts))] == [cut.arrow for cut in cuts]

    found = contributions(within(fair.rows, region), [cut.key for cut in cuts])
    assert set(found) & set(cells), "the test asks where nobody is"
    inside = outside = noisy = 0
    for column in release.message.columns:
        name = column.name
        assert table.schema.field(name).type == (pa.int64() if name in WHOLE else pa.float64())
        assert bool(column.post_processing) == (name not in MEASURED)
        values, margins = values_of(table, name), values_of(table, f"{name} ±95%")
        intervals = [answer(cell, release, name) for cell in range(len(cells))]
        for cell, value, margin, (lower, upper) in zip(cells, values, margins, intervals, strict=True):
            visitors = found.get(cell, {})
            assert lower <= value <= upper and margin == pytest.approx(max(value - lower, upper - value))
            exact = truth(name, visitors)
            if exact is None or (name not in MEASURED and len(visitors) < ENOUGH):
                continue
            assert margin > 0
            assert abs(value - exact) <= 6 * margin, (name, cell)
            if name.startswith("mean") or (name.startswith("quantile") and not cuts):
                # an interval as wide as the bounds would prove nothing
                assert margin < SPREAD["amount" if "amount" in name else "rating"] / 3, (name, cell)
            hit = lower <= exact <= upper
            inside, outside = inside + hit, outside + (not hit)
            noisy += value != exact
    assert noisy > (inside + outside) / 3, "answers have noise"
    # 19 of 20 at least are within, by themselves; the limit is far enough for a table of any size here
    assert outside <= 0.05 * (inside + outside) + 6 * (0.05 * (inside + outside)) ** 0.5 + 3


def answer(cell: int, release: gw.Release, name: str) -> tuple[float, float]:
    """The ends of an interval, as they came."""
    at = [column.name for column in release.message.columns].index(name)
    estimate = release.message.cells[cell].estimates[at]
    return estimate.lower_95, estimate.upper_95


def test_columns_are_named_by_statistic_and_rank(fair: Fair) -> None:
    release = fair.gateway.release(
        "fair_visits", "visits", [gw.count(), gw.quantiles_of("amount", 0, 0.5, 1), gw.mean_of("rating")],
        group_by=["gate"], epsilon=1.0, **ASK,
    )  # fmt: skip
    assert release.to_arrow().column_names == [
        "gate",
        "count", "count ±95%",
        *(
            f"quantile(amount; {rank}){part}"
            for rank in ("0", "0.5", "1") for part in ("", " ±95%", " from", " to")
        ),
        "mean(rating)", "mean(rating) ±95%", "mean(rating) from", "mean(rating) to",
    ]  # fmt: skip
    assert [column.statistic for column in release.message.columns] == [0, 1, 1, 1, 2]


def test_nobody_counts_in_more_cells_than_the_contract_says(fair: Fair) -> None:
    """Which cells of a visitor count is drawn; how many do is known."""
    for disclosure, most in (("once", 1), ("visits", MAX_GROUPS)):
        series = gw.by_period("came_at", "day", FIRST, LAST)
        release = fair.gateway.release(
            "fair_visits", disclosure, [gw.count_units()], group_by=["gate", series], epsilon=1.0, **ASK
        )
        found = contributions(within(fair.rows), [KEYS.key, day_of("came_at")])
        held: dict[str, int] = {}
        for visitors in found.values():
            for visitor in visitors:
                held[visitor] = held.get(visitor, 0) + 1
        bounded, unbounded = sum(min(count, most) for count in held.values()), sum(held.values())
        table = release.to_arrow()
        assert table.num_rows == 360
        # 360 noises of standard deviation √2·scale
        slack = 6 * (2 * 360) ** 0.5 * most
        if most == 1:
            assert unbounded - bounded > 2 * slack, "the test would not see a bound that is missing"
        assert abs(sum(values_of(table, "count_units")) - bounded) <= slack


def test_a_filter_chooses_the_rows(fair: Fair) -> None:
    release = fair.gateway.release(
        "fair_visits", "visits", [gw.count()], filters=[("gate", "==", "north")], epsilon=5.0, **ASK
    )
    visitors = contributions([row for row in within(fair.rows) if row["gate"] == "north"], [])[()]
    (value,), (margin,) = (values_of(release.to_arrow(), name) for name in ("count", "count ±95%"))
    assert abs(value - (truth("count", visitors) or 0)) <= 6 * margin < 100


def test_a_level_reaches_down_from_the_region_asked_for(fair: Fair) -> None:
    release = fair.gateway.release(
        "fair_visits", "visits", [gw.count()], group_by=[gw.by_level("community", "district")], epsilon=1.0, **ASK
    )
    table = release.to_arrow()
    names = [f"hangzhou/{name}" for name in ("xiacheng", "shangcheng", "gongshu", "xihu", "binjiang")]
    assert table["community"].to_pylist() == names
    xihu = contributions(within(fair.rows), [at_level("community", 2)])[("hangzhou/xihu",)]
    counts = dict(zip(names, values_of(table, "count"), strict=True))
    margin = values_of(table, "count ±95%")[0]
    assert abs(counts.pop("hangzhou/xihu") - (truth("count", xihu) or 0)) <= 6 * margin
    assert all(abs(count) <= 6 * margin for count in counts.values())
