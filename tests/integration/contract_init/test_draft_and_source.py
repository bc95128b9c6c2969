"""What a draft declares, the source can read: the same values, of the declared types."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.cli.app import run
from gateway.model.plan import RowPlan, RowScope
from gateway.policy.snapshot import load
from tests.integration.contract_init.officer import lay_out

ALL = RowScope(None, None, ())


def served(folder: Path, name: str, content: bytes, *options: str) -> pa.Table:
    """Draft a contract of the content and read every declared field through the source."""
    data, policies = folder / "data", folder / "policies"
    data.mkdir()
    lay_out(policies)
    (data / name).write_bytes(content)
    where = ["--policies", str(policies), "--data-root", str(data)]
    assert run(["contract", "init", str(data / name), "--dataset", "t", *where, *options]) == 0
    contract = load(policies).contracts["t"]
    source = DuckDBSource(data)
    try:
        source.verify(contract)
        return pa.Table.from_batches(list(source.rows(RowPlan(contract, tuple(contract.fields), ALL, None), 100)))
    finally:
        source.close()


CSV = """\
id,whole,part,flag,day,instant,text
a,1,1.,true,2024-02-29,2024-01-01T10:00,x
b,-7,-2.5e3,FALSE,1969-12-31,2024-01-01 10:00:00.25,"y, ""z""
w"
,,.5,,,,007
"""
ROWS = {
    "id": ["a", "b", None],
    "whole": [1, -7, None],
    "part": [1.0, -2500.0, 0.5],
    "flag": [True, False, None],
    "day": [date(2024, 2, 29), date(1969, 12, 31), None],
    "instant": [datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 10, 0, 0, 250_000), None],
    "text": ["x", 'y, "z"\nw', "007"],
}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("options", [(), ("--convert",)])
def test_csv(tmp_path: Path, options: tuple[str, ...], mark: bytes) -> None:
    assert served(tmp_path, "t.csv", mark + CSV.encode(), *options).to_pydict() == ROWS


def parquet(table: pa.Table) -> bytes:
    """The table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "id": pa.array(["a", None]).dictionary_encode(),
        "small": pa.array([-1, None], pa.int8()),
        "wide": pa.array([2**32 - 1, None], pa.uint32()),
        "single": pa.array([1.5, None], pa.float32()),
        "nano": pa.array([datetime(2024, 1, 1, 10)] * 2, pa.timestamp("ns")),
        "second": pa.array([datetime(2024, 1, 1, 10)] * 2, pa.timestamp("s")),
        "nested": pa.array([[1], [2]]),
        "zoned": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC")),
    }
    read = served(tmp_path, "in.parquet", parquet(pa.table(columns)))
    assert read.to_pydict() == {
        "id": ["a", None],
        "small": [-1, None],
        "wide": [2**32 - 1, None],
        "single": [1.5, None],
        "nano": [datetime(2024, 1, 1, 10)] * 2,
        "second": [datetime(2024, 1, 1, 10)] * 2,
    }


def test_a_chinese_file_in_gb18030_through_a_copy(tmp_path: Path) -> None:
    text = "姓名;手机号;就诊时间\n王芳;13800138000;2024-01-01T00:00:00Z\n李娜;NA;2024-01-02T00:00:00Z\n"
    read = served(tmp_path, "in.csv", text.encode("gb18030"), "--convert")
    assert read.to_pydict() == {
        "name": ["王芳", "李娜"],
        "phone": ["13800138000", None],
        "time": [datetime(2024, 1, 1, 8), datetime(2024, 1, 2, 8)],
    }
