"""Which rules are at least as wide as another, found by exact keys and not by comparing each with each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.policy.grants import ANY, Grant
from gateway.policy.shards import patterns
from gateway.policy.snapshot import PolicySnapshot

_Three = tuple[str, str, str]


class Cover:
    """Rules of one effect by what they name. A wider one names the same, something above it, or "*"."""

    def __init__(self, rules: Iterable[Grant], policy: PolicySnapshot) -> None:
        """Take rules in the order of the file."""
        self._policy, self._root = policy, policy.regions.root.path
        self._rules: dict[_Three, dict[tuple[str, str], list[Grant]]] = {}
        for rule in rules:
            three = self._rules.setdefault((rule.object, rule.recipient, rule.kind), {})
            three.setdefault((rule.purpose, self._region(rule.region)), []).append(rule)

    def around(self, rule: Grant) -> Iterator[Grant]:
        """Yield the other rules that match whatever this one matches, terms aside: equal ones too."""
        purposes = self._policy.purposes
        why = (ANY,) if rule.purpose == ANY else (rule.purpose, *purposes.ancestors(rule.purpose), ANY)
        places = self._places(self._region(rule.region))
        for recipient in sorted({ANY} if rule.recipient == ANY else {*self._policy.roles.of(rule.recipient), ANY}):
            for obj in _wider(rule.object):
                for kind in dict.fromkeys((rule.kind, ANY)):
                    found = self._rules.get((obj, recipient, kind))
                    if found is not None:
                        yield from (
                            one
                            for purpose in why
                            for place in places
                            for one in found.get((purpose, place), ())
                            if one is not rule
                        )

    def _region(self, region: str) -> str:
        # the root stands for "*", for all regions lie in it
        return self._root if region == ANY else region

    def _places(self, region: str) -> list[str]:
        places = [region]
        while "/" in places[-1]:
            places.append(places[-1].rpartition("/")[0])
        return places


def _wider(obj: str) -> tuple[str, ...]:
    if obj == ANY:
        return (ANY,)
    dataset, _, name = obj.partition("/")
    return (obj, ANY) if name == ANY else patterns(f"{dataset}/{name}")
