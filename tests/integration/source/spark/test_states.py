"""What is read of a lake is of one state of it: a file that changes, comes or goes is another, and never mixed in."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.spark.sessions import Session, Sessions
from gateway.adapters.spark.source import Lake, SparkSource
from gateway.adapters.spark.states import LakeFile, State
from gateway.model.contract import Bounds, DataContract
from gateway.model.errors import ErrorReason, Fault, Interrupted
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, RowPlan, RowScope
from gateway.ports.interruption import Interruption
from tests.integration.source.spark.lakes import Files

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

MakeContract = Callable[..., DataContract]
NAMES = ("subject", "amount")
EVERYTHING = RowScope(None, None, ())


def _write(folder: Path, name: str, amounts: list[int], kind: pa.DataType | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    columns = {"subject": pa.array([str(one) for one in amounts]), "amount": pa.array(amounts, kind or pa.int64())}
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def _amounts(source: SparkSource, contract: DataContract, version: str | None = None) -> list[int]:
    plan = RowPlan(contract, ("amount",), EVERYTHING, None, version)
    return [int(one or 0) for batch in source.rows(plan, 100) for one in batch.column(0).to_pylist()]


def _reason(act: Callable[[], object]) -> ErrorReason:
    with pytest.raises(Fault) as told:
        act()
    assert not isinstance(told.value, Interrupted)
    return told.value.reason


def test_every_change_is_another_version_and_none_is_read_as_another(
    source: SparkSource, lake: Files, make_lake_contract: MakeContract
) -> None:
    folder, contract = lake.folder / "changing", make_lake_contract("changing", NAMES)
    first = _write(folder, "a.parquet", [1, 2])
    versions = [source.data_version(contract)]
    assert source.data_version(contract) == versions[0] and _amounts(source, contract, versions[0]) == [1, 2]
    second = _write(folder, "b.parquet", [3])
    versions.append(source.data_version(contract))
    size = first.stat().st_size
    _write(folder, "a.parquet", [9, 8])  # in place, of the same size
    assert first.stat().st_size == size
    versions.append(source.data_version(contract))
    first.rename(folder / "c.parquet")
    versions.append(source.data_version(contract))
    second.unlink()
    versions.append(source.data_version(contract))
    assert len(set(versions)) == 5
    changed = source.changed_at(contract)
    written = datetime.fromtimestamp((folder / "c.parquet").stat().st_mtime, UTC).replace(tzinfo=None)
    assert changed is not None and abs(changed - written) < timedelta(seconds=1)
    assert _amounts(source, contract, versions[-1]) == [9, 8]
    assert _reason(lambda: _amounts(source, contract, versions[0])) is ErrorReason.SOURCE_SCHEMA_CHANGED


@pytest.mark.parametrize("how", ["replaced", "gone"])
def test_a_file_that_changes_while_it_is_read_ends_the_reading(
    sessions: Sessions,
    lake: Files,
    make_lake_contract: MakeContract,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    source = SparkSource({"lake": Lake(f"file://{lake.folder}", 3600.0, 0.0)}, sessions)
    folder, contract = lake.folder / f"read {how}", make_lake_contract(f"read {how}", NAMES)
    _write(folder, "a.parquet", [1, 2])
    second = _write(folder, "b.parquet", [3, 4])
    monkeypatch.setattr("gateway.adapters.spark.source._PIECE", 1)
    plan = RowPlan(contract, ("amount",), EVERYTHING, None, source.data_version(contract))
    batches = source.rows(plan, 100)
    assert next(batches).column(0).to_pylist() == [1, 2]
    if how == "gone":
        second.unlink()
    else:
        _write(folder, "b.parquet", [7, 8])
    assert _reason(lambda: next(batches)) is ErrorReason.SOURCE_UNAVAILABLE
    measure = Measure(MeasureKind.TOTAL, 9, "amount", Bounds(0, 9))
    sums = AggregatePlan(contract, EVERYTHING, (), (measure,), 1, "00", version=plan.version)
    assert _reason(lambda: source.aggregates(sums)) is ErrorReason.SOURCE_UNAVAILABLE


def test_what_is_not_there_or_no_parquet_is_unavailable(
    source: SparkSource, lake: Files, make_lake_contract: MakeContract
) -> None:
    contract = make_lake_contract("nowhere", NAMES)
    assert _reason(lambda: source.verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    folder = lake.folder / "nowhere"
    folder.mkdir()
    assert _reason(lambda: source.verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    _write(folder, "_temporary.parquet", [1])  # which is yet to be whole
    assert _reason(lambda: source.verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    whole = _write(folder, "a.parquet", [1, 2, 3]).read_bytes()
    assert _amounts(source, contract) == [1, 2, 3]
    (folder / "b.parquet").write_bytes(whole[: len(whole) // 2])
    assert _reason(lambda: source.verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize(
    "columns",
    [
        {"subject": pa.array(["a"])},
        {"subject": pa.array(["a"]), "Amount": pa.array([1])},
        {"subject": pa.array(["a"]), "amount": pa.array(["1"])},
        {"subject": pa.array(["a"]), "amount": pa.array([1], pa.uint64())},
        {"subject": pa.array(["a"]), "amount": pa.array([1]), "AMOUNT": pa.array([2])},
        {"subject": pa.array([b"a"]), "amount": pa.array([1])},
    ],
    ids=["missing", "case", "text", "unsigned", "twice", "bytes"],
)
def test_one_file_of_many_that_does_not_fit_is_another_schema(
    source: SparkSource,
    lake: Files,
    make_lake_contract: MakeContract,
    columns: dict[str, "pa.Array[Any]"],
    request: pytest.FixtureRequest,
) -> None:
    name = f"misfit {request.node.callspec.id}"
    _write(lake.folder / name, "a.parquet", [1])
    pq.write_table(pa.table(columns), lake.folder / name / "b.parquet")
    contract = make_lake_contract(name, NAMES)
    assert _reason(lambda: source.verify(contract)) is ErrorReason.SOURCE_SCHEMA_CHANGED
    assert _reason(lambda: _amounts(source, contract)) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_what_was_written_a_moment_ago_is_not_read_yet(
    sessions: Sessions, lake: Files, make_lake_contract: MakeContract
) -> None:
    source = SparkSource({"lake": Lake(f"file://{lake.folder}", 0.0, 3600.0)}, sessions)
    contract = make_lake_contract("settling", NAMES)
    file = _write(lake.folder / "settling", "a.parquet", [1])
    assert _reason(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    os.utime(file, (0, file.stat().st_mtime - 7200))
    assert _amounts(source, contract) == [1]


def test_a_text_that_is_none_is_another_schema(
    source: SparkSource, lake: Files, make_lake_contract: MakeContract
) -> None:
    folder, contract = lake.folder / "bytes", make_lake_contract("bytes", ("subject",))
    folder.mkdir()
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"]).buffers())
    pq.write_table(pa.table({"subject": broken}), folder / "a.parquet")
    plan = RowPlan(contract, ("subject",), EVERYTHING, None)
    assert _reason(lambda: list(source.rows(plan, 10))) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_lake_that_the_settings_do_not_name_is_unavailable(
    sessions: Sessions, make_lake_contract: MakeContract
) -> None:
    contract = make_lake_contract("any", NAMES)
    assert _reason(lambda: SparkSource({}, sessions).verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE


def test_a_slow_answer_has_an_end_and_a_call_that_is_over_ends_it(
    source: SparkSource,
    session: Session,
    lake: Files,
    make_lake_contract: MakeContract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract = make_lake_contract("slow", NAMES)
    _write(lake.folder / "slow", "a.parquet", list(range(1000)))
    plan = AggregatePlan(contract, EVERYTHING, (), (Measure(MeasureKind.ROWS, 1),), 1, "00")
    source.verify(contract)
    sql = session.spark.sql

    def slow(text: str, args: object = None, **named: object) -> object:
        # the same question, of an engine that takes a millisecond for every row of a million
        told = sql(text, args=args, **named)  # type: ignore[arg-type]
        waiting = sql("SELECT max(a.id ^ b.id) AS w FROM range(1000000) AS a, range(1000000) AS b")
        return told.crossJoin(waiting).drop("w")

    with monkeypatch.context() as patched:
        patched.setattr(session.spark, "sql", slow)
        patched.setattr(session, "_seconds", 1.0)
        assert _reason(lambda: source.aggregates(plan)) is ErrorReason.SOURCE_UNAVAILABLE
    with monkeypatch.context() as patched:
        patched.setattr(session.spark, "sql", slow)
        call = Interruption()
        threading.Timer(1.0, call.interrupt).start()
        with call.governing(), pytest.raises(Interrupted):
            source.aggregates(plan)
    assert source.aggregates(plan).column(0).to_pylist() == [1000]


def test_pieces_are_whole_files_in_their_order() -> None:
    files = tuple(
        LakeFile(f"{name}", size, datetime(2026, 1, 1, tzinfo=UTC))
        for name, size in zip("abcde", (5, 5, 99, 1, 9), strict=True)
    )
    pieces = list(State(files, "").pieces(10))
    assert ["".join(file.path for file in piece) for piece in pieces] == ["ab", "c", "de"]
