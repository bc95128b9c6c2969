"""Rows leave only where enough people share what they say: k-anonymity, l-diversity and t-closeness (one contract's).

Two passes over one version of the data: the first counts who shares what, the second withholds what too few share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from gateway.kernels.anonymity.census import Census, Demand, Verdicts
from gateway.kernels.anonymity.numbering import TooManyValues
from gateway.kernels.tokens import TAG_BYTES
from gateway.model.contract import AnonymitySpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import ENSURE_ANONYMITY, Obligation
from gateway.tables import BlendedTable, MinimizedTable, Segment

_EVERYBODY = ""
"""A column that is the same in all rows: where nothing that leaves tells people apart, they are one class."""


def blend(minimal: MinimizedTable, again: Callable[[], MinimizedTable]) -> BlendedTable:
    """Withhold the rows that too few people share; where the disclosure asks for nothing, let all pass.

    `again` reads the same once more: those are the rows that are counted.

    Raises:
        Fault: SOURCE_SCHEMA_CHANGED if the two readings are not of one version of the data; CAP_EXCEEDED if there is
            more than can be counted; and of the stages before.
    """
    spec = minimal.permit.scope.disclosure.anonymity
    if spec is None:
        return BlendedTable._blend(minimal, minimal.take(), frozenset(), 0)
    counted = again()
    if counted.data_version != minimal.data_version:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    quasi = tuple(name for name in spec.quasi_identifiers if name in minimal.schema.names)
    verdicts = _count(counted, quasi, spec)
    done = frozenset({Obligation(ENSURE_ANONYMITY)})
    segments = (_sifted(segment, quasi, verdicts) for segment in minimal.take())
    return BlendedTable._blend(minimal, segments, done, verdicts.tally.rows_withheld)


def _count(counted: MinimizedTable, quasi: tuple[str, ...], spec: AnonymitySpec) -> Verdicts:
    leaving = counted.schema.names
    diversity = {name: least for name, least in spec.diversity.items() if name in leaving}
    closeness = {name: float(most) for name, most in spec.closeness.items() if name in leaving}
    census = Census(Demand(quasi or (_EVERYBODY,), spec.k, diversity, closeness))
    try:
        for segment in counted.take():
            census.add(_classed(segment.records, quasi), segment.tags)
        return census.verdicts()
    except TooManyValues:
        raise Fault(ErrorReason.CAP_EXCEEDED) from None


def _sifted(segment: Segment, quasi: tuple[str, ...], verdicts: Verdicts) -> Segment:
    leaves = verdicts.mask(_classed(segment.records, quasi))
    tags = np.frombuffer(segment.tags, f"V{TAG_BYTES}")[leaves.to_numpy(zero_copy_only=False)]
    days = {name: column.filter(leaves) for name, column in segment.days.items()}
    return replace(segment, records=segment.records.filter(leaves), tags=tags.tobytes(), days=days)


def _classed(records: pa.RecordBatch, quasi: tuple[str, ...]) -> pa.RecordBatch:
    if quasi:
        return records
    return records.append_column(_EVERYBODY, pa.array([True] * records.num_rows, pa.bool_()))
