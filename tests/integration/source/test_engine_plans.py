"""What the engine does with each row, and what with each unit alone: told by its own plans, not by a clock."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DISABLED, DuckDBSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope
from gateway.query.aggregates import compile_aggregates
from gateway.query.scan import Location

MANY = 12_000_000
"""From so many rows on the engine would group by ranges."""
UNITS = 100
CELLS = ("a", "b", "c")


@pytest.fixture
def operators(tmp_path: Path, make_contract: Callable[..., DataContract]) -> Callable[..., list[tuple[str, int]]]:
    """Run a count by cell, where a unit may have more than count: each operator, and how many rows it was given."""
    file = tmp_path / "table.parquet"
    units = [f"unit-{number:05d}" for number in range(UNITS) for _ in CELLS]
    pq.write_table(pa.table({"subject": units, "category": list(CELLS) * UNITS, "amount": [1] * len(units)}), file)
    contract = make_contract(file.name, names=("subject", "category", "amount"))
    total = Measure(MeasureKind.TOTAL, 1, "amount", Bounds(0, 1))
    plan = AggregatePlan(contract, RowScope(None, None, ()), (GroupKey("category", CELLS),), (total,), 1, "00")

    def run(*part: int) -> list[tuple[str, int]]:
        query = compile_aggregates(plan, Location((str(file),)), *part)
        with duckdb.connect(config={"disabled_optimizers": ",".join(DISABLED)}) as engine:
            told = engine.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query.sql}", query.parameters).fetchall()
        return list(_operators(json.loads(told[0][1])))

    return run


def test_the_spelling_of_units_is_looked_at_once_each(operators: Callable[..., list[tuple[str, int]]]) -> None:
    looking = [rows for text, rows in operators() if "regexp" in text]
    assert looking == [UNITS]  # and not the number of rows or of cells, which is three times theirs


def test_parts_are_told_apart_in_64_bits(operators: Callable[..., list[tuple[str, int]]]) -> None:
    telling = [text for text, rows in operators(0, 3) if "hash(subject)" in text and rows == UNITS * len(CELLS)]
    assert len(telling) == 1
    assert "HUGEINT" not in telling[0]


def test_many_units_in_order_are_read_once(tmp_path: Path, make_contract: Callable[..., DataContract]) -> None:
    file = tmp_path / "table.parquet"
    contract = make_contract(file.name, names=("subject", "category", "amount"))
    with duckdb.connect() as engine:
        made = f"SELECT lpad(range::VARCHAR, 11, '0') AS subject, 'a' AS category, 1 AS amount FROM range({MANY})"
        engine.execute(f"COPY ({made}) TO '{file}' (FORMAT parquet)")
    units = Measure(MeasureKind.UNITS, 1)
    query = compile_aggregates(
        AggregatePlan(contract, RowScope(None, None, ()), (), (units,), 1, "00"), Location((str(file),))
    )

    def readings(disabled: str) -> int:
        with duckdb.connect(config={"disabled_optimizers": disabled}) as engine:
            told = engine.execute(f"EXPLAIN (FORMAT json) {query.sql}", query.parameters).fetchall()
        return str(told[0][1]).upper().count('"FUNCTION": "READ_PARQUET"')

    assert readings(DISABLED[0]) > 1  # else this looks at too few rows to see it
    with closing(DuckDBSource(tmp_path)) as source:
        set_in_it = source._connection.execute("SELECT current_setting('disabled_optimizers')").fetchall()
    assert readings(set_in_it[0][0]) == 1


def _operators(node: Any) -> Iterator[tuple[str, int]]:
    if isinstance(node, list):
        for one in node:
            yield from _operators(one)
    elif isinstance(node, dict):
        if "extra_info" in node:
            yield str(node["extra_info"]), sum(child.get("intermediate_rows", 0) for child in node.get("children", []))
        for key in ("operator", "children"):
            yield from _operators(node.get(key, []))
