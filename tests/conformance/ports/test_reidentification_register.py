"""What every ReidentificationRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Approval
from gateway.model.linking import Reidentification
from tests.conformance.ports.conftest import OpenReidentifications
from tests.conformance.ports.samples import AT

HOUR = timedelta(hours=1)


def a_request(id: str = "r1", hours: int = 0) -> Reidentification:
    return Reidentification(
        id=id,
        institution="hzhc",
        person="xu.lan",
        dataset="residents",
        disclosure="open",
        field="resident_id",
        purpose="warning",
        tokens_of="tracing",
        region="hangzhou",
        case_number="YQ-1",
        reason="a reason 急",
        count=3,
        tokens_digest=b"d" * 32,
        public_key=b"k" * 32,
        asked_at=AT + hours * HOUR,
    )


def by(officer: str) -> Approval:
    return Approval(officer, AT + HOUR, b"s" * 64)


def test_a_request_is_kept_as_it_was_asked(open_reidentifications: OpenReidentifications) -> None:
    assert open_reidentifications().get("r1") is None
    open_reidentifications().ask(a_request())
    assert open_reidentifications().get("r1") == a_request()
    for again in (
        a_request(),
        replace(a_request("r2"), approvals=(by("a/b"),)),
        replace(a_request("r2"), collected_at=AT),
    ):
        with pytest.raises(Fault) as caught:
            open_reidentifications().ask(again)
        assert caught.value.reason is ErrorReason.INTERNAL
    assert open_reidentifications().get("r2") is None


def test_each_officer_approves_once(open_reidentifications: OpenReidentifications) -> None:
    open_reidentifications().ask(a_request())
    assert open_reidentifications().approve("r2", by("a/b")) is None
    open_reidentifications().approve("r1", by("z/first"))
    assert open_reidentifications().approve("r1", by("z/first")) is None
    found = open_reidentifications().approve("r1", by("a/second"))
    assert (
        found == open_reidentifications().get("r1") == replace(a_request(), approvals=(by("z/first"), by("a/second")))
    )


def test_it_is_collected_once_and_not_approved_after(open_reidentifications: OpenReidentifications) -> None:
    register = open_reidentifications()
    register.ask(a_request())
    assert not register.collect("r2", AT)
    assert register.collect("r1", AT + HOUR)
    assert not open_reidentifications().collect("r1", AT + 2 * HOUR)
    assert open_reidentifications().approve("r1", by("a/b")) is None
    assert open_reidentifications().get("r1") == replace(a_request(), collected_at=AT + HOUR)


def test_those_that_wait_come_oldest_first(open_reidentifications: OpenReidentifications) -> None:
    register = open_reidentifications()
    for hours in (3, 1, 2, 0):
        register.ask(a_request(f"r{hours}", hours))
    register.collect("r2", AT)
    register.approve("r3", by("a/b"))
    assert [one.id for one in register.waiting(AT)] == ["r1", "r3"]
    assert register.waiting(AT)[1].approvals == (by("a/b"),)
    assert register.waiting(AT + 3 * HOUR) == ()


def test_of_16_threads_one_collects(open_reidentifications: OpenReidentifications) -> None:
    openings = (open_reidentifications(), open_reidentifications())
    openings[0].ask(a_request())
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda n: openings[n % 2].collect("r1", AT), range(32)))
    assert found.count(True) == 1
