"""Receipts and privacy losses, from model to proto."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.api.v1 import disclosure_pb2, receipt_pb2
from gateway.model.contract import DisclosureKind
from gateway.model.loss import PrivacyLoss, exact
from gateway.model.record import Outcome, Receipt, TreatedField
from gateway.model.treatment import TreatmentKind
from gateway.model.values import FieldType
from gateway.server.wire.values import FIELD_TYPES

OUTCOMES: dict[Outcome, receipt_pb2.Outcome.ValueType] = {
    Outcome.REFUSED: receipt_pb2.OUTCOME_REFUSED,
    Outcome.STARTED: receipt_pb2.OUTCOME_STARTED,
    Outcome.COMPLETED: receipt_pb2.OUTCOME_COMPLETED,
    Outcome.ABORTED: receipt_pb2.OUTCOME_ABORTED,
    Outcome.EVALUATED: receipt_pb2.OUTCOME_EVALUATED,
}

KINDS: dict[DisclosureKind, disclosure_pb2.DisclosureKind.ValueType] = {
    DisclosureKind.LOOKUP: disclosure_pb2.DISCLOSURE_KIND_LOOKUP,
    DisclosureKind.EXTRACT: disclosure_pb2.DISCLOSURE_KIND_EXTRACT,
    DisclosureKind.CHECK: disclosure_pb2.DISCLOSURE_KIND_CHECK,
    DisclosureKind.RELEASE: disclosure_pb2.DISCLOSURE_KIND_RELEASE,
    DisclosureKind.CONSUME: disclosure_pb2.DISCLOSURE_KIND_CONSUME,
    DisclosureKind.LINK: disclosure_pb2.DISCLOSURE_KIND_LINK,
    DisclosureKind.REIDENTIFY: disclosure_pb2.DISCLOSURE_KIND_REIDENTIFY,
    DisclosureKind.INDICATOR: disclosure_pb2.DISCLOSURE_KIND_INDICATOR,
    DisclosureKind.INGEST: disclosure_pb2.DISCLOSURE_KIND_INGEST,
}

TREATMENTS: dict[TreatmentKind, disclosure_pb2.TreatmentKind.ValueType] = {
    TreatmentKind.KEEP: disclosure_pb2.TREATMENT_KIND_KEEP,
    TreatmentKind.PSEUDONYMIZE: disclosure_pb2.TREATMENT_KIND_PSEUDONYMIZE,
    TreatmentKind.GENERALIZE: disclosure_pb2.TREATMENT_KIND_GENERALIZE,
    TreatmentKind.MASK: disclosure_pb2.TREATMENT_KIND_MASK,
    TreatmentKind.PERTURB: disclosure_pb2.TREATMENT_KIND_PERTURB,
}


def receipt_id(receipt: Receipt) -> str:
    """Return the id of a receipt: the index of its entry, as 20 digits."""
    return f"{receipt.entry.index:020d}"


def instant(moment: datetime) -> Timestamp:
    """Write an instant (naive UTC) as proto."""
    stamp = Timestamp()
    stamp.FromDatetime(moment.replace(tzinfo=UTC))
    return stamp


def loss_of(loss: PrivacyLoss, delta: float) -> receipt_pb2.PrivacyLoss:
    """Write a privacy loss as proto, with the epsilon at delta that it amounts to."""
    return receipt_pb2.PrivacyLoss(
        rho=exact(loss.rho),
        epsilon="" if loss.epsilon is None else exact(loss.epsilon),
        epsilon_at_delta=loss.epsilon_at(delta),
        delta=delta,
        spent_delta=exact(loss.delta) if loss.delta else "",
    )


def receipt_of(receipt: Receipt, delta: float) -> receipt_pb2.Receipt:
    """Write a receipt as proto, whole for a disclosure; of a refusal only what its caller was told.

    The log keeps what a refused request named where the policy knows the name. To show that to the caller would tell
    which datasets and fields exist, so salt and record stay inside: the leaf's hash still commits to them.
    """
    record, entry = receipt.record, receipt.entry
    if record.outcome is Outcome.REFUSED:
        return receipt_pb2.Receipt(
            receipt_id=receipt_id(receipt),
            recorded_at=instant(record.at),
            outcome=OUTCOMES[record.outcome],
            institution=record.institution,
            person=record.person,
            request_id=record.request_id,
            kind=KINDS[record.kind],
            policy_digest=record.policy_digest,
            reason=record.reason,
            log_entry=receipt_pb2.LogEntry(index=entry.index, leaf_hash=entry.leaf_hash),
        )
    return receipt_pb2.Receipt(
        receipt_id=receipt_id(receipt),
        recorded_at=instant(record.at),
        outcome=OUTCOMES[record.outcome],
        institution=record.institution,
        person=record.person,
        request_id=record.request_id,
        dataset=record.dataset,
        disclosure=record.disclosure,
        kind=KINDS[record.kind],
        purpose=record.purpose,
        legal_basis=record.legal_basis,
        region=record.region,
        policy_digest=record.policy_digest,
        grant=record.grant,
        fields=[_treated(item) for item in record.fields],
        withheld=[disclosure_pb2.WithheldField(field=item.field, reason=item.reason) for item in record.withheld],
        privacy_loss=None if record.loss is None else loss_of(record.loss, delta),
        rows=record.rows,
        batches=record.batches,
        data_version=record.data_version,
        noise_waived=bool(record.noise_waived),
        reason=record.reason,
        filtered_on=record.filtered_on,
        selected_by=record.selected_by,
        grouped_by=record.grouped_by,
        statistics=record.statistics,
        trials=record.trials,
        emergency=record.emergency,
        withheld_rows=record.withheld_rows,
        join=record.join,
        reidentification=record.reidentification,
        joined=record.joined,
        joined_grant=record.joined_grant,
        batch=record.batch,
        rejected_rows=record.rejected_rows,
        log_entry=receipt_pb2.LogEntry(
            index=entry.index, leaf_hash=entry.leaf_hash, salt=entry.salt, record=entry.record
        ),
    )


def _treated(item: TreatedField) -> disclosure_pb2.FieldTreatment:
    return disclosure_pb2.FieldTreatment(
        field=item.field,
        treatment=TREATMENTS[TreatmentKind(item.treatment)],
        detail=item.detail,
        type=FIELD_TYPES[FieldType(item.type)],
    )
