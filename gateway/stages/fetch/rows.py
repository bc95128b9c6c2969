"""Read permitted rows: the columns that are needed, and those that obligations need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.batches import declared_schema, one_batch
from gateway.kernels.occurrences import Occurrences
from gateway.kernels.tokens import subject_tags
from gateway.model.calendar import city_day
from gateway.model.consent import ConsentScope
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.extract import START, Course, Position
from gateway.model.filter import Condition, Operator
from gateway.model.meter import Exhausted
from gateway.model.permit import (
    APPLY_FILTERS,
    BOUND_CONTRIBUTIONS,
    LIMIT_ROWS,
    REQUIRE_CONSENT,
    RESTRICT_REGION,
    Obligation,
    Permit,
)
from gateway.model.plan import WHOLE, Part, RowPlan
from gateway.model.request import RowsRequest, Selector
from gateway.model.treatment import GeneralizeGeohash, Pseudonymize
from gateway.model.values import Scalar
from gateway.ports import Clock, ConsentRegister, KeyRing, KeyUse, Meters, Registers, Source
from gateway.stages.admit import asked_subjects, quota_claim
from gateway.stages.ahead import ahead
from gateway.stages.charge import data_version, version_now
from gateway.stages.domain_keys import unit_key
from gateway.tables import AdmittedPermit, RawTable, Segment, Span

BATCH_ROWS = 131_072  # each batch costs a durable manifest: fewer are faster, larger take longer to the first byte


def fetch(
    admitted: AdmittedPermit,
    source: Source,
    keys: KeyRing,
    registers: Registers,
    clock: Clock,
    course: Course | None = None,
) -> RawTable:
    """Open the stream of permitted rows. Nothing is read before the stream is.

    Where rows have to blend in, those are all that the grant opens: `blend` counts among them, and takes of those that
    may leave what was asked for. Were less read, two answers would tell who was in their difference.

    Of an extract, the part is read that is its `course`: what comes before is passed by, and not given out.

    Raises:
        Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED; and from the stream also CAP_EXCEEDED, where there are
            more rows than the grant allows (a cut answer would look whole), and REGISTER_UNAVAILABLE.
    """
    permit = admitted.permit
    request, scope, contract = permit.request, permit.scope, permit.scope.contract
    if not isinstance(request, RowsRequest):
        raise Fault(ErrorReason.INTERNAL)
    version = version_now(contract, source) if course is None or course.version is None else course.version
    asked = () if request.selector is None else asked_subjects(request.selector, permit, keys)
    if scope.disclosure.anonymity is None:
        conditions, region, cap = (*request.filters, *_selection(request.selector, asked)), scope.region, scope.max_rows
        discharged = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS)}
    else:
        conditions, region, cap, discharged = (), scope.granted_region, None, set()
    register, bound_ = scope.terms.consent, scope.rows_per_unit
    # some rows are taken out here (of those who did not agree, or beyond a subject's bound), so that the engine cannot
    # know where the cap lies
    limit = None if cap is None or register is not None or bound_ is not None else cap + 1
    few = request.selector is not None
    part = WHOLE if course is None else Part(course.stream, course.streams)
    plan = RowPlan(contract, columns_read(permit), permit.rows(region, conditions), limit, version, few, part)
    rows: Iterator[pa.RecordBatch] = source.rows(plan, BATCH_ROWS)
    begins = START if course is None else course.begins
    segments = _cut(rows if few else ahead(rows), begins)
    if scope.disclosure.consent_field is not None:
        discharged.add(Obligation(REQUIRE_CONSENT))
    if bound_ is not None:
        segments = _bounded(segments, permit, bound_, keys)
        discharged.add(Obligation(BOUND_CONTRIBUTIONS))
    if cap is None:
        segments = _from(segments, begins)
    if register is not None:
        segments = _consented(segments, permit, register, keys, registers.consents, clock)
        discharged.add(Obligation(REQUIRE_CONSENT, register))
    if cap is not None:
        # what left in an earlier connection counts too
        segments = _from(capped(segments, cap), begins)
        discharged.add(Obligation(LIMIT_ROWS))
    schema = declared_schema(contract, plan.columns)
    if request.selector is not None:
        segments = _selected(segments, schema, request.selector, asked, contract.privacy_unit.field)
    if request.kind is DisclosureKind.CONSUME:
        segments = _consumed(segments, permit, keys, registers.meters, clock)
    return RawTable._open(admitted, data_version(contract, version, keys), schema, segments, frozenset(discharged))


def columns_read(permit: Permit) -> tuple[str, ...]:
    """The columns that a permit needs: those that leave or tell whether rows blend in, and those of obligations."""
    treated = permit.scope.treated
    wanted, internal = list(treated), [permit.scope.contract.privacy_unit.field]
    if isinstance(permit.request, RowsRequest) and permit.request.selector is not None:
        internal.append(permit.request.selector.field)
    for how in treated.values():
        match how:
            case GeneralizeGeohash(_, longitude):
                internal.append(longitude)
            case Pseudonymize(by=str(by)):
                internal.append(by)
    return tuple(dict.fromkeys(wanted + internal))


def _cut(batches: Iterator[pa.RecordBatch], at: Position) -> Iterator[Segment]:
    """Cut rows into segments as they come, but for the one within which a stream goes on: that is cut as it was.

    Its rows are shuffled among themselves, so that it has to be the very same rows.
    """
    start, edges, held = 0, [at.start, at.start + at.length], list[pa.RecordBatch]()
    for batch in batches:
        rest = batch
        while rest.num_rows:
            end = next((edge for edge in edges if edge > start), start + rest.num_rows)
            piece = rest.slice(0, end - start)
            rest = rest.slice(piece.num_rows)
            if at.start <= start < edges[1]:
                held.append(piece)
                if start + piece.num_rows == edges[1]:
                    yield Segment(one_batch(pa.Table.from_batches(held)), b"", None, span=Span(at.start, at.length))
            else:
                yield Segment(piece, b"", None, span=Span(start, piece.num_rows))
            start += piece.num_rows


def _from(segments: Iterator[Segment], at: Position) -> Iterator[Segment]:
    """Pass by the segments that are done with."""
    return (segment for segment in segments if segment.span is None or segment.span.start >= at.start)


def _bounded(segments: Iterator[Segment], permit: Permit, rows: int, keys: KeyRing) -> Iterator[Segment]:
    """Pass on the first so many rows of each privacy unit, in the order of the source: the same at every asking."""
    contract = permit.scope.contract
    unit = contract.unit_field
    key = unit_key(keys, contract, KeyUse.MANIFEST)
    seen = Occurrences(rows)
    for segment in segments:
        yield segment.only(seen.admit(subject_tags(segment.records.column(unit.name), unit.canonical, key)))


def _consented(
    segments: Iterator[Segment],
    permit: Permit,
    register: str,
    keys: KeyRing,
    consents: ConsentRegister,
    clock: Clock,
) -> Iterator[Segment]:
    """Pass on the rows of those who agree at this moment: whoever withdraws is in no later batch."""
    contract = permit.scope.contract
    unit = contract.unit_field
    key = unit_key(keys, contract, KeyUse.CONSENT)
    scope = ConsentScope(register, permit.request.context.purpose, permit.identity.institution)
    for segment in segments:
        tags = subject_tags(segment.records.column(unit.name), unit.canonical, key)
        subjects = pa.Array.from_buffers(pa.binary(16), segment.num_rows, [None, pa.py_buffer(tags)])
        yield segment.only(consents.agreed(scope, subjects, city_day(clock.now())))


def _consumed(
    segments: Iterator[Segment], permit: Permit, keys: KeyRing, meters: Meters, clock: Clock
) -> Iterator[Segment]:
    """Take one of the subject's quota if it is there to be served; a used up one answers like one that is not."""
    for segment in segments:
        claim = quota_claim(permit, keys, clock.now())
        if claim is None:
            raise Fault(ErrorReason.INTERNAL)
        outcome = meters.take([claim]) if segment.records.num_rows else Exhausted((0,))
        if isinstance(outcome, Exhausted):
            nobody = None if segment.slots is None else segment.slots.slice(0, 0)
            yield replace(segment, records=segment.records.slice(0, 0), slots=nobody, left=0)
        else:
            yield replace(segment, left=outcome.left[0])


def _selection(selector: Selector | None, asked: tuple[Scalar, ...]) -> tuple[Condition, ...]:
    # a subject nobody can be is asked for all the same, so that its answer takes the same way
    return () if selector is None else (Condition(selector.field, Operator.IN, tuple(dict.fromkeys(asked))),)


def capped(segments: Iterator[Segment], cap: int, seen: int = 0) -> Iterator[Segment]:
    """Pass segments on while their rows are no more than a cap, with those that were `seen` before.

    Raises:
        Fault: CAP_EXCEEDED, in place of the segment that goes beyond.
    """
    for segment in segments:
        seen += segment.num_rows
        if seen > cap:
            raise Fault(ErrorReason.CAP_EXCEEDED)
        yield segment


def _selected(
    segments: Iterator[Segment], schema: pa.Schema, selector: Selector, asked: tuple[Scalar, ...], unit: str
) -> Iterator[Segment]:
    """Answer a lookup or check in one segment, also where nothing is found: who was asked for is on record.

    Each row says which asked subject it belongs to; a subject asked for twice is answered twice.
    """
    positions: dict[Scalar, list[int]] = {}
    for slot, value in enumerate(asked):
        if value is not None:
            positions.setdefault(value, []).append(slot)
    found = pa.Table.from_batches([segment.records for segment in segments], schema).combine_chunks()
    keys = enumerate(found.column(selector.field).to_pylist())
    pairs = [(row, slot) for row, value in keys for slot in positions.get(value, ())]
    records = one_batch(found.take(pa.array([row for row, _ in pairs], pa.int64())))
    subjects = pa.array([str(value) for value in positions], pa.string()) if selector.field == unit else None
    yield Segment(records, b"", pa.array([slot for _, slot in pairs], pa.int32()), subjects)
