"""What fails half-way, or twice at once: nothing is paid twice, nothing is drawn anew that was kept or shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gateway.administration import study
from gateway.lanes import series as lane
from gateway.lanes.series import Days, Opened
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import NoisePlan
from gateway.model.permit import Refusal
from gateway.model.series import Opening
from gateway.ports import SeriesRegister
from gateway.privacy.mechanisms import add_noise
from gateway.settings import read_settings
from gateway.stages.series import keep_days
from gateway.wiring.composition import open_gateway
from tests.integration.daily import (
    BUREAU,
    PURPOSE,
)
from tests.integration.house import context
from tests.integration.series.cockpit import (
    RHO,
    Cockpit,
    asked,
    caller,
    got,
    listed,
    nodes,
    opened,
    spent,
    table,
)


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
        broken.setattr("gateway.lanes.series.keep_days", crash)
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
            monkeypatch.setattr("gateway.lanes.series.keep_days", keep_days)
            theirs.append(got(other))
            return keep_days(*arguments)

        # this gateway has read and noised all days when the other one reads, keeps and shows them
        monkeypatch.setattr("gateway.lanes.series.keep_days", overtaken)
        ours = got(cockpit)
        assert ours.delivery.days == theirs[0].delivery.days
        for key, values in table(theirs[0]).items():
            assert np.array_equal(table(ours)[key], values)
        cockpit.clock.ahead += timedelta(days=1)
        assert nodes(got(cockpit)) == nodes(got(other))
