"""Rows of protobuf told apart without building them: as many as there are, in pieces, and the same rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.v1 import sharing_service_pb2, value_pb2
from gateway.server.wire.row_parts import RUN_BYTES, TooManyRows, runs_of

TEXTS = st.lists(st.lists(st.text(max_size=40), max_size=5), max_size=30)


def batch(rows: list[list[str]]) -> sharing_service_pb2.RowBatch:
    values = [value_pb2.Row(values=[value_pb2.Value(string_value=text) for text in row]) for row in rows]
    return sharing_service_pb2.RowBatch(number=300, rows=values, position=b"there")


@given(rows=TEXTS)
def test_runs_are_the_rows(rows: list[list[str]]) -> None:
    whole = batch(rows)
    runs = list(runs_of(whole.SerializeToString(), len(rows), 5))
    found = [row for run in runs for row in sharing_service_pb2.RowBatch.FromString(run.content or b"").rows]
    assert found == list(whole.rows) and sum(run.rows for run in runs) == len(rows)
    if rows:
        with pytest.raises(TooManyRows):
            runs_of(whole.SerializeToString(), len(rows) - 1, 5)


def test_a_run_is_small_unless_it_is_one_row() -> None:
    long = "x" * (RUN_BYTES // 3)
    payload = batch([[long]] * 7 + [[long] * 4] + [["short"]] * 2).SerializeToString()
    runs = list(runs_of(payload, 10, 4))
    assert [run.rows for run in runs] == [2, 2, 2, 1, 1, 2]
    assert [run.rows for run in runs_of(payload, 10, 3) if run.content is None] == [1], "a row of too many values"


@given(payload=st.binary(max_size=60))
def test_whatever_comes_is_rows_or_refused(payload: bytes) -> None:
    try:
        runs = list(runs_of(payload, 5, 3))
    except ValueError:
        return
    assert sum(run.rows for run in runs) <= 5


@given(rows=TEXTS.filter(bool), cut=st.integers(1, 20))
def test_what_is_cut_short_is_refused(rows: list[list[str]], cut: int) -> None:
    payload = sharing_service_pb2.RowBatch(rows=batch(rows).rows[-1:]).SerializeToString()
    if cut < len(payload):
        with pytest.raises(ValueError, match="no RowBatch"):
            runs_of(payload[:-cut], 5, 5)
