"""Through which day a role is held, against every chain of links written out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.roles import Membership, RoleLink, Roles

NAMES = ("a", "b", "c", "d", "e", "杭")
TODAY = date(2026, 11, 20)

_days = st.one_of(st.none(), st.integers(-3, 6).map(lambda days: TODAY + timedelta(days=days)), st.just(date.max))
links = st.lists(
    st.builds(RoleLink, st.sampled_from(NAMES), st.sampled_from(NAMES), st.just(1), _days, _days), max_size=14
)


def _chains(start: str, end: str, links: list[RoleLink], seen: tuple[str, ...]) -> Iterator[list[RoleLink]]:
    if start == end:
        yield []
        return
    for link in links:
        if link.member == start and link.role not in seen:
            for rest in _chains(link.role, end, links, (*seen, link.role)):
                yield [link, *rest]


@given(links=links, recipient=st.sampled_from(NAMES), role=st.sampled_from(NAMES))
def test_the_best_chain_in_force_today_counts(links: list[RoleLink], recipient: str, role: str) -> None:
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
        last = found.until or TODAY + timedelta(days=99)
        assert roles.standing(recipient, role, TODAY) is not None
        if role != recipient and last < date.max:
            ended = roles.standing(recipient, role, last + timedelta(days=1)) if found.until else found
            still = [c for c in _chains(recipient, role, links, (recipient,)) if _holds(c, last + timedelta(days=1))]
            assert (ended is not None) == (found.until is None or bool(still))


def _holds(chain: list[RoleLink], day: date) -> bool:
    return all((link.valid_from or day) <= day <= (link.valid_until or day) for link in chain)
