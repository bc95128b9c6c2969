"""The source over lakes: folders of Parquet that Spark reads.

A dataset's state is the list of its files (`states`). What reads a state reads those files and no others, a piece at a
time, and sees before it gives anything away that they are still the ones that were listed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa

from gateway.adapters.sources.parts import blocks_of
from gateway.adapters.spark.sessions import Session, Sessions
from gateway.adapters.spark.states import (
    LakeFile,
    State,
    check_columns,
    check_unchanged,
    list_state,
    opened,
)
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.entropy import COUNTED, FREQUENCIES, undone
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.model.values import FieldType
from gateway.query.aggregates import aggregate_columns, compile_aggregates
from gateway.query.days import compile_days, day_columns
from gateway.query.frequencies import compile_counted, compile_frequencies
from gateway.query.rows import compile_rows
from gateway.query.scan import Location, Query
from gateway.query.spark import DATA, JOINED, bound

_PIECE = 128 << 20
"""About so many bytes of files are read by one question."""
_HELD = 16 << 20
"""So many bytes of rows are held back until their files were looked at again."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Lake:
    """Where a lake is, as Spark has it (`root`, such as s3a://lake), and how it is read.

    Seconds: how old a listing may be that is read (`listing_seconds`), and how long nothing may have been written
    (`settle_seconds`).
    """

    root: str
    listing_seconds: float = 5.0
    settle_seconds: float = 2.0


@dataclass(slots=True)
class _Known:
    """What is known of a dataset: its newest state, when that was listed, and the files that were seen to fit."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    state: State | None = None
    listed: float = 0.0
    fitting: dict[str, frozenset[LakeFile]] = field(default_factory=dict)


class SparkSource:
    """A `Source` over lakes, by the names that contracts call them. Safe for concurrent requests.

    Nothing is opened before it is asked for. Closing the sessions is their owner's.
    """

    def __init__(self, lakes: Mapping[str, Lake], sessions: Sessions) -> None:
        self._lakes = dict(lakes)
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        self._guessable: dict[tuple[object, ...], bool] = {}

    def verify(self, contract: DataContract) -> None:
        """Check the files against the contract, each once. Raises as the port says."""
        self._checked(contract, None)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of the state that is listed: SHA-256 over the files, their sizes and times of change."""
        return self._state(contract).version

    def changed_at(self, contract: DataContract) -> datetime | None:
        """Return when the newest file changed. Raises as the port says."""
        return self._state(contract).changed_at

    def rows(self, plan: RowPlan, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Stream the planned columns, in the order of the files' names and of the rows in each.

        Raises as the port says, and ValueError for a wrong plan.
        """
        schema = _schema([(name, plan.contract.fields[name].type) for name in plan.columns])
        query = compile_rows(plan, _location(plan.contract, DATA))
        session, state = self._checked(plan.contract, plan.version)
        first, end = blocks_of(plan.part, len(state.files))
        part = replace(state, files=state.files[first:end])
        return _cut(_pieces(session, plan, part, query, schema), schema, batch_rows)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the bounded aggregates. Raises as `rows` does."""
        joined = plan.joined
        if joined is not None and joined.contract.source.lake != plan.contract.source.lake:
            raise Fault(ErrorReason.INTERNAL)
        other = None if joined is None else _location(joined.contract, JOINED)
        query = compile_aggregates(plan, _location(plan.contract, DATA), joined=other)
        session, state = self._checked(plan.contract, plan.version)
        read = {DATA: (plan.contract, state.files)}
        if joined is not None:
            read[JOINED] = joined.contract, self._checked(joined.contract, joined.version)[1].files
        return _answer(session, read, query, _schema(aggregate_columns(plan)))

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Return the bounded aggregates of days. Raises as `rows` does."""
        query = compile_days(plan, _location(plan.contract, DATA))
        session, state = self._checked(plan.contract, plan.version)
        return _answer(session, {DATA: (plan.contract, state.files)}, query, _schema(day_columns(plan)))

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field. Counted once a version. Raises as `rows` does."""
        session, state = self._checked(contract, None)
        asked = (contract.digest, field, scope, state.version)
        known = self._guessable.get(asked)
        if known is None:
            location, read = _location(contract, DATA), {DATA: (contract, state.files)}
            query = compile_counted(contract, field, scope, location)
            counted = _answer(session, read, query, COUNTED).column(0)[0].as_py()
            query = compile_frequencies(contract, field, scope, location, counted)
            found = pa.Table.from_batches([_answer(session, read, query, FREQUENCIES)])
            known = undone(found, counted, contract.fields[field].canonical)
            if len(self._guessable) >= _REMEMBERED:
                self._guessable.clear()
            self._guessable[asked] = known
        return known

    def state_of(self, plan: RowPlan) -> tuple[Session, State]:
        """Return the files that a plan reads, and the session that reads them, for whoever has Spark work on them.

        Raises:
            Fault: SOURCE_UNAVAILABLE, or SOURCE_SCHEMA_CHANGED if the version that is named is no more.
        """
        return self._checked(plan.contract, plan.version)

    def _checked(self, contract: DataContract, version: str | None) -> tuple[Session, State]:
        """The session, and the state that a plan names or the newest, whose files were seen to fit the contract.

        Raises:
            Fault: SOURCE_UNAVAILABLE, or SOURCE_SCHEMA_CHANGED if the state that is named is no more.
        """
        state = self._state(contract)
        if version is not None and state.version != version:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        session, known = self._sessions.of(contract.source.lake), self._of(contract)
        seen = known.fitting.get(contract.digest, frozenset())
        unseen = [file for file in state.files if file not in seen]
        if unseen:
            check_columns(session, contract, unseen)
            check_unchanged(session, unseen)
            known.fitting[contract.digest] = frozenset(state.files)
        return session, state

    def _state(self, contract: DataContract) -> State:
        lake, known = self._lake(contract), self._of(contract)
        with known.lock:
            now = time.monotonic()
            if known.state is None or now - known.listed >= lake.listing_seconds:
                known.state = None
                place = f"{lake.root.rstrip('/')}/{contract.source.path}"
                session = self._sessions.of(contract.source.lake)
                known.state = list_state(session, place, timedelta(seconds=lake.settle_seconds))
                known.listed = now
            return known.state

    def _of(self, contract: DataContract) -> _Known:
        with self._lock:
            return self._known.setdefault((contract.source.lake, contract.source.path), _Known())

    def _lake(self, contract: DataContract) -> Lake:
        lake = self._lakes.get(contract.source.lake)
        if lake is None:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return lake


def _location(contract: DataContract, named: str) -> Location:
    return Location(table=("", named), plain=frozenset(contract.fields))


def _pieces(
    session: Session, plan: RowPlan, state: State, query: Query, schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    """The rows, piece by piece, each held back until its files were looked at again."""
    left = plan.limit
    for files in state.pieces(_PIECE):
        if left == 0:
            return
        asked = (
            query
            if left is None or left == plan.limit
            else compile_rows(replace(plan, limit=left), _location(plan.contract, DATA))
        )
        with closing(_stream(session, {DATA: (plan.contract, files)}, asked, schema, placed=True)) as batches:
            for batch in _sure(session, files, batches):
                left = None if left is None else left - batch.num_rows
                yield batch


def _sure(
    session: Session, files: Sequence[LakeFile], batches: Iterator[pa.RecordBatch]
) -> Generator[pa.RecordBatch, None, None]:
    """The same batches, once it is known that what they were read of is what was listed."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.nbytes for one in held) >= _HELD:
            check_unchanged(session, files)
            yield from held
            held = []
    if held:
        check_unchanged(session, files)
        yield from held


_Read = Mapping[str, tuple[DataContract, Sequence[LakeFile]]]
"""What is read, under what name: files, with the columns that a contract declares."""


def _stream(
    session: Session, read: _Read, query: Query, schema: pa.Schema, *, placed: bool = False
) -> Generator[pa.RecordBatch, None, None]:
    text, parameters = bound(query.text.tree, query.parameters)
    with session.working():
        # braces stand for what is read; those of names are doubled
        text = text.replace("{", "{{").replace("}", "}}")
        opening = enumerate(read.values())
        named = {f"read{place}": opened(session, *one, placed=placed) for place, one in opening}
        for place, name in enumerate(read):
            text = text.replace(f"`{name}`", f"{{read{place}}}")
        data = session.spark.sql(text, args=parameters, **named)
    for batch in session.stream(data):
        yield _typed(batch, schema)


def _answer(session: Session, read: _Read, query: Query, schema: pa.Schema) -> pa.RecordBatch:
    batches = list(_stream(session, read, query, schema))
    for _, files in read.values():
        check_unchanged(session, files)
    found = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return found[0] if found else pa.RecordBatch.from_pylist([], schema=schema)


def _schema(columns: Sequence[tuple[str, FieldType]]) -> pa.Schema:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns])


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch under its own names, its texts seen to be texts."""
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
    if batch.schema.types != schema.types:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _cut(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, batch_rows: int
) -> Generator[pa.RecordBatch, None, None]:
    """The same rows in batches of at most `batch_rows`."""
    for batch in batches:
        for start in range(0, batch.num_rows, batch_rows):
            yield batch.slice(start, batch_rows)
