"""A join stands on two grants: the terms of both hold, for whatever is made of it, and both are on record."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

from gateway import pipeline
from gateway.accountability.report import Report
from gateway.administration.study import measured, report
from gateway.decision.officer.impact import impact
from gateway.lanes import inquiries
from gateway.model.errors import ErrorReason
from gateway.model.governance import Officer, Power
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import PLAIN, JoinedDataset
from gateway.pipeline import Refused
from gateway.stages.rehearse import Rehearsal
from tests.integration.house import House, context, counting, edit, released

RESEARCH = "zju-research"
OWN = "p, g-research-sector, researchers, subsidies/by-sector, release, hangzhou, academic-research, "
OTHER = "p, g-research-rides, researchers, transport_trips/rides-by-line, release, hangzhou, academic-research, "


def terms(house: House, of: str, written: str) -> None:
    """Give one of the two grants terms."""
    edit(house.site.policies / "grants.csv", f"{of}, allow", f"{of}{written}, allow")
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems


def joined(**said: Any) -> ReleaseRequest:
    """How many rides applicants of each tier have, with what the caller says besides."""
    asked = counting(Fraction(1, 2), ("tier",))
    query = replace(asked.query, join=JoinedDataset("transport_trips", "rides-by-line"))
    return replace(asked, query=query, context=replace(context("academic-research", str(uuid.uuid4())), **said))


def refusal(outcome: Any) -> ErrorReason:
    assert isinstance(outcome, Refused)
    return outcome.refusal.reason


def test_every_call_counts_in_the_rate_of_either_grant(house: House) -> None:
    terms(house, OTHER, "rate=3/day")
    peer = house.peer(RESEARCH)
    made = released(pipeline.release(house.ports, peer, joined()))
    assert isinstance(inquiries.rehearse(house.ports, peer, joined()), Rehearsal)
    released(pipeline.stored_release(house.ports, peer, context("academic-research"), made.release.id, PLAIN))
    again = pipeline.stored_release(house.ports, peer, context("academic-research"), made.release.id, PLAIN)
    assert refusal(again) is ErrorReason.RELEASE_NOT_FOUND
    for call in (inquiries.rehearse, pipeline.release):
        assert refusal(call(house.ports, peer, joined())) is ErrorReason.RATE_EXCEEDED
    # alone, the first dataset is asked for as before
    released(pipeline.release(house.ports, peer, counting(Fraction(1, 2))))


def test_the_case_of_either_grant_is_asked_for_and_on_record(house: House) -> None:
    terms(house, OTHER, "case=R-9999")
    peer = house.peer(RESEARCH)
    for call in (inquiries.rehearse, inquiries.estimate, pipeline.release):
        assert refusal(call(house.ports, peer, joined())) is ErrorReason.CASE_NUMBER_REQUIRED
    made = released(pipeline.release(house.ports, peer, joined(case_number="R-2026")))
    assert made.receipt.record.case_number == "R-2026"


def test_every_glass_that_a_join_breaks_is_on_record(house: House) -> None:
    terms(house, OWN, "break_glass=2h")
    terms(house, OTHER, "break_glass=2h")
    peer = house.peer(RESEARCH)
    assert refusal(pipeline.release(house.ports, peer, joined())) is ErrorReason.BREAK_GLASS_REQUIRED
    assert house.ports.registers.emergencies.unreviewed() == ()
    made = released(
        pipeline.release(house.ports, peer, joined(break_glass_reason="a flood, and nobody knows who is in"))
    )
    waiting = house.ports.registers.emergencies.unreviewed()
    assert {one.grant for one in waiting} == {"g-research-sector", "g-research-rides"}
    assert set(made.receipt.record.emergency.split()) == {one.id for one in waiting}


def test_who_loses_one_grant_has_the_release_no_more(house: House) -> None:
    peer = house.peer(RESEARCH)
    made = released(pipeline.release(house.ports, peer, joined()))
    edit(house.site.policies / "grants.csv", f"{OTHER}, allow\n", "")
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    gone = pipeline.stored_release(house.ports, peer, context("academic-research"), made.release.id, PLAIN)
    assert refusal(gone) is ErrorReason.RELEASE_NOT_FOUND
    for call in (inquiries.rehearse, inquiries.estimate, pipeline.release, pipeline.evaluate):
        assert refusal(call(house.ports, peer, joined())) is ErrorReason.DISCLOSURE_NOT_GRANTED


def test_an_officer_watches_a_join_who_may_watch_both_datasets(house: House) -> None:
    released(pipeline.release(house.ports, house.peer(RESEARCH), joined()))
    seen = {}
    for datasets in (("subsidies",), ("transport_trips",), ("subsidies", "transport_trips"), ("*",)):
        looking = Officer("data-bureau", "an.xin", frozenset(Power), "hangzhou", frozenset(datasets), b"")
        seen[datasets] = measured(house.office, 10)(looking, house.ports.policy.current()).records
    assert list(seen.values()) == [0, 0, 1, 1]


def test_what_a_join_was_refused_for_is_told_to_officers_alone(house: House) -> None:
    """The log knows which names the policy knows; an institution's own report does not say."""
    peer, now = house.peer(RESEARCH), house.clock.now()
    for dataset, disclosure in (("residents", "missing-person"), ("ghosts", "of-nobody")):
        asked = joined()
        asked = replace(asked, query=replace(asked.query, join=JoinedDataset(dataset, disclosure)))
        assert refusal(pipeline.release(house.ports, peer, asked)) is ErrorReason.DISCLOSURE_NOT_GRANTED
    told = report(house.office, peer, RESEARCH, now - timedelta(hours=1), now + timedelta(hours=1))
    assert isinstance(told, Report) and told.refused == 2
    assert [(line.dataset, line.disclosure, line.count) for line in told.lines] == [("", "", 2)]


def test_an_impact_says_that_it_is_the_join_that_turns(house: House) -> None:
    base = house.ports.policy.current()
    for asked in (joined(), counting(Fraction(1, 2))):
        released(pipeline.release(house.ports, house.peer(RESEARCH), asked))
    edit(house.site.policies / "grants.csv", f"{OTHER}, allow\n", "")
    house.ports.policy.reload()
    (found,) = impact(house.audit.newest(9), base, house.ports.policy.current(), house.clock.now()).institutions
    (turned,) = found.now_refused
    assert (turned.asked.obj, turned.count) == ("subsidies/by-sector joined with transport_trips/rides-by-line", 1)
