"""One person more or less, through the product's own plan, salt and engine: the answer moves no more than claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.grouping import ByKeys
from gateway.model.plan import AggregatePlan, RowScope
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.release_id import grouping_salt
from gateway.privacy.sensitivity import sensitivity
from tests.unit.privacy.example import CONTRACT, bound, permit_for, request_for

UNITS = 400
QUERY = StatisticsQuery(
    (),
    (ByKeys("sector"),),
    (
        Statistic(StatisticKind.COUNT, None),
        Statistic(StatisticKind.COUNT_UNITS, None),
        Statistic(StatisticKind.SUM, "amount"),
    ),
)

Salt = Callable[[Path], str]


def of_the_plan(_: Path) -> str:
    return grouping_salt(permit_for(QUERY), request_for(QUERY))


def of_the_data(file: Path) -> str:
    """The mistake: a salt that each state of the data has for itself."""
    return f"{file.stat().st_size:08x}{of_the_plan(file)}"  # in front: the engine takes the beginning


def write(folder: Path, without: int | None) -> None:
    """Every unit is in all three sectors, and so above the bound of two cells: the draw decides."""
    unit = np.repeat(np.arange(UNITS), 6)
    kept = unit != without
    table = pa.table(
        {
            "resident_id": pa.array([f"unit-{number:04}" for number in unit[kept]]),
            "sector": pa.array(np.tile(["a", "b", "c"], 2 * UNITS)[kept]),
            "amount": pa.array((np.arange(6 * UNITS) % 300 - 60)[kept], pa.int64()),
            "wage": pa.array(np.ones(int(kept.sum()), np.int64)),
            "day": pa.array([datetime(2026, 1, 1)] * int(kept.sum()), pa.timestamp("us")),
        }
    )
    pq.write_table(table, folder / "subsidies.parquet")


def vectors(folder: Path, salt: Salt) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    query = bound(QUERY)
    plan = AggregatePlan(
        CONTRACT,
        RowScope(None, None, ()),
        query.group_by,
        tuple(measure for measures in query.measures for measure in measures),
        query.max_groups,
        salt(folder / "subsidies.parquet"),
    )
    source = DuckDBSource(folder)
    try:
        table = source.aggregates(plan).sort_by("g0")
    finally:
        source.close()
    return np.array([column.to_pylist() for column in table.columns[1:]])


def moved(folder: Path, unit: int, salt: Salt) -> list[int]:
    write(folder, None)
    whole = vectors(folder, salt)
    write(folder, unit)
    return [int(total) for total in np.abs(whole - vectors(folder, salt)).sum(axis=1)]


def claimed() -> list[int]:
    query = bound(QUERY)
    return [sensitivity(measure, query.max_groups).l1 for (measure,) in query.measures]


@pytest.mark.parametrize("unit", [0, 7, 399])
def test_one_unit_moves_the_answer_by_no_more_than_claimed(tmp_path: Path, unit: int) -> None:
    for seen, most in zip(moved(tmp_path, unit, of_the_plan), claimed(), strict=True):
        assert 0 < seen <= most


def test_a_salt_of_the_data_is_found_out(tmp_path: Path) -> None:
    # two draws may be alike by chance, but not four pairs of them
    each = [moved(tmp_path, unit, of_the_data) for unit in (7, 100, 200, 399)]
    assert all(max(seen) > most for seen, most in zip(zip(*each, strict=True), claimed(), strict=True))


def test_the_salt_is_the_plan_s(tmp_path: Path) -> None:
    other = replace(QUERY, group_by=())
    assert of_the_plan(tmp_path) != grouping_salt(permit_for(other), request_for(other))
    assert of_the_plan(tmp_path) == grouping_salt(permit_for(QUERY, institution="another"), request_for(QUERY))
