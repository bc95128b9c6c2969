"""Which cells of a unit count: any as often as any other."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope

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
    def planned(salt: str, most: int) -> AggregatePlan:
        contract = make_contract("table.parquet", names=("subject", "category", "amount"))
        total = Measure(MeasureKind.TOTAL, 1, "amount", Bounds(0, 1))
        scope = RowScope(None, None, ())
        return AggregatePlan(contract, scope, (GroupKey("category", CELLS),), (total,), most, salt)

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
