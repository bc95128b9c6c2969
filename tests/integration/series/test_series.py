"""A series through the pipeline: charged once, each day read once and noised once, and never another answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest

from gateway.lanes import series as lane
from gateway.lanes.series import Opened
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Currency, Price
from gateway.model.record import Outcome
from gateway.pipeline import Refused
from tests.integration.daily import (
    PURPOSE,
    Payment,
    day,
)
from tests.integration.house import context, edit
from tests.integration.series.cockpit import (
    RHO,
    Cockpit,
    asked,
    caller,
    got,
    listed,
    opened,
    spent,
    table,
    truth,
)


@pytest.mark.parametrize("price", [RHO, Price(Currency.EPSILON, Fraction(4))], ids=["rho", "epsilon"])
def test_every_day_is_near_the_truth_of_first_days(cockpit: Cockpit, price: Price) -> None:
    if price is not RHO:
        cockpit.series = replace(cockpit.series, name="pure")
    assert isinstance(opened(cockpit, price), Opened)
    days = got(cockpit, spans=(7,))
    assert [one.number for one in days.delivery.days] == list(range(1, 10))
    assert (days.standing.closed, days.standing.due, days.following) == (9, 9, None)
    within = 0
    for one in days.delivery.published:
        exact = truth(cockpit, one.span)[one.statistic]
        assert one.values.shape == exact.shape == (9, 5)
        # one in twenty may be out; the widest noise of 270 by far not
        assert (np.abs(one.values - exact) <= 3 * one.margins[:, None]).all()
        within += int((np.abs(one.values - exact) <= one.margins[:, None]).sum())
    assert within >= 0.85 * 270
    counts = truth(cockpit, 0)[0]
    assert counts[-1].min() > 5 * days.delivery.published[0].margins.max(), "or nothing was shown by this"


def test_a_series_is_charged_once_before_anything_is_read(cockpit: Cockpit) -> None:
    before = spent(cockpit, "dataset/subsidies")
    first = opened(cockpit)
    assert isinstance(first, Opened) and first.paid
    assert "days" not in cockpit.house.diary.events
    assert cockpit.house.diary.events.index("charge") < cockpit.house.diary.events.index("log completed")
    again = opened(cockpit)
    assert isinstance(again, Opened) and not again.paid
    for _ in range(2):
        got(cockpit)
    assert cockpit.house.diary.events.count("days") == 1, "each day is read once"
    assert spent(cockpit, "dataset/subsidies") == spent(cockpit, "lifetime/resident") == before + 2
    record = cockpit.house.audit.records[-1]
    assert (record.outcome, record.replay, record.release_id) == (Outcome.COMPLETED, True, first.standing.series.id)
    assert record.grouped_by == ("district", "paid_on by day") and record.loss is not None and record.loss.rho == 2
    # of all its records, the opening alone is none of something that had been there
    own = [one for one in cockpit.house.audit.records if one.release_id == first.standing.series.id]
    assert [one.replay for one in own] == [False, True, True, True]
    # 9 days, 5 districts, two spans
    assert record.rows == 90


def test_a_published_day_never_changes_whatever_becomes_of_the_data(cockpit: Cockpit) -> None:
    opened(cockpit)
    before = got(cockpit)
    late = [Payment(2_000 + number, day(3), 20_000) for number in range(600)]
    cockpit.payments.write([*cockpit.payments.rows[10:], *late])
    cockpit.clock.ahead += timedelta(days=1)
    after = got(cockpit)
    assert [one.number for one in after.delivery.days] == list(range(1, 11))
    assert after.delivery.days[:9] == before.delivery.days
    assert len({one.data_version for one in after.delivery.days}) == 2, "each day says of which data it is"
    for key, values in table(before).items():
        assert np.array_equal(table(after)[key][:9], values)
    # the running total grew by the new day alone: who came late is not counted
    counts = table(after)[0, 0].sum(axis=1)
    assert abs(counts[9] - counts[8]) < 150
    # and a part of the days is the same as they are in the whole
    some = got(cockpit, 4, 6)
    for key, values in table(some).items():
        assert np.array_equal(table(after)[key][3:6], values)


def test_who_used_up_their_days_count_on_no_later_one(cockpit: Cockpit) -> None:
    regular = [Payment(unit, day(number), 1, 0) for unit in range(500) for number in range(1, 13)]
    cockpit.payments.write(regular)
    opened(cockpit)
    counts = table(got(cockpit))[0, 1][:, 0]
    assert counts.tolist() == pytest.approx([500, 500, 0, 0, 0, 0, 0, 0, 0], abs=20)
    cockpit.clock.ahead += timedelta(days=1)
    # read by itself, the next day still knows whose days were used
    assert abs(table(got(cockpit, 10, 10))[0, 1]).max() < 20


def test_a_series_that_nobody_opened_is_not_read(cockpit: Cockpit) -> None:
    assert asked(cockpit) is ErrorReason.SERIES_NOT_OPEN
    assert "days" not in cockpit.house.diary.events and "charge" not in cockpit.house.diary.events
    standing = listed(cockpit)
    assert standing.opening is None and (standing.closed, standing.due) == (0, 9)
    assert [one.span for one in standing.margins] == [0, 1, 7, 0, 1, 7]


def test_margins_are_known_beforehand(cockpit: Cockpit) -> None:
    before = {(one.statistic, one.span): one.half_width for one in listed(cockpit).margins}
    opened(cockpit)
    cockpit.clock.ahead += timedelta(days=5)
    shown = got(cockpit, 12, spans=(7,)).delivery.published
    assert {(one.statistic, one.span): one.margins[-1] for one in shown} == pytest.approx(before)


def test_the_price_is_agreed_to_or_nothing_is_charged(cockpit: Cockpit) -> None:
    for price in (Price(Currency.RHO, Fraction(1)), Price(Currency.EPSILON, Fraction(2))):
        assert opened(cockpit, price) is ErrorReason.EPSILON_OUT_OF_RANGE
    assert "charge" not in cockpit.house.diary.events


def test_whoever_is_not_entitled_learns_nothing_of_it(cockpit: Cockpit) -> None:
    opened(cockpit)
    refused = [asked(cockpit, who="cockpit-xiacheng")]
    cockpit.series = replace(cockpit.series, name="nothing-like-it")
    refused.append(asked(cockpit, who="cockpit-xiacheng"))
    assert refused == [ErrorReason.PURPOSE_NOT_GRANTED] * 2
    assert asked(cockpit) is ErrorReason.STATISTIC_NOT_DECLARED
    told = lane.list_series(cockpit.ports, caller(cockpit, "cockpit-xiacheng"), context(PURPOSE), "")
    assert isinstance(told, Refused) and told.refusal.reason is ErrorReason.PURPOSE_NOT_GRANTED


def test_an_exhausted_budget_opens_nothing(cockpit: Cockpit) -> None:
    edit(cockpit.house.site.policies / "budgets.yaml", "  subsidies: 100.0", "  subsidies: 0.1")
    cockpit.ports.policy.reload()
    assert opened(cockpit) is ErrorReason.BUDGET_EXHAUSTED
    assert asked(cockpit) is ErrorReason.SERIES_NOT_OPEN


def test_an_ended_purpose_opens_and_reads_nothing(cockpit: Cockpit) -> None:
    opened(cockpit)
    got(cockpit, last=5)
    purposes = cockpit.house.site.policies / "purposes.yaml"
    edit(purposes, f"      - id: {PURPOSE}\n", f"      - id: {PURPOSE}\n        expires_on: {day(1)}\n")
    cockpit.ports.policy.reload()
    assert not cockpit.ports.policy.last_problems
    assert asked(cockpit) is ErrorReason.PURPOSE_EXPIRED
    assert opened(cockpit) is ErrorReason.PURPOSE_EXPIRED


def test_every_answer_takes_the_slot(cockpit: Cockpit) -> None:
    opened(cockpit)
    for _ in range(2):
        before = len(cockpit.clock.woke_at)
        got(cockpit)
        assert len(cockpit.clock.woke_at) == before + 1
    cockpit.house.source.failing = RuntimeError("a value of the data")
    cockpit.clock.ahead += timedelta(days=1)
    with pytest.raises(Fault, match="RELEASE_FAILED"):
        got(cockpit)
    assert len(cockpit.clock.woke_at) == before + 2, "a failure takes as long"
    assert [one.number for one in got(cockpit, last=9).delivery.days] == list(range(1, 10)), "earlier days stand"
