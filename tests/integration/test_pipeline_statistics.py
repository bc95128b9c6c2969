"""Statistics through the pipeline: charged before read, stored before sent, and every later failure alike."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pyarrow as pa
import pytest

from gateway import pipeline
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.lanes import inquiries
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan
from gateway.model.statistics import PLAIN, Presentation, Statistic, StatisticKind
from gateway.pipeline import Refused
from tests.integration.house import House, context, counting, delivered, released, tracing


def test_charge_then_read_then_store_then_log(house: House) -> None:
    delivery = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert house.diary.events == ["charge", "stored", "aggregates", "store", "log completed"]
    assert delivery.paid


def test_the_same_plan_is_the_same_release_for_everyone_entitled(house: House) -> None:
    first = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    house.diary.events.clear()
    again = released(pipeline.release(house.ports, house.peer("zju-research", "wang.fang"), counting()))
    assert house.diary.events == ["charge", "stored", "log completed"]
    assert again.release == first.release
    assert not again.paid
    assert house.audit.records[-1].replay


def balances(house: House) -> dict[str, Fraction]:
    outcome = inquiries.budgets(
        house.ports, house.peer("zju-research"), context("academic-research"), "subsidies", "by-sector"
    )
    assert not isinstance(outcome, Refused)
    return {balance.account.id: balance.spent for balance in outcome[0]}


def test_every_budget_bears_the_exact_loss(house: House) -> None:
    before = balances(house)
    released(pipeline.release(house.ports, house.peer("zju-research"), counting(Fraction(3, 10))))
    after = balances(house)
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(before, Fraction(9, 200))
    assert set(before) == {
        "lifetime/resident",
        "dataset/subsidies",
        "purpose/academic-research",
        "recipient/zju-research",
        "person/zju-research/li.wei",
    } & set(before)
    assert "lifetime/resident" in before


@pytest.mark.parametrize("failure", [Fault(ErrorReason.SOURCE_UNAVAILABLE), ValueError("龘靐甲"), MemoryError()])
def test_every_failure_after_the_charge_is_the_same_failure_at_the_same_time(house: House, failure: Exception) -> None:
    house.source.failing = failure
    before = balances(house)
    with pytest.raises(Fault, match=r"^RELEASE_FAILED$"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    assert len(house.clock.woke_at) == 1
    paid = balances(house)
    assert all(paid[name] == before[name] + Fraction(1, 200) for name in paid)

    # asked again, what was paid for is finished, and not paid for twice
    house.source.failing = None
    delivery = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert not delivery.paid
    assert len(delivery.release.cells) == 4
    assert balances(house) == paid


def test_answers_come_at_whole_slots(house: House) -> None:
    began = house.clock.monotonic()
    released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    slots = (house.clock.woke_at[0] - began) / 0.4
    assert 0.99 < slots < 4
    # the pipeline took its own start, a moment after ours
    assert abs(slots - round(slots)) < 0.05


def test_nothing_is_written_down_before_the_slot_is_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # the instants on a release and a receipt leave with them, and a release that is there can be asked for
    monkeypatch.setattr(house.clock, "sleep_until", lambda _: house.diary.events.append("slept"))
    released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert house.diary.events == ["charge", "stored", "aggregates", "slept", "store", "log completed"]
    house.diary.events.clear()
    released(pipeline.release(house.ports, house.peer("zju-research", "wang.fang"), counting()))
    assert house.diary.events == ["charge", "stored", "slept", "log completed"]


def test_who_paid_is_answered_again_at_once_and_everybody_else_in_the_slot(house: House) -> None:
    released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert len(house.clock.woke_at) == 1
    again = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert not again.paid and house.audit.records[-1].replay
    assert len(house.clock.woke_at) == 1, "the one who paid waits for nothing"
    released(pipeline.release(house.ports, house.peer("zju-research", "wang.fang"), counting()))
    assert len(house.clock.woke_at) == 2, "another must not be told by the time that somebody had asked"


def test_who_paid_and_got_nothing_is_answered_in_the_slot(house: House) -> None:
    house.source.failing = Fault(ErrorReason.SOURCE_UNAVAILABLE)
    with pytest.raises(Fault):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    house.source.failing = None
    released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert len(house.clock.woke_at) == 2


def test_what_is_kept_is_charged_noised_and_held_to_the_slot_like_what_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AggregatePlan] = []
    read = DuckDBSource.aggregates

    def counted(engine: DuckDBSource, plan: AggregatePlan) -> pa.RecordBatch:
        asked.append(plan)
        return read(engine, plan)

    monkeypatch.setattr(DuckDBSource, "aggregates", counted)
    epsilons = [Fraction(number, 100) for number in range(30, 38)]
    before = balances(house)
    deliveries = [
        released(pipeline.release(house.ports, house.peer("zju-research"), counting(one))) for one in epsilons
    ]
    assert len(asked) == 1
    assert all(delivery.paid for delivery in deliveries)
    spent = sum(one * one / 2 for one in epsilons)
    assert all(amount == before[name] + spent for name, amount in balances(house).items())
    noised = {delivery.release.measures[0].values for delivery in deliveries}
    assert len(noised) > 1
    assert len(house.clock.woke_at) == len(epsilons)


def test_a_release_that_cannot_be_logged_is_not_delivered(house: House) -> None:
    house.audit.failing_from = 0
    with pytest.raises(Fault, match=r"^RELEASE_FAILED$"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())


def test_a_vanished_source_is_told_before_anything_is_charged(house: House) -> None:
    before = balances(house)
    data = house.site.data / "subsidies.parquet"
    hidden = data.rename(data.with_suffix(".hidden"))
    try:
        with pytest.raises(Fault, match="SOURCE_UNAVAILABLE"):
            pipeline.release(house.ports, house.peer("zju-research"), counting())
    finally:
        hidden.rename(data)
    assert balances(house) == before
    assert house.clock.woke_at == []


def test_data_exchanged_between_charge_and_read_gives_no_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real = house.source.aggregates

    def exchanged(plan: AggregatePlan) -> pa.RecordBatch:
        assert plan.version, "a release is of one version of the data"
        return real(replace(plan, version="another"))

    monkeypatch.setattr(house.source, "aggregates", exchanged)
    with pytest.raises(Fault, match="RELEASE_FAILED"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    assert "store" not in house.diary.events


@pytest.mark.parametrize("epsilon", [Fraction(0), Fraction(-1), Fraction(1, 10**6), Fraction(11, 10), Fraction(10**9)])
def test_an_epsilon_out_of_range_is_refused_and_free(house: House, epsilon: Fraction) -> None:
    outcome = pipeline.release(house.ports, house.peer("zju-research"), counting(epsilon))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.EPSILON_OUT_OF_RANGE
    assert "charge" not in house.diary.events


def test_an_exhausted_budget_refuses_and_charges_nothing(house: House) -> None:
    epsilons = [Fraction(1), Fraction(9, 10), Fraction(8, 10), Fraction(7, 10), Fraction(6, 10), Fraction(5, 10)]
    outcomes = [pipeline.release(house.ports, house.peer("zju-research"), counting(epsilon)) for epsilon in epsilons]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert refused
    assert {item.refusal.reason for item in refused} == {ErrorReason.BUDGET_EXHAUSTED}
    paid = sum(
        (
            epsilon**2 / 2
            for epsilon, outcome in zip(epsilons, outcomes, strict=True)
            if not isinstance(outcome, Refused)
        ),
        Fraction(0),
    )
    assert balances(house)["lifetime/resident"] == paid


def test_a_release_of_others_looks_like_none(house: House) -> None:
    made = released(pipeline.release(house.ports, house.peer("zju-research"), counting())).release
    outcomes = [
        pipeline.stored_release(house.ports, house.peer("hotel-lakeside"), context("academic-research"), name, PLAIN)
        for name in (made.id, "0" * 64)
    ]
    theirs, none = outcomes
    assert isinstance(theirs, Refused) and isinstance(none, Refused)
    assert theirs.refusal == none.refusal
    assert theirs.receipt is not None and none.receipt is not None
    own = pipeline.stored_release(house.ports, house.peer("zju-research"), context("academic-research"), made.id, PLAIN)
    assert released(own).release == made


def test_a_group_asked_for_twice_is_refused_and_free(house: House) -> None:
    outcome = pipeline.release(house.ports, house.peer("zju-research"), counting(group_by=("tier", "tier")))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.STATISTIC_NOT_DECLARED
    assert "charge" not in house.diary.events


def test_the_name_of_a_data_version_cannot_be_computed_from_the_data(house: House) -> None:
    made = released(pipeline.release(house.ports, house.peer("zju-research"), counting())).release
    contract = house.ports.policy.current().contracts["subsidies"]
    inside = house.source.data_version(contract)
    assert made.data_version != inside
    assert inside not in repr(house.audit.records)
    # and it is the same for the same data, also for rows
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    again = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    assert delivery.receipt.record.data_version == again.receipt.record.data_version != made.data_version
    delivery.close()
    again.close()


def test_what_a_failed_request_paid_for_is_first_delivered_as_no_replay(house: House) -> None:
    house.source.failing = Fault(ErrorReason.SOURCE_UNAVAILABLE)
    with pytest.raises(Fault):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    house.source.failing = None
    first = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert (first.paid, first.receipt.record.replay) == (False, False)
    second = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert (second.paid, second.receipt.record.replay) == (False, True)


@pytest.mark.parametrize(
    ("presentation", "place"),
    [
        pytest.param(Presentation(consistent=True), "presentation.consistent", id="consistent without a tree"),
        pytest.param(Presentation(top=1), "presentation.top", id="top by a mean"),
    ],
)
def test_what_a_release_cannot_be_shown_as_is_refused_and_free(
    house: House, presentation: Presentation, place: str
) -> None:
    asked = counting()
    mean = Statistic(StatisticKind.MEAN, "amount_yuan")
    asked = replace(asked, query=replace(asked.query, statistics=(mean,)))
    before = balances(house)
    refused = pipeline.release(house.ports, house.peer("zju-research"), replace(asked, presentation=presentation))
    assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.REQUEST_INVALID
    assert [one.field for one in refused.refusal.violations] == [place]
    assert balances(house) == before
    made = released(pipeline.release(house.ports, house.peer("zju-research"), asked)).release
    paid = balances(house)
    again = pipeline.stored_release(
        house.ports, house.peer("zju-research"), context("academic-research"), made.id, presentation
    )
    assert isinstance(again, Refused) and again.refusal.reason is ErrorReason.REQUEST_INVALID
    assert balances(house) == paid
    stranger = pipeline.stored_release(
        house.ports, house.peer("hotel-lakeside"), context("academic-research"), made.id, presentation
    )
    assert isinstance(stranger, Refused) and stranger.refusal.reason is ErrorReason.RELEASE_NOT_FOUND
