"""The embedded source: DuckDB over Parquet and CSV files, and folders of them, below one folder, read-only.

The engine is shut in before it reads anything: no file outside the folder, no network, no extension fetched or
loaded by itself, no spilling of rows to disk, and a configuration that nobody can change again. DuckDB would still
write inside an allowed folder (COPY … TO), so nothing runs but a statement that its own parser calls one SELECT.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from gateway.adapters.duckdb.data import SourceData, open_data
from gateway.adapters.sources.parts import WIDE, Room, added_up
from gateway.kernels.batches import declared_schema, gathered, nothing, one_batch, schema_of
from gateway.kernels.entropy import COUNTED, FREQUENCIES, undone
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.memo import Memo
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.ports.interruption import failure, interruptible
from gateway.query.aggregates import aggregate_columns, compile_aggregates
from gateway.query.days import compile_days, day_columns
from gateway.query.frequencies import compile_counted, compile_frequencies
from gateway.query.rows import compile_rows
from gateway.query.scan import Query, compile_malformed

_ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
DISABLED = ("statistics_propagation", "partitioned_execution")
"""What the engine would do by a column's least and greatest value, and does not.

The first forgets that NaN is in neither: one person's value would decide what becomes of everybody else's NaN. The
second groups values of many rows that stand in order range by range, and reads all rows again for each range.
"""
_REMEMBERED_CONTRACTS = 256
_REMEMBERED_FIELDS = 1024
_BYTES_A_ROW = 100
"""What the engine holds of a row, at most of a cell of a unit: its texts and totals in tables of their own."""
_BYTES_A_JOINED_ROW = 1_000
"""And of a row that is joined: it is drawn among those of its unit, and the engine sorts rows and hashes."""
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


class DuckDBSource:
    """A `Source` over the files of one folder. Safe for concurrent requests: each has a cursor of its own."""

    def __init__(self, data_root: Path, *, memory_limit: str = "1GB", threads: int = 2) -> None:
        """Open an engine in memory.

        `memory_limit` is in DuckDB's notation and bounds all requests together; `threads` are shared by them.

        Raises:
            Fault: SOURCE_UNAVAILABLE if there is no such folder.
        """
        try:
            self._root = data_root.resolve(strict=True)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": "",  # rows are never spilled to disk
                "disabled_optimizers": ",".join(DISABLED),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "allow_unsigned_extensions": False,
                "enable_external_file_cache": False,  # a file that was replaced is never served from memory
                "python_enable_replacements": False,
            },
        )
        # in this order: DuckDB takes allowed_directories once it runs, and while external access is on
        folder = str(self._root).replace("'", "''")
        self._connection.execute(f"SET allowed_directories = ['{folder}']")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._lock = threading.Lock()
        self._room = Room(_memory_of(self._connection) * 3 // 4)
        self._checked = Memo[str, SourceData](_REMEMBERED_CONTRACTS)
        self._guessable = Memo[tuple[object, ...], bool](_REMEMBERED_FIELDS)

    def close(self) -> None:
        """Free the engine. Streams that are under way end in a fault."""
        self._connection.close()

    def verify(self, contract: DataContract) -> None:
        """Check the files against their contract, unless this very state was checked. Raises as the port says."""
        self._data(contract)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of the files' state: SHA-256 over their names, sizes, times of change and footers or ends."""
        return self._data(contract).version

    def changed_at(self, contract: DataContract) -> datetime | None:
        """Return the time of change of the newest file; None where there is none."""
        return self._data(contract).changed_at

    def rows(self, plan: RowPlan, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Stream the planned columns. The files must stay as they were: the stream ends in a fault if they changed.

        Raises:
            Fault: SOURCE_UNAVAILABLE (also after batches, where a file changed, ended or cannot be read on) or
                SOURCE_SCHEMA_CHANGED. ValueError: if the plan does not fit its contract.
        """
        data = self._data(plan.contract, plan.version)
        part = data.part(plan.part)
        if part is None:
            return nothing()
        query = compile_rows(plan, *part)
        return self._stream([data], query, declared_schema(plan.contract, plan.columns), batch_rows)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the bounded aggregates. Raises as `rows` does.

        Data whose units do not go into the engine's memory is gone through in parts of them, one after the other.
        Each waits until there is room for it beside those of other requests.
        """
        joining = plan.joined
        read = [self._data(plan.contract, plan.version)]
        read += [] if joining is None else [self._data(joining.contract, joining.version)]
        location, *joined = (data.location for data in read)
        other = joined[0] if joined else None
        schema = schema_of(aggregate_columns(plan))
        parts = max(1, -(-_bytes_of(read) // self._room.size))
        if parts == 1:
            query = compile_aggregates(plan, location, joined=other)
            return one_batch(self._aggregated(read, query, schema))
        sums = len(schema) - len(plan.measures)
        wide = pa.schema([one if place < sums else one.with_type(WIDE) for place, one in enumerate(schema)])
        queries = (compile_aggregates(plan, location, part, parts, joined=other) for part in range(parts))
        found = pa.concat_tables([self._aggregated(read, query, wide) for query in queries])
        return one_batch(added_up(found, schema, sums))

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Return the bounded aggregates of days. Raises as `rows` does."""
        data, schema = self._data(plan.contract, plan.version), schema_of(day_columns(plan))
        return one_batch(self._aggregated([data], compile_days(plan, data.location), schema))

    def _aggregated(self, read: Sequence[SourceData], query: Query, schema: pa.Schema) -> pa.Table:
        with self._room.taken(_bytes_of(read)):
            return pa.Table.from_batches(list(self._stream(read, query, schema, 65_536)), schema)

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field. Counted once a state of the data. Raises as `rows`."""
        data = self._data(contract)
        asked = (contract.digest, field, scope, data.seal)
        known = self._guessable.get(asked)
        if known is None:
            total = self._table(data, compile_counted(contract, field, scope, data.location), COUNTED)
            counted = sum(int(count or 0) for count in total.column(0).to_pylist())
            query = compile_frequencies(contract, field, scope, data.location, counted)
            known = undone(self._table(data, query, FREQUENCIES), counted, contract.fields[field].canonical)
            self._guessable.put(asked, known)
        return known

    def _table(self, data: SourceData, query: Query, schema: pa.Schema) -> pa.Table:
        return pa.Table.from_batches(list(self._stream([data], query, schema, 65_536)), schema)

    def _data(self, contract: DataContract, version: str | None = None, *, surely: bool = False) -> SourceData:
        """The files of a contract in some version, checked again if they are no longer as they were checked last."""
        data = self._checked.get(contract.digest)
        if data is None or not data.unchanged(surely=surely):
            data = open_data(self._root, contract, data)
            self._check_partitions(data)
            self._checked.put(contract.digest, data)
        if version not in (None, data.version):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        return data

    def _check_partitions(self, data: SourceData) -> None:
        """Hold what paths say against the declared types, which are read in them as they are in CSV."""
        for name in data.location.partitions:
            kind = data.contract.fields[name].type
            texts = sorted({text for said in data.partitions for of, text in said if of == name and text is not None})
            with closing(self._cursor()) as cursor:
                malformed = _next(_read(cursor, compile_malformed(kind, texts), 1))
            if malformed is None or malformed.column(0)[0].as_py():
                raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)

    def _hold(self, read: Sequence[SourceData], *, surely: bool) -> None:
        """Raise Fault SOURCE_UNAVAILABLE unless what is read is there as it was. To touch a file is no change."""
        for data in read:
            if data.unchanged(surely=surely):
                continue
            try:
                same = self._data(data.contract, surely=surely).seal == data.seal
            except Fault:
                same = False
            if not same:
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE)

    def _stream(
        self, read: Sequence[SourceData], query: Query, schema: pa.Schema, batch_rows: int
    ) -> Generator[pa.RecordBatch, None, None]:
        with closing(self._cursor()) as cursor, interruptible(cursor.interrupt):
            reader = _read(cursor, query, batch_rows)
            if reader.schema.types != schema.types:
                raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
            with closing(reader):
                for batch in gathered(iter(lambda: _next(reader), None), batch_rows):
                    # what was read is one state of the files only if they are in that state still
                    self._hold(read, surely=False)
                    yield _named(batch, schema)
                self._hold(read, surely=True)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        try:
            with self._lock:
                return self._connection.cursor()
        except duckdb.Error:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None


def _bytes_of(read: Sequence[SourceData]) -> int:
    """What an aggregate over some data may take of memory."""
    return sum(data.rows for data in read) * (_BYTES_A_ROW if len(read) == 1 else _BYTES_A_JOINED_ROW)


def _read(cursor: duckdb.DuckDBPyConnection, query: Query, batch_rows: int) -> pa.RecordBatchReader:
    """Run one SELECT and nothing else. An engine's message can hold values: it goes no further."""
    try:
        statements: Sequence[duckdb.Statement] = cursor.extract_statements(query.sql)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise Fault(ErrorReason.INTERNAL)
        reader: pa.RecordBatchReader = cursor.sql(query.sql, params=query.parameters).to_arrow_reader(batch_rows)
        return reader
    except duckdb.ConversionException:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
    except _ENGINE_ERRORS:
        raise failure(ErrorReason.SOURCE_UNAVAILABLE) from None


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
    except _ENGINE_ERRORS:
        raise failure(ErrorReason.SOURCE_UNAVAILABLE) from None


def _named(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _memory_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the engine's memory limit in bytes, rounded as it writes it out."""
    found = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    number, _, unit = str(found[0] if found else "0 bytes").partition(" ")
    return int(float(number) * 1024 ** _UNITS.index(unit))
