"""The embedded source: DuckDB over Parquet and CSV files in one folder, read-only.

The engine is shut in before it reads anything: no file outside the folder, no network, no extension fetched or
loaded by itself, no spilling of rows to disk, and a configuration that nobody can change again. DuckDB would still
write inside an allowed folder (COPY … TO), so nothing runs but a statement that its own parser calls one SELECT.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

import duckdb
import pyarrow as pa

from gateway.adapters.source_files import DataFile, data_version, fingerprint, open_file
from gateway.adapters.source_parts import WIDE, Room, added_up, span_of
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.entropy import grown, measure, token_sizes
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.model.values import FieldType
from gateway.ports.interruption import failure, interruptible
from gateway.query.aggregates import aggregate_columns, compile_aggregates
from gateway.query.days import compile_days, day_columns
from gateway.query.frequencies import compile_frequencies
from gateway.query.rows import compile_rows
from gateway.query.scan import Query

_ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
_REMEMBERED_FILES = 256
_REMEMBERED_FIELDS = 1024
_BYTES_A_ROW = 100
"""What the engine holds of a row, at most of a cell of a unit: its texts and totals in tables of their own."""
_BYTES_A_JOINED_ROW = 1_000
"""And of a row that is joined: it is drawn among those of its unit, and the engine sorts rows and hashes."""
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNTED_TYPES: dict[str, pa.DataType] = {"value": pa.string(), "rows": pa.int64(), "all": pa.int64()}
_COUNTED = pa.schema(_COUNTED_TYPES)


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
                # it takes a column's least and greatest value for its range, and forgets that NaN is in neither: one
                # person's value would decide what becomes of everybody else's NaN
                "disabled_optimizers": "statistics_propagation",
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
        self._checked: OrderedDict[str, DataFile] = OrderedDict()
        self._guessable: OrderedDict[tuple[object, ...], bool] = OrderedDict()

    def close(self) -> None:
        """Free the engine. Streams that are under way end in a fault."""
        self._connection.close()

    def verify(self, contract: DataContract) -> None:
        """Check the file against its contract, unless this very state of it was checked. Raises as the port says."""
        self._file(contract)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of the file's state: SHA-256 over its name, size, time of change and footer or ends."""
        return data_version(self._root, contract)

    def rows(self, plan: RowPlan, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Stream the planned columns. The file must stay as it was: the stream ends in a fault if it changed.

        Raises:
            Fault: SOURCE_UNAVAILABLE (also after batches, where the file changed, ended or cannot be read on) or
                SOURCE_SCHEMA_CHANGED. ValueError: if the plan does not fit its contract.
        """
        file = self._file(plan.contract, plan.version)
        span = span_of(plan.part, file.ends)
        query = compile_rows(plan, file.location, span)
        schema = pa.schema([(name, ARROW_TYPES[plan.contract.fields[name].type]) for name in plan.columns])
        if span is not None and not span:
            return _nothing()
        return self._stream([file], query, schema, batch_rows)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the bounded aggregates. Raises as `rows` does.

        A file whose units do not go into the engine's memory is gone through in parts of them, one after the other.
        Each waits until there is room for it beside those of other requests.
        """
        joining = plan.joined
        files = [self._file(plan.contract, plan.version)]
        files += [] if joining is None else [self._file(joining.contract, joining.version)]
        location, *joined = (file.location for file in files)
        other = joined[0] if joined else None
        schema = _schema(aggregate_columns(plan))
        parts = max(1, -(-_bytes_of(files) // self._room.size))
        if parts == 1:
            query = compile_aggregates(plan, location, joined=other)
            return _batch(self._aggregated(files, query, schema), schema)
        sums = len(schema) - len(plan.measures)
        wide = pa.schema([one if place < sums else one.with_type(WIDE) for place, one in enumerate(schema)])
        queries = (compile_aggregates(plan, location, part, parts, joined=other) for part in range(parts))
        found = pa.concat_tables([self._aggregated(files, query, wide) for query in queries])
        return _batch(added_up(found, schema, sums), schema)

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Return the bounded aggregates of days. Raises as `rows` does."""
        file, schema = self._file(plan.contract, plan.version), _schema(day_columns(plan))
        return _batch(self._aggregated([file], compile_days(plan, file.location), schema), schema)

    def _aggregated(self, files: Sequence[DataFile], query: Query, schema: pa.Schema) -> pa.Table:
        with self._room.taken(_bytes_of(files)):
            return pa.Table.from_batches(list(self._stream(files, query, schema, 65_536)), schema)

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field. Counted once a state of the file. Raises as `rows`."""
        file = self._file(contract)
        asked = (contract.digest, field, scope, file.fingerprint)
        known = self._guessable.get(asked)
        if known is None:
            query = compile_frequencies(contract, field, scope, file.location)
            found = pa.Table.from_batches(list(self._stream([file], query, _COUNTED, 65_536)), _COUNTED)
            values, rows, all_rows = (column.combine_chunks() for column in found.columns)
            sizes = token_sizes(values, rows, contract.fields[field].canonical)
            known = measure(grown(sizes, all_rows[0].as_py() if len(all_rows) else 0)).guessable
            with self._lock:
                self._guessable[asked] = known
                while len(self._guessable) > _REMEMBERED_FIELDS:
                    self._guessable.popitem(last=False)
        return known

    def _file(self, contract: DataContract, version: str | None = None) -> DataFile:
        """The file of a contract in some version, checked again if it is no longer the one that was checked last."""
        file = self._checked.get(contract.digest)
        if file is None or not self._unchanged(file):
            file = open_file(self._root, contract)
            with self._lock:
                self._checked[contract.digest] = file
                while len(self._checked) > _REMEMBERED_FILES:
                    self._checked.popitem(last=False)
        # looked at after the file was: what is read from now on is held against that look
        if version is not None and data_version(self._root, contract) != version:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        return file

    @staticmethod
    def _unchanged(file: DataFile) -> bool:
        return fingerprint(Path(file.location.path)) == file.fingerprint

    def _stream(
        self, files: Sequence[DataFile], query: Query, schema: pa.Schema, batch_rows: int
    ) -> Generator[pa.RecordBatch, None, None]:
        with closing(self._cursor()) as cursor, interruptible(cursor.interrupt):
            reader = _read(cursor, query, batch_rows)
            if reader.schema.types != schema.types:
                raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
            with closing(reader):
                for batch in chain(iter(lambda: _next(reader), None), [None]):
                    # what was read is one state of the files only if they are in that state still
                    if not all(map(self._unchanged, files)):
                        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
                    if batch is not None:
                        yield _named(batch, schema)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        try:
            with self._lock:
                return self._connection.cursor()
        except duckdb.Error:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None


def _nothing() -> Generator[pa.RecordBatch, None, None]:
    yield from ()


def _bytes_of(files: Sequence[DataFile]) -> int:
    """What an aggregate over files may take of memory."""
    return sum(file.rows for file in files) * (_BYTES_A_ROW if len(files) == 1 else _BYTES_A_JOINED_ROW)


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


def _schema(columns: Sequence[tuple[str, FieldType]]) -> pa.Schema:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns])


def _batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    whole = table.combine_chunks().to_batches()
    return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=schema)


def _memory_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the engine's memory limit in bytes, rounded as it writes it out."""
    found = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    number, _, unit = str(found[0] if found else "0 bytes").partition(" ")
    return int(float(number) * 1024 ** _UNITS.index(unit))
