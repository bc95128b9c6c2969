"""The source over tables of PostgreSQL databases.

Everything is read in snapshots that are shared (`snapshots`): a plan that names a version gets a snapshot that sees it.
Few rows of named subjects are asked for through psycopg, with bound values; all else streams through ADBC, with values
written as typed literals, since bound ones would have it wait for the whole answer.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.environment import forget_environment
from gateway.adapters.postgres.readers import Points, stream
from gateway.adapters.postgres.snapshots import Snapshot, Snapshots, table_of
from gateway.kernels.batches import batches_of, declared_schema, nothing, one_batch, schema_of
from gateway.kernels.entropy import COUNTED, FREQUENCIES, undone
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.memo import Memo
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.model.storage import TableSpec
from gateway.query.aggregates import aggregate_columns, compile_aggregates
from gateway.query.days import compile_days, day_columns
from gateway.query.frequencies import compile_counted, compile_frequencies
from gateway.query.postgres import spelled_out, without_nul
from gateway.query.rows import compile_rows
from gateway.query.scan import Location, Query

_REMEMBERED = 1024

# what stands for a day or an instant without end in the columns of the driver: the ends of its integers, moved from
# the year 2000 to 1970
_DAYS_TO_1970, _MICROSECONDS_TO_1970 = 10_957, 946_684_800_000_000
_ENDLESS: dict[pa.DataType, pa.Array[Any]] = {
    pa.date32(): pa.array([-(2**31) + _DAYS_TO_1970, -(2**31) - 1 + _DAYS_TO_1970], pa.int32()),
    pa.timestamp("us"): pa.array([-(2**63) + _MICROSECONDS_TO_1970, -(2**63) - 1 + _MICROSECONDS_TO_1970], pa.int64()),
}


class _Database:
    """One database: its snapshots, and who reads them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.snapshots = Snapshots(server)
        self.points = Points(server)

    def close(self) -> None:
        self.points.close()
        self.snapshots.close()


class PostgresSource:
    """A `Source` over databases, by the names of their connections. Safe for concurrent requests.

    PostgreSQL's variables are taken out of the environment. Nothing is opened before it is asked for.
    What is read may be `snapshot_seconds` old.
    """

    def __init__(self, servers: Mapping[str, Server]) -> None:
        forget_environment()
        self._databases = {name: _Database(server) for name, server in servers.items()}
        self._guessable = Memo[tuple[object, ...], bool](_REMEMBERED)

    def close(self) -> None:
        """Close all sessions."""
        for database in self._databases.values():
            database.close()

    def verify(self, contract: DataContract) -> None:
        """Check the table against its contract, once a snapshot. Raises as the port says."""
        snapshots = self._database(contract).snapshots
        snapshot = snapshots.current()
        try:
            snapshot.columns(contract)
        except Fault as fault:
            if fault.reason is not ErrorReason.SOURCE_UNAVAILABLE:
                raise
            # the table was loaded anew after the snapshot: there is another one to see that
            snapshots.forget(snapshot)
            snapshots.current().columns(contract)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of what the current snapshot sees: SHA-256 over the changes that made the table's rows."""
        return self._database(contract).snapshots.current().version(table_of(contract))

    def changed_at(self, contract: DataContract) -> datetime | None:
        """Return None: a table does not tell. Raises SOURCE_UNAVAILABLE for a contract of another place."""
        self._database(contract)
        return None

    def rows(self, plan: RowPlan, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Stream the planned columns out of one snapshot. Raises as the port says, and ValueError for a wrong plan."""
        schema = declared_schema(plan.contract, plan.columns)
        if plan.part.number:
            return nothing()  # a table is not divided
        database, snapshot = self._snapshot([(plan.contract, plan.version)])
        spelled = replace(plan, scope=without_nul(plan.scope))
        query = compile_rows(spelled, _location(plan.contract, snapshot))
        table = table_of(plan.contract)
        if plan.few:
            found = database.points.ask(snapshot, table, query.sql, query.parameters)
            return batches_of(batch_rows, (one for one in [_typed(found, schema)]), schema)
        batches = stream(database.server, snapshot, [table], _text(query), in_order=True)
        return batches_of(batch_rows, (_checked(batch, schema) for batch in batches), schema)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the bounded aggregates. Raises as `rows` does."""
        joined, other = plan.joined, None
        read = [(plan.contract, plan.version)]
        read += [] if joined is None else [(joined.contract, joined.version)]
        database, snapshot = self._snapshot(read)
        if joined is not None:
            other = _location(joined.contract, snapshot)
            joined = replace(joined, scope=without_nul(joined.scope))
        spelled = replace(plan, scope=without_nul(plan.scope), joined=joined)
        query = compile_aggregates(spelled, _location(plan.contract, snapshot), joined=other)
        tables = [table_of(contract) for contract, _ in read]
        return _answer(database, snapshot, tables, query, schema_of(aggregate_columns(plan)))

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Return the bounded aggregates of days. Raises as `rows` does."""
        database, snapshot = self._snapshot([(plan.contract, plan.version)])
        spelled = replace(plan, scope=without_nul(plan.scope))
        query = compile_days(spelled, _location(plan.contract, snapshot))
        return _answer(database, snapshot, [table_of(plan.contract)], query, schema_of(day_columns(plan)))

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field. Counted once a version. Raises as `rows` does."""
        database, snapshot = self._snapshot([(contract, None)])
        table = table_of(contract)
        asked = (contract.digest, field, scope, snapshot.version(table))
        known = self._guessable.get(asked)
        if known is None:
            scope, location = without_nul(scope), _location(contract, snapshot)
            query = compile_counted(contract, field, scope, location)
            counted = _answer(database, snapshot, [table], query, COUNTED).column(0)[0].as_py()
            query = compile_frequencies(contract, field, scope, location, counted)
            found = pa.Table.from_batches([_answer(database, snapshot, [table], query, FREQUENCIES)])
            known = undone(found, counted, contract.fields[field].canonical)
            self._guessable.put(asked, known)
        return known

    def _database(self, contract: DataContract) -> _Database:
        """The database of a contract: only where the contract and the settings say the same of it."""
        table = table_of(contract)
        database = self._databases.get(table.server)
        if database is None:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        server = database.server
        if (table.host, table.port, table.database) != (server.host, server.port, server.database):
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return database

    def _snapshot(self, read: Sequence[tuple[DataContract, str | None]]) -> tuple[_Database, Snapshot]:
        databases = [self._database(contract) for contract, _ in read]
        if any(one is not databases[0] for one in databases):
            raise Fault(ErrorReason.INTERNAL)
        snapshot = databases[0].snapshots.of([(table_of(contract), version) for contract, version in read])
        return databases[0], snapshot


def _location(contract: DataContract, snapshot: Snapshot) -> Location:
    table = table_of(contract)
    return Location((), (), (), (table.schema, table.name), snapshot.columns(contract), snapshot.parts(table))


def _text(query: Query) -> str:
    return spelled_out(query.text.tree, query.parameters)


def _answer(
    database: _Database, snapshot: Snapshot, tables: Sequence[TableSpec], query: Query, schema: pa.Schema
) -> pa.RecordBatch:
    batches = stream(database.server, snapshot, tables, _text(query))
    return one_batch(pa.Table.from_batches([_checked(batch, schema) for batch in batches], schema))


def _checked(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch under its own names; a day or an instant without end is not of the declared type."""
    if batch.schema.types != schema.types:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    for column in batch.columns:
        endless = _ENDLESS.get(column.type)
        if endless is not None and pc.any(pc.is_in(column.view(endless.type), endless)).as_py():
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _typed(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
