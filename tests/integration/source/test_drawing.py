"""Which cells of a unit count: any as often as any other; and where units are looked at."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.source_duckdb import DuckDBSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope
from gateway.query.aggregates import compile_aggregates
from gateway.query.scan import Location

UNITS = 6_000
CELLS = ("a", "b", "c", "d", "e", "f")
SALTS = ("00", "01")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawing") / "table.parquet"
    rows = UNITS * len(CELLS)
    table = pa.table(
        {
            "subject": [f"unit-{number:05d}" for number in range(UNITS) for _ in CELLS],
            "category": list(CELLS) * UNITS,
            "amount": pa.array([1] * rows, pa.int64()),
        }
    )
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def source(file: Path) -> Iterator[DuckDBSource]:
    source = DuckDBSource(file.parent, memory_limit="256MB", threads=2)
    yield source
    source.close()


@pytest.fixture
def plan(make_contract: Callable[..., DataContract]) -> Callable[[str, int], AggregatePlan]:
    def planned(salt: str, most: int, keys: tuple[str, ...] = CELLS) -> AggregatePlan:
        contract = make_contract("table.parquet", names=("subject", "category", "amount"))
        total = Measure(MeasureKind.TOTAL, 1, "amount", Bounds(0, 1))
        scope = RowScope(None, None, ())
        return AggregatePlan(contract, scope, (GroupKey("category", keys),), (total,), most, salt)

    return planned


def _far(found: int, all_of_them: int, share: float) -> float:
    """How many standard deviations a number of drawings is from what chance alone would give."""
    return abs(found - all_of_them * share) / math.sqrt(all_of_them * share * (1 - share))


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("most", [1, 3, 5])
def test_every_cell_is_drawn_as_often_as_any_other(
    source: DuckDBSource, plan: Callable[..., AggregatePlan], salt: str, most: int
) -> None:
    answer = source.aggregates(plan(salt, most))
    assert answer.column("g0").to_pylist() == list(CELLS)
    drawn: list[Any] = answer.column("s0").to_pylist()
    assert sum(drawn) == UNITS * most
    assert max(_far(one, UNITS, most / len(CELLS)) for one in drawn) < 4.5


def test_another_salt_draws_others(source: DuckDBSource, plan: Callable[..., AggregatePlan]) -> None:
    first, second = (source.aggregates(plan(salt, 1)) for salt in SALTS)
    assert not first.equals(second)


def test_the_spelling_of_units_is_looked_at_once_each(file: Path, plan: Callable[..., AggregatePlan]) -> None:
    query = compile_aggregates(plan("00", 1), Location(str(file)))
    engine = duckdb.connect(config={"disabled_optimizers": "statistics_propagation"})
    told = engine.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query.sql}", query.parameters).fetchall()
    looking = [rows for text, rows in _operators(json.loads(told[0][1])) if "regexp" in text]
    assert looking == [UNITS]  # and not the rows' or cells' number, which is six times theirs


def _operators(node: Any) -> Iterator[tuple[str, int]]:
    """Each operator of a plan: what it does, and how many rows it is given."""
    if isinstance(node, list):
        for one in node:
            yield from _operators(one)
    elif isinstance(node, dict):
        if "extra_info" in node:
            given = [child.get("intermediate_rows", 0) for child in node.get("children", [])]
            yield str(node["extra_info"]), sum(given)
        for key in ("operator", "children"):
            yield from _operators(node.get(key, []))
