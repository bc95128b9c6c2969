"""What the engine does with each row, and what with each unit alone: told by its own plans, not by a clock."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope
from gateway.query.aggregates import compile_aggregates
from gateway.query.scan import Location

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
        with duckdb.connect(config={"disabled_optimizers": "statistics_propagation"}) as engine:
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


def _operators(node: Any) -> Iterator[tuple[str, int]]:
    if isinstance(node, list):
        for one in node:
            yield from _operators(one)
    elif isinstance(node, dict):
        if "extra_info" in node:
            yield str(node["extra_info"]), sum(child.get("intermediate_rows", 0) for child in node.get("children", []))
        for key in ("operator", "children"):
            yield from _operators(node.get(key, []))
