"""Exact figures are kept sealed, of their own day, and no longer than they are needed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from gateway.decision.series import Series
from gateway.lanes.series import Opened
from gateway.model.errors import Fault
from gateway.settings import read_settings
from gateway.stages.series import GRACE, read_days
from gateway.tables import ChargedPermit, DailyFigures
from tests.integration.daily import (
    Payment,
    day,
)
from tests.integration.house import edit
from tests.integration.series.cockpit import (
    Cockpit,
    got,
    listed,
    nodes,
    opened,
)


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


def test_rows_that_are_kept_by_another_day_are_not_read(cockpit: Cockpit, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = cockpit.house.site.policies / "contracts" / "subsidies.yaml"
    written = contract.read_text("utf-8")
    edit(contract, "  value: 1825\n", "  value: 1825\n  element: paid_on\n")

    def elsewhere(charged: ChargedPermit, series: Series, *rest: Any) -> DailyFigures:
        return read_days(charged, replace(series, spec=replace(series.spec, advances_by="applied_on")), *rest)

    try:
        cockpit.ports.policy.reload()
        opened(cockpit)
        monkeypatch.setattr("gateway.lanes.series.read_days", elsewhere)
        with pytest.raises(Fault, match="RELEASE_FAILED"):
            got(cockpit)
        assert "days" not in cockpit.house.diary.events
        monkeypatch.setattr("gateway.lanes.series.read_days", read_days)
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
