"""Data minimisation: granted fields only, as coarse as the contract says; internal columns end here.

The subjects' tokens for the disclosure manifest are made here too, since past this stage the subject is gone. So is
the order of the rows within a segment: it would join what pseudonyms keep apart.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.generalize import generalize_date, generalize_number, generalize_region
from gateway.kernels.mask import mask_text
from gateway.kernels.shuffle import KEY_BYTES, random_order
from gateway.kernels.tokens import subject_tags
from gateway.model.permit import DROP_INTERNAL, RETAIN_ONLY, TREAT, Obligation
from gateway.model.treatment import (
    GeneralizeDate,
    GeneralizeNumber,
    GeneralizeRegion,
    Keep,
    Mask,
    Pseudonymize,
    Treatment,
    leaving_type,
)
from gateway.ports import AUDIT_DOMAIN, KeyRing, KeyUse, of_subjects
from gateway.tables import MinimizedTable, RawTable, Segment


def minimize(raw: RawTable, keys: KeyRing) -> MinimizedTable:
    """Keep the granted fields alone, generalised and masked; tag the subjects for the manifest.

    Each segment leaves in an order drawn anew, since the order of the source joins what pseudonyms keep apart. Fields
    to be pseudonymised pass unchanged: the next stage owes their treatment.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    contract, fields = raw.permit.scope.contract, raw.permit.scope.fields
    unit = contract.unit_field
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, of_subjects(contract.privacy_unit.kind, unit.canonical))

    def segments(source: Iterator[Segment]) -> Iterator[Segment]:
        for segment in map(_shuffled, source):
            tags = subject_tags(_subjects(segment, unit.name), unit.canonical, key)
            columns = [_treat(segment.records.column(name), how) for name, how in fields.items()]
            yield Segment(pa.record_batch(columns, schema=schema), tags, segment.slots, left=segment.left)

    schema = pa.schema(
        [(name, ARROW_TYPES[leaving_type(contract.fields[name].type, _now(how))]) for name, how in fields.items()]
    )
    done = {Obligation(RETAIN_ONLY), Obligation(DROP_INTERNAL)}
    done |= {Obligation(TREAT, name) for name, how in fields.items() if not isinstance(how, Pseudonymize)}
    return MinimizedTable._advance(raw, schema, segments(raw.take()), frozenset(done))


def _subjects(segment: Segment, unit: str) -> pa.Array[Any]:
    """The raw ids that the manifest tags: of those who were asked for, else of the rows' own subjects."""
    return segment.records.column(unit).cast(pa.string()) if segment.asked is None else segment.asked


def _treat(column: pa.Array[Any], how: Treatment) -> pa.Array[Any]:
    match how:
        case Keep() | Pseudonymize():
            return column
        case GeneralizeDate(to):
            return generalize_date(column, to)
        case GeneralizeRegion(to):
            return generalize_region(column, to)
        case GeneralizeNumber(width, top):
            return generalize_number(column, width, top)
        case Mask(first, last):
            return mask_text(column, first, last)


def _shuffled(segment: Segment) -> Segment:
    """The same rows in a random order that nothing repeats or tells."""
    order = random_order(secrets.token_bytes(KEY_BYTES * segment.records.num_rows))
    slots = None if segment.slots is None else segment.slots.take(order)
    return replace(segment, records=segment.records.take(order), slots=slots)


def _now(how: Treatment) -> Treatment:
    """What this stage does to a field: a pseudonym is the next stage's work."""
    return Keep() if isinstance(how, Pseudonymize) else how
