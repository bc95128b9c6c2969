"""A receipt that was altered, in whatever part, is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest

import gateway.client as gw
from gateway.accountability.leaf import leaf_hash
from gateway.accountability.record import encode
from gateway.api.v1 import disclosure_pb2, receipt_pb2
from gateway.model.contract import DisclosureKind
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import Withheld
from gateway.model.record import AuditRecord, LogEntry, Outcome, Receipt, TreatedField
from gateway.server.wire.receipts import receipt_of

RECORD = AuditRecord(
    outcome=Outcome.COMPLETED,
    at=datetime(2026, 11, 21, 12, 30, 0, 1),
    institution="police",
    person="li.wei",
    request_id="1e0e1a2b-0000-4000-8000-000000000001",
    dataset="health_cases",
    disclosure="police-tracing",
    kind=DisclosureKind.EXTRACT,
    purpose="epidemic-tracing",
    legal_basis="dpv:X (law)",
    region="hangzhou",
    case_number="",
    policy_digest="ab" * 32,
    grant="g-police-tracing",
    reason="",
    fields=(TreatedField("resident_id", "pseudonymize", "pseudonymize per recipient and purpose", "string"),),
    withheld=(Withheld("diagnosis", "not part of this disclosure"),),
    filtered_on=("place eq",),
    selected_by="resident_id token",
    grouped_by=("sector",),
    statistics=("count",),
    obligations=("treat:resident_id",),
    loss=PrivacyLoss(Fraction(1, 8), Fraction(1, 2)),
    release_id="",
    replay=False,
    rows=7,
    batches=2,
    data_version="cd" * 32,
    noise_waived="because",
    completes=None,
    trials=("d-no-night-extracts",),
    emergency="00c0ffee00c0ffee",
)


def a_receipt(**changed: Any) -> receipt_pb2.Receipt:
    whole = replace(RECORD, **changed)
    salt, record = b"s" * 16, encode(whole)
    return receipt_of(Receipt(whole, LogEntry(7, leaf_hash(salt, record), salt, record)), 1e-6)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.REFUSED}))
@pytest.mark.parametrize("kind", DisclosureKind)
def test_a_true_receipt_holds(outcome: Outcome, kind: DisclosureKind) -> None:
    gw.verify_receipt(a_receipt(outcome=outcome, kind=kind))


def test_a_delta_that_was_spent_is_held_against_the_record() -> None:
    receipt = a_receipt(loss=PrivacyLoss(Fraction(1, 8), None, Fraction(1, 10**9)))
    assert receipt.privacy_loss.spent_delta == "1/1000000000"
    gw.verify_receipt(receipt)
    for claimed in ("", "1/10000000000"):
        receipt.privacy_loss.spent_delta = claimed
        with pytest.raises(gw.ReceiptMismatch):
            gw.verify_receipt(receipt)


@pytest.mark.parametrize("added", [{"trials": ["d-invented"]}, {"emergency": "00c0ffee00c0ffee"}])
def test_a_receipt_adds_nothing_to_what_was_logged(added: dict[str, Any]) -> None:
    receipt = a_receipt(trials=(), emergency="")
    gw.verify_receipt(receipt)
    receipt.MergeFrom(receipt_pb2.Receipt(**added))
    with pytest.raises(gw.ReceiptMismatch):
        gw.verify_receipt(receipt)


def altered_entry(receipt: receipt_pb2.Receipt) -> None:
    receipt.log_entry.record = receipt.log_entry.record.replace(b"police", b"traffi")


ALTERATIONS: dict[str, Callable[[receipt_pb2.Receipt], object]] = {
    "leaf_hash": altered_entry,
    "receipt_id": lambda receipt: setattr(receipt, "receipt_id", f"{8:020d}"),
    "institution": lambda receipt: setattr(receipt, "institution", "traffic"),
    "person": lambda receipt: setattr(receipt, "person", ""),
    "purpose": lambda receipt: setattr(receipt, "purpose", "parking-guidance"),
    "legal_basis": lambda receipt: setattr(receipt, "legal_basis", ""),
    "policy_digest": lambda receipt: setattr(receipt, "policy_digest", "00"),
    "rows": lambda receipt: setattr(receipt, "rows", 6),
    "batches": lambda receipt: setattr(receipt, "batches", 1),
    "recorded_at": lambda receipt: setattr(receipt.recorded_at, "nanos", 2000),
    "outcome": lambda receipt: setattr(receipt, "outcome", receipt_pb2.OUTCOME_ABORTED),
    "kind": lambda receipt: setattr(receipt, "kind", disclosure_pb2.DISCLOSURE_KIND_LOOKUP),
    "noise_waived": lambda receipt: setattr(receipt, "noise_waived", False),
    "fields": lambda receipt: setattr(receipt.fields[0], "treatment", disclosure_pb2.TREATMENT_KIND_KEEP),
    "withheld": lambda receipt: receipt.ClearField("withheld"),
    "filtered_on": lambda receipt: receipt.ClearField("filtered_on"),
    "selected_by": lambda receipt: setattr(receipt, "selected_by", "resident_id key"),
    "grouped_by": lambda receipt: receipt.ClearField("grouped_by"),
    "statistics": lambda receipt: receipt.statistics.append("sum(x)"),
    "trials": lambda receipt: receipt.ClearField("trials"),
    "emergency": lambda receipt: setattr(receipt, "emergency", ""),
    "privacy_loss": lambda receipt: setattr(receipt.privacy_loss, "rho", "1/9"),
}


@pytest.mark.parametrize("part", ALTERATIONS)
def test_an_altered_receipt_does_not(part: str) -> None:
    receipt = a_receipt()
    ALTERATIONS[part](receipt)
    with pytest.raises(gw.ReceiptMismatch) as raised:
        gw.verify_receipt(receipt)
    assert raised.value.part == part
