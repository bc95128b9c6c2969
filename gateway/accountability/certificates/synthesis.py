"""The statement of a file of synthetic rows: of what it is made, and the digests of the file and its report.

What is said of the counts is stated when they are stored, under the permit of then. It stands in the statement of every
file that is made of them, and is signed with the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.accountability import jcs
from gateway.accountability.certificates.origin import origin
from gateway.accountability.counts import write_asked
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import write_instant
from gateway.accountability.particulars import write_attribution
from gateway.accountability.release import write_plan
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Permit
from gateway.model.statistics import NoisedMeasure
from gateway.model.synthesis import JobOrder, MadeFile, NoisedCounts

KIND = "purpose-gateway synthesis certificate 1"


def counts_statement(counts: NoisedCounts, measures: Sequence[NoisedMeasure], permit: Permit) -> bytes:
    """Return what is stated of counts for synthetic rows, with the measures they are: canonical JSON, not signed yet.

    Raises:
        Fault: INTERNAL if the permit is of no synthetic rows.
    """
    contract, spec = permit.scope.contract, permit.scope.disclosure.synthesis
    if spec is None:
        raise Fault(ErrorReason.INTERNAL)
    asked = write_asked(counts)
    body: dict[str, Json] = {
        **{name: value for name, value in asked.items() if name not in ("id", "created_at")},
        **origin(permit),
        "counts": counts.id,
        "counted_at": asked["created_at"],
        "fields": [
            {"name": field.key.field, "type": field.type.value, "cells": len(field.key.keys)} for field in counts.fields
        ],
        "tables": [
            {"fields": list(table.fields), **write_plan(measure.plan)}
            for table, measure in zip(counts.tables, measures, strict=True)
        ],
        "max_groups": spec.max_groups,
        "max_rows": spec.max_rows,
    }
    if contract.attribution is not None:
        body["attribution"] = write_attribution(contract.attribution)
    return jcs.encode(body)


def extract_statement(counts: NoisedCounts, order: JobOrder, file: MadeFile, report_sha256: str, at: datetime) -> bytes:
    """Return what is to be signed of a file that was made of counts: RFC 8785 JSON.

    Raises:
        Fault: INTERNAL if nothing was stated of the counts, or they are others than were ordered.
    """
    if not counts.stated or order.counts != counts.id:
        raise Fault(ErrorReason.INTERNAL)
    made: dict[str, Json] = {
        "kind": KIND,
        "id": order.id,
        "made_at": write_instant(at),
        "file": {"format": order.format.value, "rows": order.rows, "bytes": file.bytes, "sha256": file.sha256},
        "report_sha256": report_sha256,
    }
    return jcs.encode({**jcs.mapping(jcs.decode(counts.stated)), **made})
