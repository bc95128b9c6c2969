"""Parts of rows: each row in exactly one, in whole blocks, the same at every reading, and read by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.parts import span_of
from gateway.model.filter import Condition, Operator
from gateway.model.plan import Part, RowPlan, RowScope
from gateway.model.storage import SourceKind
from tests.integration.source.test_rows import EVERYTHING, MakeContract

ROWS, BLOCK = 10_000, 700


@given(st.lists(st.integers(1, 500), max_size=40), st.integers(1, 70))
def test_parts_are_whole_blocks_side_by_side(blocks: list[int], of: int) -> None:
    ends = [sum(blocks[: number + 1]) for number in range(len(blocks))]
    spans = [span_of(Part(number, of), ends) for number in range(of)]
    if of == 1:
        assert spans == [None]
        return
    if not blocks:
        assert spans == [None, *[range(0)] * (of - 1)]
        return
    found = [span for span in spans if span is not None]
    assert [row for span in found for row in span] == list(range(ends[-1]))
    assert all(span.stop in (0, *ends) for span in found)


def _write(root: Path, kind: SourceKind, **more: pa.Array[Any]) -> str:
    table = pa.table({"subject": pa.array([str(number) for number in range(ROWS)]), "amount": range(ROWS), **more})
    name = f"rows.{kind}"
    if kind is SourceKind.PARQUET:
        pq.write_table(table, root / name, row_group_size=BLOCK)
    else:
        pa_csv.write_csv(table, root / name)
    return name


def _amounts(source: DuckDBSource, plan: RowPlan) -> list[int]:
    found: list[Any] = [amount for batch in source.rows(plan, 65_536) for amount in batch.column("amount").to_pylist()]
    return found


@pytest.mark.parametrize("kind", [SourceKind.PARQUET, SourceKind.CSV])
@pytest.mark.parametrize("of", [2, 3, 40])
@pytest.mark.parametrize("scope", [EVERYTHING, RowScope(None, None, (Condition("amount", Operator.LESS, (7_000,)),))])
def test_every_row_is_in_one_part(
    source: DuckDBSource, root: Path, make_contract: MakeContract, kind: SourceKind, of: int, scope: RowScope
) -> None:
    contract = make_contract(_write(root, kind), kind, ("subject", "amount"))
    whole = _amounts(source, RowPlan(contract, ("amount",), scope, None))
    parts = [_amounts(source, RowPlan(contract, ("amount",), scope, None, part=Part(n, of))) for n in range(of)]
    assert [amount for part in parts for amount in part] == whole == sorted(whole)
    cuts = {part[0] for part in parts if part} - {0}
    assert all(cut % BLOCK == 0 for cut in cuts)
    assert len([part for part in parts if part]) > 1 or kind is SourceKind.CSV


def test_a_file_that_numbers_its_own_rows_is_one_part(
    source: DuckDBSource, root: Path, make_contract: MakeContract
) -> None:
    name = _write(root, SourceKind.PARQUET, FILE_row_number=pa.array([0] * ROWS))
    contract = make_contract(name, SourceKind.PARQUET, ("subject", "amount"))
    sizes = [
        len(_amounts(source, RowPlan(contract, ("amount",), EVERYTHING, None, part=Part(number, 2))))
        for number in range(2)
    ]
    assert sizes == [ROWS, 0]
