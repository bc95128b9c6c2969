"""`gateway push`: files of rows, pushed by a department's own command, once however often it is run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from gateway.adapters.dev_ca import write_private
from gateway.cli.app import run
from tests.integration.ingest.clinic import PURPOSE, collecting, kept, table, visit, visits
from tests.integration.site import Site

CLINIC = "xihu-clinic"
NAMED = "clinic_visits/visits-in"

Push = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that clinics push to."""
    site = collecting(tmp_path_factory.mktemp("clinic"))
    site.start()
    yield site
    assert site.stop() == 0


@pytest.fixture
def push(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Push:
    """Run the command as the clinic: its exit code, and what it printed."""
    write_private(tmp_path / "token", site.token(CLINIC).encode())
    connection = tmp_path / "connect.toml"
    connection.write_text(
        f'address = "{site.target}"\nca = "{site.folder}/ca.pem"\ncertificate = "{site.folder}/{CLINIC}.pem"\n'
        f'key = "{site.folder}/{CLINIC}.key"\ntoken_file = "token"\n'
    )

    def command(file: Path, *words: str, name: str = NAMED) -> tuple[int, str, str]:
        asked = ["--for", PURPOSE, "--region", "hangzhou/xihu", "--connect", str(connection)]
        code = run(["push", name, str(file), *asked, *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def written(path: Path, rows: list[dict[str, Any]], most: int | None = None) -> Path:
    """Rows, or the first of them, as a file of the kind that its name says."""
    found = table(rows).slice(0, most)
    if path.suffix == ".csv":
        pa_csv.write_csv(found, path)
    elif path.suffix == ".parquet":
        pq.write_table(found, path)
    elif path.suffix == ".arrows":
        with pa.ipc.new_stream(str(path), found.schema) as stream:
            stream.write_table(found)
    else:
        with pa.ipc.new_file(str(path), found.schema) as file:
            file.write_table(found)
    return path


def of(site: Site, start: int) -> list[dict[str, Any]]:
    """What is kept of the ten thousand visits from a number on, in order."""
    names = {f"v-{number}" for number in range(start, start + 10_000)}
    return sorted((row for row in kept(site) if row["visit_id"] in names), key=lambda row: str(row["visit_id"]))


@pytest.mark.parametrize(
    ("ending", "start"), [("csv", 110_000), ("parquet", 120_000), ("arrow", 130_000), ("arrows", 140_000)]
)
def test_a_file_of_any_kind_is_kept_once_however_often_it_is_pushed(
    site: Site, push: Push, tmp_path: Path, ending: str, start: int
) -> None:
    rows = visits(30, start)
    file = written(tmp_path / f"today.{ending}", rows)
    code, out, _ = push(file, "--json")
    first = json.loads(out)
    assert (code, first["accepted"], first["rejected"], first["repeated"]) == (0, 30, 0, False)
    code, out, _ = push(file, "--json")
    again = json.loads(out)
    assert (code, again["accepted"], again["repeated"]) == (0, 30, True)
    assert (again["batch_id"], again["receipt_id"]) == (first["batch_id"], first["receipt_id"])
    assert of(site, start) == sorted(rows, key=lambda row: str(row["visit_id"]))


@pytest.mark.parametrize(("ending", "start"), [("csv", 210_000), ("parquet", 220_000), ("arrow", 230_000)])
def test_rows_that_are_not_kept_are_written_beside_their_reasons_and_go_in_once_mended(
    site: Site, push: Push, tmp_path: Path, ending: str, start: int
) -> None:
    rows = visits(7, start)
    wrong = [rows[0], *[rows[2] | {"fee_fen": 1_000_001}], *rows[3:6], rows[6] | {"street": "hangzhou/binjiang/xixing"}]
    file, left = written(tmp_path / f"today.{ending}", wrong), tmp_path / f"left.{ending}"
    # two batches of three rows: rows are numbered through the file
    code, out, _ = push(file, "--rows", "3", "--rejected", str(left), "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(one["first_row"], one["accepted"], one["rejected"]) for one in answers] == [(0, 2, 1), (3, 2, 1)]
    assert [row for one in answers for row in one["rejected_rows"]] == [
        {"row": 1, "reason": "out_of_bounds", "field": "fee_fen"},
        {"row": 5, "reason": "outside_region", "field": "street"},
    ]
    assert left.stat().st_mode & 0o077 == 0, "rows are in it"
    found = read(left)
    assert found.column("rejected.row").to_pylist() == [1, 5]
    assert found.column("rejected.reason").to_pylist() == ["out_of_bounds", "outside_region"]
    assert found.column("visit_id").to_pylist() == [rows[2]["visit_id"], rows[6]["visit_id"]]
    mended = found.set_column(found.schema.get_field_index("fee_fen"), "fee_fen", pa.array([1, 2]))
    mended = mended.set_column(mended.schema.get_field_index("street"), "street", pa.array([rows[0]["street"]] * 2))
    again = tmp_path / f"again.{ending}"
    if ending == "csv":
        pa_csv.write_csv(mended, again)
    else:
        pq.write_table(mended, again)
    code, out, err = push(again)
    assert code == 0 and "2 rows kept, 0 not" in out, err
    assert len(of(site, start)) == 6


def read(path: Path) -> pa.Table:
    """A file, whole; of a CSV file, instants as they are written."""
    if path.suffix == ".csv":
        return pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types={"visited_at": pa.string()}))
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.ipc.open_file(pa.OSFile(str(path), "rb")) as file:
        return file.read_all()


def test_people_read_counts_reasons_and_rows(push: Push, tmp_path: Path) -> None:
    rows = [*visits(2, 310_000), *(visit(310_100 + one, fee_fen=-1) for one in range(25)), visit(310_000)]
    code, out, _ = push(written(tmp_path / "today.parquet", rows))
    lines = out.splitlines()
    assert code == 1 and lines[0].endswith(": 2 rows kept, 26 not")
    assert {"25  out_of_bounds", "1  repeated"} <= {line.strip() for line in lines}
    assert "  row 2: out_of_bounds fee_fen" in lines and any("and 6 more" in line for line in lines)
    assert lines[-1].startswith("  receipt ")
    assert "33010219900101" not in out


def test_a_cell_that_is_none_of_its_type_stops_the_command_before_anything_is_pushed(
    site: Site, push: Push, tmp_path: Path
) -> None:
    file = written(tmp_path / "today.csv", visits(3, 320_000))
    lines = file.read_text().splitlines()
    place = lines[0].replace('"', "").split(",").index("fee_fen")
    cells = lines[2].split(",")
    cells[place] = "twelve"
    file.write_text("\n".join([lines[0], lines[1], ",".join(cells), lines[3]]) + "\n")
    code, out, err = push(file)
    assert (code, out) == (2, "")
    assert "fee_fen is a int64, and in 1 of the first 3 rows it is none: 1." in err and "twelve" not in err
    assert of(site, 320_000) == []


def test_what_is_not_collected_is_refused_with_the_gateways_reason_and_leaves_no_file(
    site: Site, push: Push, tmp_path: Path
) -> None:
    rows = [row | {"phone": "13800000000"} for row in visits(3, 330_000)]
    left = tmp_path / "left.csv"
    code, out, err = push(written(tmp_path / "today.csv", rows), "--rejected", str(left))
    assert (code, out) == (5, "") and "FIELD_NOT_COLLECTED" in err and "13800000000" not in err
    assert not left.exists() and of(site, 330_000) == []
    code, _, err = push(written(tmp_path / "more.csv", visits(3, 330_000)), name="clinic_visits/visits")
    assert code == 5 and "NOT_GRANTED" in err


def test_all_or_nothing_goes_for_one_batch(site: Site, push: Push, tmp_path: Path) -> None:
    file = written(tmp_path / "today.parquet", [*visits(3, 340_000), visit(340_004, department="dentist")])
    code, _, err = push(file, "--all-or-nothing")
    assert code == 5 and "BATCH_REJECTED" in err and "rows[3].department is rejected: unknown-key" in err
    code, _, err = push(file, "--all-or-nothing", "--rows", "2")
    assert code == 2 and "has 4 rows" in err
    assert of(site, 340_000) == []


def test_an_id_stands_for_its_rows(push: Push, tmp_path: Path) -> None:
    name = "6f8c4a52-3f2b-4d65-9c0e-0a4b53f2b9d1"
    assert push(written(tmp_path / "one.csv", visits(2, 350_000)), "--batch-id", name)[0] == 0
    code, _, err = push(written(tmp_path / "two.csv", visits(2, 351_000)), "--batch-id", name)
    assert code == 5 and "BATCH_ID_REUSED" in err
    assert push(tmp_path / "one.csv", "--batch-id", "today")[0] == 2


def test_files_that_are_none_are_mistakes(push: Push, tmp_path: Path) -> None:
    broken = tmp_path / "broken.arrow"
    broken.write_bytes(b"ARROW1\x00\x00" + b"\x07" * 64)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for file, said in ((broken, "damaged"), (empty, "is empty"), (tmp_path / "none.csv", "cannot be read")):
        code, out, err = push(file)
        assert (code, out) == (2, "") and said in err


def test_a_file_without_rows_is_a_batch_without_rows(push: Push, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "arrow", "arrows"):
        code, out, err = push(written(tmp_path / f"today.{ending}", visits(1), most=0))
        assert code == 0 and "0 rows kept, 0 not" in out, err


def test_one_row_is_one_row(site: Site, push: Push, tmp_path: Path) -> None:
    file = written(tmp_path / "one.csv", visits(1, 900_000))
    assert re.match(r"batch \S+: 1 row kept, 0 not\n", push(file)[1])
    assert len(of(site, 900_000)) == 1
