"""Checking a receipt: that it says what was logged, and that its leaf is the hash of what was logged."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from gateway.api.v1 import disclosure_pb2, receipt_pb2, value_pb2
from gateway.client.errors import ReceiptMismatch
from gateway.client.words import word

_TEXTS = (
    "institution", "person", "request_id", "dataset", "disclosure", "purpose", "legal_basis", "region",
    "policy_digest", "grant", "reason", "data_version", "selected_by",
)  # fmt: skip
_COUNTS = ("rows", "batches")
_LISTS = ("filtered_on", "grouped_by", "statistics")


def verify_receipt(receipt: receipt_pb2.Receipt) -> None:
    """Recompute the leaf of a receipt from the logged record, and compare the receipt with that record.

    leaf_hash = SHA-256(0x00 ‖ salt ‖ record), RFC 9162 section 2.1.1 over the salted record. That the leaf is in the
    log is for the log's proofs to show. The receipt of a refusal is sealed: it comes without salt and record, and only
    its place in the log can be checked here.

    Raises:
        ReceiptMismatch: naming the first part that differs.
    """
    entry = receipt.log_entry
    if receipt.outcome == receipt_pb2.OUTCOME_REFUSED and not entry.record and not entry.salt:
        _same("receipt_id", receipt.receipt_id == f"{entry.index:020d}")
        _same("leaf_hash", len(entry.leaf_hash) == hashlib.sha256().digest_size)
        return
    leaf = hashlib.sha256(b"\x00" + entry.salt + entry.record).digest()
    _same("leaf_hash", hmac.compare_digest(leaf, entry.leaf_hash))
    _same("receipt_id", receipt.receipt_id == f"{entry.index:020d}")
    try:
        logged = json.loads(entry.record)
    except ValueError:
        raise ReceiptMismatch("record") from None
    if not isinstance(logged, dict):
        raise ReceiptMismatch("record")
    for name in (*_TEXTS, *_COUNTS):
        _same(name, getattr(receipt, name) == logged.get(name))
    for name in _LISTS:
        _same(name, list(getattr(receipt, name)) == logged.get(name))
    _same("recorded_at", _written(receipt) == logged.get("at"))
    # a record says these only where there is something to say
    _same("trials", list(receipt.trials) == logged.get("trials", []))
    for name in ("emergency", "join", "reidentification"):
        _same(name, getattr(receipt, name) == logged.get(name, ""))
    _same("outcome", word(receipt_pb2.Outcome.DESCRIPTOR, receipt.outcome) == logged.get("outcome"))
    _same("kind", word(disclosure_pb2.DisclosureKind.DESCRIPTOR, receipt.kind) == logged.get("kind"))
    _same("noise_waived", receipt.noise_waived == bool(logged.get("noise_waived")))
    _same("fields", [_treated(item) for item in receipt.fields] == logged.get("fields"))
    withheld = [{"field": item.field, "reason": item.reason} for item in receipt.withheld]
    _same("withheld", withheld == logged.get("withheld"))
    _same("privacy_loss", _loss(receipt) == logged.get("loss"))


def _same(part: str, holds: bool) -> None:
    if not holds:
        raise ReceiptMismatch(part)


def _written(receipt: receipt_pb2.Receipt) -> str:
    at = receipt.recorded_at.ToDatetime()
    return at.isoformat(timespec="microseconds") + "Z"


def _treated(item: disclosure_pb2.FieldTreatment) -> dict[str, Any]:
    return {
        "field": item.field,
        "treatment": word(disclosure_pb2.TreatmentKind.DESCRIPTOR, item.treatment),
        "detail": item.detail,
        "type": word(value_pb2.FieldType.DESCRIPTOR, item.type),
    }


def _loss(receipt: receipt_pb2.Receipt) -> dict[str, str] | None:
    if not receipt.HasField("privacy_loss"):
        return None
    loss = {"rho": receipt.privacy_loss.rho}
    if receipt.privacy_loss.epsilon:
        loss["epsilon"] = receipt.privacy_loss.epsilon
    if receipt.privacy_loss.spent_delta:
        loss["delta"] = receipt.privacy_loss.spent_delta
    return loss
