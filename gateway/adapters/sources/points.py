"""Lookups out of memory: an index over the rows of datasets that subjects are looked up in, beside the engine.

An engine plans a question anew and reads columns to find one row; that takes milliseconds. Here the rows that lookups
need are kept as Arrow, with the places of each key. What is kept is as confidential as the data: it stays in the memory
of this process, is never written, and is gone with the process or when the data changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Never

import pyarrow as pa

from gateway.adapters.sources.before import SourceBefore
from gateway.kernels.batches import declared_schema
from gateway.kernels.conditions import in_scope
from gateway.kernels.points import PointIndex, point_index
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Operator
from gateway.model.plan import WHOLE, RowPlan, RowScope
from gateway.model.values import FieldType
from gateway.ports import Source
from gateway.query.scope import scope_of

_INDEXED = (FieldType.STRING, FieldType.INT64)
_BATCH_ROWS = 16_384
"""Rows are hashed so many at a time: other threads wait for no more."""


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    """The index of a data version, with how many bytes it takes; and columns over which there can be none."""

    contract: DataContract
    version: str
    index: PointIndex | None = None
    size: int = 0
    refused: frozenset[str] | None = None

    @property
    def columns(self) -> frozenset[str]:
        return frozenset() if self.index is None else frozenset(self.index.rows.schema.names)


class IndexedPoints(SourceBefore):
    """A `Source` that answers for few rows out of memory, and leaves all else to the source behind it.

    The first lookups of a data version are answered by that source, while an index over the columns that they need is
    made, beside them and one at a time. At most `most_bytes` are kept, and while one is made it takes as much again:
    what does not fit beside the others is not kept, so that datasets never take turns. Safe between threads.
    """

    def __init__(self, source: Source, most_bytes: int) -> None:
        self._source = source
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._making: set[str] = set()
        self._maker = ThreadPoolExecutor(1, "points")
        self._closed = False

    def _behind(self, _: DataContract) -> Source:
        return self._source

    def __reduce_ex__(self, _: object) -> Never:
        raise TypeError("rows in memory cannot be copied or pickled")

    def close(self) -> None:
        """Forget all rows. An index that is being made is given up."""
        self._closed = True
        self._maker.shutdown(cancel_futures=True)
        self._kept.clear()

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """As the source behind it, also to the order of rows; of `few` rows in one batch, out of memory if they are."""
        if not (plan.few and plan.part == WHOLE and plan.version is not None and self._most_bytes):
            return self._source.rows(plan, batch_rows)
        needed = scope_of(plan.contract, plan.scope).fields | frozenset(plan.columns)
        index = self._index(plan.contract, plan.version, needed)
        field = None if index is None else _found_by(index, plan.scope)
        if index is None or field is None:
            return self._source.rows(plan, batch_rows)
        return self._points(index, field, plan)

    def forget_changed(self) -> None:
        """Forget the rows of data that has changed or gone."""
        for digest, kept in list(self._kept.items()):
            if self._version_now(kept.contract) != kept.version:
                with self._lock:
                    if self._kept.get(digest) is kept:
                        del self._kept[digest]

    def _points(self, index: PointIndex, field: tuple[str, int], plan: RowPlan) -> Iterator[pa.RecordBatch]:
        if self._source.data_version(plan.contract) != plan.version:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        name, place = field
        rows = index.candidates(name, plan.scope.conditions[place].values)
        rows = rows.filter(in_scope(rows, plan.scope, plan.contract.region_field)).slice(0, plan.limit)
        yield rows.select(list(plan.columns))

    def _index(self, contract: DataContract, version: str, needed: frozenset[str]) -> PointIndex | None:
        """The index of a version over some columns; None while there is none yet, and where none fits."""
        kept = self._kept.get(contract.digest)
        if kept is not None and kept.version == version:
            if needed <= kept.columns:
                return kept.index
            needed |= kept.columns
            if kept.refused is not None and kept.refused <= needed:
                return None
        with self._lock:
            if contract.digest not in self._making and not self._closed:
                self._making.add(contract.digest)
                self._maker.submit(self._make, contract, version, needed)
        return None

    def _make(self, contract: DataContract, version: str, needed: frozenset[str]) -> None:
        sizes = [0]

        def fits(size: int) -> bool:
            sizes.append(size)
            return size <= self._room(contract) and not self._closed

        keys = [name for name in _keys(contract) if contract.fields[name].type in _INDEXED]
        columns = tuple(name for name in contract.fields if name in needed.union(keys))
        plan = RowPlan(contract, columns, RowScope(None, None, ()), None, version)
        index = None
        try:
            if keys:
                schema = declared_schema(contract, columns)
                index = point_index(self._source.rows(plan, _BATCH_ROWS), schema, keys, fits)
        except (Fault, pa.ArrowException, MemoryError):
            pass  # the engine answers in its own way, whatever it was
        with self._lock:
            self._making.discard(contract.digest)
            before = self._kept.get(contract.digest)
            if before is None or before.version != version:
                before = _Kept(contract, version)
            made = replace(before, refused=needed) if index is None else _Kept(contract, version, index, sizes[-1])
            if not self._closed:
                self._kept[contract.digest] = made

    def _room(self, contract: DataContract) -> int:
        """What other datasets leave."""
        with self._lock:
            return self._most_bytes - sum(kept.size for digest, kept in self._kept.items() if digest != contract.digest)


def _keys(contract: DataContract) -> list[str]:
    """The fields that subjects are looked up by."""
    return list(dict.fromkeys(key for one in contract.disclosures.values() for key in one.lookup_keys))


def _found_by(index: PointIndex, scope: RowScope) -> tuple[str, int] | None:
    """The first condition that the index finds rows by, with its place."""
    for place, condition in enumerate(scope.conditions):
        if condition.operator is Operator.IN and condition.field in index.fields:
            return condition.field, place
    return None
