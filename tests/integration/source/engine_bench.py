"""An engine that is asked about rows given one time after another."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.kept import KeptAggregates
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowScope
from tests.integration.source.reference import Key, Row


class Bench:
    """The engine over a table, and what is kept of its answers."""

    def __init__(self, folder: Path, schema: pa.Schema, make_contract: Callable[..., DataContract]) -> None:
        self.folder, self.schema = folder, schema
        contract = make_contract("table.parquet")
        ratio = replace(contract.fields["ratio"], decimals=2)
        self.contract = replace(contract, fields={**contract.fields, "ratio": ratio})
        self.source = DuckDBSource(folder, memory_limit="256MB", threads=2)
        self.kept = KeptAggregates(self.source, 2**20)

    def write(self, table: list[Row]) -> None:
        """Put these rows in the place of all others."""
        pq.write_table(pa.Table.from_pylist(table, self.schema), self.folder / "table.parquet")

    def answer(self, table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
        """Ask about these rows: the values by cell."""
        self.write(table)
        batch = self.kept.aggregates(plan)  # of the engine, since the table is another one; and then of what is kept
        assert self.kept.aggregates(plan).equals(batch)
        width = len(plan.group_by) + (plan.measures[0].kind is MeasureKind.BINS)
        assert batch.schema.names[width:] == [f"s{place}" for place in range(len(plan.measures))]
        assert all(kind == pa.int64() for kind in batch.schema.types[width:])
        answers = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        cells = {row[:width]: row[width:] for row in answers}
        assert len(cells) == len(answers)
        return cells


def row(subject: str | None, amount: int | None, category: str = "x") -> Row:
    """A row that says this, and nothing of the rest."""
    given = {"subject": subject, "region": "hz", "amount": amount, "category": category, "score": 1, "consent": True}
    return given | {"ratio": None, "day": None, "moment": None}


def ratio(subject: str, ratio: float | None, category: str = "x") -> Row:
    """A row with a number that has a fraction."""
    return row(subject, None, category) | {"ratio": ratio}


def total(contract: DataContract, low: int, high: int, most: int, group_by: tuple[GroupKey, ...] = ()) -> AggregatePlan:
    """The plan of one sum within bounds, over at most so many rows of a unit."""
    measure = Measure(MeasureKind.TOTAL, most, "amount", Bounds(low, high))
    return AggregatePlan(contract, RowScope(None, None, ()), group_by, (measure,), 1, "00")
