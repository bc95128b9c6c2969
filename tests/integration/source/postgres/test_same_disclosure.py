"""A dataset that moves into a database is disclosed as before: the same rows, the same tokens, to the last byte."""

from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from gateway import pipeline
from gateway.adapters.postgres.connections import Server
from gateway.model.request import RowsRequest
from gateway.settings import InvalidSettings
from tests.integration.house import House, colour, delivered, housed, tracing
from tests.integration.site import Site

_TYPES = {
    pa.string(): "text",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
}


def _settings(server: Server, host: str) -> str:
    return f"""
[data.databases.registers]
host = "{host}"
port = {server.port}
database = "postgres"
user = "postgres"
snapshot_seconds = 0
"""


def _move(house: House, server: Server, session: psycopg.Connection[tuple[Any, ...]], dataset: str) -> None:
    """Put the rows into a table, and have the contract say so."""
    rows = pq.read_table(house.site.data / f"{dataset}.parquet")
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(_TYPES[one.type])) for one in rows.schema
    )
    table = sql.Identifier("city", dataset)
    session.execute(sql.SQL("CREATE TABLE {} ({})").format(table, columns))
    with session.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
        for row in rows.to_pylist():
            copy.write_row(list(row.values()))
    contract = house.site.policies / "contracts" / f"{dataset}.yaml"
    lines = contract.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if "type: local" in line)
    lines[place] = (
        f'  - {{server: registers, type: postgres, host: "{server.host}", port: {server.port}, '
        "database: postgres, schema: city}"
    )
    contract.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _disclosed(house: House, institution: str, request: RowsRequest) -> list[str]:
    delivery = delivered(pipeline.rows(house.ports, house.peer(institution), request))
    return sorted(repr(row) for part in delivery for row in part.records.to_pylist())


def _asked(ids: list[str]) -> list[tuple[str, RowsRequest]]:
    return [("police", tracing()), *(("verifier-metro", colour(one)) for one in (*ids, "nobody"))]


@pytest.mark.usefixtures("tables")
def test_the_same_request_gives_the_same_disclosure(
    new_site: Site, server: Server, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(_settings(server, server.host))
    with housed(new_site) as house:
        codes = pq.read_table(new_site.data / "health_codes.parquet")
        asked = _asked([str(one) for one in codes.column("resident_id").to_pylist()[:2]])
        before = [_disclosed(house, *one) for one in asked]
        assert all(before[:-1]) and not before[-1]
        for dataset in ("health_cases", "health_codes"):
            _move(house, server, owner, dataset)
        house.ports.policy.reload()
        assert [_disclosed(house, *one) for one in asked] == before
        versions = {record.data_version for record in house.audit.records if record.data_version}
        assert len(versions) == 4, "two datasets, each of two versions"


def test_a_database_over_a_network_without_tls_is_not_called(new_site: Site, server: Server) -> None:
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(_settings(server, "localhost"))
    with pytest.raises(InvalidSettings, match="needs root_certificate"), housed(new_site):
        pass
