"""What every Meters does."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.errors import ErrorReason, Fault
from gateway.model.meter import Claim, Exhausted, Taken
from gateway.ports import Meters
from tests.conformance.ports.conftest import OpenMeters
from tests.conformance.ports.samples import AT
from tests.conformance.ports.still_clock import StillClock

DAY = timedelta(days=1)


def claim(account: str, limit: int, *marks: str) -> Claim:
    return Claim(account.encode(), limit, tuple(mark.encode() for mark in marks), AT + DAY)


def test_an_account_bears_as_many_marks_as_its_limit_also_after_reopening(
    open_meters: OpenMeters, still: StillClock
) -> None:
    meters = open_meters(still)
    assert meters.take([claim("car", 3, "a")]) == Taken((2,))
    assert meters.take([claim("car", 3, "b")]) == Taken((1,))
    again = open_meters(still)
    assert again.take([claim("car", 3, "c")]) == Taken((0,))
    assert again.take([claim("car", 3, "d")]) == Exhausted((0,))
    assert again.take([claim("other", 3, "d")]) == Taken((2,))


def test_a_mark_is_taken_once(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    assert meters.take([claim("car", 2, "a", "a")]) == Taken((1,))
    assert meters.take([claim("car", 2, "a")]) == Taken((1,))
    assert meters.take([claim("car", 2, "a", "b")]) == Taken((0,))
    assert meters.take([claim("car", 2, "a", "b")]) == Taken((0,))
    assert meters.take([claim("car", 2, "a", "c")]) == Exhausted((0,))
    # the limit was lowered: what was taken is not taken back, and nothing new is given
    assert meters.take([claim("car", 1, "b")]) == Taken((0,))
    assert meters.take([claim("car", 1, "d")]) == Exhausted((0,))


def test_all_claims_are_taken_or_none_and_the_short_ones_are_told(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    claims = [claim("wide", 9, "a", "b"), claim("narrow", 1, "a", "b"), claim("open", 1, "a"), claim("shut", 0, "a")]
    assert meters.take(claims) == Exhausted((1, 3))
    assert meters.take([claims[0], claims[2]]) == Taken((7, 0))


def test_no_claim_and_a_claim_of_nothing_take_nothing(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    assert meters.take([]) == Taken(())
    assert meters.take([claim("car", 0), claim("bus", 2)]) == Taken((0, 2))
    assert meters.take([claim("car", 1, "a")]) == Taken((0,))


def test_claims_of_one_call_on_one_account_share_its_marks(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    assert meters.take([claim("car", 3, "a", "b"), claim("car", 5, "b", "c")]) == Taken((0, 2))
    assert meters.take([claim("car", 3, "a"), claim("car", 5, "d", "e", "f")]) == Exhausted((1,))
    assert meters.take([claim("car", 3, "d"), claim("car", 5, "e")]) == Exhausted((0,))


def test_more_accounts_and_marks_than_one_statement_binds(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    many = [f"{number}" for number in range(2500)]
    assert meters.take([claim("cap", 2500, *many)]) == Taken((0,))
    assert meters.take([claim("cap", 2500, *many)]) == Taken((0,))
    assert meters.take([claim("cap", 2500, "new")]) == Exhausted((0,))
    each = [claim(f"subject {number}", 1, "a") for number in range(1200)]
    assert meters.take(each) == Taken((0,) * 1200)
    assert meters.take([*each, claim("subject 7", 1, "b")]) == Exhausted((1200,))


@pytest.mark.parametrize(
    "wrong",
    [
        Claim(b"", 1, (b"a",), AT + DAY),
        Claim(b"a" * 65, 1, (b"a",), AT + DAY),
        Claim(b"a", 1, (b"",), AT + DAY),
        Claim(b"a", 1, (b"a" * 65,), AT + DAY),
        Claim(b"a", -1, (), AT + DAY),
        Claim(b"a", 1, (b"a",), AT - DAY),
    ],
    ids=["no account", "long account", "no mark", "long mark", "limit", "ended"],
)
def test_what_no_caller_may_ask_is_a_fault(open_meters: OpenMeters, still: StillClock, wrong: Claim) -> None:
    meters = open_meters(still)
    with pytest.raises(Fault) as caught:
        meters.take([claim("car", 1, "a"), wrong])
    assert caught.value.reason is ErrorReason.INTERNAL
    assert meters.take([claim("car", 1, "b")]) == Taken((0,))


def test_an_account_that_ended_a_moment_ago_still_counts_and_makes_room_later(
    open_meters: OpenMeters, still: StillClock
) -> None:
    meters = open_meters(still)
    assert meters.take([claim("car", 1, "a")]) == Taken((0,))
    still.pass_by(DAY.total_seconds() + 60)
    assert meters.take([claim("car", 1, "b")]) == Exhausted((0,))
    still.pass_by(2 * 3600)
    later = Claim(b"car", 1, (b"b",), AT + 3 * DAY)
    assert meters.take([later]) == Taken((0,))
    assert meters.take([Claim(b"car", 1, (b"c",), AT + 3 * DAY)]) == Exhausted((0,))


def test_an_account_lives_as_long_as_the_latest_claim_on_it(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    meters.take([claim("car", 1, "a")])
    meters.take([Claim(b"car", 1, (b"a",), AT + 3 * DAY)])
    still.pass_by(2 * DAY.total_seconds())
    assert meters.take([Claim(b"car", 1, (b"b",), AT + 3 * DAY)]) == Exhausted((0,))


def test_32_threads_of_two_openings_take_exactly_what_there_is(open_meters: OpenMeters, still: StillClock) -> None:
    openings = (open_meters(still), open_meters(still))

    def take(number: int) -> Taken | Exhausted:
        own = claim(f"caller {number}", 1, "x")
        return openings[number % 2].take([claim("car", 12, f"{number}"), own])

    with ThreadPoolExecutor(32) as threads:
        outcomes = Counter(threads.map(take, range(200)))
    assert outcomes == {Taken((left, 0)): 1 for left in range(12)} | {Exhausted((0,)): 188}
    # the callers that were refused were not charged for it
    whole = sum(openings[0].take([claim(f"caller {number}", 1, "y")]) == Taken((0,)) for number in range(200))
    assert whole == 188


def test_32_threads_with_one_mark_take_it_once(open_meters: OpenMeters, still: StillClock) -> None:
    meters = open_meters(still)
    with ThreadPoolExecutor(32) as threads:
        outcomes = set(threads.map(lambda _: meters.take([claim("car", 12, "a")]), range(64)))
    assert outcomes == {Taken((11,))}


keys = st.sampled_from([b"a", b"b", b"\x00", b"\xff" * 64])
calls = st.lists(
    st.lists(st.builds(Claim, keys, st.integers(0, 4), st.lists(keys, max_size=3).map(tuple), st.just(AT + DAY)))
)


@pytest.fixture
def meters(open_meters: OpenMeters, still: StillClock) -> Meters:
    return open_meters(still)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(calls=calls)
def test_meters_are_sets_of_marks(meters: Meters, calls: list[list[Claim]]) -> None:
    model: dict[bytes, set[bytes]] = {}
    own = uuid.uuid4().bytes  # examples share the database, and no account
    for claims in calls:
        named = [Claim(own + one.account[:48], one.limit, one.marks, one.ends_at) for one in claims]
        after = {one.account: set(model.get(one.account, ())) for one in named}
        for one in named:
            after[one.account] |= set(one.marks)
        short = tuple(
            position
            for position, one in enumerate(named)
            if len(after[one.account]) > one.limit and set(one.marks) - model.get(one.account, set())
        )
        if short:
            assert meters.take(named) == Exhausted(short)
        else:
            model |= after
            assert meters.take(named) == Taken(tuple(max(0, one.limit - len(model[one.account])) for one in named))
