"""What every JoinRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.contract import CanonicalForm
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Approval
from gateway.model.linking import Join, JoinEnd
from gateway.model.pseudonym import PseudonymDomain
from tests.conformance.ports.conftest import OpenJoins
from tests.conformance.ports.samples import AT

HOUR = timedelta(hours=1)


def a_join(id: str = "j1", hours: int = 24) -> Join:
    return Join(
        id=id,
        first=PseudonymDomain("hzpb", "tracing"),
        second=PseudonymDomain("hzhc", "care"),
        dataset="residents",
        field="resident_id",
        form=CanonicalForm.RESIDENT_ID,
        purpose="matching",
        reason="a report 周报",
        proposed_by="hzdata/chen.yu",
        proposed_at=AT,
        ends_at=AT + hours * HOUR,
    )


def by(officer: str) -> Approval:
    return Approval(officer, AT + HOUR, b"s" * 64)


def test_a_join_is_kept_as_it_was_proposed(open_joins: OpenJoins) -> None:
    assert open_joins().get("j1") is None
    open_joins().propose(a_join())
    assert open_joins().get("j1") == a_join()
    with pytest.raises(Fault) as caught:
        open_joins().propose(replace(a_join(), reason="another"))
    assert caught.value.reason is ErrorReason.INTERNAL
    assert open_joins().newest(9) == (a_join(),)


def test_what_is_not_as_it_begins_is_not_entered(open_joins: OpenJoins) -> None:
    register = open_joins()
    for wrong in (
        replace(a_join(), approvals=(by("hzdata/x"),)),
        replace(a_join(), ended_at=AT, ended_by="hzdata/x"),
        replace(a_join(), end=JoinEnd(AT, 1)),
        replace(a_join(), first=PseudonymDomain("hzpb", "tracing", "2026-11-22")),
    ):
        with pytest.raises(Fault):
            register.propose(wrong)
    assert register.newest(9) == ()


def test_each_officer_approves_once_and_the_oldest_comes_first(open_joins: OpenJoins) -> None:
    open_joins().propose(a_join())
    assert open_joins().approve("j2", by("hzaudit/wu")) is None
    first = open_joins().approve("j1", by("hzaudit/wu"))
    assert first == replace(a_join(), approvals=(by("hzaudit/wu"),))
    assert open_joins().approve("j1", Approval("hzaudit/wu", AT + 2 * HOUR, b"t" * 64)) is None
    both = open_joins().approve("j1", by("aaa/first-by-name"))
    assert both == open_joins().get("j1") == replace(a_join(), approvals=(by("hzaudit/wu"), by("aaa/first-by-name")))


def test_a_join_is_ended_once_and_then_not_approved(open_joins: OpenJoins) -> None:
    register = open_joins()
    register.propose(a_join())
    assert register.finish("j2", "hzdata/x", AT) is None
    ended = replace(a_join(), ended_by="hzdata/x", ended_at=AT + HOUR)
    assert register.finish("j1", "hzdata/x", AT + HOUR) == ended == open_joins().get("j1")
    assert register.finish("j1", "hzdata/y", AT + 2 * HOUR) is None
    assert register.approve("j1", by("hzaudit/wu")) is None
    assert register.get("j1") == ended


def test_each_waits_until_its_keys_are_known_to_be_gone(
    open_joins: OpenJoins,
) -> None:
    register = open_joins()
    for join in (a_join("j1", 1), a_join("j2", 2), a_join("j3", 99)):
        register.propose(join)
    register.finish("j3", "hzdata/x", AT)
    assert [one.id for one in register.uncertified()] == ["j1", "j2", "j3"]
    register.certify("j1", JoinEnd(AT + HOUR, 7))
    register.certify("j1", JoinEnd(AT + 2 * HOUR, 8))
    register.certify("j9", JoinEnd(AT, 9))
    assert open_joins().get("j1") == replace(a_join("j1", 1), end=JoinEnd(AT + HOUR, 7))
    assert [one.id for one in open_joins().uncertified()] == ["j2", "j3"]


def test_the_newest_come_first(open_joins: OpenJoins) -> None:
    for name in ("b", "a", "c"):
        open_joins().propose(a_join(name))
    open_joins().approve("a", by("hzaudit/wu"))
    assert [one.id for one in open_joins().newest(2)] == ["c", "a"]
    assert open_joins().newest(2)[1].approvals == (by("hzaudit/wu"),)
    assert open_joins().newest(0) == ()


def test_of_16_threads_one_ends_it(open_joins: OpenJoins) -> None:
    openings = (open_joins(), open_joins())
    openings[0].propose(a_join())
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda n: openings[n % 2].finish("j1", f"hzdata/{n}", AT), range(32)))
    assert [one for one in found if one] == [openings[0].get("j1")]
