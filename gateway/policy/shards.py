"""Which rules a question can meet at all: an index by exact keys, so that Casbin sees few rules however many there are.

It narrows and decides nothing. A rule with a wildcard is found by every question that the wildcard covers, a rule of a
role by every member's, a rule of a purpose by the more specific ones. Whatever is found is put to Casbin, whose answer
counts; what is not found could not match, because Casbin's matcher compares the same columns by the same trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from gateway.policy.grants import ANY, Effect, Grant
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.roles import Roles
from gateway.policy.turns import in_turns


class Question(NamedTuple):
    """What Casbin is asked: a recipient, a disclosure ("dataset/name"), its kind, a region and a purpose."""

    recipient: str
    obj: str
    kind: str
    region: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Shard:
    """The rules that a question can meet, in the order of the file. `trials` are denies that only warn as yet."""

    denies: tuple[Grant, ...]
    trials: tuple[Grant, ...]
    allows: tuple[Grant, ...]

    def __len__(self) -> int:
        return len(self.denies) + len(self.trials) + len(self.allows)


_Key = tuple[str, str, str, str, str]


class _Places:
    """Places of rules in the file by the five columns that they are matched by."""

    __slots__ = ("_first_four", "_first_three", "_places")

    def __init__(self) -> None:
        # flat, and a list only where rules share a key: every container more is work for the garbage collector
        self._places: dict[_Key, int | list[int]] = {}
        self._first_three: set[tuple[str, str, str]] = set()
        self._first_four: set[tuple[str, str, str, str]] = set()

    def add(self, rule: Grant, region: str, place: int) -> None:
        obj, recipient, kind, purpose = rule.object, rule.recipient, rule.kind, rule.purpose
        key = (obj, recipient, kind, purpose, region)
        known = self._places.setdefault(key, place)
        if isinstance(known, list):
            known.append(place)
        elif known != place:
            self._places[key] = [known, place]
        self._first_three.add((obj, recipient, kind))
        self._first_four.add((obj, recipient, kind, purpose))

    def find(
        self,
        objects: Iterable[str],
        recipients: Iterable[str],
        kinds: Iterable[str],
        purposes: Iterable[str],
        regions: Iterable[str],
    ) -> list[int]:
        found: list[int] = []
        threes = [key for key in product(objects, recipients, kinds) if key in self._first_three]
        for obj, recipient, kind in threes:
            for purpose in purposes:
                if (obj, recipient, kind, purpose) in self._first_four:
                    for region in regions:
                        places = self._places.get((obj, recipient, kind, purpose, region))
                        if isinstance(places, list):
                            found += places
                        elif places is not None:
                            found.append(places)
        return found


class Shards:
    """All rules, found by what a question can meet. Immutable once made, so threads may share it.

    Its cost is by the depth of the trees and by the roles of a recipient, not by the number of rules.
    """

    __slots__ = ("_allows", "_around", "_denies", "_purposes", "_roles", "_rules")

    def __init__(self, rules: Sequence[Grant], roles: Roles, regions: RegionTree, purposes: PurposeTree) -> None:
        """Take the rules in the order of the file."""
        self._rules, self._roles, self._purposes = rules, roles, purposes
        self._allows, self._denies, self._around = _Places(), _Places(), _Places()
        for place, rule in enumerate(in_turns(rules)):
            if rule.effect is Effect.ALLOW:
                self._allows.add(rule, rule.region, place)
                continue
            self._denies.add(rule, rule.region, place)
            if regions.contains(rule.region):
                # a deny also meets questions for the regions around its own
                for above in _above(rule.region):
                    self._around.add(rule, above, place)

    def of(self, question: Question) -> Shard:
        """Return every rule that can match the question."""
        recipient, obj, kind, region, purpose = question
        objects = patterns(obj)
        recipients = {ANY, *self._roles.of(recipient)}
        kinds = (kind, ANY)
        purposes = (purpose, *self._purposes.ancestors(purpose), ANY)
        regions = (region, *_above(region), ANY)
        allows = self._allows.find(objects, recipients, kinds, purposes, regions)
        denies = {
            *self._denies.find(objects, recipients, kinds, purposes, regions),
            *self._around.find(objects, recipients, kinds, purposes, (region,)),
        }
        against = [self._rules[place] for place in sorted(denies)]
        return Shard(
            denies=tuple(rule for rule in against if rule.terms.trial is None),
            trials=tuple(rule for rule in against if rule.terms.trial is not None),
            allows=tuple(self._rules[place] for place in sorted(set(allows))),
        )


def _above(region: str) -> list[str]:
    """Every path around a region's, nearest first."""
    above = []
    while "/" in region:
        region = region.rpartition("/")[0]
        above.append(region)
    return above


def patterns(obj: str) -> tuple[str, ...]:
    """Every object that a rule can name and that covers `obj`, most specific first; none if `obj` is no name."""
    dataset, _, disclosure = obj.partition("/")
    if not dataset or not disclosure or "/" in disclosure or ANY in obj:
        return ()
    return (obj, f"{dataset}/{ANY}", ANY)


def object_within(obj: str, pattern: str) -> bool:
    """Tell whether a disclosure ("dataset/name") is covered by a rule's object: itself, "dataset/*", or "*".

    What is not a disclosure's name, such as "*" itself, is covered by nothing.
    """
    return pattern in patterns(obj)
