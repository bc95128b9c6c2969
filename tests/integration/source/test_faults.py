"""Files that are missing, broken, of another schema, or change while they are read: a fault, and no value in it."""

import os
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, RowPlan, RowScope
from gateway.model.storage import SourceKind

MakeContract: TypeAlias = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
SENTINEL = "CANARY-7f3a"
ROWS = 150_000


def _write(path: Path, rows: int = ROWS, **columns: Any) -> None:
    table = pa.table({"subject": [f"{SENTINEL}-{number}" for number in range(rows)], "amount": range(rows)} | columns)
    pq.write_table(table, path, row_group_size=20_000, compression="none")


@pytest.fixture
def contract(make_contract: MakeContract) -> DataContract:
    return make_contract("t.parquet", names=("subject", "amount"))


def _plan(contract: DataContract) -> RowPlan:
    return RowPlan(contract, ("subject", "amount"), EVERYTHING, None)


def _fault(call: Callable[[], object]) -> ErrorReason:
    with pytest.raises(Fault) as caught:
        call()
    assert str(caught.value) == caught.value.reason.value
    text = "".join(traceback.format_exception(caught.value))
    assert SENTINEL not in text and "duckdb" not in text.lower().replace("adapters/duckdb", "").replace(
        "duckdbsource", ""
    )
    return caught.value.reason


def test_a_missing_folder_or_file(root: Path, source: DuckDBSource, contract: DataContract) -> None:
    assert _fault(lambda: DuckDBSource(root / "none")) is ErrorReason.SOURCE_UNAVAILABLE
    for call in (
        lambda: source.verify(contract),
        lambda: source.data_version(contract),
        lambda: list(source.rows(_plan(contract), 1_000)),
    ):
        assert _fault(call) is ErrorReason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 4, b"x" * 100, b"PAR1" + b"\xff" * 50 + b"PAR1"])
def test_no_parquet(root: Path, source: DuckDBSource, contract: DataContract, content: bytes) -> None:
    (root / "t.parquet").write_bytes(content)
    assert _fault(lambda: source.verify(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    assert _fault(lambda: list(source.rows(_plan(contract), 1_000))) is ErrorReason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize(
    "table",
    [
        {"subject": ["a"]},
        {"subject": ["a"], "amount": ["1"]},
        {"subject": ["a"], "amount": [1.0]},
        {"subject": ["a"], "amount": pa.array([1], pa.uint64())},
        {"subject": [1], "amount": [1]},
        {"subject": ["a"], "Amount": [1]},
        {"subject": ["a"], "amount": [1], "AMOUNT": [2]},
        {"subject": [["a"]], "amount": [1]},
    ],
)
def test_another_schema(root: Path, source: DuckDBSource, contract: DataContract, table: dict[str, Any]) -> None:
    pq.write_table(pa.table(table), root / "t.parquet")
    assert _fault(lambda: source.verify(contract)) is ErrorReason.SOURCE_SCHEMA_CHANGED
    assert _fault(lambda: source.rows(_plan(contract), 1_000)) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_schema_that_changes_after_it_was_checked(root: Path, source: DuckDBSource, contract: DataContract) -> None:
    _write(root / "t.parquet", 10)
    source.verify(contract)
    assert len(list(source.rows(_plan(contract), 1_000))) == 1
    pq.write_table(pa.table({"subject": ["a"], "amount": ["1"]}), root / "t.parquet")
    assert _fault(lambda: source.rows(_plan(contract), 1_000)) is ErrorReason.SOURCE_SCHEMA_CHANGED


def _drain_after_first(source: DuckDBSource, contract: DataContract, change: Callable[[], object]) -> int:
    stream = source.rows(_plan(contract), 2_048)
    count = next(stream).num_rows
    change()
    while True:
        try:
            count += next(stream).num_rows
        except StopIteration:
            return count


def test_a_file_that_changes_while_it_is_read(root: Path, source: DuckDBSource, contract: DataContract) -> None:
    path = root / "t.parquet"

    def replace() -> None:
        _write(root / "new", 10)
        os.replace(root / "new", path)

    def rewrite() -> None:
        _write(path, ROWS, amount=[1] * ROWS)

    def truncate() -> None:
        os.truncate(path, path.stat().st_size // 3)

    def corrupt() -> None:
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 3)
            file.write(b"\xff" * (path.stat().st_size // 2))

    def remove() -> None:
        path.unlink()

    for change in (replace, rewrite, truncate, corrupt, remove):
        _write(path)
        assert _fault(partial(_drain_after_first, source, contract, change)) is ErrorReason.SOURCE_UNAVAILABLE
    _write(path, 10)
    assert _drain_after_first(source, contract, lambda: None) == 10


def test_an_aggregate_over_a_broken_file(root: Path, source: DuckDBSource, contract: DataContract) -> None:
    _write(root / "t.parquet")
    with (root / "t.parquet").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 2_000_000)
    count = Measure(MeasureKind.ROWS, 1)
    plan = AggregatePlan(contract, EVERYTHING, (), (count,), 1, "00")
    assert _fault(lambda: source.aggregates(plan)) is ErrorReason.SOURCE_UNAVAILABLE


@pytest.mark.parametrize(
    "text",
    [
        f"subject,amount\na,1\n{SENTINEL},{SENTINEL}\n",
        f"subject,amount\na,1\n{SENTINEL}\n",
        f"subject,amount\na,1\n{SENTINEL},2,3\n",
        f'subject,amount\na,1\n"{SENTINEL},2\n',
        f"subject,amount\na,1\n{SENTINEL},1.5\n",
        f"subject,amount\na,1\n{SENTINEL},1e3\n",
        f"subject,amount\na,1\n{SENTINEL}, 7\n",
        f"subject,amount\na,1\n{SENTINEL},99999999999999999999\n",
        "subject,amount\na,1\n" + "b,2\n" * 50_000 + f"{SENTINEL},{SENTINEL}\n",
    ],
)
def test_csv_rows_that_left_the_contract_stop_the_stream(
    root: Path, source: DuckDBSource, make_contract: MakeContract, text: str
) -> None:
    (root / "t.csv").write_text(text)
    contract = make_contract("t.csv", SourceKind.CSV, ("subject", "amount"))
    source.verify(contract)
    reason = _fault(lambda: list(source.rows(_plan(contract), 2_048)))
    assert reason in (ErrorReason.SOURCE_SCHEMA_CHANGED, ErrorReason.SOURCE_UNAVAILABLE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day", "2020-02-30"),
        ("day", "2020/02/01"),
        ("day", "01.02.2020"),
        ("moment", "2020-02-01 00:00:00+08"),
        ("moment", "2020-02-01 25:00:00"),
        ("consent", "perhaps"),
        ("ratio", "1,5"),
    ],
)
def test_csv_values_that_are_not_quite_of_their_type_stop_the_stream(
    root: Path, source: DuckDBSource, make_contract: MakeContract, name: str, text: str
) -> None:
    (root / "t.csv").write_text(f'{name},subject\n"{text}",a\n')
    contract = make_contract("t.csv", SourceKind.CSV, (name, "subject"))
    assert _fault(lambda: list(source.rows(RowPlan(contract, (name,), EVERYTHING, None), 100))) in (
        ErrorReason.SOURCE_SCHEMA_CHANGED,
        ErrorReason.SOURCE_UNAVAILABLE,
    )


@pytest.mark.parametrize(
    "text", ["", "\n", "subject\n", "subject,amount,\n", "subject,amount,AMOUNT\n", "subject;amount\n"]
)
def test_csv_headers_that_left_the_contract(
    root: Path, source: DuckDBSource, make_contract: MakeContract, text: str
) -> None:
    (root / "t.csv").write_text(text)
    contract = make_contract("t.csv", SourceKind.CSV, ("subject", "amount"))
    assert _fault(lambda: source.verify(contract)) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_the_data_version_names_the_state(
    root: Path, source: DuckDBSource, contract: DataContract, make_contract: MakeContract
) -> None:
    path = root / "t.parquet"
    _write(path, 10)
    first = source.data_version(contract)
    assert source.data_version(contract) == first and len(bytes.fromhex(first)) == 32
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    second = source.data_version(contract)
    _write(path, 10, amount=range(1, 11))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    third = source.data_version(contract)
    (root / "u.parquet").write_bytes(path.read_bytes())
    os.utime(root / "u.parquet", ns=(status.st_atime_ns, status.st_mtime_ns))
    other = source.data_version(make_contract("u.parquet", names=("subject", "amount")))
    assert len({first, second, third, other}) == 4


def test_a_closed_source_faults(root: Path, contract: DataContract) -> None:
    _write(root / "t.parquet", 10)
    source = DuckDBSource(root)
    source.close()
    assert _fault(lambda: list(source.rows(_plan(contract), 10))) is ErrorReason.SOURCE_UNAVAILABLE


def test_too_little_memory_is_a_fault_and_the_source_lives_on(root: Path, contract: DataContract) -> None:
    _write(root / "t.parquet", 2_000_000)
    source = DuckDBSource(root, memory_limit="40MB", threads=2)
    count = Measure(MeasureKind.ROWS, 1)
    plan = AggregatePlan(contract, EVERYTHING, (), (count,), 1, "00")
    assert _fault(lambda: source.aggregates(plan)) is ErrorReason.SOURCE_UNAVAILABLE
    assert next(source.rows(RowPlan(contract, ("amount",), EVERYTHING, 1), 10)).num_rows == 1
    source.close()
