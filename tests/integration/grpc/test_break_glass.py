"""A grant for emergencies alone: it opens to the person who says why, for a time, and the reason stays inside."""

from __future__ import annotations

from typing import Any

import pytest

import gateway.client as gw
from tests.integration.fixtures import City
from tests.integration.site import values_of

WHY = "Unconscious on arrival; allergies unknown 昏迷"
ASK: dict[str, Any] = {"purpose": "emergency-treatment", "by": "run_id"}


def a_run(city: City) -> str:
    return values_of(city.data, "ambulance_runs", "run_id")[0]


def patient(gateway: gw.Gateway, run: str, why: str = "") -> gw.Lookup:
    return gateway.lookup("ambulance_runs", "patient", values=[run], break_glass_reason=why, **ASK)


def test_the_glass_opens_to_those_who_say_why(city: City) -> None:
    run = a_run(city)
    with city.connect("xixi-hospital", "zhao.min") as gateway, city.connect("xixi-hospital", "sun.li") as other:
        with pytest.raises(gw.Refused) as raised:
            patient(gateway, run)
        assert raised.value.reason == "BREAK_GLASS_REQUIRED"
        with pytest.raises(gw.InvalidRequest) as short:
            patient(gateway, run, "urgent!!!")
        assert short.value.violations == (("context.break_glass_reason", "is too short"),)
        opened = patient(gateway, run, WHY)
        assert opened.subjects[0].num_rows == 1 and opened.receipt.emergency
        # it stands open for a time, and each receipt names the entry
        assert patient(gateway, run).receipt.emergency == opened.receipt.emergency
        # to the person who said why, and to nobody else
        with pytest.raises(gw.Refused):
            patient(other, run)
    gw.verify_receipt(opened.receipt)
    shown = opened.receipt.SerializeToString() + opened.receipt.log_entry.record
    assert WHY.encode() not in shown and "昏迷".encode() not in shown
    assert "Unconscious" not in city.site.log.read_text()


def test_an_open_glass_is_for_one_subject_at_a_time(city: City) -> None:
    with city.connect("xixi-hospital", "zhou.jun") as gateway, pytest.raises(gw.Refused) as raised:
        gateway.lookup("ambulance_runs", "patient", values=[a_run(city), "x"], break_glass_reason=WHY, **ASK)
    assert raised.value.reason == "BULK_FORBIDDEN"
