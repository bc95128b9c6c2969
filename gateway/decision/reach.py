"""How far an institution's grants reach: what it has, and where, as Casbin rules it. Shared by offers and advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from operator import itemgetter

from gateway.decision.granularity import region_fits
from gateway.model.contract import ContractStatus, DataContract, DisclosureKind, DisclosureSpec
from gateway.model.treatment import Treatment
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.objects import disclosures_under
from gateway.policy.shards import object_within
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.turns import in_turns


def expired(snapshot: PolicySnapshot, purpose: str, today: date) -> bool:
    """Tell whether a purpose is unknown or its last day is over."""
    found = snapshot.purposes.get(purpose)
    return found is None or found.ended_on(today)


def disclosures(snapshot: PolicySnapshot, grant: Grant) -> Iterator[tuple[DataContract, DisclosureSpec]]:
    """Yield what an allow covers, of active contracts alone."""
    for contract, spec in disclosures_under(grant.object, snapshot.contracts):
        if contract.status is ContractStatus.ACTIVE and grant.kind in (spec.kind.value, ANY):
            yield contract, spec


def _covers(grant: Grant, contract: DataContract, spec: DisclosureSpec) -> bool:
    """Tell whether a grant's object and kind cover a disclosure, as Casbin is told to match them."""
    named = object_within(f"{contract.dataset}/{spec.name}", grant.object)
    return named and grant.kind in (spec.kind.value, ANY)


def allows_of(snapshot: PolicySnapshot, institution: str, dataset: str = "", purpose: str = "") -> tuple[Grant, ...]:
    """Return the allows that are written for an institution or a role of it, in the order of the file.

    Of one dataset, and of one purpose or those above it, where they are given. They only say where to look: what holds
    is Casbin's to rule.
    """
    datasets = (dataset, ANY)
    purposes = (purpose, *snapshot.purposes.ancestors(purpose), ANY)
    found: list[_Placed] = []
    for role in snapshot.roles.of(institution):
        written = _by_recipient(snapshot).get(role)
        if written is None:
            continue
        if dataset and purpose:
            for key in product(datasets, purposes):
                found += written.get(key, ())
        else:
            for (named, meant), rules in written.items():
                if (not dataset or named in datasets) and (not purpose or meant in purposes):
                    found += rules
    return tuple(grant for _, grant in sorted(found, key=itemgetter(0)))


_Placed = tuple[int, Grant]
_Written = dict[tuple[str, str], list[_Placed]]


def _by_recipient(snapshot: PolicySnapshot) -> dict[str, _Written]:
    """The allows with their places in the file, by recipient, then dataset and purpose. Made once for a policy."""
    known = snapshot.entitlements.get(_ALLOWS)
    if isinstance(known, dict):
        return known
    found: dict[str, _Written] = {}
    for place, grant in enumerate(in_turns(snapshot.grants)):
        if grant.effect is Effect.ALLOW:
            key = (grant.dataset, grant.purpose)
            found.setdefault(grant.recipient, {}).setdefault(key, []).append((place, grant))
    snapshot.entitlements.put(_ALLOWS, found)
    return found


_ALLOWS = ("allows by recipient",)


def naming(
    snapshot: PolicySnapshot,
    contract: DataContract,
    spec: DisclosureSpec,
    fields: Mapping[str, Treatment],
    region: str,
    grants: tuple[Grant, ...],
) -> tuple[Grant, ...]:
    """Return those of the grants that let `region` be named where these fields leave; all of them for statistics
    and for what comes in."""
    if spec.kind in (DisclosureKind.RELEASE, DisclosureKind.INGEST):
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
    return dict(each_open_region(snapshot, institution, contract, spec, purpose))


def each_open_region(
    snapshot: PolicySnapshot,
    institution: str,
    contract: DataContract,
    spec: DisclosureSpec,
    purpose: str,
) -> Iterator[tuple[str, tuple[Grant, ...]]]:
    """Yield the open regions one by one, for those who need no more than the first."""
    obj = f"{contract.dataset}/{spec.name}"
    seen: set[str] = set()

    def descend(region: str) -> Iterator[tuple[str, tuple[Grant, ...]]]:
        if region in seen:
            return
        seen.add(region)
        ruling = snapshot.ruling(institution, obj, spec.kind, region, purpose)
        if ruling.grants:
            fitting = naming(snapshot, contract, spec, spec.fields, region, ruling.grants)
            if fitting:
                yield region, fitting
        elif ruling.denied and contract.region_field is not None and _denied_in_part(snapshot, region):
            for child in snapshot.regions.children(region):
                yield from descend(child.path)

    for grant in allows_of(snapshot, institution, contract.dataset, purpose):
        if _covers(grant, contract, spec):
            region = grant.subtree(snapshot.regions.root.path)
            # a dataset that knows no regions is asked at the root alone
            if contract.region_field is not None or region == snapshot.regions.root.path:
                yield from descend(region)


def _denied_in_part(snapshot: PolicySnapshot, region: str) -> bool:
    """Tell whether some deny names a place strictly below: only then can a part of a denied region be open."""
    known = snapshot.entitlements.get(_DENIED_BENEATH)
    if isinstance(known, frozenset):
        return region in known
    found: set[str] = set()
    for grant in snapshot.grants:
        if grant.effect is Effect.DENY and grant.region != ANY:
            above = grant.region.rpartition("/")[0]
            while above and above not in found:
                found.add(above)
                above = above.rpartition("/")[0]
    snapshot.entitlements.put(_DENIED_BENEATH, frozenset(found))
    return region in found


_DENIED_BENEATH = ("regions with a deny beneath",)
