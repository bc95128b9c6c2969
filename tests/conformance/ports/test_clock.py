"""What every Clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.ports import Clock


def test_the_instant_is_utc_without_a_zone(clock: Clock) -> None:
    now = clock.now()
    assert now.tzinfo is None
    assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=5)


def test_sleeping_ends_at_the_instant_and_not_before(clock: Clock) -> None:
    instant = clock.monotonic() + 0.05
    clock.sleep_until(instant)
    assert 0 <= clock.monotonic() - instant < 5


def test_an_instant_that_has_passed_is_not_waited_for(clock: Clock) -> None:
    before = clock.monotonic()
    clock.sleep_until(before - 60)
    assert clock.monotonic() - before < 1
