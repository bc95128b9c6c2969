"""A malformed record is one person's: whether an answer comes must not tell that it is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.errors import Fault
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByKeys
from gateway.model.plan import AggregatePlan, RowPlan, RowScope
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.model.storage import SourceKind, SourceSpec
from tests.unit.privacy.example import CONTRACT, bound

CSV = replace(CONTRACT, source=SourceSpec(SourceKind.CSV, "subsidies.csv"))
ROWS = "resident_id,sector,amount,wage,day\nu1,a,10,1,2026-01-01 00:00:00\nu2,b,20,1,2026-01-01 00:00:00\n"
SPOILED = {
    "a fraction": "u3,a,12.5,1,2026-01-01 00:00:00\n",
    "a word": "u3,a,many,1,2026-01-01 00:00:00\n",
    "beyond int64": "u3,a,99999999999999999999,1,2026-01-01 00:00:00\n",
    "no date": "u3,a,5,1,2026-13-41 00:00:00\n",
}


def plan() -> AggregatePlan:
    statistics = (Statistic(StatisticKind.COUNT, None), Statistic(StatisticKind.SUM, "amount"))
    query = bound(StatisticsQuery((), (ByKeys("sector"),), statistics))
    since = Condition("day", Operator.GREATER_OR_EQUAL, (datetime(2025, 1, 1),))
    scope = RowScope(None, None, (since,))
    measures = tuple(measure for (measure,) in query.measures)
    return AggregatePlan(CSV, scope, query.group_by, measures, query.max_groups, "00")


def answer(folder: Path) -> dict[str, tuple[int, int]]:
    source = DuckDBSource(folder)
    try:
        table = source.aggregates(plan())
    finally:
        source.close()
    return {sector: (count, total) for sector, count, total in zip(*table.to_pydict().values(), strict=True)}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_statistics_answer_all_the_same(tmp_path: Path, spoiled: str) -> None:
    (tmp_path / "subsidies.csv").write_text(ROWS)
    without = answer(tmp_path)
    assert without == {"a": (1, 10), "b": (1, 20)}
    (tmp_path / "subsidies.csv").write_text(ROWS + SPOILED[spoiled])
    with_it = answer(tmp_path)
    assert with_it["b"] == without["b"]
    # a value that is none counts as nothing; a record outside the filter is outside
    assert with_it["a"] in ((2, 10), without["a"])


@pytest.mark.parametrize("spoiled", SPOILED)
def test_rows_with_a_malformed_value_never_look_whole(tmp_path: Path, spoiled: str) -> None:
    (tmp_path / "subsidies.csv").write_text(ROWS + SPOILED[spoiled])
    source = DuckDBSource(tmp_path)
    try:
        with pytest.raises(Fault):
            list(source.rows(RowPlan(CSV, ("resident_id", "amount", "day"), RowScope(None, None, ()), None), 100))
    finally:
        source.close()


def test_a_time_that_no_clock_shows(tmp_path: Path) -> None:
    table = pa.table(
        {
            "resident_id": ["u1", "u2"],
            "sector": ["a", "a"],
            "amount": pa.array([10, 20], pa.int64()),
            "wage": pa.array([1, 1], pa.int64()),
            "day": pa.array([1_700_000_000_000, 2**60], pa.timestamp("ms")),
        }
    )
    pq.write_table(table, tmp_path / "subsidies.parquet")
    source = DuckDBSource(tmp_path)
    try:
        found = source.aggregates(replace(plan(), contract=CONTRACT, scope=RowScope(None, None, ())))
    finally:
        source.close()
    assert found.to_pydict()["s0"] == [2]
