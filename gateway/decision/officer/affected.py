"""Who can hold something otherwise under one policy than another: found from what differs, without all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from gateway.decision.holdings import Allows, Recipients, Seat
from gateway.model.contract import DataContract
from gateway.model.purpose import Purpose
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.objects import disclosures_under
from gateway.policy.snapshot import PolicySnapshot

_Meaning = tuple[object, ...]


class Side:
    """One of the two policies, with what is looked up in it once something differs."""

    def __init__(self, policy: PolicySnapshot) -> None:
        """Take a policy, and its rules by all but their names and lines."""
        self.policy = policy
        self.rules = {meaning(rule): rule for rule in policy.grants}

    @cached_property
    def recipients(self) -> Recipients:
        """Who has what is granted to whom."""
        return Recipients(self.policy)

    @cached_property
    def allows(self) -> Allows:
        """The allows, indexed."""
        return Allows(self.policy)


def meaning(rule: Grant) -> _Meaning:
    """Return all of a rule but its name and its line."""
    return (*rule.columns, rule.terms, rule.effect)


def affected(before: Side, after: Side) -> frozenset[Seat]:
    """Return every seat that may be held otherwise; more than those that are."""
    found: set[Seat] = set()
    for side, other in ((before, after), (after, before)):
        for key in side.rules.keys() - other.rules.keys():
            rule = side.rules[key]
            found.update(_by_allow(rule, side) if rule.effect is Effect.ALLOW else _by_deny(rule, side, other))
        found.update(_by_contracts(side, other))
        found.update(_by_purposes(side, other))
        found.update(_by_roles(side, other))
    return frozenset(found)


def _by_allow(rule: Grant, side: Side, purposes: Iterable[str] | None = None) -> Iterator[Seat]:
    for contract, spec in disclosures_under(rule.object, side.policy.contracts):
        if rule.kind in (spec.kind.value, ANY):
            for institution in side.recipients.having(rule.recipient):
                for purpose in (rule.purpose,) if purposes is None else purposes:
                    yield Seat(institution, contract.dataset, spec.name, spec.kind.value, purpose)


def _by_deny(deny: Grant, *sides: Side) -> Iterator[Seat]:
    for side in sides:
        denied = frozenset(side.recipients.having(deny.recipient))
        covered = {(one.dataset, spec.name) for one, spec in disclosures_under(deny.object, side.policy.contracts)}
        for rule in side.allows.met_by(deny):
            narrower = deny.purpose not in (ANY, rule.purpose)
            narrower = narrower and side.policy.purposes.is_within(deny.purpose, rule.purpose)
            purposes = (rule.purpose, deny.purpose) if narrower else (rule.purpose,)
            for seat in _by_allow(rule, side, purposes):
                if seat.institution in denied and (seat.dataset, seat.disclosure) in covered:
                    yield seat


def _by_contracts(side: Side, other: Side) -> Iterator[Seat]:
    for dataset, contract in side.policy.contracts.items():
        counterpart = other.policy.contracts.get(dataset)
        if counterpart == contract:
            continue
        whole = counterpart is None or _common(contract) != _common(counterpart)
        for name, spec in contract.disclosures.items():
            if whole or counterpart is None or counterpart.disclosures.get(name) != spec:
                for rule in side.allows.covering(f"{dataset}/{name}"):
                    yield from (seat for seat in _by_allow(rule, side) if seat[1:3] == (dataset, name))


def _common(contract: DataContract) -> tuple[object, ...]:
    """What of a contract all its disclosures hang on."""
    return (contract.status, contract.region_field, contract.collected_for, contract.legal_bases)


def _by_purposes(side: Side, other: Side) -> Iterator[Seat]:
    purposes = side.policy.purposes
    for id_ in purposes.ids():
        own, counterpart = purposes.get(id_), other.policy.purposes.get(id_)
        if own is not None and _lawful_part(own) != _lawful_part(counterpart):
            for below in purposes.descendants(id_):
                for rule in side.allows.for_purposes((below.id, *purposes.ancestors(below.id))):
                    yield from _by_allow(rule, side, (below.id,))


def _lawful_part(purpose: Purpose | None) -> tuple[object, ...] | None:
    if purpose is None:
        return None
    return (purpose.parent, purpose.legal_basis.dpv, tuple(use.purpose for use in purpose.further_uses))


def _by_roles(side: Side, other: Side) -> Iterator[Seat]:
    mine, theirs = ({(link.member, link.role) for link in each.policy.links} for each in (side, other))
    if mine == theirs:
        return
    for institution in side.recipients.institutions:
        gone = side.policy.roles.of(institution) - other.policy.roles.of(institution)
        for rule in side.allows.to(sorted(gone)):
            yield from (seat for seat in _by_allow(rule, side) if seat.institution == institution)
