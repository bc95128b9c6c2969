"""Frames written by hand are what the generated classes read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1 import value_pb2
from gateway.server.frames import arrow_frame, pieces, row_bytes, row_frame, varint
from gateway.server.wire.values import value_of

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "string": (pa.string(), st.text(max_size=200)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "bool": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates()),
    "timestamp": (pa.timestamp("us"), st.datetimes()),
}
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | made for name, (_, made) in COLUMNS.items()}), max_size=8)


@given(ROWS)
def test_rows_read_as_the_values_they_were(rows: list[dict[str, str]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    read = pb.ExtractResponse.FromString(row_frame(7, batch))
    expected = pb.ExtractResponse(
        row_batch=pb.RowBatch(
            number=7, rows=[value_pb2.Row(values=[value_of(row[name]) for name in COLUMNS]) for row in rows]
        )
    )
    assert read == expected


@given(ROWS, st.integers(0, 2**40))
def test_arrow_batches_read_as_they_were(rows: list[dict[str, str]], number: int) -> None:
    batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
    read = pb.ExtractResponse.FromString(arrow_frame(number, batch))
    assert (read.arrow_batch.number, read.arrow_batch.rows) == (number, len(rows))
    assert pa.ipc.read_record_batch(pa.py_buffer(read.arrow_batch.ipc_message), SCHEMA) == batch


def test_zeros_of_two_signs_stay_two() -> None:
    batch = pa.record_batch({"d": pa.array([0.0, -0.0])})
    signs = [str(value_pb2.Row.FromString(row).values[0].double_value) for row in row_bytes(batch)]
    assert signs == ["0.0", "-0.0"]


def test_rows_without_columns_are_rows() -> None:
    bare: Any = pa.array([{}, {}], pa.struct([]))
    batch = pa.RecordBatch.from_struct_array(bare)
    assert list(row_bytes(batch)) == [b"", b""]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**63])
def test_varints_are_protobuf_s(number: int) -> None:
    assert pb.ExtractTrailer.FromString(b"\x08" + varint(number)).rows == number


def test_pieces_keep_the_limit_and_every_row() -> None:
    texts = ["x" * (10 if number % 100 else 50_000) for number in range(1_000)]
    batch = pa.record_batch({"text": pa.array(texts), "day": pa.array([date(2026, 1, 1)] * 1000)})
    cut = list(pieces(batch, 100_000))
    assert all(pa.ipc.get_record_batch_size(piece) <= 100_000 for piece in cut)
    assert pa.Table.from_batches(cut).column("text").to_pylist() == texts
    assert list(pieces(batch.slice(0, 1), 10)) == [batch.slice(0, 1)]  # a row is never cut
