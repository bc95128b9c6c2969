"""A decision where registers are taken to bear out whatever they are asked: one permit, or a refusal."""

from __future__ import annotations

from datetime import datetime

from gateway.decision.judge import judge
from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.request import DisclosureRequest
from gateway.policy.snapshot import PolicySnapshot


def settle(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> Permit | Refusal:
    """Decide at an instant (naive UTC): the first permit that needs no broken glass unless a reason is given."""
    permits = judge(identity, request, policy, now)
    if isinstance(permits, Refusal):
        return permits
    for permit in permits:
        if permit.scope.terms.break_glass is None or request.context.break_glass_reason:
            return permit
    first = permits[0].scope
    return Refusal(ErrorReason.BREAK_GLASS_REQUIRED, grant=first.grant, legal_basis=first.legal_basis)
