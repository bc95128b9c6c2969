"""Whether an institution has anything at all, or this very thing: what a refusal may let show, and nothing more.

The answers follow from the policy and the day, are asked for on every refusal, and are kept with the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from gateway.decision.lawful import unlawful
from gateway.decision.reach import allows_of, disclosures, each_open_region, expired
from gateway.decision.standing import in_force
from gateway.model.contract import DataContract, DisclosureKind, DisclosureSpec
from gateway.policy.snapshot import PolicySnapshot


def is_offered(
    snapshot: PolicySnapshot,
    institution: str,
    dataset: str,
    disclosure: str,
    kind: DisclosureKind,
    purpose: str,
    today: date,
) -> bool:
    """Tell whether the institution may ask for this disclosure and purpose today, somewhere."""
    found = snapshot.active_disclosure(dataset, disclosure, kind)
    return found is not None and _offered(snapshot, institution, *found, purpose, today)


def has_offers(snapshot: PolicySnapshot, institution: str, purpose: str, today: date) -> bool:
    """Tell whether the institution may ask for anything at all for this purpose today."""
    if snapshot.purposes.get(purpose) is None:
        return False
    return _kept(
        snapshot,
        ("has offers", institution, purpose, today),
        lambda: any(
            _offered(snapshot, institution, contract, spec, purpose, today)
            for allow in allows_of(snapshot, institution, purpose=purpose)
            for contract, spec in disclosures(snapshot, allow)
        ),
    )


def is_granted_for_something(snapshot: PolicySnapshot, institution: str, dataset: str) -> bool:
    """Tell whether a grant of the institution opens something of a dataset, whatever for and whenever."""
    if dataset not in snapshot.contracts:
        return False
    return _kept(
        snapshot,
        ("granted for something", institution, dataset),
        lambda: any(
            _opens(snapshot, institution, contract, spec, allow.purpose)
            for allow in allows_of(snapshot, institution, dataset)
            for contract, spec in disclosures(snapshot, allow)
            if contract.dataset == dataset
        ),
    )


def is_granted_something_for(snapshot: PolicySnapshot, institution: str, purpose: str) -> bool:
    """Tell whether a grant of the institution opens something for a purpose, whenever."""
    if snapshot.purposes.get(purpose) is None:
        return False
    return _kept(
        snapshot,
        ("granted something for", institution, purpose),
        lambda: any(
            _opens(snapshot, institution, contract, spec, purpose)
            for allow in allows_of(snapshot, institution, purpose=purpose)
            for contract, spec in disclosures(snapshot, allow)
        ),
    )


def _opens(
    snapshot: PolicySnapshot, institution: str, contract: DataContract, spec: DisclosureSpec, purpose: str
) -> bool:
    return any(True for _ in each_open_region(snapshot, institution, contract, spec, purpose))


def _offered(
    snapshot: PolicySnapshot,
    institution: str,
    contract: DataContract,
    spec: DisclosureSpec,
    purpose: str,
    today: date,
) -> bool:
    if expired(snapshot, purpose, today) or unlawful(purpose, contract, snapshot) is not None:
        return False
    return _kept(
        snapshot,
        ("offered", institution, contract.dataset, spec.name, purpose, today),
        lambda: any(
            in_force(grant, institution, snapshot, today)
            for _, grants in each_open_region(snapshot, institution, contract, spec, purpose)
            for grant in grants
        ),
    )


def _kept(snapshot: PolicySnapshot, question: tuple[str | date, ...], answer: Callable[[], bool]) -> bool:
    """The answer, from memory where it is there. Questions have names of the policy and of verified callers alone."""
    known = snapshot.entitlements.get(question)
    if isinstance(known, bool):
        return known
    made = answer()
    snapshot.entitlements.put(question, made)
    return made
