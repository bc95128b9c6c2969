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
            # the root stands for "*", for all regions lie in it
            three.setdefault((rule.purpose, rule.subtree(self._root)), []).append(rule)
        self._recipients = {recipient for _, recipient, _ in self._rules}
        self._found: dict[_Three, list[dict[tuple[str, str], list[Grant]]]] = {}

    def around(self, rule: Grant) -> Iterator[Grant]:
        """Yield the other rules that match whatever this one matches, terms aside: equal ones too."""
        found = self._of((rule.object, rule.recipient, rule.kind))
        if not found:
            return
        purposes = self._policy.purposes
        why = (ANY,) if rule.purpose == ANY else (rule.purpose, *purposes.ancestors(rule.purpose), ANY)
        places = self._places(rule.subtree(self._root))
        for rules in found:
            for purpose in why:
                for place in places:
                    yield from (one for one in rules.get((purpose, place), ()) if one is not rule)

    def _of(self, three: _Three) -> list[dict[tuple[str, str], list[Grant]]]:
        """The rules whose object, recipient and kind are as wide; looked for once for all that name the same."""
        found = self._found.get(three)
        if found is None:
            obj, recipient, kind = three
            roles = {ANY} if recipient == ANY else {*self._policy.roles.of(recipient), ANY}
            keys = (
                (wider, role, any_kind)
                for role in sorted(roles & self._recipients)
                for wider in _wider(obj)
                for any_kind in dict.fromkeys((kind, ANY))
            )
            found = self._found[three] = [self._rules[key] for key in keys if key in self._rules]
        return found

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
