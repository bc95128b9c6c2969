"""The door: no column comes in that the contract does not collect, and the whole batch is refused for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.errors import ErrorReason, Fault
from gateway.model.ingest import BatchName
from gateway.model.permit import FieldViolation, NearestRequest, Permit, Refusal, Withheld
from gateway.model.values import FieldType
from gateway.tables import AdmittedPermit, CollectedRows

NOT_COLLECTED = "not collected"


def at_the_door(permit: Permit, columns: Sequence[tuple[str, FieldType]]) -> Refusal | None:
    """Return why rows of these columns may not come in, or None. Whether a column that is refused exists is not told.

    A column that is collected may be left out where its field may be missing.

    Raises:
        Fault: INTERNAL for a permit of another kind.
    """
    ingest = permit.scope.disclosure.ingest
    if ingest is None:
        raise Fault(ErrorReason.INTERNAL)
    fields, names = permit.contract.fields, [name for name, _ in columns]
    strange = [number for number, name in enumerate(names) if name not in ingest.fields]
    if strange:
        return replace(
            permit.refused(ErrorReason.FIELD_NOT_COLLECTED),
            nearest=NearestRequest(fields=ingest.fields),
            violations=tuple(FieldViolation(f"columns[{number}]", "is not collected") for number in strange),
            withheld=tuple(Withheld(names[number], NOT_COLLECTED) for number in strange),
        )
    wrong = [
        FieldViolation(f"columns[{number}].name", "must not repeat an item")
        for number, name in enumerate(names)
        if name in names[:number]
    ]
    wrong += [
        FieldViolation(f"columns[{number}].type", f"must be of type {fields[name].type}")
        for number, (name, kind) in enumerate(columns)
        if kind is not fields[name].type
    ]
    missing = [name for name in ingest.fields if name not in names and not fields[name].nullable]
    if missing:
        wrong.append(FieldViolation("columns", f"must have {', '.join(missing)}"))
    if not wrong:
        return None
    return replace(permit.refused(ErrorReason.REQUEST_INVALID), violations=tuple(wrong))


def collect(
    admitted: AdmittedPermit | Refusal, name: BatchName, digest: bytes, records: pa.RecordBatch, most_rows: int
) -> CollectedRows | Refusal:
    """Let a batch in that may be: of so many rows at most, or of fewer where the grant or the contract says so.

    Raises:
        Fault: INTERNAL for a permit of another kind, or for Arrow types that no field has.
    """
    if isinstance(admitted, Refusal):
        return admitted
    permit = admitted.permit
    schema = records.schema
    known = {arrow: kind for kind, arrow in ARROW_TYPES.items()}
    if any(kind not in known for kind in schema.types):
        raise Fault(ErrorReason.INTERNAL)
    shut = at_the_door(permit, [(column.name, known[column.type]) for column in schema])
    if shut is not None:
        return shut
    if records.num_rows > min(most_rows, permit.scope.max_rows or most_rows):
        why = (FieldViolation("", "has more rows than a batch may have"),)
        return replace(permit.refused(ErrorReason.CAP_EXCEEDED), violations=why)
    return CollectedRows._collect(admitted, name, digest, records)
