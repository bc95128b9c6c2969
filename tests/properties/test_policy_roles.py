"""Through which day a role is held, against every chain of links written out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.roles import Membership, RoleLink, Roles

NAMES = ("a", "b", "c", "d", "杭")
TODAY = date(2026, 11, 20)

# drawn from a seed and so spread evenly: drawn piece by piece, links would seldom make chains
seeds = st.integers(0, 2**32 - 1).map(random.Random)


def _links(chance: random.Random) -> list[RoleLink]:
    firsts = (None, None, *(TODAY + timedelta(days=days) for days in (-3, -1, 0, 1)))
    lasts = (None, date.max, *(TODAY + timedelta(days=days) for days in (-1, 0, 0, 1, 2, 3, 5)))
    return [
        RoleLink(chance.choice(NAMES), chance.choice(NAMES), 1, chance.choice(firsts), chance.choice(lasts))
        for _ in range(chance.randrange(4, 15))
    ]


def _chains(start: str, end: str, links: list[RoleLink], seen: tuple[str, ...]) -> Iterator[list[RoleLink]]:
    if start == end:
        yield []
        return
    for link in links:
        if link.member == start and link.role not in seen:
            for rest in _chains(link.role, end, links, (*seen, link.role)):
                yield [link, *rest]


@given(chance=seeds)
def test_the_best_chain_in_force_today_counts(chance: random.Random) -> None:
    links = _links(chance)
    for recipient, role in product(NAMES, repeat=2):
        _check(links, recipient, role)


def _check(links: list[RoleLink], recipient: str, role: str) -> None:
    ends: list[date | None] = []
    for chain in _chains(recipient, role, links, (recipient,)):
        if all((link.valid_from or TODAY) <= TODAY <= (link.valid_until or TODAY) for link in chain):
            ends.append(min((link.valid_until for link in chain if link.valid_until is not None), default=None))
    expected = None
    if ends:
        expected = Membership(None if None in ends else max(end for end in ends if end is not None))
    roles = Roles(links)
    found = roles.standing(recipient, role, TODAY)
    assert found == expected
    if found is not None:
        assert roles.has_link(recipient, role), "what is in force is among all links"
    if found is not None and found.until is not None and found.until < date.max:
        after = found.until + timedelta(days=1)
        chains = _chains(recipient, role, links, (recipient,))
        assert (roles.standing(recipient, role, after) is not None) == any(_holds(chain, after) for chain in chains)


def _holds(chain: list[RoleLink], day: date) -> bool:
    return all((link.valid_from or day) <= day <= (link.valid_until or day) for link in chain)
