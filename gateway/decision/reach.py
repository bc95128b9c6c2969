"""How far an institution's grants reach: what it has, and where, as Casbin rules it. Shared by offers and advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.decision.granularity import region_fits
from gateway.model.contract import ContractStatus, DataContract, DisclosureKind, DisclosureSpec
from gateway.model.region import is_within
from gateway.model.treatment import Treatment
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.shards import object_within
from gateway.policy.snapshot import PolicySnapshot


def expired(snapshot: PolicySnapshot, purpose: str, today: date) -> bool:
    """Tell whether a purpose is unknown or its last day is over."""
    found = snapshot.purposes.get(purpose)
    return found is None or (found.expires_on is not None and found.expires_on < today)


def served_regions(snapshot: PolicySnapshot, contract: DataContract, region: str) -> tuple[str, ...]:
    """Return where a grant for `region` lets this dataset be asked: there, or at the root if it knows no regions."""
    root = snapshot.regions.root.path
    if contract.region_field is None:
        return (root,) if region in (ANY, root) else ()
    return (root if region == ANY else region,)


def disclosures(snapshot: PolicySnapshot, grant: Grant) -> Iterator[tuple[DataContract, DisclosureSpec]]:
    """Yield what an allow covers, of confirmed contracts alone."""
    for contract in snapshot.contracts.values():
        if contract.status is not ContractStatus.CONFIRMED:
            continue
        for spec in contract.disclosures.values():
            if _covers(grant, contract, spec):
                yield contract, spec


def _covers(grant: Grant, contract: DataContract, spec: DisclosureSpec) -> bool:
    """Tell whether a grant's object and kind cover a disclosure, as Casbin is told to match them."""
    named = object_within(f"{contract.dataset}/{spec.name}", grant.object)
    return named and grant.kind in (spec.kind.value, ANY)


def allows_of(snapshot: PolicySnapshot, institution: str) -> tuple[Grant, ...]:
    """Return the allows that are written for an institution or a role of it, in the order of the file.

    They only say where to look: what holds is Casbin's to rule.
    """
    roles = snapshot.roles.of(institution)
    return tuple(grant for grant in snapshot.grants if grant.effect is Effect.ALLOW and grant.recipient in roles)


def naming(
    snapshot: PolicySnapshot,
    contract: DataContract,
    spec: DisclosureSpec,
    fields: Mapping[str, Treatment],
    region: str,
    grants: tuple[Grant, ...],
) -> tuple[Grant, ...]:
    """Return those of the grants that let `region` be named where these fields leave; all of them for statistics."""
    if spec.kind is DisclosureKind.RELEASE:
        return grants
    return tuple(grant for grant in grants if region_fits(region, grant, contract, fields, snapshot.regions))


def open_regions(
    snapshot: PolicySnapshot,
    institution: str,
    contract: DataContract,
    spec: DisclosureSpec,
    purpose: str,
) -> dict[str, tuple[Grant, ...]]:
    """Return the granted regions in which Casbin lets the institution ask, each with the grants that hold there.

    Where a deny reaches into a granted region, the widest parts beside it that may be named stand for it. Terms are
    not looked at.
    """
    obj = f"{contract.dataset}/{spec.name}"
    held: dict[str, tuple[Grant, ...]] = {}

    def descend(region: str) -> None:
        if region in held:
            return
        ruling = snapshot.ruling(institution, obj, spec.kind, region, purpose)
        if ruling.grants:
            fitting = naming(snapshot, contract, spec, spec.fields, region, ruling.grants)
            if fitting:
                held[region] = fitting
        elif ruling.denied and contract.region_field is not None and _denied_in_part(snapshot, region):
            for child in snapshot.regions.children(region):
                descend(child.path)

    for grant in allows_of(snapshot, institution):
        if _covers(grant, contract, spec) and (
            grant.purpose == ANY or snapshot.purposes.is_within(purpose, grant.purpose)
        ):
            for region in served_regions(snapshot, contract, grant.region):
                descend(region)
    return held


def _denied_in_part(snapshot: PolicySnapshot, region: str) -> bool:
    """Tell whether some deny names a place strictly below: only then can a part of a denied region be open."""
    return any(
        grant.effect is Effect.DENY and grant.region != region and is_within(grant.region, region)
        for grant in snapshot.grants
        if grant.region != ANY
    )
