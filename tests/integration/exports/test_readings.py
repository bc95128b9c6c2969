"""What Spark reads of a plan is what the embedded engine reads of it: every type, NULLs, edges, and every condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.spark.exports import SparkExports
from gateway.adapters.spark.sessions import Session
from gateway.kernels.batches import declared_schema
from gateway.kernels.tags import TAG_BYTES
from gateway.model.export import StagingPlace
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.values import Scalar
from gateway.ports.exports import TreatedBlock
from tests.contracts import plain_contract, plain_fields
from tests.integration.source.conftest import ARROW, TYPES

NAN = float("nan")
ROWS: list[dict[str, Any]] = [
    {
        "subject": f"subject {number}",
        "region": ("city/a", "city/a/1", "city/ab", "city", None, "city/a/2")[number % 6],
        "amount": (0, 2**63 - 1, -(2**63), None, 7)[number % 5],
        "category": ("Z", "a", "ä", "", None, "中", "a ")[number % 7],
        "score": number,
        "consent": (True, False, None)[number % 3],
        "ratio": (0.0, -0.0, NAN, float("inf"), None, 5e-324, -1.5)[number % 7],
        "day": (date(1, 1, 1), date(1582, 10, 10), date(9999, 12, 31), None, date(2026, 11, 23))[number % 5],
        "moment": (
            datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2026, 3, 29, 2, 30), None, datetime(1, 1, 1),
            datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(2026, 11, 23, 0, 0, 0, 1),
        )[number % 6],
    }
    for number in range(211)
]  # fmt: skip


@dataclass(frozen=True)
class AsRead:
    """Does nothing to rows: what is compared is how they are read."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[TreatedBlock]:
        for batch in batches:
            yield TreatedBlock(batch, bytes(TAG_BYTES * batch.num_rows))


def of(field: str, operator: Operator, *values: Scalar) -> RowScope:
    return RowScope(None, None, (Condition(field, operator, values),))


SCOPES = {
    "everything": RowScope(None, None, ()),
    "region": RowScope("city/a", None, ()),
    "consent": RowScope(None, "consent", ()),
    "nothing": of("category", Operator.IN),
    "texts": of("category", Operator.IN, "a", "中", None),
    "by bytes": of("category", Operator.GREATER, "a"),
    "integers": of("amount", Operator.LESS_OR_EQUAL, -(2**63)),
    "beyond": of("ratio", Operator.GREATER, 1e308),
    "below": of("ratio", Operator.LESS, 0.0),
    "no zero but one": of("ratio", Operator.EQUAL, 0.0),
    "either zero": of("ratio", Operator.IN, -0.0, 3.0),
    "days": of("day", Operator.GREATER_OR_EQUAL, date(1582, 10, 10)),
    "a moment": of("moment", Operator.EQUAL, datetime(2026, 3, 29, 2, 30)),
    "moments": of("moment", Operator.LESS, datetime(1970, 1, 1)),
    "some moments": of("moment", Operator.IN, datetime(2026, 11, 23, 0, 0, 0, 1), None),
    "a truth": of("consent", Operator.EQUAL, False),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readings")
    table = pa.Table.from_pylist(ROWS, schema=pa.schema(list(ARROW.items())))
    pq.write_table(table, folder / "permits.parquet", row_group_size=50)
    return folder


def _bag(batches: Iterator[pa.RecordBatch]) -> Counter[str]:
    return Counter(repr(row) for batch in batches for row in batch.to_pylist())


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_spark_reads_what_the_embedded_engine_reads(
    root: Path, tmp_path: Path, spark: Session, scope: RowScope
) -> None:
    source = SourceSpec(SourceKind.PARQUET, "permits.parquet")
    contract = plain_contract("permits", source, plain_fields(TYPES), unit="subject", region="region")
    embedded = DuckDBSource(root)
    plan = RowPlan(contract, tuple(ARROW), scope, None, embedded.data_version(contract))
    expected = _bag(embedded.rows(plan, 65_536))
    embedded.close()
    reading = SparkExports(root, lambda: spark).reading(plan)
    assert reading is not None
    schema = declared_schema(contract)
    parts = list(reading.stage(AsRead(), schema, StagingPlace(tmp_path, 1 << 30, 0)))
    found = _bag(batch for part in parts for batch in pq.read_table(tmp_path / part.file).to_batches())
    assert found == expected
    assert (sum(part.rows for part in parts) == 0) == (not expected)
