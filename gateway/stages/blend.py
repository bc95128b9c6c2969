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


def blend(minimal: MinimizedTable, crowd: Callable[[], MinimizedTable]) -> BlendedTable:
    """Withhold the rows that too few people share; where the disclosure asks for nothing, let all pass.

    `crowd` reads all that the grant opens, whatever was asked for: among those it is counted. Who asks for some fields,
    some rows or one region gets no row that who asks for everything does not get, and is told of as many withheld.

    Raises:
        Fault: SOURCE_SCHEMA_CHANGED if the two readings are not of one version of the data; CAP_EXCEEDED if there is
            more than can be counted; and of the stages before.
    """
    spec = minimal.permit.scope.disclosure.anonymity
    if spec is None:
        return BlendedTable._blend(minimal, minimal.take(), frozenset(), 0)
    counted = crowd()
    if counted.data_version != minimal.data_version:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    verdicts = _count(counted, spec)
    segments = (_sifted(segment, verdicts) for segment in minimal.take())
    done = frozenset({Obligation(ENSURE_ANONYMITY)})
    return BlendedTable._blend(minimal, segments, done, verdicts.tally.rows_withheld)


def _count(counted: MinimizedTable, spec: AnonymitySpec) -> Verdicts:
    closeness = {name: float(most) for name, most in spec.closeness.items()}
    census = Census(Demand(spec.quasi_identifiers, spec.k, spec.diversity, closeness))
    try:
        for segment in counted.take():
            census.add(_traits(segment), segment.tags)
        return census.verdicts()
    except TooManyValues:
        raise Fault(ErrorReason.CAP_EXCEEDED) from None


def _sifted(segment: Segment, verdicts: Verdicts) -> Segment:
    leaves = verdicts.mask(_traits(segment))
    tags = np.frombuffer(segment.tags, f"V{TAG_BYTES}")[leaves.to_numpy(zero_copy_only=False)]
    days = {name: column.filter(leaves) for name, column in segment.days.items()}
    records = segment.records.filter(leaves)
    return replace(segment, records=records, tags=tags.tobytes(), traits=None, days=days)


def _traits(segment: Segment) -> pa.RecordBatch:
    if segment.traits is None:
        raise Fault(ErrorReason.INTERNAL)
    return segment.traits
