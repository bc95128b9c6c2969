"""Roles: who has what others are granted, through any number of roles in between, and through which day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.policy.turns import in_turns

_FOREVER = date.max.toordinal() + 1


@dataclass(frozen=True, slots=True)
class RoleLink:
    """One `g` line: `member` has everything that `role` is granted.

    The dates are days of the city's calendar, the last one included; without one the membership has no such bound.
    """

    member: str
    role: str
    line: int
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A membership that is in force. `until` is its last day; None: it has no end."""

    until: date | None


class Roles:
    """Who is in which role. Immutable once made, so threads may share it.

    Casbin's answer does not know the day, and so counts every link (`of`, `has_link`), also one that has lapsed or
    has not begun. What that allows holds only while `standing` says so. A deny of a role needs no standing: it holds
    for its lapsed and its coming members too, for nobody must get out of a prohibition by a date.
    """

    __slots__ = ("_closure", "_links")

    def __init__(self, links: Iterable[RoleLink]) -> None:
        """Take links; a cycle makes its members equal, and is refused where policies are read."""
        of_member: dict[str, list[RoleLink]] = {}
        for link in links:
            of_member.setdefault(link.member, []).append(link)
        self._links = {member: tuple(own) for member, own in of_member.items()}
        direct = {member: [link.role for link in own] for member, own in self._links.items()}
        self._closure = {member: reachable(member, direct) for member in in_turns(direct)}

    @property
    def names(self) -> frozenset[str]:
        """Every role that somebody is in."""
        return frozenset(role for member, reached in self._closure.items() for role in reached - {member})

    def of(self, recipient: str) -> frozenset[str]:
        """Return the recipient itself and every role that it has, on whatever days."""
        return self._closure.get(recipient) or frozenset((recipient,))

    def has_link(self, recipient: str, role: str) -> bool:
        """Tell whether the recipient is the role or has it, on whatever days: Casbin's `g`."""
        return recipient == role or role in self._closure.get(recipient, ())

    def standing(self, recipient: str, role: str, today: date) -> Membership | None:
        """Return through which day the recipient has the role, or None if it does not have it today.

        A chain of links leads from the recipient to the role, all of them in force today. It ends with the first of
        them that ends; where several chains lead there, the one that ends last counts. Everybody is itself without end.

        For allows alone: see the class for denies.
        """
        if recipient == role:
            return Membership(None)
        # the widest path: to each role the latest day through which some chain holds
        best = {recipient: _FOREVER}
        waiting = [recipient]
        while waiting:
            member = waiting.pop()
            through = best[member]
            for link in self._links.get(member, ()):
                if (link.valid_from is not None and today < link.valid_from) or (
                    link.valid_until is not None and link.valid_until < today
                ):
                    continue
                end = through if link.valid_until is None else min(through, link.valid_until.toordinal())
                if end > best.get(link.role, 0):
                    best[link.role] = end
                    waiting.append(link.role)
        if role not in best:
            return None
        return Membership(None if best[role] == _FOREVER else date.fromordinal(best[role]))


def reachable(start: str, direct: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return `start` and everything that steps of `direct` lead to from there."""
    reached = {start}
    waiting = [start]
    while waiting:
        for role in direct.get(waiting.pop(), ()):
            if role not in reached:
                reached.add(role)
                waiting.append(role)
    return frozenset(reached)
