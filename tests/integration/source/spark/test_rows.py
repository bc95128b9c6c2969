"""Rows of a lake come as those of a file and of a database do: the same values, of the same types, in one order."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from math import inf, nan
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.spark.source import SparkSource
from gateway.model.contract import DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import Part, RowPlan, RowScope
from gateway.model.values import Scalar
from gateway.ports import Source
from tests.integration.source.reference import Row
from tests.integration.source.spark.lakes import Files

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

MakeContract = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
TEXTS = ["", "a", "A", "é", "e\u0301", "王", "𝕏", "a'b", "a\\b", ":p0", "{read0}", "a%b", "z", "Z", "a\x00b", "\ufffd"]
ROWS: list[Row] = [
    {
        "subject": text,
        "region": ["hz", "hz/xc", "hz/xcx", "hz/xc/wl", None][number % 5],
        "amount": [None, 0, -(2**63), 2**63 - 1, 7][number % 5],
        "category": None if number % 4 == 0 else TEXTS[-number],
        "score": [1, -1, 2**31 - 1, -(2**31), None][number % 5],
        "consent": [True, False, None][number % 3],
        "ratio": [0.1, -0.0, 5e-324, 1.7976931348623157e308, None, inf, nan, 0.0][number % 8],
        "day": [date(1, 1, 1), date(1582, 10, 10), date(2026, 2, 28), date(9999, 12, 31), None][number % 5],
        "moment": [
            datetime(1, 1, 1),
            datetime(1582, 10, 10),
            datetime(2026, 3, 29, 1, 30, 0, 1),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
            None,
        ][number % 5],
    }
    for number, text in enumerate(TEXTS)
]


@pytest.fixture(scope="module")
def contract(make_lake_contract: MakeContract, lake: Files) -> DataContract:
    lake.fill("kinds", ROWS)
    return make_lake_contract("kinds")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema) -> Iterator[DuckDBSource]:
    folder = tmp_path_factory.mktemp("kinds")
    pq.write_table(pa.Table.from_pylist(ROWS, schema), folder / "kinds.parquet")
    source = DuckDBSource(folder, memory_limit="256MB", threads=2)
    yield source
    source.close()


_ORDERED = (Operator.LESS, Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL, Operator.GREATER)


def _rows(source: Source, plan: RowPlan) -> list[dict[str, str]]:
    """The rows in their order, with the sign of zero."""
    return [
        {name: repr(value) for name, value in row.items()}
        for batch in source.rows(plan, 5)
        for row in batch.to_pylist()
    ]


def _conditions() -> list[tuple[Condition, ...]]:
    values: dict[str, list[Scalar]] = {
        "subject": ["Z", "é", "𝕏", "a\x00", "a'b", "a\\b"],
        "amount": [0, -(2**63), 2**63 - 1],
        "ratio": [0.0, -0.0, 1e308],
        "day": [date(1582, 10, 10), date(9999, 12, 31)],
        "moment": [datetime(1582, 10, 10), datetime(2026, 3, 29, 1, 30, 0, 1)],
    }
    each = [
        (Condition(field, operator, (value,)),)
        for field, ones in values.items()
        for value in ones
        for operator in (Operator.EQUAL, *_ORDERED)
    ]
    several = [(Condition(field, Operator.IN, (*ones, None)),) for field, ones in values.items()]
    telling = [
        (Condition("subject", Operator.GREATER, ("Z",)), Condition("amount", Operator.LESS, (2**63 - 1,))),
        (Condition("ratio", Operator.EQUAL, (0.0,)),),
        (Condition("consent", Operator.EQUAL, (True,)), Condition("ratio", Operator.IN, (0.0, 0.1, None))),
        (Condition("ratio", Operator.GREATER, (1e308,)),),
        (Condition("day", Operator.EQUAL, (date(1582, 10, 10),)),),
        (Condition("moment", Operator.EQUAL, (datetime(1582, 10, 10),)),),
    ]
    many = (Condition("subject", Operator.IN, (*(f"x{number}" for number in range(50)), "é", "a\x00b")),)
    whether = (Condition("consent", Operator.EQUAL, (False,)),)
    return [*telling, many, whether, (Condition("subject", Operator.IN, ()),), (), *several, *each]


def test_every_condition_takes_the_rows_that_the_embedded_engine_takes(
    source: SparkSource, file: DuckDBSource, contract: DataContract, make_contract: MakeContract, prove: bool
) -> None:
    over_file = make_contract("kinds.parquet")
    # each takes a cluster's engine about a second
    for number, conditions in enumerate(_conditions()[: None if prove else 12]):
        scope = RowScope("hz/xc" if number % 5 == 4 else None, "consent" if number % 7 == 6 else None, conditions)
        plan = RowPlan(contract, tuple(contract.fields), scope, None, few=number % 2 == 0)
        assert _rows(source, plan) == _rows(file, replace(plan, contract=over_file)), (number, conditions)


def test_types_are_those_of_the_contract_and_batches_no_larger_than_asked_for(
    source: SparkSource, contract: DataContract, schema: pa.Schema
) -> None:
    batches = list(source.rows(RowPlan(contract, tuple(contract.fields), EVERYTHING, None), 7))
    assert all(batch.num_rows <= 7 for batch in batches)
    assert all(batch.schema.types == schema.types for batch in batches)
    limited = RowPlan(contract, ("subject",), EVERYTHING, 3)
    assert [row["subject"] for row in _rows(source, limited)] == [repr(text) for text in TEXTS[:3]]


def test_rows_come_in_the_order_of_their_files_however_many_are_read_at_once(
    source: SparkSource, lake: Files, make_lake_contract: MakeContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = make_lake_contract("ordered", ("subject", "amount"))
    numbers = range(200, 0, -1)
    lake.fill("ordered", [{"subject": str(number), "amount": number} for number in numbers], files=5)
    plan = RowPlan(contract, ("amount",), RowScope(None, None, (Condition("amount", Operator.GREATER, (20,)),)), None)
    whole = _rows(source, plan)
    assert whole == [{"amount": str(number)} for number in numbers if number > 20]
    assert _rows(source, replace(plan, limit=170)) == whole[:170]
    monkeypatch.setattr("gateway.adapters.spark.source._PIECE", 1)  # a file at a time
    assert _rows(source, plan) == whole
    assert _rows(source, replace(plan, limit=70)) == whole[:70]
    parts = [_rows(source, replace(plan, part=Part(number, 3))) for number in range(3)]
    assert all(parts) and [row for part in parts for row in part] == whole
    with closing(source.rows(plan, 10)) as early:
        assert 0 < next(early).num_rows <= 10


def test_smaller_types_become_the_declared_ones(
    source: SparkSource, lake: Files, make_lake_contract: MakeContract
) -> None:
    folder: Path = lake.folder / "smaller"
    folder.mkdir()
    small = {"subject": pa.array(["a"]), "amount": pa.array([7], pa.int32()), "score": pa.array([200], pa.uint8())}
    pq.write_table(pa.table({**small, "ratio": pa.array([0.5], pa.float32())}), folder / "a.parquet")
    contract = make_lake_contract("smaller", ("subject", "amount", "score", "ratio"))
    found = _rows(source, RowPlan(contract, tuple(contract.fields), EVERYTHING, None))
    assert found == [{"subject": "'a'", "amount": "7", "score": "200", "ratio": "0.5"}]
