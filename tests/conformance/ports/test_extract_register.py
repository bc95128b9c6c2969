"""What every ExtractRegister does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.model.extract import OpenExtract
from gateway.ports import AuditLog
from tests.conformance.ports.conftest import OpenExtracts, OpenLog
from tests.conformance.ports.samples import AT, a_record
from tests.conformance.ports.still_clock import StillClock


def an_extract(log: AuditLog, name: str, institution: str = "police") -> OpenExtract:
    entry = log.append(a_record()).index
    return OpenExtract(name, institution, "li.wei", b"asked", b"permission", AT, "version", entry, 3)


def test_what_is_opened_is_found_by_everybody_until_its_time_is_over(
    open_extracts: OpenExtracts, open_log: OpenLog
) -> None:
    clock = StillClock()
    kept = an_extract(open_log(), "e1")
    assert open_extracts(clock, 5).open(kept) == AT + timedelta(hours=1)
    assert open_extracts(clock, 5).find("e1") == kept
    assert open_extracts(clock, 5).find("e2") is None
    clock.pass_by(3599)
    assert open_extracts(clock, 5).find("e1") == kept
    clock.pass_by(1)
    assert open_extracts(clock, 5).find("e1") is None


def test_of_each_institution_the_newest_are_kept(open_extracts: OpenExtracts, open_log: OpenLog) -> None:
    register, log = open_extracts(StillClock(), 2), open_log()
    register.open(an_extract(log, "other", "hotel"))
    for name in ("e1", "e2", "e3"):
        register.open(an_extract(log, name))
    assert [register.find(name) is not None for name in ("e1", "e2", "e3", "other")] == [False, True, True, True]


def test_what_has_expired_is_erased(open_extracts: OpenExtracts, open_log: OpenLog) -> None:
    clock, log = StillClock(), open_log()
    register = open_extracts(clock, 1)
    register.open(an_extract(log, "e1", "hotel"))
    clock.pass_by(3600)
    register.open(an_extract(log, "e2"))
    clock.pass_by(-1800)  # a clock that was put back brings nothing back
    assert register.find("e1") is None and register.find("e2") is not None


def test_an_extract_that_is_on_no_record_is_a_fault(open_extracts: OpenExtracts) -> None:
    with pytest.raises(Fault) as caught:
        open_extracts(StillClock(), 1).open(OpenExtract("e1", "a", "b", b"", b"", AT, "", 7, 1))
    assert caught.value.reason is ErrorReason.REGISTER_UNAVAILABLE
