"""Rows leave only where enough people share what they say: k-anonymity, l-diversity and t-closeness (one contract's).

Two passes over all that the grant opens, in one version of the data: the first counts who shares what, the second
withholds what too few share, and takes of the rest what was asked for. So the rows that leave are the same whoever asks
for however little of them, and neither a filter, a region nor a cap touches a row that stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from gateway.kernels.anonymity.census import Census, Demand, Verdicts
from gateway.kernels.anonymity.numbering import TooManyValues
from gateway.kernels.batches import one_batch
from gateway.kernels.conditions import in_scope
from gateway.kernels.tags import TAG_BYTES
from gateway.kernels.text import compute
from gateway.model.contract import AnonymitySpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import APPLY_FILTERS, ENSURE_ANONYMITY, LIMIT_ROWS, RESTRICT_REGION, Obligation, Permit
from gateway.model.plan import RowScope
from gateway.model.request import RowsRequest
from gateway.stages.fetch.rows import BATCH_ROWS, capped
from gateway.tables import BlendedTable, MinimizedTable, Segment


def blend(minimal: MinimizedTable, again: Callable[[], MinimizedTable], left: int = 0) -> BlendedTable:
    """Withhold the rows that too few people share; where the disclosure asks for nothing, let all pass.

    `again` reads the same once more, from the beginning: those are the rows that are counted. Of those that the grant
    allows, so many have `left` before.

    Raises:
        Fault: SOURCE_SCHEMA_CHANGED if the two readings are not of one version of the data; CAP_EXCEEDED if there is
            more than can be counted, and from the stream where more rows leave than the grant allows; and of the
            stages before.
    """
    permit = minimal.permit
    spec = permit.scope.disclosure.anonymity
    if spec is None:
        return BlendedTable._blend(minimal, minimal.take(), frozenset(), 0)
    counted = again()
    if counted.data_version != minimal.data_version:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    verdicts = _count(counted, spec)
    done = {Obligation(ENSURE_ANONYMITY), Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS)}
    segments = _recut(_sifted(segment, permit, verdicts) for segment in minimal.take())
    cap = permit.scope.max_rows
    if cap is not None:
        segments = capped(segments, cap, left)
        done.add(Obligation(LIMIT_ROWS))
    return BlendedTable._blend(minimal, segments, frozenset(done), verdicts.tally.rows_withheld)


def _count(counted: MinimizedTable, spec: AnonymitySpec) -> Verdicts:
    census = Census(Demand.of(spec))
    try:
        for segment in counted.take():
            census.add(_traits(segment), segment.tags)
        return census.verdicts()
    except TooManyValues:
        raise Fault(ErrorReason.CAP_EXCEEDED) from None


def _sifted(segment: Segment, permit: Permit, verdicts: Verdicts) -> Segment:
    """The rows of a segment that may leave and were asked for."""
    traits = _traits(segment)
    leaves = compute.and_(verdicts.mask(traits), _asked_for(traits, permit))
    tags = np.frombuffer(segment.tags, f"V{TAG_BYTES}")[leaves.to_numpy(zero_copy_only=False)]
    days = {name: column.filter(leaves) for name, column in segment.days.items()}
    records = segment.records.filter(leaves)
    places = None if segment.places is None else segment.places[leaves.to_numpy(zero_copy_only=False)]
    return replace(segment, records=records, tags=tags.tobytes(), traits=None, days=days, places=places)


def _traits(segment: Segment) -> pa.RecordBatch:
    if segment.traits is None:
        raise Fault(ErrorReason.INTERNAL)
    return segment.traits


def _asked_for(traits: pa.RecordBatch, permit: Permit) -> pa.BooleanArray:
    """Which rows meet the caller's filters and lie in the region named, both told by what leaves.

    Filters are on fields that are kept and tell people apart, and a region is named no finer than it leaves: what is
    taken are whole classes.
    """
    scope, request = permit.scope, permit.request
    if not isinstance(request, RowsRequest):
        raise Fault(ErrorReason.INTERNAL)
    region = None if scope.region == scope.granted_region else scope.region
    return in_scope(traits, RowScope(region, None, request.filters), scope.contract.region_field)


def _recut(segments: Iterator[Segment]) -> Iterator[Segment]:
    """The same rows in segments of one size, but for the last: how the source was cut would tell of rows that stay."""
    held: Segment | None = None
    for segment in segments:
        held = segment if held is None else _joined(held, segment)
        while held.num_rows >= BATCH_ROWS:
            yield _slice(held, 0, BATCH_ROWS)
            held = _slice(held, BATCH_ROWS, held.num_rows - BATCH_ROWS)
    if held is not None and held.num_rows:
        yield held


def _joined(one: Segment, other: Segment) -> Segment:
    records = one_batch(pa.Table.from_batches([one.records, other.records]))
    days = {name: pa.concat_arrays([column, other.days[name]]) for name, column in one.days.items()}
    places = None
    if one.places is not None and other.places is not None:
        places = np.concatenate([one.places, other.places])
    return replace(one, records=records, tags=one.tags + other.tags, days=days, places=places)


def _slice(segment: Segment, start: int, rows: int) -> Segment:
    tags = segment.tags[TAG_BYTES * start : TAG_BYTES * (start + rows)]
    days = {name: column.slice(start, rows) for name, column in segment.days.items()}
    places = None if segment.places is None else segment.places[start : start + rows]
    return replace(segment, records=segment.records.slice(start, rows), tags=tags, days=days, places=places)
