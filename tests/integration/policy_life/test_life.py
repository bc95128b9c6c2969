"""The life of a policy before a real gateway: every step, and everybody who may not take it."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import gateway.client as gw
from tests.integration.policy_life.town_hall import (
    AUTHOR,
    COLOUR,
    DISTRICT,
    REVIEWER,
    SECOND,
    Passer,
    TownHall,
    a_resident,
    changed,
    officers,
    open_town_hall,
    passed,
)

GRANTS = "grants.csv"
NARROWER = COLOUR.replace("hangzhou,", "hangzhou/xiacheng,")


def in_force(hall: TownHall) -> dict[str, bytes]:
    with hall.officer(AUTHOR) as author:
        return dict(author.snapshot().files)


def noted(hall: TownHall, text: str) -> dict[str, bytes]:
    """The policy in force with another remark, which gives nobody anything."""
    files = in_force(hall)
    return {**files, "README.md": files["README.md"] + text.encode()}


def test_a_change_is_proposed_approved_and_published(hall: TownHall) -> None:
    files = noted(hall, "\nfirst\n")
    with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
        before = author.snapshot().digest
        proposal = author.propose(files, "say more")
        assert (proposal.base, proposal.author, proposal.note) == (before, "data-bureau/chen.jie", "say more")
        assert author.snapshot().digest == before
        assert author.snapshot(proposal.digest).files == files
        with pytest.raises(gw.NotNow, match="SECOND_OFFICER_REQUIRED"):
            author.approve(proposal, hall.keys[AUTHOR])
        with pytest.raises(gw.NotNow, match="SECOND_OFFICER_REQUIRED"):
            author.publish(proposal.id)
        assert second.approve(proposal, hall.keys[SECOND]).approvals[0].officer == "data-bureau/sun.hao"
        assert second.approve(proposal, hall.keys[SECOND]) == second.proposal(proposal.id)  # once is enough
        entry = author.publish(proposal.id)
        assert (entry.digest, entry.act, entry.review_due) == (proposal.digest, "published", None)
        assert author.snapshot().digest == proposal.digest
        newest = author.publications(1)[0]
        assert newest == entry
        assert [one.id for one in author.proposals(1)] == [proposal.id]


@pytest.mark.parametrize("wrong", ["key", "step", "proposal"])
def test_a_signature_is_by_the_officer_over_this_very_step(hall: TownHall, wrong: str) -> None:
    with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
        proposal = author.propose(noted(hall, f"\n{wrong}\n"), "sign me")
        spoilt = {
            "key": (proposal, Ed25519PrivateKey.generate()),
            "step": (replace(proposal, digest=proposal.base), hall.keys[SECOND]),
            "proposal": (replace(proposal, id="0" * 16), hall.keys[SECOND]),
        }
        reason = "PROPOSAL_NOT_FOUND" if wrong == "proposal" else "SIGNATURE_INVALID"
        with pytest.raises(gw.GatewayError, match=reason):
            second.approve(*spoilt[wrong])
        with pytest.raises(gw.NotNow, match="SECOND_OFFICER_REQUIRED"):
            second.publish(proposal.id)


def test_a_proposal_against_an_older_policy_is_refused(hall: TownHall) -> None:
    with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
        stale = author.propose(noted(hall, "\nstale\n"), "will be overtaken")
        approved = author.propose(noted(hall, "\napproved and stale\n"), "will be overtaken too")
        second.approve(approved, hall.keys[SECOND])
        passed(hall, noted(hall, "\novertakes\n"))
        with pytest.raises(gw.NotNow, match="POLICY_NOT_CURRENT"):
            second.approve(stale, hall.keys[SECOND])
        with pytest.raises(gw.NotNow, match="POLICY_NOT_CURRENT"):
            author.publish(approved.id)


def test_authority_ends_at_regions_and_datasets(hall: TownHall) -> None:
    files = in_force(hall)
    city_wide = changed(files, GRANTS, COLOUR, COLOUR.replace("max_keys=1", "max_keys=2"))
    own = changed(
        files,
        GRANTS,
        "p, g-xiacheng-tracing, police-xiacheng, health_cases/police-tracing, extract, hangzhou/xiacheng, "
        "epidemic-tracing, until=2036-12-31, allow",
        "p, g-xiacheng-tracing, police-xiacheng, health_cases/police-tracing, extract, hangzhou/xiacheng, "
        "epidemic-tracing, until=2030-12-31, allow",
    )
    with hall.officer(DISTRICT) as district, hall.officer(AUTHOR) as author:
        with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED") as raised:
            district.propose(city_wide, "beyond the district")
        assert raised.value.violations == (("files", "changes health_codes in hangzhou"),)
        assert district.propose(own, "within the district").author == "police-xiacheng/zhao.lei"
        with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
            district.approve(author.propose(city_wide, "of the city"), hall.keys[DISTRICT])
        with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
            district.publish("0" * 16)
    with hall.officer(REVIEWER) as reviewer:
        assert reviewer.snapshot().files == files
        with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
            reviewer.propose(own, "no power to")
    with hall.officer(("hotel-lakeside", "li.wei")) as nobody:
        calls: list[Any] = [nobody.snapshot, nobody.check, nobody.publications, nobody.proposals]
        for call in (*calls, lambda: nobody.propose(files, "x"), lambda: nobody.roll_back("0" * 64, "x")):
            with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
                call()
        assert {one.purpose for one in nobody.certificates()} <= {"venue-registration"}  # ended in June 2026


def test_an_invalid_policy_is_told_with_places_and_the_last_good_one_serves(hall: TownHall) -> None:
    files = in_force(hall)
    broken = changed(files, GRANTS, COLOUR, COLOUR.replace(", allow", ", alow"))
    line = broken[GRANTS].decode().splitlines().index(COLOUR.replace(", allow", ", alow")) + 1
    with hall.officer(AUTHOR) as author:
        for send in (lambda: author.check(broken), lambda: author.propose(broken, "broken")):
            with pytest.raises(gw.PolicyInvalid) as raised:
                send()
            told = {(one.file, one.line): one.remedy for one in raised.value.problems}
            assert told[GRANTS, line] == "Did you mean 'allow'?"
            assert raised.value.total == len(raised.value.problems)
        assert author.check().digest == author.check(files).digest == author.snapshot().digest
        with pytest.raises(gw.PolicyInvalid):
            author.check({})
        with pytest.raises(gw.NotFound, match="SNAPSHOT_NOT_FOUND"):
            author.check(digest="0" * 64)


def test_what_was_in_force_comes_back_by_one_call_and_is_reviewed_by_another(hall: TownHall) -> None:
    with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
        before = author.snapshot().digest
        after = passed(hall, noted(hall, "\na mistake\n"))
        entry = author.roll_back(before, "it was a mistake")
        assert (entry.digest, entry.act) == (before, "rolled-back")
        assert author.snapshot().digest == before
        assert entry.review_due is not None
        with pytest.raises(gw.NotNow, match="SECOND_OFFICER_REQUIRED"):
            author.review(entry.number)
        assert second.review(entry.number).reviewed_by == "data-bureau/sun.hao"
        with pytest.raises(gw.NotFound, match="ENTRY_NOT_FOUND"):
            second.review(entry.number)
        proposed = author.propose(noted(hall, "\nnever in force\n"), "x")
        with pytest.raises(gw.NotFound, match="SNAPSHOT_NOT_FOUND"):
            author.roll_back(proposed.digest, "it never was")
        assert after in {one.digest for one in author.publications()}


def test_an_emergency_needs_no_second_officer_is_on_record_and_waits_for_a_review(hall: TownHall) -> None:
    with hall.officer(AUTHOR) as author, hall.officer(REVIEWER) as reviewer:
        proposal = author.propose(noted(hall, "\nat once\n"), "cannot wait", emergency=True)
        entry = author.publish(proposal.id)
        assert (entry.act, entry.approvals) == ("emergency", ())
        assert entry.review_due is not None and (entry.review_due - entry.published_at).total_seconds() == 24 * 3600
        with pytest.raises(gw.NotNow, match="SECOND_OFFICER_REQUIRED"):
            author.review(entry.number)
        assert reviewer.review(entry.number).reviewed_by == "audit-bureau/wu.min"
    with sqlite3.connect(f"file:{hall.site.folder / 'state.sqlite'}?mode=ro", uri=True) as state:
        records = b"".join(record for (record,) in state.execute("SELECT record FROM audit_entries"))
    for kind in (b"policy-published", b"policy-emergency", b"policy-reviewed"):
        assert kind in records
    assert b"cannot wait" not in records  # free text stays in the archive


def test_two_processes_swap_within_a_second_and_drop_no_call(hall: TownHall) -> None:
    """A restart then serves what was published, and not the folder."""
    twin = hall.twin()
    twin.start()
    passers = [Passer(site, a_resident(hall.site.data)) for site in (hall.site, twin)]
    try:
        for one in passers:
            one.start()
        for number in range(4):
            files = noted(hall, f"\nswap {number}\n")
            with hall.officer(AUTHOR) as author, hall.officer(SECOND, twin) as second:
                proposal = author.propose(files, "swap")
                second.approve(proposal, hall.keys[SECOND])
                published = author.publish(proposal.id)
            at = time.monotonic()
            for one in passers:
                # the poll of a process, and a call; on a busy machine all of it takes longer, as the calls tell
                assert one.until(published.digest) - at < 1.0 + max(0.5, 3 * one.slowest)
        assert [one.failures for one in passers] == [[], []]
        narrower = passed(hall, changed(in_force(hall), GRANTS, COLOUR, NARROWER))
        with hall.officer(AUTHOR) as author:
            assert author.snapshot().digest == narrower
            author.roll_back(published.digest, "back")
        time.sleep(2)
    finally:
        for one in passers:
            one.stop()
        assert twin.stop() == 0
    for one in passers:
        # only what the narrower policy itself refused, or took back from a call under way
        assert set(one.failures) <= {"REGION_NOT_GRANTED", "PERMIT_REVOKED"}
        assert len(one.digests) > 50 and one.digests[-1][1] == published.digest
    hall.site.stop()
    hall.site.start()
    with hall.officer(AUTHOR) as author:
        assert author.snapshot().digest == published.digest


def test_a_published_policy_lies_before_it_is_published(tmp_path: Path, seeded: tuple[Path, Any]) -> None:
    hall = open_town_hall(tmp_path, seeded[0], cool_down_hours=1)
    hall.site.start()
    try:
        with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
            without = {**author.snapshot().files, "officers.yaml": officers(hall.keys, 0).encode()}
            proposal = author.propose(without, "no cool-down from now on")
            second.approve(proposal, hall.keys[SECOND])
            # the cool-down of the policy in force counts, and not that of the proposal
            with pytest.raises(gw.NotNow, match="COOLING_DOWN"):
                author.publish(proposal.id)
            assert [one.act for one in author.publications()] == ["first"]
        hall.site.stop()
    finally:
        hall.site.kill()
