"""What the policy holds for an institution, a disclosure, a purpose and a region, whatever the day: the static part.

It is kept with the snapshot it comes from, for as many questions as fit, and goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.decision.lawful import unlawful
from gateway.model.contract import DataContract, DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.purpose import Purpose
from gateway.model.request import DisclosureRequest
from gateway.policy.enforcer import Ruling
from gateway.policy.snapshot import PolicySnapshot


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What Casbin rules, which is no denial and has grants, with all that the policy says of the question.

    `unlawful` is why the purpose may not use these data at all, whatever is granted: it is not compatible with what
    they were collected for, or its legal basis does not carry them. `trial_names` are those of the ruling's trials.
    """

    purpose: Purpose
    contract: DataContract
    disclosure: DisclosureSpec
    region: str
    ruling: Ruling
    trial_names: tuple[str, ...]
    unlawful: ErrorReason | None


def entitlement(institution: str, request: DisclosureRequest, policy: PolicySnapshot) -> Entitlement | None:
    """Return what the institution is entitled to for this disclosure, purpose and region, or None for nothing."""
    context = request.context
    question = (institution, request.dataset, request.disclosure, request.kind, context.purpose, context.region)
    known = policy.entitlements.get(question)
    if isinstance(known, Entitlement):
        return known
    found = _entitlement(institution, request, policy)
    if found is not None:
        # what is granted has names of the policy, and is short
        policy.entitlements.put(question, found)
    return found


def _entitlement(institution: str, request: DisclosureRequest, policy: PolicySnapshot) -> Entitlement | None:
    context = request.context
    purpose = policy.purposes.get(context.purpose)
    region = context.region or policy.regions.root.path
    active = policy.active_disclosure(request.dataset, request.disclosure, request.kind)
    if purpose is None or active is None:
        return None
    contract, disclosure = active
    if contract.region_field is None and region != policy.regions.root.path:
        return None
    ruling = policy.ruling(institution, f"{contract.dataset}/{disclosure.name}", request.kind, region, purpose.id)
    if ruling.denied or not ruling.grants:
        return None
    return Entitlement(
        purpose=purpose,
        contract=contract,
        disclosure=disclosure,
        region=region,
        ruling=ruling,
        trial_names=tuple(deny.id for deny in ruling.trials),
        unlawful=unlawful(purpose.id, contract, policy),
    )
