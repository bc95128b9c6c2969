"""One register of crossings in each kind of source behind one gateway, and what can happen to each of them.

The gateway has one thread for streams: whoever holds it holds up all.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from gateway.accountability.record import decode
from gateway.adapters.dev_ca import write_private
from gateway.adapters.postgres.connections import Server
from gateway.api.v1 import disclosure_pb2, sharing_service_pb2, sharing_service_pb2_grpc, value_pb2
from gateway.client.errors import from_call
from gateway.model.record import AuditRecord, Outcome
from tests.integration.extracts.archive import PURPOSE, READER, crossings, setting
from tests.integration.site import Site, utc_now
from tests.integration.upstream.department import REGISTRY, Department, code, department, described, listed

ROWS = 1_500_000
"""More than a gateway takes of a source for a reader who has taken one batch."""
SAID = 140
"""Messages of a thousand crossings, of which a batch is made, and a little is left over."""
STALL = 1.0
"""Seconds: of a reader who does not read, and of a service that says nothing."""
SOON = 1.0
"""Seconds within which what a call held is free once it ended, as docs/reference/errors.md says."""

KINDS = ("parquet", "folder", "csv", "table", "service")

_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: DATASET
name: Crossings of gates
version: 1.0.0
status: active
team:
  members:
    - {role: owner, username: police}
    - {role: steward, username: gates@crossings.example, name: The gates}
servers:
  - SERVER
schema:
  - name: DATASET
    properties:
      - {name: card, PATHlogicalType: string, classification: direct-identifier, required: true}
      - {name: reason, logicalType: string, classification: quasi-identifier, required: true}
      - {name: visits, logicalType: integer, classification: quasi-identifier, required: true}
customProperties:
  - property: purposeGateway
    value:
      name_zh: 闸机通行记录
      collected_for: [urban-mobility]
      privacy_unit: {kind: vehicle, field: card}
UPSTREAM      disclosures:
        all:
          kind: extract
          description: Every crossing, under a pseudonym of the card.
          fields: {card: pseudonymize, reason: keep, visits: keep}
          filters: [reason]
          waive_noise: "The crossings are made up."
"""
_UPSTREAM = """      upstream:
        list: {method: ListCodes, records: codes}
        left_out:
          person.name: direct-identifier
          colour: sensitive
          assessed_on: other
          assessed_at: other
          case_number: direct-identifier
          community: other
          contacts.name: direct-identifier
          contacts.colour: sensitive
          marks.key: other
          marks.value.text: free-text
          languages: quasi-identifier
          nickname: free-text
          score: sensitive
          weight: other
          consents: other
          photo: direct-identifier
"""


def table() -> pa.Table:
    """The register: no two crossings are of one number."""
    made = crossings(ROWS)
    return pa.table({"card": made["card"], "reason": made["gate"], "visits": made["number"]})


@cache
def part(number: int) -> bytes:
    """A message of the service with a thousand crossings."""
    return listed(
        code(f"c{one:08d}", reason="east", visits={"value": one}) for one in range(number * 1000, (number + 1) * 1000)
    )


class Reading:
    """One extract on the wire: what came of it, and how it ended."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.rows = 0
        self.trailed = False

    def take(self) -> bool:
        """Wait for the next batch; returns whether there is one. Whatever ends the stream otherwise is raised."""
        for message in self.call:
            self.trailed |= message.HasField("trailer")
            if message.HasField("arrow_batch"):
                self.rows += message.arrow_batch.rows
                return True
        return False

    def fails(self) -> tuple[str, grpc.StatusCode]:
        """Read on to an end that is an error, after which nothing looks whole; return its reason and status."""
        with pytest.raises(grpc.RpcError):
            while self.take():
                pass
        assert not self.trailed, "nothing that fails has a trailer"
        return from_call(self.call).reason, self.call.code()

    def whole(self) -> int:
        """Read on to the trailer; return the number of rows."""
        while self.take():
            pass
        assert self.trailed
        return self.rows


@dataclass(frozen=True)
class Caller:
    """Who reads extracts, message by message."""

    stub: Any
    token: str

    def reads(self, kind: str, reason: str = "", seconds: float = 60.0) -> Reading:
        """Ask for all crossings of a kind of source, or for those of one reason."""
        filters = []
        if reason:
            values = [value_pb2.Value(string_value=reason)]
            filters = [value_pb2.Condition(field="reason", operator=value_pb2.OPERATOR_EQUAL, values=values)]
        request = sharing_service_pb2.ExtractRequest(
            context=disclosure_pb2.RequestContext(purpose=PURPOSE),
            dataset=f"crossings_{kind}",
            disclosure="all",
            filters=filters,
        )
        return Reading(
            self.stub.Extract(request, timeout=seconds, metadata=[("authorization", f"Bearer {self.token}")])
        )


@dataclass
class Sources:
    """The register in each kind, and the gateway over them."""

    site: Site
    office: Department
    owner: psycopg.Connection[tuple[Any, ...]]
    stack: ExitStack = field(default_factory=ExitStack, repr=False)

    @contextmanager
    def caller(self) -> Iterator[Caller]:
        """A connection of its own."""
        names = (f"{READER}.key", f"{READER}.pem", "ca.pem")
        key, certificate, ca = ((self.site.folder / name).read_bytes() for name in names)
        with grpc.secure_channel(
            self.site.target,
            grpc.ssl_channel_credentials(ca, key, certificate),
            [("grpc.max_receive_message_length", -1)],
        ) as channel:
            yield Caller(sharing_service_pb2_grpc.SharingServiceStub(channel), self.site.token(READER))

    def file(self, kind: str) -> Path:
        """The file of a kind; of the folder, the last of its files."""
        return self.site.data / {"parquet": "one.parquet", "folder": "many/b.parquet", "csv": "one.csv"}[kind]

    def mend(self, kind: str) -> None:
        """Have the source as it was at first."""
        if kind == "service":
            messages = [part(number) for number in range(SAID)]
            self.office.answers["ListCodes"] = lambda _, __: messages
        elif kind == "table":
            self.end_sessions()  # a state that is kept keeps the table as well
            self.owner.execute("DROP TABLE IF EXISTS many.crossings_table")
            self.owner.execute("CREATE TABLE many.crossings_table (card text, reason text, visits bigint)")
            self.owner.execute(
                f"INSERT INTO many.crossings_table SELECT 'c' || (i::bigint * 7919 % {ROWS // 10}), 'east', i "
                f"FROM generate_series(0, {ROWS - 1}) i"
            )
        else:
            shutil.copyfile(self.site.folder / "kept" / self.file(kind).name, self.file(kind))

    def held(self, kind: str) -> int:
        """How much of a source the gateway has in hand: open files, statements of a database, streams of a service."""
        if kind == "service":
            return len(self.office.asked) - len(self.office.ended)
        if kind == "table":
            (number,) = self.owner.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purpose-gateway' "
                "AND (state = 'active' OR query LIKE 'COPY%')"
            ).fetchone() or (-1,)
            return int(number)
        return sum(str(self.site.data) in name for name in self.open_files())

    def open_again(self) -> None:
        """Run the service anew, where the one before is gone."""
        self.office = self.stack.enter_context(department(self.office.port, self.office.authority))
        self.mend("service")

    def backends(self) -> list[int]:
        """The processes of the database that work for the gateway."""
        found = self.owner.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'purpose-gateway'")
        return [int(pid) for (pid,) in found.fetchall()]

    def end_sessions(self) -> None:
        """Have the database end all of the gateway's sessions."""
        for pid in self.backends():
            self.owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    def open_files(self) -> list[str]:
        """What the gateway's process has open."""
        assert self.site.process is not None
        names = []
        for one in Path(f"/proc/{self.site.process.pid}/fd").iterdir():
            try:
                names.append(os.readlink(one))
            except OSError:
                continue
        return names

    def threads(self) -> int:
        """How many threads the gateway's process has."""
        assert self.site.process is not None
        return len(list(Path(f"/proc/{self.site.process.pid}/task").iterdir()))

    def last(self) -> AuditRecord:
        """The newest record of a disclosure in the log."""
        with closing(sqlite3.connect(self.site.folder / "state.sqlite")) as state:
            rows = state.execute("SELECT record FROM audit_entries ORDER BY entry_index DESC")
            return next(decode(record) for (record,) in rows if b'"outcome"' in record)

    def ended(self, outcome: Outcome, reason: str) -> bool:
        """Whether the newest record says that it ended so."""
        last = self.last()
        return (last.outcome, last.reason) == (outcome, reason)


def lay_out(site: Site, office: Department, server: Server, owner: psycopg.Connection[tuple[Any, ...]]) -> Sources:
    """Put contracts, grants, settings and data where a site that is not started has its own."""
    data = site.folder / "data"
    (data / "many").mkdir(parents=True)
    site.config.write_text(site.config.read_text().replace(f'root = "{site.data}"', f'root = "{data}"'))
    site.data = data
    servers = {
        "parquet": "{server: hub, type: local, path: one.parquet, format: parquet}",
        "folder": "{server: hub, type: local, path: many/, format: parquet}",
        "csv": "{server: hub, type: local, path: one.csv, format: csv}",
        "table": f'{{server: registers, type: postgres, host: "{server.host}", port: {server.port}, '
        "database: postgres, schema: many}",
        "service": f"{{server: health, type: api, location: {REGISTRY}}}",
    }
    for kind, where in servers.items():
        text = _CONTRACT.replace("DATASET", f"crossings_{kind}").replace("SERVER", where)
        text = text.replace("UPSTREAM", _UPSTREAM if kind == "service" else "")
        if kind == "service":
            # tokens would have it counted first, whether counting undoes them
            text = text.replace("card: pseudonymize, ", "")
        text = text.replace("PATH", "physicalName: person.number, " if kind == "service" else "")
        (site.policies / "contracts" / f"crossings_{kind}.yaml").write_text(text)
    with (site.policies / "grants.csv").open("a", encoding="utf-8") as grants:
        for kind in KINDS:
            grants.write(f"p, f-{kind}, {READER}, crossings_{kind}/all, extract, hangzhou, {PURPOSE}, , allow\n")
    setting(site, "server", f"stream_workers = 1\nstall_seconds = {STALL}")
    mine = office.authority.client("gateway", utc_now())
    (site.folder / "department-ca.pem").write_bytes(office.authority.ca_pem)
    (site.folder / "department.pem").write_bytes(mine.certificate_pem)
    write_private(site.folder / "department.key", mine.private_key_pem)
    (site.folder / "department.binpb").write_bytes(described())
    with site.config.open("a") as config:
        config.write(
            f"""
[data.databases.registers]
host = "{server.host}"
port = {server.port}
database = "postgres"
user = "postgres"
snapshot_seconds = 0
hold_seconds = 0

[data.services.health]
address = "localhost:{office.port}"
ca = "department-ca.pem"
certificate = "department.pem"
key = "department.key"
descriptors = "department.binpb"
stall_seconds = {STALL}
"""
        )
    owner.execute("CREATE SCHEMA IF NOT EXISTS many")
    kept, whole = site.folder / "kept", table()
    kept.mkdir()
    pa_csv.write_csv(whole, kept / "one.csv")
    for folder, name, rows in (
        (kept, "one", whole),
        (data / "many", "a", whole.slice(0, ROWS // 2)),
        (kept, "b", whole.slice(ROWS // 2)),
    ):
        pq.write_table(rows, folder / f"{name}.parquet", row_group_size=50_000)
    sources = Sources(site, office, owner)
    for kind in KINDS:
        sources.mend(kind)
    return sources


@contextmanager
def serving(site: Site, server: Server, owner: psycopg.Connection[tuple[Any, ...]]) -> Iterator[Sources]:
    """Run a gateway over all of them."""
    with department() as office:
        sources = lay_out(site, office, server, owner)
        site.start()
        try:
            yield sources
        finally:
            site.kill()
            sources.stack.close()
            owner.execute("DROP SCHEMA many CASCADE")
