"""What every SeriesRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.series import ClosedDay, KeptNode, Opening
from gateway.ports import BudgetLedger
from tests.conformance.ports.conftest import OpenLedger, OpenSeries
from tests.conformance.ports.samples import AT, a_release, an_account

OPENING = Opening("s1", "root/365/256", "data-bureau", AT, AT + timedelta(days=400))


def charged(ledger: BudgetLedger, series_id: str) -> None:
    assert not isinstance(ledger.charge(series_id, [an_account()], PrivacyLoss(a_release("x").loss.rho)), tuple)


def closed(number: int, noise: int = 0) -> ClosedDay:
    nodes = (
        KeptNode(0, f"root/365/256/{number}", (noise, -(2**63), 2**63 - 1)),
        KeptNode(1, f"root/365/256/{number}", ()),
    )
    return ClosedDay(number, AT + timedelta(days=number), f"v{noise}", b"sealed" * number, nodes)


@pytest.fixture
def opened(open_series: OpenSeries, open_ledger: OpenLedger) -> OpenSeries:
    for series_id in ("s1", "s2"):
        charged(open_ledger(), series_id)
        open_series().open(replace(OPENING, series_id=series_id))
    return open_series


def test_the_first_opening_stands(open_series: OpenSeries, open_ledger: OpenLedger) -> None:
    charged(open_ledger(), "s1")
    assert open_series().opening("s1") is None
    assert open_series().open(OPENING) == OPENING
    assert open_series().open(replace(OPENING, plan="tree/365/20", opened_by="another")) == OPENING
    assert open_series().opening("s1") == OPENING


def test_a_series_that_was_never_charged_is_a_fault(open_series: OpenSeries) -> None:
    for keep in (lambda: open_series().open(OPENING), lambda: open_series().close("s1", [closed(1)], complete=False)):
        with pytest.raises(Fault) as caught:
            keep()
        assert caught.value.reason is ErrorReason.LEDGER_UNAVAILABLE
    assert open_series().opening("s1") is None and open_series().closed("s1") == 0


def test_days_are_kept_as_they_are_and_in_order(opened: OpenSeries) -> None:
    assert opened().close("s1", [closed(1), closed(2)], complete=False)
    assert opened().close("s1", [closed(3)], complete=False)
    assert opened().days("s1", 365) == (closed(1), closed(2), closed(3))
    assert opened().days("s1", 2) == (closed(1), closed(2))
    assert (opened().closed("s1"), opened().closed("s2"), opened().days("s2", 5)) == (3, 0, ())


def test_a_kept_day_is_never_kept_again(opened: OpenSeries) -> None:
    assert opened().close("s1", [closed(1), closed(2)], complete=False)
    # the same days, days that overlap, and days that would leave a gap
    for days in ([closed(1, 7)], [closed(2, 7), closed(3, 7)], [closed(4)]):
        assert not opened().close("s1", days, complete=False)
    assert opened().days("s1", 365) == (closed(1), closed(2))
    for days in ([], [closed(3), closed(5)]):
        with pytest.raises(Fault, match="INTERNAL"):
            opened().close("s1", days, complete=False)


def test_of_many_who_keep_a_day_at_once_one_does(opened: OpenSeries) -> None:
    registers = [opened() for _ in range(4)]

    def keep(noise: int) -> bool:
        return registers[noise % 4].close("s1", [closed(1, noise)], complete=False)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(keep, range(16)))
    assert kept.count(True) == 1
    assert opened().days("s1", 1) == (closed(1, kept.index(True)),)


def test_figures_go_when_a_series_is_complete_and_nodes_stay(opened: OpenSeries) -> None:
    opened().close("s2", [closed(1)], complete=False)
    opened().close("s1", [closed(1)], complete=False)
    opened().close("s1", [closed(2)], complete=True)
    assert opened().days("s1", 2) == tuple(replace(closed(number), figures=b"") for number in (1, 2))
    assert opened().days("s2", 2) == (closed(1),), "of the others they stay"


def test_figures_go_when_a_series_has_ended_and_nodes_stay(opened: OpenSeries, open_ledger: OpenLedger) -> None:
    charged(open_ledger(), "s3")
    opened().open(replace(OPENING, series_id="s3", ends_at=OPENING.ends_at + timedelta(seconds=1)))
    for series_id in ("s1", "s3"):
        opened().close(series_id, [closed(1), closed(2)], complete=False)
    assert opened().erase_ended(OPENING.ends_at - timedelta(seconds=1)) == 0
    assert opened().days("s1", 2) == (closed(1), closed(2))
    assert opened().erase_ended(OPENING.ends_at) == 2
    assert opened().days("s1", 2) == tuple(replace(closed(number), figures=b"") for number in (1, 2))
    assert opened().days("s3", 2) == (closed(1), closed(2)), "of the others they stay"
    assert opened().erase_ended(OPENING.ends_at) == 0
