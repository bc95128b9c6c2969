"""What the engine must not do: leave its folder, write, fetch, load, or be configured again."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from gateway.adapters.duckdb import source as source_duckdb
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import RowPlan, RowScope
from gateway.query.rendering import Text
from gateway.query.scan import Query

MakeContract: TypeAlias = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
SENTINEL = "CANARY-7f3a"


@pytest.fixture
def contract(root: Path, make_contract: MakeContract) -> DataContract:
    pq.write_table(pa.table({"subject": ["a"]}), root / "t.parquet")
    return make_contract("t.parquet", names=("subject",))


def _run(
    source: DuckDBSource, monkeypatch: pytest.MonkeyPatch, contract: DataContract, sql: str
) -> list[dict[str, Any]]:
    """Let the adapter meet a statement that the compiler would never write."""
    text = Text(sql, exp.select("1"))
    monkeypatch.setattr(source_duckdb, "compile_rows", lambda plan, location, span: Query(text, {}))
    return [
        row
        for batch in source.rows(RowPlan(contract, ("subject",), EVERYTHING, None), 100)
        for row in batch.to_pylist()
    ]


def test_one_select_is_run(source: DuckDBSource, monkeypatch: pytest.MonkeyPatch, contract: DataContract) -> None:
    assert _run(source, monkeypatch, contract, "SELECT 'b' AS subject") == [{"subject": "b"}]


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{root}/out.csv'",
        "COPY (SELECT 1) TO '{outside}/out.csv'",
        "ATTACH '{root}/out.db'",
        "ATTACH '{outside}/out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "CREATE TABLE t AS SELECT 1",
        "EXPORT DATABASE '{root}/out'",
        "CALL pragma_version()",
        "EXPLAIN SELECT 1",
        "SELECT 'a' AS subject; SELECT 'b' AS subject",
        "SELECT 'a' AS subject; COPY (SELECT 1) TO '{root}/out.csv'",
        "",
    ],
)
def test_nothing_but_one_select_is_run(
    source: DuckDBSource,
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    contract: DataContract,
    tmp_path: Path,
    statement: str,
) -> None:
    before = sorted(os.listdir(root)), sorted(os.listdir(tmp_path))
    with pytest.raises(Fault) as fault:
        _run(source, monkeypatch, contract, statement.format(root=str(root).replace("'", "''"), outside=tmp_path))
    assert fault.value.reason is ErrorReason.INTERNAL
    assert (sorted(os.listdir(root)), sorted(os.listdir(tmp_path))) == before


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{outside}/secret.csv')",
        "SELECT * FROM read_text('{outside}/secret.csv') AS t(subject)",
        "SELECT * FROM '{outside}/secret.csv'",
        "SELECT * FROM read_text('{root}/../secret.csv')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
        "SELECT content AS subject FROM read_text('/proc/self/environ')",
    ],
)
def test_a_select_reads_nothing_outside(
    source: DuckDBSource,
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    contract: DataContract,
    tmp_path: Path,
    query: str,
) -> None:
    (tmp_path / "secret.csv").write_text(f"subject\n{SENTINEL}\n")
    try:
        rows = _run(source, monkeypatch, contract, query.format(root=str(root).replace("'", "''"), outside=tmp_path))
    except Fault as fault:
        assert str(fault) == fault.reason.value
    else:
        assert rows == []


def test_the_engine_itself_is_shut_in(source: DuckDBSource, root: Path, tmp_path: Path) -> None:
    """Without the adapter's guard: the second wall stands on its own."""
    (tmp_path / "secret.csv").write_text("subject\nx\n")
    for statement in (
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/out.db'",
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "SET temp_directory = '/tmp'",
    ):
        with pytest.raises(duckdb.Error):
            source._connection.cursor().execute(statement)
    assert sorted(os.listdir(tmp_path)) == [root.name, "secret.csv"]


@pytest.mark.parametrize(
    "path", ["../secret.parquet", "link.parquet", "/etc/passwd", "sub/../../secret.parquet", "", "."]
)
def test_a_contract_cannot_name_a_file_outside(
    source: DuckDBSource, root: Path, tmp_path: Path, make_contract: MakeContract, path: str
) -> None:
    pq.write_table(pa.table({"subject": [SENTINEL]}), tmp_path / "secret.parquet")
    (root / "link.parquet").symlink_to(tmp_path / "secret.parquet")
    (root / "sub").mkdir()
    contract = make_contract(path, names=("subject",))
    for call in (
        lambda: source.verify(contract),
        lambda: source.data_version(contract),
        lambda: source.rows(RowPlan(contract, ("subject",), EVERYTHING, None), 100),
    ):
        with pytest.raises(Fault) as fault:
            call()
        assert fault.value.reason is ErrorReason.SOURCE_UNAVAILABLE


def test_a_name_is_not_a_pattern(source: DuckDBSource, root: Path, make_contract: MakeContract) -> None:
    for name in ("a1.parquet", "a2.parquet", "a*.parquet"):
        pq.write_table(pa.table({"subject": ["x"]}), root / name)
    with pytest.raises(Fault):
        source.verify(make_contract("a*.parquet", names=("subject",)))


def test_a_link_that_stays_inside_is_followed(
    source: DuckDBSource, root: Path, contract: DataContract, make_contract: MakeContract
) -> None:
    (root / "inside.parquet").symlink_to(root / "t.parquet")
    source.verify(make_contract("inside.parquet", names=("subject",)))
