"""Which files can be read, and what is said of those that cannot: never what is in them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.cli.contract.copy import replacing
from tests.unit.cli.conftest import Desk

SECRET = "canary-7731"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"id,x\n", "no row"),
        (b"PK\x03\x04rest", "ZIP"),
        (gzip.compress(b"id,x\n1,2\n", mtime=0), "gzip"),
        (b"PAR1 and then nothing", "cannot be read as one"),
        (f"id,x\n1,2\n{SECRET},3,4\n".encode(), "3 columns"),
        (f'id,x\n1,"{SECRET}\n'.encode(), "quotes"),
        (f"{SECRET}@example.org,7\n{SECRET},3\n".encode(), "row of values"),
        (b"id,,x\n1,2,3\n", "no name for column 2"),
        (b"id,x\n\x00\x01,2\n", "neither Parquet nor text"),
        (b"id,x\n\xff\xfe\xfd,2\n", "no encoding"),
    ],
)
def test_broken_files_are_told_in_a_line_without_a_value(desk: Desk, content: bytes, said: str) -> None:
    line = desk.refused(desk.write(content))
    assert said in line
    assert SECRET not in line


def test_missing_files_and_folders_are_told(desk: Desk) -> None:
    assert "there is no file" in desk.refused(desk.data / "none.csv")
    assert "is a folder" in desk.refused(desk.data)
    outside = desk.folder / "outside.csv"
    outside.write_text("id,x\n1,2\n")
    assert "not in the data folder" in desk.refused(outside)
    assert desk.run("contract", "init", str(outside), "--dataset", "Bad-Name") == 2
    assert "not well-formed" in desk.err


def test_a_parquet_file_that_breaks_off_is_told(desk: Desk) -> None:
    path = desk.data / "t.parquet"
    pq.write_table(pa.table({"id": [SECRET] * 50_000, "n": list(range(50_000))}), path)
    whole = bytearray(path.read_bytes())
    whole[200:4000] = bytes(3800)
    line = desk.refused(desk.write(bytes(whole), "t.parquet"))
    assert SECRET not in line


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("gb18030", ","), ("utf-16", ","), ("utf-8", ";"), ("utf-8", "\t")]
)
def test_other_encodings_and_delimiters_are_served_from_a_copy(desk: Desk, encoding: str, delimiter: str) -> None:
    rows = [["姓名", "身份证号", "n"], ["王芳", "33010619900101001X", "7"], ["李娜", "330106199001010028", "8"]]
    path = desk.write("\n".join(delimiter.join(row) for row in rows).encode(encoding))
    assert "--convert" in desk.refused(path)
    found = desk.found(path, "--convert")
    assert list(found["fields"]) == ["name", "resident_id", "n"]
    assert found["fields"]["name"]["column"] == "姓名"
    copy = pq.read_table(desk.data / "table.parquet")
    assert copy.column("name").to_pylist() == ["王芳", "李娜"]
    assert copy.column("n").to_pylist() == [7, 8]


def test_names_twice_are_refused_and_told_apart_in_a_copy(desk: Desk) -> None:
    path = desk.write("id,A,a\nx,1,2\n")
    assert "the same name" in desk.refused(path)
    assert list(desk.found(path, "--convert")["fields"]) == ["id", "A", "a_2"]


def test_nothing_is_replaced_without_force(desk: Desk) -> None:
    path = desk.write("id,n\nx,1\n")
    assert desk.init(path) == 0
    contract = desk.policies / "contracts" / "table.yaml"
    contract.write_text("mine")
    assert desk.init(path) == 2
    assert "--force" in desk.err
    assert contract.read_text() == "mine"
    assert desk.init(path, "--force") == 0
    assert contract.read_text() != "mine"


def test_a_copy_never_replaces_its_original(desk: Desk) -> None:
    path = desk.data / "table.parquet"
    pq.write_table(pa.table({"id": ["a"]}), path)
    before = path.read_bytes()
    assert desk.init(path, "--convert", "--force") == 2
    assert path.read_bytes() == before


def test_columns_that_differ_by_capitals_alone_are_left_out_of_a_parquet_file(desk: Desk) -> None:
    path = desk.data / "t.parquet"
    pq.write_table(pa.table({"id": ["x"], "A": [1], "a": [2]}), path)
    found = desk.found(path)
    assert list(found["fields"]) == ["id"]
    assert [item["column"] for item in found["left_out"]] == ["A", "a"]
    assert list(desk.found(path, "--convert")["fields"]) == ["id", "A", "a_2"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    with pytest.raises(RuntimeError), replacing(target) as fresh:
        fresh.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_text() == "old"
    with replacing(target) as fresh:
        fresh.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_text() == "new"


def test_a_failed_command_leaves_no_file_behind(desk: Desk) -> None:
    path = desk.write("id,x\n" + "1,2\n" * 100 + "1,2,3\n")
    desk.refused(path, "--convert")
    assert [file.name for file in desk.data.iterdir()] == ["table.csv"]
