"""A table of the server that each test writes anew, and the source over it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.storage import SourceKind, SourceSpec, TableSpec
from tests.integration.source.postgres.tables import COLUMNS, Tables


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
    owner.execute("CREATE SCHEMA IF NOT EXISTS city")
    return Tables(owner)


@pytest.fixture(scope="session")
def source(server: Server) -> Iterator[PostgresSource]:
    made = PostgresSource({"registers": server})
    yield made
    made.close()
