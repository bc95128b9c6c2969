"""A series through the pipeline: charged once, each day read once and noised once, and never another answer."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gateway import series as lane
from gateway.administration import study
from gateway.decision.series import Series
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Currency, NoisePlan, Price
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.model.record import Outcome
from gateway.model.series import Opening
from gateway.pipeline import Ports, Refused
from gateway.ports import SeriesRegister
from gateway.privacy.mechanisms import add_noise
from gateway.series import Days, Named, Opened, Standing
from gateway.settings import read_settings
from gateway.stages.series import GRACE, keep_days, read_days
from gateway.tables import ChargedPermit, DailyFigures
from gateway.wiring import open_gateway
from tests.integration.daily import (
    BUREAU,
    FIRST,
    PURPOSE,
    Payment,
    Payments,
    ahead,
    day,
    declare,
    series,
    true_days,
)
from tests.integration.house import House, WatchedClock, context, edit, housed
from tests.integration.site import ROOT, Site

RHO = Price(Currency.RHO, Fraction(2))
NAMES = tuple(f"paid-{number}" for number in range(21))
"""Each test opens a series of its own, so that all can share one gateway."""


def story() -> list[Payment]:
    """Payments of 400 people, some of whom are paid on more days than count, twice a day, and too much."""
    rng = np.random.default_rng(5)
    rows = []
    for unit in range(400):
        for number in rng.choice(np.arange(1, 13), size=rng.integers(1, 6), replace=False).tolist():
            rows += [Payment(unit, day(number), int(rng.integers(0, 25_000)), unit % 5)] * int(rng.integers(1, 3))
    return [*rows, Payment(999, None, 10_000), Payment(998, day(0), 10_000), Payment(997, day(400), 10_000)]


@dataclass
class Cockpit:
    """A gateway at noon of the tenth day after its series began, one of them, and the payments behind it."""

    house: House
    payments: Payments
    series: Named

    @property
    def clock(self) -> WatchedClock:
        return self.house.clock

    @property
    def ports(self) -> Ports:
        return self.house.ports


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Payments]]:
    folder = tmp_path_factory.mktemp("cockpit")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    declare(policies, {"pure": series(rho=None, epsilon=4.0)} | {name: series() for name in NAMES})
    payments = Payments(folder / "data")
    payments.write(story())
    site = Site(folder / "site", policies, payments.folder, (BUREAU, "cockpit-xiacheng"))
    site.prepare()
    with housed(site) as house:
        yield house, payments


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return iter(NAMES)


@pytest.fixture
def cockpit(shared: tuple[House, Payments], names: Iterator[str]) -> Iterator[Cockpit]:
    house, payments = shared
    house.diary.events.clear()
    house.clock.ahead = ahead()
    before = list(payments.rows)
    files = {file: file.read_text() for file in house.site.policies.glob("*s.yaml")}
    yield Cockpit(house, payments, Named("subsidies", "paid-by-day", next(names)))
    house.audit.failing_from = house.source.failing = None
    for file, text in files.items():
        if file.read_text() != text:
            file.write_text(text)
            house.ports.policy.reload()
    if payments.rows != before:
        payments.write(before)


def caller(cockpit: Cockpit, who: str = BUREAU) -> Peer:
    """Somebody whose token outlives what tests put the clock forward by."""
    return cockpit.house.site.peer(who, "li.wei", timedelta(days=30))


def opened(cockpit: Cockpit, price: Price = RHO) -> Opened | ErrorReason:
    outcome = lane.open_series(cockpit.ports, caller(cockpit), context(PURPOSE), cockpit.series, price)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def got(cockpit: Cockpit, first: int | None = None, last: int | None = None, spans: tuple[int, ...] = ()) -> Days:
    outcome = asked(cockpit, first, last, spans)
    assert isinstance(outcome, Days), outcome
    return outcome


def asked(
    cockpit: Cockpit,
    first: int | None = None,
    last: int | None = None,
    spans: tuple[int, ...] = (),
    who: str = BUREAU,
) -> Days | ErrorReason:
    ends = [None if number is None else day(number) for number in (first, last)]
    peer = caller(cockpit, who)
    outcome = lane.get_series(cockpit.ports, peer, context(PURPOSE), cockpit.series, ends[0], ends[1], spans)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def spent(cockpit: Cockpit, account: str) -> Fraction:
    accounts = [one for one in cockpit.ports.policy.current().budgets.named(FIRST) if one.id == account]
    (balance,) = cockpit.ports.ledger.balances(accounts)
    return balance.spent


def table(days: Days) -> dict[tuple[int, int], Any]:
    """Values (days, cells) by statistic and span."""
    return {(one.statistic, one.span): one.values for one in days.delivery.published}


def truth(cockpit: Cockpit, span: int) -> np.ndarray[Any, Any]:
    """What a span comes to on each of the nine days, (statistics, days, districts)."""
    exact = true_days(cockpit.payments.rows, 12, 2)
    each = np.array([[exact.get((number, place), (0, 0)) for place in range(5)] for number in range(1, 10)])
    sums = np.stack([each[max(0, last - span) if span else 0 : last].sum(axis=0) for last in range(1, 10)])
    return np.moveaxis(sums, -1, 0)


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


class Unopened:
    """A register in which nothing is opened any more."""

    def __init__(self, register: SeriesRegister) -> None:
        self.opening = register.opening

    def open(self, opening: Opening) -> Opening:
        raise Fault(ErrorReason.LEDGER_UNAVAILABLE)


def test_a_series_that_is_recorded_and_not_opened_is_reported_once(cockpit: Cockpit) -> None:
    now = cockpit.clock.now()

    def reported() -> Fraction:
        start, end = now - timedelta(days=400), now + timedelta(days=400)
        told = study.report(cockpit.house.office, caller(cockpit), BUREAU, start, end)
        assert not isinstance(told, Refusal)
        return told.rho

    before = reported()
    register: Any = Unopened(cockpit.ports.registers.series)
    broken = replace(cockpit.ports, registers=replace(cockpit.ports.registers, series=register))
    with pytest.raises(Fault):
        lane.open_series(broken, caller(cockpit), context(PURPOSE), cockpit.series, RHO)
    assert reported() == before + 2
    again = opened(cockpit)
    assert isinstance(again, Opened) and not again.paid
    assert reported() == before + 2


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


def test_a_crash_before_a_day_is_kept_shows_nothing_of_its_noise(
    cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(cockpit)
    drawn: list[tuple[int, ...]] = []

    def watched(vector: Sequence[int], plan: NoisePlan) -> tuple[int, ...]:
        drawn.append(add_noise(vector, plan))
        return drawn[-1]

    def crash(*_: object) -> bool:
        raise OSError("the disk is gone")

    monkeypatch.setattr("gateway.stages.series.add_noise", watched)
    with monkeypatch.context() as broken:
        broken.setattr("gateway.series.keep_days", crash)
        recorded = len(cockpit.house.audit.records)
        with pytest.raises(Fault, match="RELEASE_FAILED"):
            got(cockpit)
    assert listed(cockpit).closed == 0 and len(cockpit.house.audit.records) == recorded, "nothing left"
    days = got(cockpit)
    assert len(drawn) == 2 * 2 * 9, "nine days of two statistics are drawn anew"
    assert nodes(days) == set(drawn[18:])


def test_a_crash_after_a_day_is_kept_draws_nothing_anew(cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(cockpit)
    cockpit.house.audit.failing_from = len(cockpit.house.audit.records)
    with pytest.raises(Fault, match="RELEASE_FAILED"):
        got(cockpit)
    kept = cockpit.ports.registers.series.days(listed(cockpit).series.id, 12)
    assert len(kept) == 9
    cockpit.house.audit.failing_from = None
    monkeypatch.setattr("gateway.stages.series.add_noise", None)
    assert got(cockpit).delivery.days == kept


def test_two_gateways_on_one_state_show_the_same_days(cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(cockpit)
    with open_gateway(read_settings(cockpit.house.site.config)) as gateway:
        beside = replace(cockpit.house, ports=replace(gateway.ports, clock=cockpit.clock))
        other = replace(cockpit, house=beside)
        theirs: list[Days] = []

        def overtaken(*arguments: Any) -> bool:
            monkeypatch.setattr("gateway.series.keep_days", keep_days)
            theirs.append(got(other))
            return keep_days(*arguments)

        # this gateway has read and noised all days when the other one reads, keeps and shows them
        monkeypatch.setattr("gateway.series.keep_days", overtaken)
        ours = got(cockpit)
        assert ours.delivery.days == theirs[0].delivery.days
        for key, values in table(theirs[0]).items():
            assert np.array_equal(table(ours)[key], values)
        cockpit.clock.ahead += timedelta(days=1)
        assert nodes(got(cockpit)) == nodes(got(other))


def test_figures_are_sealed_and_go_when_the_series_is_complete(cockpit: Cockpit) -> None:
    cockpit.payments.write([Payment(unit, day(2), 12_345, 0) for unit in range(7_777)])
    opened(cockpit)
    got(cockpit)
    series = listed(cockpit).series.id
    kept = cockpit.ports.registers.series.days(series, 12)
    exact = np.array([7_777, 0, 0, 0, 0], "<i8").tobytes()
    assert all(len(one.figures) == 16 + 2 * 5 * 8 for one in kept)
    state = read_settings(cockpit.house.site.config).state.file
    assert not any(exact in file.read_bytes() for file in state.parent.glob(f"{state.name}*"))
    cockpit.clock.ahead += timedelta(days=5)
    assert [one.number for one in got(cockpit, 12).delivery.days] == [12]
    with sqlite3.connect(state) as database:
        told = database.execute("SELECT DISTINCT length(figures) FROM series_days WHERE series_id = ?", [series])
        assert told.fetchall() == [(0,)]
    assert nodes(got(cockpit)), "the nodes stay"


def test_figures_go_when_the_series_has_ended_though_nobody_asks(cockpit: Cockpit) -> None:
    first = opened(cockpit)
    assert isinstance(first, Opened) and first.standing.opening is not None
    before = got(cockpit)
    register, series = cockpit.ports.registers.series, first.standing.series.id
    assert first.standing.opening.ends_at > cockpit.clock.now() + GRACE
    with sqlite3.connect(read_settings(cockpit.house.site.config).state.file) as database:
        past = cockpit.clock.now() - timedelta(hours=1)
        database.execute("UPDATE series SET ends_at = ? WHERE series_id = ?", [past.isoformat(" "), series])
    cockpit.clock.ahead += timedelta(days=1)
    assert register.erase_ended(cockpit.clock.now()) >= 9
    assert not any(one.figures for one in register.days(series, 12))
    cockpit.house.diary.events.clear()
    after = got(cockpit)
    assert "days" not in cockpit.house.diary.events, "nothing is read any more"
    assert nodes(after) == nodes(before) and len(after.delivery.days) == 9, "what was shown stands"
    assert (after.standing.closed, after.standing.due, after.following) == (9, 9, None)


def test_an_opening_that_could_not_be_recorded_is_recorded_as_paid_later(cockpit: Cockpit) -> None:
    audit, before = cockpit.house.audit, spent(cockpit, "dataset/subsidies")
    audit.failing_from = known = len(audit.records)
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        opened(cockpit)
    assert spent(cockpit, "dataset/subsidies") == before + 2 and listed(cockpit).opening is None
    audit.failing_from = None
    assert asked(cockpit) is ErrorReason.SERIES_NOT_OPEN
    again = opened(cockpit)
    assert isinstance(again, Opened) and not again.paid
    got(cockpit)
    assert isinstance(opened(cockpit), Opened)
    own = [one for one in audit.records[known:] if one.release_id]
    assert [one.replay for one in own] == [False, True, True]
    assert spent(cockpit, "dataset/subsidies") == before + 2


def test_rows_that_are_kept_by_another_day_are_not_read(cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = cockpit.house.site.policies / "contracts" / "subsidies.yaml"
    written = contract.read_text("utf-8")
    edit(contract, "  value: 1825\n", "  value: 1825\n  element: paid_on\n")

    def elsewhere(charged: ChargedPermit, series: Series, *rest: Any) -> DailyFigures:
        return read_days(charged, replace(series, spec=replace(series.spec, advances_by="applied_on")), *rest)

    try:
        cockpit.ports.policy.reload()
        opened(cockpit)
        monkeypatch.setattr("gateway.series.read_days", elsewhere)
        with pytest.raises(Fault, match="RELEASE_FAILED"):
            got(cockpit)
        assert "days" not in cockpit.house.diary.events
        monkeypatch.setattr("gateway.series.read_days", read_days)
        assert got(cockpit).delivery.days
    finally:
        contract.write_text(written, "utf-8")
        cockpit.ports.policy.reload()


def test_figures_that_were_put_elsewhere_are_not_taken(cockpit: Cockpit) -> None:
    opened(cockpit)
    got(cockpit, last=4)
    with sqlite3.connect(read_settings(cockpit.house.site.config).state.file) as database:
        database.execute(
            "UPDATE series_days SET figures = (SELECT figures FROM series_days WHERE day = 1 AND series_id = :id) "
            "WHERE day = 2 AND series_id = :id",
            {"id": listed(cockpit).series.id},
        )
    with pytest.raises(Fault, match="RELEASE_FAILED"):
        got(cockpit)


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


def listed(cockpit: Cockpit) -> Standing:
    found = lane.list_series(cockpit.ports, caller(cockpit), context(PURPOSE), "subsidies")
    assert not isinstance(found, Refused)
    return next(one for one in found if one.series.spec.name == cockpit.series.name)


def nodes(days: Days) -> set[tuple[int, ...]]:
    return {node.values for one in days.delivery.days for node in one.nodes}
