"""Records as the audit log holds them, for tests of what is made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.model.contract import DisclosureKind
from gateway.model.record import AuditRecord, Outcome, TreatedField

AT = datetime(2027, 1, 14, 4)


def record(institution: str, obj: str, purpose: str, **other: Any) -> AuditRecord:
    """A record of an extract that gave `fields`, unless it says otherwise."""
    dataset, _, disclosure = obj.partition("/")
    fields = tuple(TreatedField(name, "", "", "") for name in other.pop("fields", ()))
    values: dict[str, Any] = {
        "outcome": Outcome.STARTED, "at": AT, "institution": institution, "person": "li", "request_id": "1",
        "dataset": dataset, "disclosure": disclosure, "kind": DisclosureKind.EXTRACT, "purpose": purpose,
        "legal_basis": "", "region": "hangzhou", "case_number": "", "policy_digest": "", "grant": "", "reason": "",
        "fields": fields, "withheld": (), "filtered_on": (), "selected_by": "", "grouped_by": (), "statistics": (),
        "obligations": (), "loss": None, "release_id": "", "replay": False, "rows": 0, "batches": 0,
        "data_version": "", "noise_waived": "", "completes": None,
    }  # fmt: skip
    return AuditRecord(**values | other)
