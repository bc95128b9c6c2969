"""What an institution holds under a policy: a disclosure for a purpose, where, and on which terms. Whatever the day.

Roles are closed over, with members whose days are over or to come: what they lack is a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gateway.decision.lawful import unlawful
from gateway.decision.reach import open_regions
from gateway.model.contract import DisclosureSpec
from gateway.model.region import is_within
from gateway.model.terms import Terms
from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.shards import patterns
from gateway.policy.snapshot import PolicySnapshot


class Seat(NamedTuple):
    """What can be held: by whom, which disclosure of which dataset, of which kind, for which purpose."""

    institution: str
    dataset: str
    disclosure: str
    kind: str
    purpose: str

    @property
    def obj(self) -> str:
        """The disclosure as grants name it."""
        return f"{self.dataset}/{self.disclosure}"


@dataclass(frozen=True, slots=True)
class Holding:
    """The regions in which it is held, each with the terms of the grants any of which is enough; never none."""

    spec: DisclosureSpec
    regions: Mapping[str, tuple[Terms, ...]]


def holding(seat: Seat, policy: PolicySnapshot) -> Holding | None:
    """Return what is held, as Casbin rules, or None."""
    active = policy.active_disclosure(seat.dataset, seat.disclosure, seat.kind)
    if active is None:
        return None
    contract, spec = active
    if unlawful(seat.purpose, contract, policy) is not None:
        return None
    found = open_regions(policy, seat.institution, contract, spec, seat.purpose)
    if not found:
        return None
    return Holding(spec, {region: tuple(grant.terms for grant in grants) for region, grants in found.items()})


class Recipients:
    """Who has what is granted to a recipient: itself, or the institutions that are in the role."""

    def __init__(self, policy: PolicySnapshot) -> None:
        """Take a policy's roles and everybody whom its rules name."""
        roles = policy.roles.names
        named = {rule.recipient for rule in policy.grants} | {link.member for link in policy.links}
        self.institutions = tuple(sorted(name for name in named if name != ANY and name not in roles))
        self._having: dict[str, list[str]] = {}
        for institution in self.institutions:
            for role in policy.roles.of(institution):
                self._having.setdefault(role, []).append(institution)

    def having(self, recipient: str) -> tuple[str, ...]:
        """Return the institutions in the order of their names; all of them for "*"."""
        return self.institutions if recipient == ANY else tuple(self._having.get(recipient, ()))


class Allows:
    """A policy's allows, by what they name: those that rules of another kind can meet are found without all."""

    def __init__(self, policy: PolicySnapshot) -> None:
        """Take the allows in the order of the file."""
        self._policy = policy
        self._by_object: dict[str, dict[str, list[Grant]]] = {}
        self._by_dataset: dict[str, set[str]] = {}
        self._by_purpose: dict[str, list[Grant]] = {}
        self._by_recipient: dict[str, list[Grant]] = {}
        for grant in policy.grants:
            if grant.effect is Effect.ALLOW:
                self._by_object.setdefault(grant.object, {}).setdefault(grant.purpose, []).append(grant)
                self._by_dataset.setdefault(grant.dataset, set()).add(grant.object)
                self._by_purpose.setdefault(grant.purpose, []).append(grant)
                self._by_recipient.setdefault(grant.recipient, []).append(grant)

    def for_purposes(self, purposes: Iterable[str]) -> Iterator[Grant]:
        """Yield those that name one of the purposes."""
        for purpose in purposes:
            yield from self._by_purpose.get(purpose, ())

    def covering(self, obj: str) -> Iterator[Grant]:
        """Yield those whose object covers a disclosure."""
        for pattern in patterns(obj):
            for grants in self._by_object.get(pattern, {}).values():
                yield from grants

    def to(self, recipients: Iterable[str]) -> Iterator[Grant]:
        """Yield those of the recipients."""
        for recipient in recipients:
            yield from self._by_recipient.get(recipient, ())

    def met_by(self, deny: Grant) -> Iterator[Grant]:
        """Yield those that a deny can meet, whoever the recipients are."""
        purposes = self._related(deny.purpose)
        for obj in self._objects(deny.object):
            by_purpose = self._by_object[obj]
            for purpose in by_purpose if purposes is None else purposes:
                for grant in by_purpose.get(purpose, ()):
                    if _kinds_meet(grant.kind, deny.kind) and _regions_meet(grant.region, deny.region):
                        yield grant

    def _objects(self, obj: str) -> Iterable[str]:
        if obj == ANY:
            return self._by_object
        dataset, _, name = obj.partition("/")
        if name == ANY:
            return sorted(self._by_dataset.get(dataset, set()) | self._by_dataset.get(ANY, set()))
        return [pattern for pattern in patterns(obj) if pattern in self._by_object]

    def _related(self, purpose: str) -> tuple[str, ...] | None:
        if purpose == ANY:
            return None
        below = (one.id for one in self._policy.purposes.descendants(purpose))
        return (*self._policy.purposes.ancestors(purpose), *below)


def _kinds_meet(one: str, other: str) -> bool:
    return one == other or ANY in (one, other)


def _regions_meet(one: str, other: str) -> bool:
    return ANY in (one, other) or is_within(one, other) or is_within(other, one)
