"""What every EmergencyRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.emergency import REVIEW_WITHIN, Emergency, Verdict
from gateway.model.errors import ErrorReason, Fault
from tests.conformance.ports.conftest import OpenEmergencies
from tests.conformance.ports.samples import AT

HOUR = timedelta(hours=1)
WHO = ("G-9", "hzems", "li.wei")


def an_emergency(id: str = "e1", hours: int = 0) -> Emergency:
    at = AT + hours * HOUR
    return Emergency(id, *WHO, "ambulance", "a crash on the ring road", at, at + 4 * HOUR, at + REVIEW_WITHIN)


def test_an_emergency_stands_from_its_instant_until_before_its_end(open_emergencies: OpenEmergencies) -> None:
    assert open_emergencies().standing(*WHO, AT) is None
    open_emergencies().open(an_emergency())
    register = open_emergencies()
    assert register.standing(*WHO, AT) == an_emergency()
    assert register.standing(*WHO, AT + 4 * HOUR - timedelta(microseconds=1)) == an_emergency()
    assert register.standing(*WHO, AT + 4 * HOUR) is None
    assert register.standing(*WHO, AT - timedelta(microseconds=1)) is None
    for other in [("G-8", *WHO[1:]), ("G-9", "hzpb", "li.wei"), ("G-9", "hzems", "wu.min")]:
        assert register.standing(*other, AT) is None


def test_the_newest_stands(open_emergencies: OpenEmergencies) -> None:
    register = open_emergencies()
    for emergency in (an_emergency("e2", 1), an_emergency("e1", 0), an_emergency("e3", 3)):
        register.open(emergency)
    found = [register.standing(*WHO, AT + hours * HOUR) for hours in range(8)]
    assert [one.id if one else None for one in found] == ["e1", "e2", "e2", "e3", "e3", "e3", "e3", None]


def test_a_review_is_entered_once(open_emergencies: OpenEmergencies) -> None:
    register = open_emergencies()
    register.open(an_emergency())
    assert register.review("e2", "hzdata/chen.yu", Verdict.JUSTIFIED, AT) is None
    at = AT + HOUR
    reviewed = replace(an_emergency(), reviewed_by="hzdata/chen.yu", reviewed_at=at, verdict=Verdict.JUSTIFIED)
    assert register.review("e1", "hzdata/chen.yu", Verdict.JUSTIFIED, at) == reviewed
    assert register.review("e1", "hzdata/x", Verdict.UNJUSTIFIED, at + HOUR) is None
    again = open_emergencies()
    assert again.get("e1") == again.standing(*WHO, at) == reviewed
    assert again.get("e2") is None


def test_what_was_found_unjustified_opens_nothing_any_more(open_emergencies: OpenEmergencies) -> None:
    register = open_emergencies()
    register.open(an_emergency("e1"))
    register.open(an_emergency("e2", 1))
    register.review("e2", "hzdata/chen.yu", Verdict.UNJUSTIFIED, AT + HOUR)
    assert register.standing(*WHO, AT + HOUR) == an_emergency("e1")
    register.review("e1", "hzdata/chen.yu", Verdict.UNJUSTIFIED, AT + HOUR)
    assert register.standing(*WHO, AT + HOUR) is None


def test_those_that_wait_and_those_between_come_oldest_first(open_emergencies: OpenEmergencies) -> None:
    register = open_emergencies()
    emergencies = [an_emergency(f"e{hours}", hours) for hours in range(5)]
    for emergency in reversed(emergencies):
        register.open(emergency)
    register.review("e2", "hzdata/chen.yu", Verdict.JUSTIFIED, AT)
    assert [one.id for one in register.unreviewed()] == ["e0", "e1", "e3", "e4"]
    assert [one.id for one in register.between(AT + HOUR, AT + 4 * HOUR)] == ["e1", "e2", "e3"]
    assert register.between(AT + 9 * HOUR, AT) == ()


def test_an_id_is_taken_once(open_emergencies: OpenEmergencies) -> None:
    register = open_emergencies()
    register.open(an_emergency())
    register.open(an_emergency())
    with pytest.raises(Fault) as caught:
        register.open(replace(an_emergency(), why="something else"))
    assert caught.value.reason is ErrorReason.INTERNAL
    assert register.unreviewed() == (an_emergency(),)


def test_of_16_threads_one_reviews(open_emergencies: OpenEmergencies) -> None:
    openings = (open_emergencies(), open_emergencies())
    openings[0].open(an_emergency())
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda n: openings[n % 2].review("e1", f"r{n}", Verdict.JUSTIFIED, AT), range(32)))
    assert [one for one in found if one] == [openings[0].get("e1")]
