"""Have the engine bound what each unit contributes and aggregate it exactly: for releases, rehearsals and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition
from gateway.model.joining import divided
from gateway.model.measure import Measure, MeasureKind
from gateway.model.permit import (
    APPLY_FILTERS,
    BOUND_CONTRIBUTIONS,
    REQUIRE_CONSENT,
    RESTRICT_REGION,
    Joined,
    Obligation,
    Permit,
)
from gateway.model.plan import AggregatePlan, BoundedQuery, Joining
from gateway.model.request import ReleaseRequest, SynthesisRequest
from gateway.model.values import Scalar
from gateway.ports import Rehearsals, Source
from gateway.privacy.layout import cells_of, found_cells, laid_out
from gateway.privacy.release_id import counting_salt, grouping_salt
from gateway.tables import BoundedAggregates, ChargedPermit, RehearsedAggregates


def fetch_aggregates(charged: ChargedPermit, source: Source) -> BoundedAggregates:
    """Have the engine bound every unit's contribution and aggregate exactly. Only a charged permit opens this way.

    Raises:
        Fault: of the source; SOURCE_SCHEMA_CHANGED if the data is no longer the version that was charged for;
            INTERNAL if the engine answers in another shape than planned.
    """
    cells, vectors = _aggregated(charged.permit, source.aggregates, charged.versions)
    return _bound(charged, cells, vectors)


def fetch_rehearsed(permit: Permit, regions: Sequence[str], rehearsals: Rehearsals) -> RehearsedAggregates:
    """Have made up rows bounded and aggregated as real ones would be. No data is read.

    Raises:
        Fault: SOURCE_UNAVAILABLE; INTERNAL if the engine answers in another shape than planned.
    """
    cells, vectors = _aggregated(permit, lambda plan: rehearsals.rehearsed(plan, regions))
    return RehearsedAggregates._rehearse(permit, cells, vectors)


def fetch_counts(charged: ChargedPermit, source: Source) -> BoundedAggregates:
    """Have the engine count for synthetic rows, each unit bounded in every count. Only a charged permit opens this way.

    Raises:
        Fault: as `fetch_aggregates`.
    """
    permit = charged.permit
    request, settled = permit.request, permit.synthesis
    if not isinstance(request, SynthesisRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    scope = permit.rows(permit.scope.region, request.filters)
    vectors: list[tuple[int, ...]] = []
    for table in settled.tables:
        query, asked = table.query, tuple(plan.measure for plan in table.noise)
        salt = counting_salt(permit, request, table)
        (version,) = charged.versions
        plan = AggregatePlan(
            permit.scope.contract, scope, query.group_by, asked, query.max_groups, salt, version=version
        )
        vectors.extend(laid_out(source.aggregates(plan), query, asked))
    # each vector has cells of its own, which the permit names
    return _bound(charged, (), tuple(vectors))


def _aggregated(
    permit: Permit, read: Callable[[AggregatePlan], pa.RecordBatch], versions: Sequence[str] = ()
) -> tuple[tuple[tuple[Scalar, ...], ...], tuple[tuple[int, ...], ...]]:
    """The keys of the cells, and the exact vector of each measure over them; of these versions, if there are any."""
    request, settled = permit.request, permit.release
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    contract, query = permit.scope.contract, settled.query
    join = request.query.join
    conditions, others = (request.query.filters, ()) if join is None else divided(request.query.filters, join.dataset)
    scope = permit.rows(permit.scope.region, conditions)
    salt = grouping_salt(permit, request)
    measures = [plan.measure for plan in settled.noise]
    version, *other = versions or (None, None)
    joined = None if permit.joined is None else _joining(permit.joined, query, others, other[0])
    decimals = [permit.contract.fields[group.field].decimals for group in query.group_by]
    cells = () if query.found else cells_of(query, decimals)
    vectors: dict[int, tuple[int, ...]] = {}
    for places in _together(measures):
        asked = tuple(measures[place] for place in places)
        found = read(AggregatePlan(contract, scope, query.group_by, asked, query.max_groups, salt, joined, version))
        cells = found_cells(found, query, decimals) if query.found else cells
        vectors |= dict(zip(places, laid_out(found, query, asked), strict=True))
    return cells, tuple(vectors[place] for place in range(len(measures)))


def _joining(joined: Joined, query: BoundedQuery, conditions: tuple[Condition, ...], version: str | None) -> Joining:
    """The other side of a join: its rows in scope, and how many of a unit take part."""
    other = joined.permit
    named = {group.field for group in query.group_by}
    named |= {measure.field for each in query.measures for measure in each if measure.field is not None}
    scope = other.rows(other.scope.region, conditions)
    return Joining(other.scope.contract, scope, joined.rows, joined.own_rows, tuple(sorted(named)), version)


def _bound(
    charged: ChargedPermit, cells: tuple[tuple[Scalar, ...], ...], vectors: tuple[tuple[int, ...], ...]
) -> BoundedAggregates:
    """Seal what was measured of the data that was charged for."""
    permit = charged.permit
    discharged = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS), Obligation(BOUND_CONTRIBUTIONS)}
    if any(one.scope.disclosure.consent_field is not None for one in permit.each):
        discharged.add(Obligation(REQUIRE_CONSENT))
    return BoundedAggregates._bound(charged, cells, vectors, frozenset(discharged))


def _together(measures: Sequence[Measure]) -> Iterator[list[int]]:
    """Yield the places of measures that one reading of the rows gives: all sums at once, each histogram by itself."""
    sums = [place for place, measure in enumerate(measures) if measure.kind is not MeasureKind.BINS]
    if sums:
        yield sums
    for place, measure in enumerate(measures):
        if measure.kind is MeasureKind.BINS:
            yield [place]
