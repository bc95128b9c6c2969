"""Bounded aggregates, kept as long as the data stays as it is: a plan that differs in price alone reads nothing.

What is kept is the end of a truncation, exact sums over units for each cell, and nothing of a single unit. It is as
confidential as the data: it stays in the memory of this process, is never written, and only the source's own callers
get it, under the same permits and charges, each with noise of its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, fields, replace
from math import prod
from typing import Any, Never

import pyarrow as pa

from gateway.adapters.sources.before import SourceBefore
from gateway.model.contract import DataContract
from gateway.model.measure import Measure
from gateway.model.plan import AggregatePlan, GroupKey
from gateway.ports import Source

_ENTRY = 1024
_OBJECT = 100
_VALUE = 8
_OF_THE_DRAWING = frozenset(("contract", "measures", "version"))


@dataclass(frozen=True, slots=True, repr=False)
class _Drawing:
    """All that a vector depends on beside its measure: which data, which rows, which cells, which of them count."""

    version: str
    contract: str
    plan: tuple[object, ...]
    of: DataContract = field(compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    """One measure in every cell that holds a unit, and what it counts for against the limit."""

    keys: tuple[pa.Array[Any], ...]
    values: pa.Array[Any]
    size: int


class KeptAggregates(SourceBefore):
    """A `Source` that remembers what the one behind it answered to `aggregates`, measure by measure.

    At most `most_bytes` are kept, what was used last the longest; 0 keeps nothing. An answer counts for what the plan's
    declared cells could take, so that what is forgotten tells nothing of the data. Safe between threads.
    """

    def __init__(self, source: Source, most_bytes: int) -> None:
        self._source = source
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[_Drawing, Measure], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def _behind(self, _: DataContract) -> Source:
        return self._source

    def __reduce_ex__(self, _: object) -> Never:
        raise TypeError("exact aggregates cannot be copied or pickled")

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """As the source behind it, which is asked for those measures alone that are not kept.

        Raises:
            Fault: as the source does.
        """
        if not plan.measures or plan.joined is not None:
            # what two datasets come to is not kept: it would hang on the versions of both
            return self._source.aggregates(plan)
        contract = plan.contract
        version = plan.version or self._source.data_version(contract)
        drawing = _Drawing(version, contract.digest, _key(plan), contract)
        found = {measure: self._find(drawing, measure) for measure in plan.measures}
        missing = tuple(measure for measure, kept in found.items() if kept is None)
        if missing:
            answer = self._source.aggregates(replace(plan, measures=missing, version=version))
            found |= self._keep(drawing, plan, missing, answer)
        columns = [kept for kept in (found[measure] for measure in plan.measures) if kept is not None]
        keys = columns[0].keys
        names = _names(plan, len(keys))
        return pa.RecordBatch.from_arrays([*keys, *(column.values for column in columns)], names=names)

    def forget_changed(self) -> None:
        """Forget what was worked out for data that has changed or gone."""
        with self._lock:
            held = {(drawing.contract, drawing.version): drawing.of for drawing, _ in self._kept}
        gone = {state for state, contract in held.items() if self._version_now(contract) != state[1]}
        with self._lock:
            for drawing, measure in list(self._kept):
                if (drawing.contract, drawing.version) in gone:
                    self._bytes -= self._kept.pop((drawing, measure)).size

    def _find(self, drawing: _Drawing, measure: Measure) -> _Kept | None:
        with self._lock:
            kept = self._kept.get((drawing, measure))
            if kept is not None:
                self._kept.move_to_end((drawing, measure))
            return kept

    def _keep(
        self, drawing: _Drawing, plan: AggregatePlan, measures: tuple[Measure, ...], answer: pa.RecordBatch
    ) -> dict[Measure, _Kept]:
        keys = len(answer.columns) - len(measures)
        columns = [_compact(column) for column in answer.columns]
        kept = {
            measure: _Kept(tuple(columns[:keys]), values, _size(plan, measure))
            for measure, values in zip(measures, columns[keys:], strict=True)
        }
        with self._lock:
            for measure, one in kept.items():
                if answer.num_rows > _cells(plan, measure):
                    continue  # nobody declared as much: no limit that is known beforehand would hold
                before = self._kept.pop((drawing, measure), None)
                self._kept[drawing, measure] = one
                self._bytes += one.size - (0 if before is None else before.size)
            while self._bytes > self._most_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].size
        return kept


def _key(plan: AggregatePlan) -> tuple[object, ...]:
    """Everything in a plan but what a drawing names by itself, and the measures."""
    return tuple(getattr(plan, one.name) for one in fields(plan) if one.name not in _OF_THE_DRAWING)


def _names(plan: AggregatePlan, keys: int) -> list[str]:
    groups = [f"g{place}" for place in range(len(plan.group_by))]
    bins = ["b"] * (keys - len(groups))
    return [*groups, *bins, *(f"s{place}" for place in range(len(plan.measures)))]


def _compact(column: pa.Array[Any]) -> pa.Array[Any]:
    """A copy that holds no memory of the engine's."""
    return column.take(pa.array(range(len(column)), pa.int64()))


def _cells(plan: AggregatePlan, measure: Measure) -> int:
    return prod(len(group.keys) for group in plan.group_by) * (len(measure.edges) if measure.width else 1)


def _size(plan: AggregatePlan, measure: Measure) -> int:
    """Bytes that a measure, and what it is found by, may take: of the plan alone, whatever the data holds."""
    a_cell = sum(_longest(group) + _VALUE for group in plan.group_by) + 2 * _VALUE
    objects = sum(len(group.keys) + len(group.tree) for group in plan.group_by)
    objects += sum(len(condition.values) for condition in plan.scope.conditions)
    return _ENTRY + _OBJECT * objects + a_cell * _cells(plan, measure)


def _longest(group: GroupKey) -> int:
    return max((len(key.encode()) for key in group.keys if isinstance(key, str)), default=_VALUE)
