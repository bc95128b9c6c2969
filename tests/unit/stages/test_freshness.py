"""How fresh data are said to be: by the hour or the city's day, and never stale before they are."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.model.freshness import DAY, HOUR, freshness

NOW = datetime(2026, 11, 22, 9, 30)


@pytest.mark.parametrize(
    ("unit", "changed", "as_of"),
    [
        (HOUR, datetime(2026, 11, 22, 8, 59, 59), datetime(2026, 11, 22, 8)),
        (HOUR, datetime(2026, 11, 22, 9), datetime(2026, 11, 22, 9)),
        # the city's day begins at 16:00 UTC of the day before
        (DAY, datetime(2026, 11, 22, 8, 59, 59), datetime(2026, 11, 21, 16)),
        (DAY, datetime(2026, 11, 21, 15, 59, 59), datetime(2026, 11, 20, 16)),
    ],
)
def test_times_are_rounded_down(unit: timedelta, changed: datetime, as_of: datetime) -> None:
    assert freshness("visits", changed, None, unit, NOW).as_of == as_of


@pytest.mark.parametrize(
    ("unit", "age", "stale"),
    [
        (HOUR, timedelta(hours=24), False),
        # it may have changed at any time of its hour, so that only beyond that it is surely too old
        (HOUR, timedelta(hours=24, minutes=29), False),
        (HOUR, timedelta(hours=24, minutes=31), True),
        (DAY, timedelta(hours=40), False),
        (DAY, timedelta(hours=70), True),
    ],
)
def test_data_are_called_stale_once_they_surely_are(unit: timedelta, age: timedelta, stale: bool) -> None:
    assert freshness("visits", NOW - age, 24, unit, NOW).stale is stale


def test_what_is_not_known_or_promised_is_not_judged() -> None:
    assert freshness("visits", None, 24, HOUR, NOW).stale is None
    assert freshness("visits", NOW, None, HOUR, NOW).stale is None
