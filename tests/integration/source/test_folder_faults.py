"""Folders that are not what their contract says, or change while they are read: a fault, never some of the rows."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb import folders as source_folders
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import RowPlan, RowScope
from gateway.model.storage import SourceKind

MakeContract: TypeAlias = Callable[..., DataContract]
NAMES = ("subject", "amount", "day")
GONE, OTHER = ErrorReason.SOURCE_UNAVAILABLE, ErrorReason.SOURCE_SCHEMA_CHANGED


def _table(rows: int = 10, **columns: Any) -> pa.Table:
    whole = {
        "subject": pa.array([f"s{number}" for number in range(rows)], pa.string()),
        "amount": pa.array(range(rows), pa.int64()),
        "day": pa.nulls(rows, pa.date32()),
    }
    return pa.table(whole | columns)


def _without(*names: str, **columns: Any) -> pa.Table:
    return _table(**columns).drop_columns(list(names))


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder of two files that are as they should be."""
    path = root / "many"
    (path / "below").mkdir(parents=True)
    pq.write_table(_table(150_000), path / "a.parquet", row_group_size=20_000, compression="none")
    pq.write_table(_table(), path / "below" / "b.parquet", compression="none")
    return path


@pytest.fixture
def contract(make_contract: MakeContract) -> DataContract:
    return make_contract("many/", names=NAMES)


def _plan(contract: DataContract) -> RowPlan:
    return RowPlan(contract, NAMES[:2], RowScope(None, None, ()), None)


def _reason(source: DuckDBSource, contract: DataContract) -> ErrorReason:
    with pytest.raises(Fault) as caught:
        source.verify(contract)
    with pytest.raises(Fault) as again:
        list(source.rows(_plan(contract), 1_000))
    assert again.value.reason is caught.value.reason
    return caught.value.reason


@pytest.mark.parametrize(
    ("table", "fits"),
    [
        (_table(note=["x"] * 10), False),
        (_without("day"), False),
        (_table(amount=pa.array(range(10), pa.int32())), False),
        (_table(amount=[str(number) for number in range(10)]), False),
        (_table().rename_columns(["subject", "Amount", "day"]), False),
        (_table().append_column("AMOUNT", [list(range(10))]), False),
        (_table().select(["day", "amount", "subject"]), True),
        (_table(subject=pa.array(["s"] * 10).dictionary_encode()), True),
        (_table(subject=pa.array(["s"] * 10, pa.large_string())), True),
        (_table(0), True),
    ],
)
def test_every_file_has_the_declared_schema(
    folder: Path, source: DuckDBSource, contract: DataContract, table: pa.Table, fits: bool
) -> None:
    pq.write_table(table, folder / "below" / "b.parquet")
    if fits:
        source.verify(contract)
        assert sum(batch.num_rows for batch in source.rows(_plan(contract), 9_999)) == 150_000 + len(table)
    else:
        assert _reason(source, contract) is OTHER


@pytest.mark.parametrize(
    "header", ["subject,amount", "subject,amount,day,x", "amount,subject,day", "subject,Amount,day"]
)
def test_every_csv_file_has_the_same_header(
    root: Path, source: DuckDBSource, make_contract: MakeContract, header: str
) -> None:
    (root / "many").mkdir()
    (root / "many" / "a.csv").write_text("subject,amount,day\na,1,2026-11-22\n")
    (root / "many" / "b.csv").write_text(f"{header}\n")
    assert _reason(source, make_contract("many/", SourceKind.CSV, NAMES)) is OTHER


def _cut(path: Path, *, footer: bool) -> None:
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little") + 8
    body = content[:-length]
    path.write_bytes(body[: len(body) // 2] + (content[-length:] if footer else b""))


@pytest.mark.parametrize("footer", [True, False])
@pytest.mark.parametrize("name", ["a.parquet", "below/b.parquet"])
def test_a_file_that_lost_its_middle(
    folder: Path, source: DuckDBSource, contract: DataContract, make_contract: MakeContract, name: str, footer: bool
) -> None:
    _cut(folder / name, footer=footer)
    assert _reason(source, contract) is GONE
    assert _reason(source, make_contract(f"many/{name}", names=NAMES)) is GONE


@pytest.mark.parametrize("name", ["README.txt", "a.csv", "b.parquet.gz", "b.parquet.part", "c[1].parquet", "PARQUET"])
def test_what_is_no_data_and_not_hidden_is_not_left_out_in_silence(
    folder: Path, source: DuckDBSource, contract: DataContract, name: str
) -> None:
    shutil.copy(folder / "a.parquet", folder / name)
    assert _reason(source, contract) is GONE
    (folder / name).rename(folder / f"_{name}")
    source.verify(contract)


def test_links_are_not_followed(root: Path, folder: Path, source: DuckDBSource, contract: DataContract) -> None:
    outside = root.parent / "outside"
    shutil.copytree(folder, outside)
    for target, link in ((outside, folder / "l"), (outside / "a.parquet", folder / "l.parquet")):
        link.symlink_to(target)
        assert _reason(source, contract) is GONE
        link.unlink()
    (folder / "l.parquet").symlink_to(folder / "a.parquet")
    assert _reason(source, contract) is GONE


def test_the_folder_itself_may_be_a_link_inside_the_root(
    root: Path, folder: Path, source: DuckDBSource, contract: DataContract
) -> None:
    folder.rename(root / "v1")
    folder.symlink_to(root / "v1")
    first = source.data_version(contract)
    shutil.copytree(root / "v1", root / "v2")
    (root / "v2" / "a.parquet").unlink()
    folder.unlink()
    folder.symlink_to(root / "v2")
    assert source.data_version(contract) != first
    assert sum(batch.num_rows for batch in source.rows(_plan(contract), 1_000)) == 10
    folder.unlink()
    shutil.copytree(root / "v1", root.parent / "outside")
    folder.symlink_to(root.parent / "outside")
    assert _reason(source, contract) is GONE


def test_a_folder_swapped_for_a_file_and_the_other_way_round(
    root: Path, folder: Path, source: DuckDBSource, contract: DataContract, make_contract: MakeContract
) -> None:
    one = make_contract("many", names=NAMES)
    source.verify(contract)
    assert _reason(source, one) is GONE
    (folder / "a.parquet").rename(root / "kept")
    shutil.rmtree(folder)
    (root / "kept").rename(folder)
    assert _reason(source, contract) is GONE
    source.verify(one)


def test_an_empty_folder_does_not_pass_for_an_empty_dataset(
    root: Path, source: DuckDBSource, contract: DataContract
) -> None:
    assert _reason(source, contract) is GONE
    (root / "many" / "below").mkdir(parents=True)
    assert _reason(source, contract) is GONE
    (root / "many" / "below" / "_SUCCESS").touch()
    assert _reason(source, contract) is GONE
    (root / "many" / "_SUCCESS").touch()
    source.verify(contract)


def test_too_many_files(
    folder: Path, source: DuckDBSource, contract: DataContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_folders, "MOST_FILES", 3)
    assert _reason(source, contract) is GONE


def _partitioned(root: Path, *paths: str, table: pa.Table | None = None) -> None:
    for path in paths:
        place = root / "many" / path
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(_without("amount", "day") if table is None else table, place / "p.parquet")


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["amount=7/day=2026-11-22", "amount=-8/day=__HIVE_DEFAULT_PARTITION__"], None),
        (["amount=7/x/day=2026-11-22", "y/amount=8/day=2026-11-23"], None),
        (["other=1/amount=7/day=2026-11-22"], None),
        (["_o=1/amount=7/day=2026-11-22"], None),
        (["amount=7/day=2026-11-22\\x"], GONE),
        (["amount=7/day=2026-11-22\nx"], GONE),
        (["amount=7/day=2026-11-31"], OTHER),
        (["amount=7/day=2026-11-22T10"], OTHER),
        (["amount=1.5/day=2026-11-22"], OTHER),
        (["amount=/day=2026-11-22"], OTHER),
        (["amount=NULL/day=2026-11-22"], OTHER),
        (["amount=9223372036854775808/day=2026-11-22"], OTHER),
        (["amount=7"], OTHER),
        (["amount=7/day=2026-11-22", "amount=7"], OTHER),
        (["amount=7/day=2026-11-22", "day=2026-11-22/amount=8"], OTHER),
        (["amount=7/day=2026-11-22", "other=1/amount=7/day=2026-11-22"], OTHER),
        (["Amount=7/day=2026-11-22"], OTHER),
        (["amount=7/AMOUNT=7/day=2026-11-22"], OTHER),
        (["amount=7/amount=7/day=2026-11-22"], OTHER),
        (["subject=a/amount=7/day=2026-11-22"], OTHER),
        (["SUBJECT=a/amount=7/day=2026-11-22"], OTHER),
        (["amount=7/day=2026-11-22/o=%FF"], GONE),
        (["amount=7/day=2026-11-22/o=%2"], GONE),
        (["amount=7/day=2026-11-22/o=a=b"], GONE),
        (["amount=7/day=2026-11-22/o%20=b"], GONE),
    ],
)
def test_what_folders_say_is_held_against_the_contract(
    root: Path, source: DuckDBSource, contract: DataContract, paths: list[str], reason: ErrorReason | None
) -> None:
    _partitioned(root, *paths)
    if reason is None:
        source.verify(contract)
        assert sum(batch.num_rows for batch in source.rows(_plan(contract), 100)) == 10 * len(paths)
    else:
        assert _reason(source, contract) is reason


def test_a_path_above_the_folder_names_no_column(tmp_path: Path, make_contract: MakeContract) -> None:
    contract = make_contract("many/", names=NAMES)
    _partitioned(tmp_path / "amount=5", "plain", table=_table())
    _partitioned(tmp_path / "score=5", "amount=7/day=2026-11-22")
    plain = DuckDBSource(tmp_path / "amount=5")
    assert [row["amount"] for batch in plain.rows(_plan(contract), 100) for row in batch.to_pylist()] == [*range(10)]
    one = make_contract("many/plain/p.parquet", names=NAMES)
    assert [row["amount"] for batch in plain.rows(_plan(one), 100) for row in batch.to_pylist()] == [*range(10)]
    assert _reason(DuckDBSource(tmp_path / "score=5"), contract) is GONE


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("change", ["add", "remove", "replace", "rewrite", "swap"])
def test_a_folder_that_changes_while_it_is_read(
    root: Path,
    folder: Path,
    source: DuckDBSource,
    contract: DataContract,
    change: str,
    large: bool,
) -> None:
    for number in range(40 if large else 0):
        pq.write_table(_table(1), folder / f"n{number}.parquet")
    before = source.data_version(contract)
    stream = source.rows(_plan(contract), 2_048)
    next(stream)
    match change:
        case "add":
            pq.write_table(_table(), folder / "below" / "c.parquet")
        case "remove":
            (folder / "below" / "b.parquet").unlink()
        case "replace":
            pq.write_table(_table(amount=range(1, 11)), folder / ".new")
            os.replace(folder / ".new", folder / "below" / "b.parquet")
        case "rewrite":
            pq.write_table(_table(amount=range(1, 11)), folder / "below" / "b.parquet")
        case "swap":
            folder.rename(root / "old")
            shutil.copytree(root / "old", folder)
            (folder / "a.parquet").touch()
    if change != "rewrite" or not large:
        assert source.data_version(contract) != before
    with pytest.raises(Fault) as caught:
        list(stream)
    assert caught.value.reason is GONE
    assert source.data_version(contract) != before


def test_what_is_hidden_may_change_while_it_is_read(folder: Path, source: DuckDBSource, contract: DataContract) -> None:
    version = source.data_version(contract)
    stream = source.rows(_plan(contract), 2_048)
    next(stream)
    (folder / ".c.parquet").write_bytes(b"begun")
    (folder / "a.parquet").chmod(0o600)
    assert sum(batch.num_rows for batch in stream) > 140_000
    assert source.data_version(contract) == version
