"""What an institution may ask for, and for which purposes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.decision.granularity import finest_level
from gateway.decision.lawful import unlawful
from gateway.decision.reach import allows_of, disclosures, expired, open_regions
from gateway.decision.standing import in_force, last_day
from gateway.model.contract import OF_ONE, DataContract, DisclosureKind, DisclosureSpec, SelectBy
from gateway.model.permit import Offer
from gateway.model.region import is_within
from gateway.policy.contracts.conditions import in_words
from gateway.policy.grants import Grant
from gateway.policy.snapshot import PolicySnapshot


def offers(
    snapshot: PolicySnapshot, institution: str, today: date, purpose: str = "", dataset: str = ""
) -> tuple[Offer, ...]:
    """Return one offer for each disclosure and purpose that the institution may use today, as Casbin rules.

    A grant's purpose stands for the more specific ones too. `purpose` and `dataset`, where given, choose among
    what is granted: an unknown one and one that is not granted give the same, nothing. Draft contracts, expired
    purposes, and grants outside their days offer nothing.
    """
    found: dict[tuple[str, str, str], Offer] = {}
    for allow in allows_of(snapshot, institution, dataset, purpose):
        for contract, spec in disclosures(snapshot, allow):
            if dataset not in ("", contract.dataset):
                continue
            for candidate in _purposes(snapshot, allow, purpose, today):
                key = (contract.dataset, spec.name, candidate)
                if key in found or unlawful(candidate, contract, snapshot) is not None:
                    continue
                regions = open_regions(snapshot, institution, contract, spec, candidate)
                usable = {
                    region: standing
                    for region, grants in regions.items()
                    if (standing := tuple(grant for grant in grants if in_force(grant, institution, snapshot, today)))
                }
                known = snapshot.purposes.get(candidate)
                if not usable or known is None:
                    continue
                usable = _told_once(usable)
                found[key] = Offer(
                    contract=contract,
                    disclosure=spec,
                    kind=spec.kind,
                    purpose=candidate,
                    legal_basis=known.legal_basis,
                    regions=tuple(usable),
                    conditions=(*_of_disclosure(contract, spec), *_conditions(usable)),
                    expires_on=_end(known.expires_on, usable, institution, snapshot, today),
                )
    return tuple(found.values())


def _purposes(snapshot: PolicySnapshot, allow: Grant, asked: str, today: date) -> Iterator[str]:
    for purpose in snapshot.purposes.descendants(allow.purpose):
        if asked in ("", purpose.id) and not expired(snapshot, purpose.id, today):
            yield purpose.id


def _told_once(usable: Mapping[str, tuple[Grant, ...]]) -> dict[str, tuple[Grant, ...]]:
    """Leave out the regions for which a wider one says all: those in which no further grant holds."""
    return {
        region: grants
        for region, grants in usable.items()
        if not any(
            wider != region and is_within(region, wider) and set(grants) <= set(held) for wider, held in usable.items()
        )
    }


def _of_disclosure(contract: DataContract, spec: DisclosureSpec) -> tuple[str, ...]:
    """What the disclosure asks of every request, in words."""
    said = []
    if spec.lookup_by:
        names = " or ".join(spec.lookup_keys)
        ways = {SelectBy.KEY: names, SelectBy.TOKEN: f"your own token of {names}"}
        said.append(f"subjects are named by {' or '.join(how for by, how in ways.items() if by in spec.lookup_by)}")
    if spec.predicate:
        told = in_words(spec.predicate)
        said.append(f"tells whether {told}" if spec.kind in OF_ONE else f"rows where {told}, and no others")
    if spec.ingest is not None:
        said.append(f"collects {', '.join(spec.ingest.fields)}, and no other field")
    elif spec.kind not in (DisclosureKind.RELEASE, DisclosureKind.INDICATOR) and contract.region_field is not None:
        finest = finest_level(contract, spec.fields)
        said.append(
            "a granted region as a whole, and no part of it"
            if finest is None
            else f"a part of a granted region only together with {contract.region_field}, and no finer than a {finest}"
        )
    return tuple(said)


def _conditions(usable: Mapping[str, tuple[Grant, ...]]) -> tuple[str, ...]:
    """The terms in words. Where several grants hold, any one of them is enough, so that each says where it does."""
    said = {(region, grant.terms.conditions()) for region, grants in usable.items() for grant in grants}
    terms = {conditions for _, conditions in said}
    if len(terms) == 1:
        return next(iter(terms))
    return tuple(
        f"in {region}: {', '.join(grant.terms.conditions()) or 'no further terms'}"
        for region, grants in usable.items()
        for grant in grants
    )


def _end(
    purpose_end: date | None,
    usable: Mapping[str, tuple[Grant, ...]],
    institution: str,
    snapshot: PolicySnapshot,
    today: date,
) -> date | None:
    """The last day on which some grant of the offer holds."""
    ends = [last_day(grant, institution, snapshot, today) for grants in usable.values() for grant in grants]
    last_grant = None if None in ends else max(end for end in ends if end is not None)
    known = [end for end in (purpose_end, last_grant) if end is not None]
    return min(known, default=None)
