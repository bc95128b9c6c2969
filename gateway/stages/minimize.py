"""Data minimisation: granted fields only, as coarse as the contract says; internal columns end here.

The subjects' tokens for the disclosure manifest are made here too, since past this stage the subject is gone. So is
the order of the rows within a segment: it would join what pseudonyms keep apart.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from gateway.kernels.batches import schema_of
from gateway.kernels.generalize import (
    generalize_address,
    generalize_age,
    generalize_date,
    generalize_geohash,
    generalize_number,
    generalize_region,
    generalize_step,
)
from gateway.kernels.mask import mask_text
from gateway.kernels.shuffle import SEED_BYTES, random_order, reordered
from gateway.kernels.tokens import subject_tags
from gateway.model.errors import ErrorReason, Fault
from gateway.model.extract import Course
from gateway.model.permit import DROP_INTERNAL, RETAIN_ONLY, TREAT, Obligation
from gateway.model.pseudonym import Renewal
from gateway.model.row_treatment import RowTreatment
from gateway.model.treatment import (
    GeneralizeAddress,
    GeneralizeAge,
    GeneralizeDate,
    GeneralizeGeohash,
    GeneralizeNumber,
    GeneralizeRegion,
    GeneralizeStep,
    Keep,
    Mask,
    Perturb,
    Precision,
    Pseudonymize,
    Treatment,
    leaving_type,
)
from gateway.ports import KeyRing, KeyUse, WorkingKeys
from gateway.stages.domain_keys import unit_key
from gateway.stages.resume import order_seeds
from gateway.tables import PLACE, MinimizedTable, RawTable, Segment

__all__ = ["MinimizedTable", "minimize", "minimized_schema", "minimizer", "minimizes"]

_PERIODS = {Renewal.DAILY: Precision.DAY, Renewal.MONTHLY: Precision.MONTH, Renewal.YEARLY: Precision.YEAR}
_LATER = Pseudonymize | Perturb
"""What later stages do."""
Shuffle: TypeAlias = Callable[[Segment, Collection[str]], Segment]
"""Puts the rows of a segment in another order, with the names of columns that repeat their few values."""


def minimize(raw: RawTable, keys: KeyRing, course: Course | None = None) -> MinimizedTable:
    """Keep the granted fields alone, generalised and masked; tag the subjects for the manifest.

    Each segment leaves in an order drawn anew, since the order of the source joins what pseudonyms keep apart; that of
    an extract is drawn from its `course`, the same in each of its connections, and begins where that does. Fields to be
    pseudonymised pass unchanged: the next stage owes their treatment.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    treatment = raw.permit.treatment
    each = minimizer(treatment, keys, None if course is None else _ordered(course, keys))
    segments = (each(segment) for segment in raw.take())  # it can be closed, as a map cannot
    return MinimizedTable._advance(raw, minimized_schema(treatment), segments, minimizes(treatment))


def minimizes(treatment: RowTreatment) -> frozenset[Obligation]:
    """The obligations that minimisation discharges."""
    done = {Obligation(RETAIN_ONLY), Obligation(DROP_INTERNAL)}
    return frozenset(
        done | {Obligation(TREAT, name) for name, how in treatment.fields.items() if not isinstance(how, _LATER)}
    )


def minimized_schema(treatment: RowTreatment) -> pa.Schema:
    """The Arrow schema of minimised rows."""
    declared = treatment.contract.fields
    return schema_of((name, leaving_type(declared[name].type, _now(how))) for name, how in treatment.fields.items())


def minimizer(treatment: RowTreatment, keys: WorkingKeys, order: Shuffle | None = None) -> Callable[[Segment], Segment]:
    """Return what minimises one segment. Without an `order`, that of its rows is drawn anew.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    fields, traits, treated, today = treatment.fields, list(treatment.traits), treatment.treated, treatment.today
    schema, unit, shuffled = minimized_schema(treatment), treatment.contract.unit_field, order or _shuffled
    key = unit_key(keys, treatment.contract, KeyUse.MANIFEST)
    repeating = {name for name, how in treated.items() if isinstance(how, GeneralizeRegion)} - {unit.name}

    def minimized(raw: Segment) -> Segment:
        segment = shuffled(raw, repeating)
        tags = subject_tags(_subjects(segment, unit.name), unit.canonical, key)
        whole = {name: _treat(segment.records, name, how, today) for name, how in treated.items()}
        records = pa.record_batch([whole[name] for name in fields], schema=schema)
        beside = pa.record_batch({name: whole[name] for name in traits}) if traits else None
        days = _renewing(segment.records, fields)
        return Segment(records, tags, segment.slots, left=segment.left, traits=beside, days=days, places=segment.places)

    return minimized


def _subjects(segment: Segment, unit: str) -> pa.Array[Any]:
    """The raw ids that the manifest tags: of those who were asked for, else of the rows' own subjects."""
    return segment.records.column(unit).cast(pa.string()) if segment.asked is None else segment.asked


def _treat(records: pa.RecordBatch, name: str, how: Treatment, today: date) -> pa.Array[Any]:
    column = records.column(name)
    match how:
        case Keep() | Pseudonymize() | Perturb():
            return column
        case GeneralizeDate(to):
            return generalize_date(column, to)
        case GeneralizeRegion(to):
            return generalize_region(column, to)
        case GeneralizeNumber(width, top):
            return generalize_number(column, width, top)
        case GeneralizeStep(step, top):
            return generalize_step(column, step, top)
        case GeneralizeAge(width, top):
            return generalize_age(column, today, width, top)
        case GeneralizeGeohash(length, longitude):
            return generalize_geohash(column, records.column(longitude), length)
        case GeneralizeAddress(to):
            return generalize_address(column, to)
        case Mask(first, last):
            return mask_text(column, first, last)


def _renewing(records: pa.RecordBatch, fields: Mapping[str, Treatment]) -> dict[str, pa.Array[Any]]:
    """The first days of the periods by which tokens are renewed, for each field that becomes such tokens."""
    return {
        name: generalize_date(records.column(how.by), _PERIODS[how.renewed])
        for name, how in fields.items()
        if isinstance(how, Pseudonymize) and how.by is not None and how.renewed is not None
    }


def _shuffled(segment: Segment, repeating: Collection[str]) -> Segment:
    """The same rows in a random order that nothing repeats or tells."""
    if segment.records.num_rows < 2:
        return segment  # a row, or none, has one order
    order = random_order(segment.records.num_rows, secrets.token_bytes(SEED_BYTES))
    slots = None if segment.slots is None else segment.slots.take(order)
    return replace(segment, records=_reordered(segment.records, order, repeating), slots=slots)


def _ordered(course: Course, keys: KeyRing) -> Shuffle:
    """Return what gives a segment the order that it has in every connection of an extract, with each row's place."""
    seed, begins = order_seeds(course, keys), course.begins

    def ordered(segment: Segment, repeating: Collection[str]) -> Segment:
        span = segment.span
        if span is None:
            raise Fault(ErrorReason.INTERNAL)
        order = random_order(span.length, seed(span.start))
        places = np.empty(segment.num_rows, PLACE)
        places["start"], places["length"] = span.start, span.length
        if span.kept is None:
            places["done"] = np.arange(span.length)
        else:
            # rows that were taken out leave their places empty, so that those of the others stay
            standing = np.empty(span.length, np.int64)
            standing[order.to_numpy()] = np.arange(span.length)
            mine = standing[span.kept]
            order = pa.array(np.argsort(mine), pa.int64())
            places["done"] = np.sort(mine)
        done = 0
        if begins.length and span.start == begins.start:
            done = int(np.searchsorted(places["done"], begins.done))
        records = _reordered(segment.records, order, repeating) if not done else segment.records.take(order.slice(done))
        return replace(segment, records=records, places=places[done:])

    return ordered


def _reordered(records: pa.RecordBatch, order: pa.Int64Array, repeating: Collection[str]) -> pa.RecordBatch:
    """The same rows in another order. Columns named as repeating their few values become dictionaries: an index is
    moved faster than a text."""
    columns = {
        name: reordered(column.dictionary_encode() if name in repeating else column, order)
        for name, column in zip(records.schema.names, records.columns, strict=True)
    }
    return pa.record_batch(columns)


def _now(how: Treatment) -> Treatment:
    """What this stage does to a field: pseudonyms and noise are the next stages' work."""
    return Keep() if isinstance(how, _LATER) else how
