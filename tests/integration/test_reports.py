"""A report's loss is what the ledger charged, whatever became of the log, the answer or the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from gateway import pipeline
from gateway.accountability.report import Report
from gateway.administration import study
from gateway.lanes import syntheses
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Refusal
from gateway.pipeline import Refused
from tests.integration.house import House, counting, released
from tests.integration.site import ROOT
from tests.integration.synthesis.test_lane import asked

WHO = "zju-research"


def reported(house: House) -> Report:
    now = house.clock.now()
    made = study.report(house.office, house.peer(WHO), WHO, now - timedelta(hours=1), now + timedelta(hours=1))
    assert not isinstance(made, Refusal)
    return made


def spent(house: House) -> Fraction:
    """What the account of the institution says."""
    budgets = house.ports.policy.current().budgets
    (account,) = [one for one in budgets.named(house.clock.now().date()) if one.id.startswith(f"recipient/{WHO}")]
    (balance,) = house.ports.ledger.balances([account])
    return balance.spent


def test_what_was_charged_and_not_recorded_is_reported(house: House) -> None:
    house.audit.failing_from = 0
    for call in (
        lambda: pipeline.release(house.ports, house.peer(WHO), counting(Fraction(1, 5))),
        lambda: syntheses.request(house.ports, house.peer(WHO), asked()),
    ):
        with pytest.raises(Fault) as caught:
            call()
        assert caught.value.reason is ErrorReason.RELEASE_FAILED
    assert house.audit.records == []
    told = reported(house)
    assert told.rho == spent(house) == Fraction(1, 50) + Fraction(1, 50)
    assert told.lines == ()

    # asked for again it is answered and recorded, and counts no further
    house.audit.failing_from = None
    released(pipeline.release(house.ports, house.peer(WHO), counting(Fraction(1, 5))))
    assert not isinstance(syntheses.request(house.ports, house.peer(WHO), asked()), Refused)
    again = reported(house)
    assert (again.rho, again.allowed) == (told.rho, 2)


@pytest.mark.parametrize("what", ["release", "extract"])
def test_what_was_charged_before_a_kill_is_reported(house: House, what: str) -> None:
    site = house.site
    certificate = Path(site.folder / f"{WHO}.pem")
    command = [sys.executable, "-m", "tests.integration.killed", str(site.config), str(certificate)]
    child = subprocess.run([*command, site.token(WHO), what], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    told = reported(house)
    assert told.rho == spent(house) > 0
    assert told.allowed == 0
