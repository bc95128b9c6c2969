"""Refusals on record."""

from __future__ import annotations

from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.record import UNKNOWN, AuditRecord, Outcome, Receipt
from gateway.model.request import DisclosureRequest, ReleaseRequest
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, withheld_names


def record_refusal(
    refusal: Refusal,
    identity: Identity,
    request: DisclosureRequest,
    policy: PolicySnapshot,
    audit: AuditLog,
    clock: Clock,
    *,
    reidentification: str = "",
) -> Receipt:
    """Record a refusal, with the id of the re-identification that it is about, if any, and return its receipt.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    context = request.context
    contract = policy.contracts.get(request.dataset)
    known = contract is not None
    purpose = policy.purposes.get(context.purpose)
    record = AuditRecord(
        outcome=Outcome.REFUSED,
        at=clock.now(),
        institution=identity.institution,
        person=identity.person,
        request_id=context.request_id,
        dataset=request.dataset if known else UNKNOWN,
        disclosure=request.disclosure if contract and request.disclosure in contract.disclosures else UNKNOWN,
        kind=request.kind,
        purpose=context.purpose if purpose is not None else UNKNOWN,
        legal_basis=str(refusal.legal_basis) if refusal.legal_basis else "",
        region=context.region if not context.region or policy.regions.contains(context.region) else UNKNOWN,
        case_number="",
        policy_digest=policy.digest,
        grant=refusal.grant,
        reason=refusal.reason.value,
        withheld=withheld_names(refusal.withheld),
        reidentification=reidentification,
        joined=_joined(request, policy),
    )
    return enter(record, audit)


def _joined(request: DisclosureRequest, policy: PolicySnapshot) -> str:
    """What a refused request would have joined, of the names that the policy knows."""
    join = request.query.join if isinstance(request, ReleaseRequest) else None
    if join is None:
        return ""
    contract = policy.contracts.get(join.dataset)
    return str(join) if contract is not None and join.disclosure in contract.disclosures else UNKNOWN
