"""When a day of a series may be read: by the calendar and the contract alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from gateway.model.series import SeriesSpec
from gateway.stages.series import GRACE, days_due, ends_at
from tests.unit.privacy.example import CONTRACT

SPEC = SeriesSpec("paid", "", ("count",), (), "paid_on", date(2026, 1, 1), 10, 2, rho="0.1")
MIDNIGHT = datetime(2026, 1, 1, 16)
"""When the first of January ends in the city, in UTC."""


@pytest.mark.parametrize(
    ("now", "freshness", "due"),
    [
        (MIDNIGHT - timedelta(days=30), None, 0),
        (MIDNIGHT - timedelta(microseconds=1), None, 0),
        (MIDNIGHT, None, 1),
        (MIDNIGHT + timedelta(hours=47, minutes=59), None, 2),
        (MIDNIGHT + timedelta(hours=6, minutes=59), 7, 0),
        (MIDNIGHT + timedelta(hours=7), 7, 1),
        (MIDNIGHT + timedelta(days=8), None, 9),
        (MIDNIGHT + timedelta(days=9), None, 10),
        (MIDNIGHT + timedelta(days=300), None, 10),
    ],
)
def test_a_day_is_due_once_it_is_over_and_its_rows_are_promised(now: datetime, freshness: int | None, due: int) -> None:
    contract = replace(CONTRACT, freshness_hours=freshness, retention_days=None)
    assert days_due(SPEC, contract, now) == due


def test_no_day_is_read_once_rows_of_the_first_may_be_gone() -> None:
    contract = replace(CONTRACT, freshness_hours=None, retention_days=20)
    assert days_due(SPEC, contract, MIDNIGHT + timedelta(days=19)) == 10
    assert days_due(SPEC, contract, MIDNIGHT + timedelta(days=20)) == 0


def test_a_series_ends_a_while_after_its_last_day_is_due_or_it_was_opened() -> None:
    contract = replace(CONTRACT, freshness_hours=7)
    due = MIDNIGHT + timedelta(days=9, hours=7)
    assert ends_at(SPEC, contract, MIDNIGHT) == due + GRACE
    assert ends_at(SPEC, contract, due + timedelta(days=50)) == due + timedelta(days=50) + GRACE
