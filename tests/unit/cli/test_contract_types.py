"""Types: found from all of the file, never by losing a value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.cli.conftest import Desk


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-20", ""], "int64"),
        (["007", "008"], "string"),  # a code, not a number
        (["1", "12345678901234567890"], "string"),  # more digits than any number here holds
        (["1.5", "2", "-3e4"], "double"),
        (["true", "FALSE"], "bool"),
        (["2024-02-29", "2023-12-31"], "date"),
        (["2023-02-29", "2023-12-31"], "string"),  # no such day
        (["2024-01-01 10:00:00", "2024-01-01T10:00:00.5"], "timestamp"),
        (["1", "x"], "string"),
        (["", ""], "string"),
    ],
)
def test_text_gets_the_type_that_all_values_have(desk: Desk, values: list[str], type_: str) -> None:
    path = desk.write("id,v\n" + "".join(f"k,{value}\n" for value in values))
    for options in ((), ("--convert",)):
        assert desk.found(path, *options)["fields"]["v"]["type"] == type_
    assert desk.found(path)["fields"]["v"]["nullable"] is ("" in values)


def test_one_late_value_changes_the_type(desk: Desk) -> None:
    rows = 700_000  # more than one block of the reader
    path = desk.write("id,v\n" + "k,123\n" * rows + "k,late\n")
    assert path.stat().st_size > 4 << 20
    assert desk.found(path)["fields"]["v"]["type"] == "string"


def test_words_for_missing_values_need_a_copy(desk: Desk) -> None:
    path = desk.write("id,v\na,1\nb,NA\nc,3\n")
    as_is = desk.found(path)["fields"]["v"]
    assert as_is["type"] == "string"
    assert "--convert" in as_is["note"]
    copied = desk.found(path, "--convert")["fields"]["v"]
    assert (copied["type"], copied["nullable"]) == ("int64", True)
    assert pq.read_table(desk.data / "table.parquet").column("v").to_pylist() == [1, None, 3]


@pytest.mark.parametrize("text", ["2024-01-01T20:30:00Z", "2024-01-01 21:30:00+01:00", "2024-01-02T04:30:00+0800"])
def test_zoned_times_become_the_citys(desk: Desk, text: str) -> None:
    desk.found(desk.write(f"id,t\na,{text}\n"), "--convert")
    assert pq.read_table(desk.data / "table.parquet").column("t").to_pylist() == [datetime(2024, 1, 2, 4, 30)]


def parquet(desk: Desk, **columns: pa.Array[Any]) -> dict[str, Any]:
    """Draft a contract of these columns: the fields, and under "left_out" what was not declared."""
    path = desk.data / "p.parquet"
    pq.write_table(pa.table({"id": pa.array(["a"]), **columns}), path)
    found = desk.found(path)
    left = {item["column"]: item["why"] for item in found["left_out"]}
    return {**found["fields"], "left_out": left}


def test_arrow_types_that_lose_nothing_are_mapped(desk: Desk) -> None:
    found = parquet(
        desk,
        small=pa.array([1], pa.int8()),
        wide=pa.array([1], pa.uint32()),
        half=pa.array([1.5], pa.float32()),
        large=pa.array(["x"], pa.large_string()),
        coded=pa.array(["x"]).dictionary_encode(),
        day=pa.array([date(2024, 1, 1)]),
        nano=pa.array([datetime(2024, 1, 1)], pa.timestamp("ns")),
    )
    types = {name: found[name]["type"] for name in found if name not in ("id", "left_out")}
    assert types == {
        "small": "int64",
        "wide": "int64",
        "half": "double",
        "large": "string",
        "coded": "string",
        "day": "date",
        "nano": "timestamp",
    }
    assert not found["left_out"]


def test_what_cannot_be_served_is_left_out_with_what_to_do(desk: Desk) -> None:
    found = parquet(
        desk,
        nested=pa.array([[1, 2]]),
        struct=pa.array([{"a": 1}]),
        blob=pa.array([b"x"]),
        price=pa.array([Decimal("1.50")]),
        whole=pa.array([Decimal("7")], pa.decimal128(20, 0)),
        huge=pa.array([2**64 - 1], pa.uint64()),
        zoned=pa.array([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        nano=pa.array([1], pa.timestamp("ns")),
        clock=pa.array([1], pa.time64("us")),
        nothing=pa.nulls(1),
    )
    left = found["left_out"]
    assert set(found) == {"id", "left_out"}
    assert "a column of its own" in left["nested"] and "a column of its own" in left["struct"]
    assert "cents" in left["price"]
    assert "--convert" in left["whole"] and "--convert" in left["zoned"]
    assert "do not all fit" in left["huge"] and "do not all fit" in left["nano"]


def test_a_copy_serves_what_the_original_could_not(desk: Desk) -> None:
    path = desk.data / "p.parquet"
    columns = {
        "电话": pa.array([13800138000, None], pa.int64()),
        "whole": pa.array([Decimal("7"), None], pa.decimal128(20, 0)),
        "big": pa.array([2**63 - 1, 0], pa.uint64()),
        "zoned": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("ns", "America/New_York")),
        "coded": pa.array(["x", None]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), path)
    desk.found(path, "--convert")
    assert pq.read_table(desk.data / "table.parquet").to_pydict() == {
        "phone": ["13800138000", None],
        "whole": [7, None],
        "big": [2**63 - 1, 0],
        "zoned": [datetime(2024, 1, 1, 8)] * 2,
        "coded": ["x", None],
    }


def test_a_file_without_anything_to_name_a_subject_is_refused(desk: Desk) -> None:
    assert "whom its rows are about" in desk.refused(desk.write("x\n1.5\n2.5\n"))
