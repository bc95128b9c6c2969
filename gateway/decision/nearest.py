"""The nearest request that would pass: the same purpose, and less of everything else.

Nobody is taught to shop for purposes, and nobody learns of datasets, fields or purposes that they have no grant for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from gateway.decision.existence import is_granted_for_something, is_granted_something_for
from gateway.decision.fit import fits
from gateway.decision.lawful import unlawful
from gateway.decision.reach import expired, naming, open_regions
from gateway.decision.standing import unmet
from gateway.model.contract import ContractStatus, DataContract, DisclosureKind, DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.permit import NearestRequest
from gateway.model.region import is_within
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy.snapshot import PolicySnapshot

_ASKABLE = frozenset(
    {
        ErrorReason.PURPOSE_NOT_GRANTED,
        ErrorReason.DISCLOSURE_NOT_GRANTED,
        ErrorReason.REGION_NOT_GRANTED,
        ErrorReason.FIELD_NOT_GRANTED,
        ErrorReason.DENIED_BY_RULE,
        ErrorReason.PURPOSE_EXPIRED,
        ErrorReason.GRANT_NOT_IN_FORCE,
        ErrorReason.PURPOSE_INCOMPATIBLE,
        ErrorReason.LEGAL_BASIS_INSUFFICIENT,
        ErrorReason.BULK_FORBIDDEN,
    }
)
"""Refusals that a person may change by asking another person."""

_INSTEAD: dict[DisclosureKind, tuple[DisclosureKind, ...]] = {
    DisclosureKind.EXTRACT: (DisclosureKind.EXTRACT, DisclosureKind.RELEASE),
    DisclosureKind.LOOKUP: (DisclosureKind.LOOKUP, DisclosureKind.CHECK),
    DisclosureKind.CHECK: (DisclosureKind.CHECK,),
    DisclosureKind.CONSUME: (DisclosureKind.CONSUME,),
    DisclosureKind.RELEASE: (DisclosureKind.RELEASE,),
    DisclosureKind.LINK: (DisclosureKind.LINK,),
    DisclosureKind.INDICATOR: (DisclosureKind.INDICATOR, DisclosureKind.RELEASE),
    DisclosureKind.REIDENTIFY: (DisclosureKind.REIDENTIFY,),
    DisclosureKind.INGEST: (DisclosureKind.INGEST,),
}
"""What may be proposed instead of what was asked: never more about anybody."""


def nearest(
    snapshot: PolicySnapshot,
    institution: str,
    request: DisclosureRequest,
    today: date,
    reason: ErrorReason,
) -> NearestRequest | None:
    """Return the nearest request that Casbin and the terms allow today, or whom to ask, or None.

    The purpose is always the caller's. Tried in this order: fewer fields, other regions, another disclosure of the
    dataset (of the same kind first). Whom to ask is the steward of a dataset that is granted to this institution
    for something; for any other dataset, existing or not, the owner of the purpose if that is granted to them.
    """
    purpose = request.context.purpose
    contract = snapshot.contracts.get(request.dataset)
    if (
        contract is not None
        and contract.status is ContractStatus.ACTIVE
        and not expired(snapshot, purpose, today)
        and unlawful(purpose, contract, snapshot) is None
    ):
        for spec in _candidates(contract, request):
            found = _narrowed(snapshot, institution, request, contract, spec, today)
            if found is not None:
                return found
    return _whom_to_ask(snapshot, institution, request) if reason in _ASKABLE else None


def _candidates(contract: DataContract, request: DisclosureRequest) -> Iterator[DisclosureSpec]:
    named = contract.disclosures.get(request.disclosure)
    if named is not None and named.kind is request.kind:
        yield named
    for kind in _INSTEAD[request.kind]:
        for spec in contract.disclosures.values():
            if spec.kind is kind and spec.name != request.disclosure:
                yield spec


def _narrowed(
    snapshot: PolicySnapshot,
    institution: str,
    request: DisclosureRequest,
    contract: DataContract,
    spec: DisclosureSpec,
    today: date,
) -> NearestRequest | None:
    if not fits(request, contract, spec):
        return None
    fields = _fields(request, contract, spec)
    if fields is None:
        return None
    wanted = fields or (request.fields if isinstance(request, RowsRequest) else ())
    leaving = {name: how for name, how in spec.fields.items() if name in wanted or not wanted}
    asked = request.context.region or snapshot.regions.root.path
    obj = f"{contract.dataset}/{spec.name}"
    served = contract.region_field is not None or asked == snapshot.regions.root.path
    regions = [asked] if served else []
    regions += _by_closeness(open_regions(snapshot, institution, contract, spec, request.context.purpose), asked)
    for region in regions:
        there = replace(request, context=replace(request.context, region=region))
        ruling = snapshot.ruling(institution, obj, spec.kind, region, request.context.purpose)
        holding = naming(snapshot, contract, spec, leaving, region, ruling.grants)
        if any(unmet(grant, there, institution, spec, snapshot, today) is None for grant in holding):
            found = NearestRequest(
                fields=fields,
                region="" if region == asked else region,
                disclosure="" if spec.name == request.disclosure else spec.name,
            )
            # nothing to narrow: the trouble is one that narrowing does not cure
            return None if found == NearestRequest() else found
    return None


def _fields(request: DisclosureRequest, contract: DataContract, spec: DisclosureSpec) -> tuple[str, ...] | None:
    """The fields to ask for instead; () where those asked for stand; None where no choice of fields would pass."""
    if not isinstance(request, RowsRequest) or spec.kind is DisclosureKind.RELEASE or not request.fields:
        return ()
    wanted = set(request.fields)
    if wanted <= set(spec.fields):
        return ()
    narrowed = tuple(name for name in spec.fields if name in wanted)
    return narrowed or tuple(spec.fields) or None


def _by_closeness(regions: Iterable[str], asked: str) -> list[str]:
    """Those within the asked region first, then those that share more of its path, the wider of these first."""
    steps = asked.split("/")

    def distance(region: str) -> tuple[bool, int, int]:
        shared = 0
        for own, theirs in zip(region.split("/"), steps, strict=False):
            if own != theirs:
                break
            shared += 1
        return (not is_within(region, asked), -shared, region.count("/"))

    return sorted((region for region in regions if region != asked), key=distance)


def _whom_to_ask(snapshot: PolicySnapshot, institution: str, request: DisclosureRequest) -> NearestRequest | None:
    if is_granted_for_something(snapshot, institution, request.dataset):
        return NearestRequest(steward=snapshot.steward(request.dataset))
    purpose = snapshot.purposes.get(request.context.purpose)
    if purpose is None or not is_granted_something_for(snapshot, institution, purpose.id):
        return None
    return NearestRequest(steward=purpose.owner)
