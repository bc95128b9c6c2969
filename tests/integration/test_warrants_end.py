"""The times of join grants and re-identifications, and what becomes of their keys and approvals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.administration.joins import close_joins
from gateway.administration.sunset import sunset
from gateway.lanes.linking import Linked, Sealed
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.linking import MOST_LINKED
from gateway.model.permit import Refusal
from gateway.ports import KeyUse
from gateway.stages import reidentify as stage
from gateway.stages.domain_tokens import open_tokens
from tests.integration.bench import HOUR, MATCHING, Bench, reason
from tests.integration.house import edit
from tests.integration.warrants import AUDITOR, BUREAU, COMMISSION, TRACING, officers_file


def test_a_join_ends_by_its_time_and_its_key_is_destroyed(bench: Bench) -> None:
    house, mine = bench.house, bench.tokens("police")[:3]
    join = bench.joined(24 * HOUR)
    assert isinstance(bench.link(join, mine), Linked)
    assert join.domain in house.office.keys.domains()
    assert close_joins(house.office) == ()
    bench.wait(24 * HOUR)
    assert reason(bench.link(join, mine)) is ErrorReason.JOIN_NOT_IN_FORCE
    (closed,) = close_joins(house.office)
    assert closed.id == join.id
    assert join.domain not in house.office.keys.domains()
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        house.office.keys.working_key(join.domain, KeyUse.TOKEN_BLOCK, "resident-id")
    kept = house.office.registers.joins.get(join.id)
    assert kept is not None and kept.end is not None
    assert kept.end.destroyed_at >= join.ends_at
    assert house.ports.audit.get(kept.end.audit_index) is None
    assert close_joins(house.office) == ()
    # what the sides themselves were given stays
    assert bench.tokens("police")[:3] == mine


def test_a_late_call_has_no_key_made_for_a_join_that_ended_unused(bench: Bench) -> None:
    keys = bench.house.office.keys
    join = bench.joined(HOUR)
    bench.wait(HOUR)
    close_joins(bench.house.office)
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        keys.working_key(join.domain, KeyUse.TOKEN_BLOCK, "resident-id")
    assert join.domain not in keys.domains()
    assert close_joins(bench.house.office) == ()


def test_nobody_approves_what_is_over(bench: Bench) -> None:
    join = bench.propose(HOUR)
    bench.wait(HOUR)
    assert reason(bench.approve(join)) is ErrorReason.ENTRY_NOT_FOUND


def test_a_join_ends_with_the_purpose_of_a_side_or_its_own(bench: Bench) -> None:
    mine = bench.tokens("police")[:2]
    join = bench.joined(72 * HOUR)
    assert isinstance(bench.link(join, mine), Linked)
    end_purpose(bench, TRACING)
    bench.wait(36 * HOUR)
    assert reason(bench.link(join, mine)) is ErrorReason.PURPOSE_EXPIRED
    end_purpose(bench, MATCHING, days_ago=1)
    assert reason(bench.link(join, mine)) is ErrorReason.PURPOSE_EXPIRED
    certified = {one.purpose: one for one in sunset(bench.house.office)}
    assert f"join:{join.id}" in certified[MATCHING].recipients
    assert join.domain not in bench.house.office.keys.domains()


@pytest.mark.parametrize("ends", [TRACING, MATCHING])
def test_the_key_of_a_join_goes_with_any_of_its_purposes(bench: Bench, ends: str) -> None:
    house, mine = bench.house, bench.tokens("police")[:2]
    join = bench.joined(72 * HOUR)
    assert isinstance(bench.link(join, mine), Linked)
    assert close_joins(house.office) == ()
    end_purpose(bench, ends)
    assert close_joins(house.office) == ()
    bench.wait(36 * HOUR)
    (closed,) = close_joins(house.office)
    assert closed.id == join.id
    assert join.domain not in house.office.keys.domains()
    kept = house.office.registers.joins.get(join.id)
    assert kept is not None and kept.end is not None and kept.ended_at is not None
    assert kept.ended_by == "purpose-gateway" and kept.end.destroyed_at < join.ends_at
    assert close_joins(house.office) == ()
    assert reason(bench.link(join, mine)) in (ErrorReason.PURPOSE_EXPIRED, ErrorReason.JOIN_NOT_IN_FORCE)
    assert join.domain not in house.office.keys.domains()


def end_purpose(bench: Bench, purpose: str, days_ago: int = 0) -> None:
    """Let today, or an earlier day of the city, be the last day of a purpose."""
    file = bench.house.site.policies / "purposes.yaml"
    last = (city_day(bench.house.clock.now()) - timedelta(days=days_ago)).isoformat()
    head, name, tail = file.read_text().partition(f"- id: {purpose}\n")
    assert name and "expires_on: 2036-12-31" in tail
    file.write_text(head + name + tail.replace("expires_on: 2036-12-31", f"expires_on: {last}", 1))
    bench.house.ports.policy.reload()
    assert not bench.house.ports.policy.last_problems


def test_a_join_stands_on_officers_of_today(bench: Bench) -> None:
    mine, join = bench.tokens("police")[:2], bench.joined()
    officers = bench.house.site.policies / "officers.yaml"
    edit(officers, "powers: [review, link, reidentify]", "powers: [review, reidentify]")
    bench.house.ports.policy.reload()
    assert reason(bench.link(join, mine)) is ErrorReason.JOIN_NOT_IN_FORCE
    edit(officers, "powers: [review, reidentify]", "powers: [review, link, reidentify]")
    bench.house.ports.policy.reload()
    assert isinstance(bench.link(join, mine), Linked)
    # with another key than the one that was signed with
    bench.keys = officers_file(bench.house.site.policies)
    bench.house.ports.policy.reload()
    assert reason(bench.link(join, mine)) is ErrorReason.JOIN_NOT_IN_FORCE


def test_a_field_that_means_something_else_now_is_not_joined(bench: Bench) -> None:
    mine, join = bench.tokens("police")[:2], bench.joined()
    contract = bench.house.site.policies / "contracts" / "health_cases.yaml"
    edit(contract, "resident_id: {canonical: resident-id}", "resident_id: {canonical: text}")
    bench.house.ports.policy.reload()
    assert reason(bench.link(join, mine)) is ErrorReason.JOIN_NOT_IN_FORCE


def test_links_are_counted_and_recorded_before_they_leave(bench: Bench) -> None:
    house, join = bench.house, bench.joined()
    grants = house.site.policies / "grants.csv"
    edit(grants, "subjects=5000/day;rate=60/hour", "subjects=3/day;rate=3/hour")
    house.ports.policy.reload()
    mine = bench.tokens("police")
    linked = bench.link(join, mine[:3])
    assert isinstance(linked, Linked)
    assert house.audit.records[-1].join == join.id
    index, segment, tags = house.audit.manifests[-1]
    assert (index, segment, len(tags)) == (linked.receipt.entry.index, 0, 3 * 16)
    assert reason(bench.link(join, mine[3:4])) is ErrorReason.CAP_EXCEEDED
    assert isinstance(bench.link(join, mine[:3]), Linked)
    house.audit.failing_from = len(house.audit.records)
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        bench.link(join, mine[:3])
    house.audit.failing_from = None
    assert reason(bench.link(join, mine[:3])) is ErrorReason.RATE_EXCEEDED


def test_no_more_tokens_are_linked_at_once_than_is_said(bench: Bench) -> None:
    join, mine = bench.joined(), bench.tokens("police")[:1]
    assert isinstance(bench.link(join, mine * MOST_LINKED), Linked)
    count = len(bench.house.audit.records)
    with pytest.raises(Fault, match="INTERNAL"):
        bench.link(join, mine * (MOST_LINKED + 1))
    assert len(bench.house.audit.records) == count


def test_approvals_have_a_day_and_the_answer_two(bench: Bench) -> None:
    mine, key = bench.tokens("health-commission")[:2], X25519PrivateKey.generate()
    asked, late, other = (bench.ask(mine, key) for _ in range(3))
    assert not isinstance(bench.sign(other, AUDITOR), Refusal) and not isinstance(bench.sign(other, BUREAU), Refusal)
    assert not isinstance(bench.sign(asked, AUDITOR), Refusal)
    assert not isinstance(bench.sign(late, AUDITOR), Refusal)
    bench.wait(24 * HOUR - timedelta(minutes=5))
    assert not isinstance(bench.sign(asked, COMMISSION), Refusal)
    bench.wait(timedelta(minutes=6))
    assert reason(bench.sign(late, COMMISSION)) is ErrorReason.REIDENTIFICATION_LAPSED
    assert reason(bench.collect(late.id, mine)) is ErrorReason.REIDENTIFICATION_NOT_APPROVED
    assert isinstance(bench.collect(asked.id, mine), Sealed)
    bench.wait(24 * HOUR)
    assert reason(bench.collect(other.id, mine)) is ErrorReason.REIDENTIFICATION_LAPSED


def test_an_approval_stands_on_officers_of_today(bench: Bench) -> None:
    mine = bench.tokens("health-commission")[:1]
    asked = bench.ask(mine, X25519PrivateKey.generate())
    bench.sign(asked, AUDITOR)
    bench.sign(asked, COMMISSION)
    officers = bench.house.site.policies / "officers.yaml"
    edit(officers, "powers: [review, link, reidentify]", "powers: [review, link]")
    bench.house.ports.policy.reload()
    assert reason(bench.collect(asked.id, mine)) is ErrorReason.REIDENTIFICATION_NOT_APPROVED
    bench.sign(asked, BUREAU)
    assert isinstance(bench.collect(asked.id, mine), Sealed)


def test_what_is_collected_is_decided_anew_and_counted(bench: Bench) -> None:
    mine = bench.tokens("health-commission")[:2]
    grants = bench.house.site.policies / "grants.csv"
    first, second = (bench.ask(mine, X25519PrivateKey.generate()) for _ in range(2))
    for asked in (first, second):
        bench.sign(asked, AUDITOR)
        bench.sign(asked, BUREAU)
    edit(grants, "max_keys=5;rate=300/day", "max_keys=1;rate=1/day")
    bench.house.ports.policy.reload()
    assert reason(bench.collect(first.id, mine)) is ErrorReason.CAP_EXCEEDED
    edit(grants, "max_keys=1;rate=1/day", "max_keys=5;rate=1/day")
    bench.house.ports.policy.reload()
    assert isinstance(bench.collect(first.id, mine), Sealed)
    assert reason(bench.collect(second.id, mine)) is ErrorReason.RATE_EXCEEDED


def test_nothing_is_opened_that_is_not_on_record_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    house, mine = bench.house, bench.tokens("health-commission")[:2]
    asked = bench.ask(mine, X25519PrivateKey.generate())
    bench.sign(asked, AUDITOR)
    bench.sign(asked, BUREAU)
    opened: list[int] = []

    def watched(*arguments: Any) -> Any:
        opened.append(len(house.audit.records))
        return open_tokens(*arguments)

    monkeypatch.setattr(stage, "open_tokens", watched)
    before = len(house.audit.records)
    house.audit.failing_from = before
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        bench.collect(asked.id, mine)
    assert opened == []
    # it is used up all the same: a second try is a second request
    house.audit.failing_from = None
    assert reason(bench.collect(asked.id, mine)) is ErrorReason.REIDENTIFICATION_COLLECTED
    again = bench.ask(mine, X25519PrivateKey.generate())
    bench.sign(again, AUDITOR)
    bench.sign(again, BUREAU)
    before = len(house.audit.records)
    assert isinstance(bench.collect(again.id, mine), Sealed)
    assert opened == [before + 1]
    assert house.audit.records[-1].reidentification == again.id
    assert len(house.audit.manifests[-1][2]) == 2 * 16
