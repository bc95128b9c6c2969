"""The source that stands in front of departments' own gRPC services.

A service is asked for what a plan may read, and not believed: what comes back is held to the plan again, row by row.
Its data stand still for nobody, so each reading is a version of its own, and no version can be read twice.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.adapters.upstream.agreement import Agreement, Disagreement, agree
from gateway.adapters.upstream.asking import Question, questions
from gateway.adapters.upstream.calls import Caller, Connection, Nothing
from gateway.adapters.upstream.decoding import Decoder
from gateway.adapters.upstream.descriptors import InvalidDescriptors, read_descriptors
from gateway.kernels.batches import batches_of, declared_schema, nothing
from gateway.kernels.conditions import in_scope
from gateway.kernels.entropy import measure, token_sizes
from gateway.kernels.text import compute
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.memo import Memo
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.query.scope import scope_of

_log = logging.getLogger(__name__)
_REMEMBERED = 256
_MOST_UNREAD = 4096
_COUNTED_SECONDS = 3600.0
_COPIED_ROWS = 65_536
_MOST_VALUES = 2_000_000
_MOST_BYTES = 33_554_432
"""Responses that are held before they become columns, in bytes."""


@dataclass(frozen=True, slots=True)
class Service:
    """A department's server: the connection to it, and the serialized descriptors of its services."""

    connection: Connection
    descriptors: bytes


class UpstreamSource:
    """A `Source` over departments' services, each known by the name that contracts call its server. Thread-safe."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        """Read the descriptors. No service is called before something is asked of it.

        Raises:
            InvalidDescriptors: those of a service cannot be used.
        """
        self._pools: dict[str, DescriptorPool] = {}
        for name, service in services.items():
            try:
                self._pools[name] = read_descriptors(service.descriptors)
            except InvalidDescriptors as wrong:
                raise InvalidDescriptors(f"{name}: {wrong}") from None
        self._callers = {name: Caller(service.connection) for name, service in services.items()}
        self._agreeing = threading.Lock()
        self._unread = Memo[str, str](_MOST_UNREAD)
        """The names of readings that did not begin yet, with the contract's digest."""
        self._agreed = Memo[str, Agreement | ErrorReason](_REMEMBERED)
        self._counted = Memo[tuple[object, ...], tuple[float, bool]](_REMEMBERED)

    def close(self) -> None:
        """Close the channels; what is under way ends in a fault."""
        for caller in self._callers.values():
            caller.close()

    def verify(self, contract: DataContract) -> None:
        """Check the contract against the service's descriptors, once. What it leaves unclassified is logged.

        Raises:
            Fault: SOURCE_UNAVAILABLE if no such server is known; SOURCE_SCHEMA_CHANGED.
        """
        self._agreement(contract)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of a reading that is yet to come, drawn anew each time."""
        self._pool(contract)
        version = secrets.token_hex(32)
        self._unread.put(version, contract.digest)
        return version

    def changed_at(self, _: DataContract) -> datetime | None:
        """Return None: a service answers as of now, and does not say since when that stands."""
        return None

    def rows(self, plan: RowPlan, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
        """Stream the planned columns, of what the service says now. At most two batches are held, and the stream ends
        in a fault unless the service ended it well.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED, also after batches; the latter also for a version that
                was read before. ValueError: if the plan does not fit its contract.
        """
        if plan.part.number:  # a service is not divided: all is in the first part
            return nothing()
        if plan.version is not None and self._unread.take(plan.version) != plan.contract.digest:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        return self._cut(plan, batch_rows)

    def everything(self, contract: DataContract) -> Generator[pa.RecordBatch, None, None]:
        """Stream all fields of all rows, for a copy. A value that is not what its field says is NULL: a copy that
        failed on one person's record would tell that it is there.

        Raises:
            Fault: as `rows`.
        """
        plan = RowPlan(contract, tuple(contract.fields), RowScope(None, None, ()), None)
        return self._cut(plan, _COPIED_ROWS, lenient=True)

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field. Counted over all rows in scope, at most once an hour.

        Raises:
            Fault: as `rows`; SOURCE_UNAVAILABLE also if there are more than two million different values.
        """
        asked = (contract.digest, field, scope)
        known = self._counted.get(asked)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        guessable = measure(self._token_sizes(contract, field, scope)).guessable
        self._counted.put(asked, (time.monotonic() + _COUNTED_SECONDS, guessable))
        return guessable

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Raise INTERNAL: statistics are made of a copy, for want of data that stand still."""
        raise Fault(ErrorReason.INTERNAL)

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Raise INTERNAL, as `aggregates`."""
        raise Fault(ErrorReason.INTERNAL)

    def _pool(self, contract: DataContract) -> DescriptorPool:
        found = self._pools.get(self._server(contract))
        if found is None:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return found

    @staticmethod
    def _server(contract: DataContract) -> str:
        if contract.upstream is None:
            raise Fault(ErrorReason.INTERNAL)
        return contract.upstream.server

    def _agreement(self, contract: DataContract) -> Agreement:
        pool = self._pool(contract)
        with self._agreeing:  # what does not fit is logged once
            agreement = self._agreed.get(contract.digest)
            if agreement is None:
                agreement = _agreed(contract, pool)
                self._agreed.put(contract.digest, agreement)
        if isinstance(agreement, ErrorReason):
            raise Fault(agreement)
        return agreement

    def _cut(self, plan: RowPlan, rows: int, *, lenient: bool = False) -> Generator[pa.RecordBatch, None, None]:
        """Batches of one size, but for the last: each that leaves is written down by itself."""
        schema = declared_schema(plan.contract, plan.columns)
        return batches_of(rows, self._scoped(plan, rows, lenient=lenient), schema)

    def _scoped(
        self, plan: RowPlan, batch_rows: int, *, lenient: bool = False
    ) -> Generator[pa.RecordBatch, None, None]:
        """The planned columns of the rows in scope, up to the plan's limit, in batches as they come."""
        contract, left = plan.contract, plan.limit
        agreement, server = self._agreement(contract), self._server(contract)
        needed = scope_of(contract, plan.scope).fields | frozenset(plan.columns)
        for question in questions(agreement, plan.scope):
            decoder = _decoder(question, contract, agreement, needed, lenient)
            with closing(self._records(server, question, decoder, batch_rows)) as batches:
                for batch in batches:
                    # what an engine would read, whatever the service was asked for
                    within = in_scope(batch, question.scope, contract.region_field)
                    kept = batch.filter(within).select(plan.columns)
                    if left is not None:
                        kept = kept.slice(0, left)
                        left -= kept.num_rows
                    yield kept
                    if left == 0:
                        return

    def _records(
        self, server: str, question: Question, decoder: Decoder, batch_rows: int
    ) -> Generator[pa.RecordBatch, None, None]:
        """The records of a question, page by page where it has pages, all columns of them that are needed."""
        held: list[Any] = []
        size = 0
        pages: set[str] = set()
        while True:
            page = ""
            with closing(self._responses(server, question)) as responses:
                for response in responses:
                    records, page = decoder.read(response)
                    held.extend(records)
                    size += len(response)
                    if len(held) >= batch_rows or size >= _MOST_BYTES:
                        yield decoder.columns(held)
                        held, size = [], 0
            if not page:
                break
            if page in pages:  # or it would be read for ever
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
            pages.add(page)
            question.turn_to(page)
        if held:
            yield decoder.columns(held)

    def _responses(self, server: str, question: Question) -> Generator[bytes, None, None]:
        said = False
        with closing(self._callers[server].ask(question.method, question.request.SerializeToString())) as responses:
            try:
                for response in responses:
                    said = True
                    yield response
            except Nothing:
                if said or not question.about_one:
                    raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None

    def _token_sizes(self, contract: DataContract, field: str, scope: RowScope) -> pa.Int64Array:
        counts: dict[str, int] = {}
        plan = RowPlan(contract, (field,), scope, None)
        with closing(self._scoped(plan, 65_536)) as batches:
            for batch in batches:
                for one in compute.value_counts(batch.column(field).drop_null()).to_pylist():
                    counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
                if len(counts) > _MOST_VALUES:
                    raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        values, rows = pa.array(list(counts), pa.string()), pa.array(list(counts.values()), pa.int64())
        return token_sizes(values, rows, contract.fields[field].canonical)


def _agreed(contract: DataContract, pool: DescriptorPool) -> Agreement | ErrorReason:
    try:
        return agree(contract, pool)
    except Disagreement as disagreement:
        for reason in disagreement.reasons:
            _log.error("contract %s is not served: %s", contract.dataset, reason)
        return ErrorReason.SOURCE_SCHEMA_CHANGED


def _decoder(
    question: Question, contract: DataContract, agreement: Agreement, needed: frozenset[str], lenient: bool
) -> Decoder:
    columns = [(name, spec.type, agreement.leaves[name]) for name, spec in contract.fields.items() if name in needed]
    return Decoder(question.method, columns, lenient=lenient)
