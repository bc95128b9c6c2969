"""What every PolicyArchive does."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Act, Approval, Proposal, Publication
from gateway.ports import PolicyArchive
from tests.conformance.ports.conftest import OpenArchive
from tests.conformance.ports.samples import AT
from tests.conformance.ports.strategies import text

FILES = {"grants.csv": b"p, hzpb, residents/register\n", "contracts/residents.yaml": b"\x00\xff", "empty": b""}
DAY = timedelta(days=1)


def a_proposal(id: str = "p1", digest: str = "d1") -> Proposal:
    return Proposal(id, digest, "d0", "hzdata/chen.yu", "narrow the register", AT, emergency=False)


def an_approval(officer: str = "hzdata/li.na", days: int = 1) -> Approval:
    return Approval(officer, AT + days * DAY, officer.encode())


def a_publication(number: int, digest: str = "d1", note: str = "") -> Publication:
    approvals = (an_approval("hzdata/wu.min", 3), an_approval("hzdata/li.na", 2))[: number % 3]
    return Publication(
        number, digest, Act.PUBLISHED, "hzdata/chen.yu", AT + number * DAY, f"p{number}", note, approvals
    )


@pytest.fixture
def archive(open_archive: OpenArchive) -> PolicyArchive:
    archive = open_archive()
    archive.keep("d1", FILES)
    return archive


def refused(work: object) -> None:
    assert callable(work)
    with pytest.raises(Fault) as caught:
        work()
    assert caught.value.reason is ErrorReason.INTERNAL


def test_files_are_kept_for_good(open_archive: OpenArchive) -> None:
    assert open_archive().files("d1") is None
    open_archive().keep("d1", FILES)
    open_archive().keep("d1", dict(reversed(FILES.items())))
    archive = open_archive()
    assert archive.files("d1") == FILES
    refused(lambda: archive.keep("d1", FILES | {"more": b""}))
    archive.keep("d2", {})
    assert (archive.files("d1"), archive.files("d2"), archive.files("d3")) == (FILES, {}, None)


paths = st.one_of(
    text, st.sampled_from(["../../etc/passwd", "/", "a/b", "a", "b", "A", "con", "a\\b", ".", "a\x00b", "é", "e\u0301"])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(paths, st.binary(max_size=40), max_size=6))
def test_any_files_come_back_as_they_were(archive: PolicyArchive, files: dict[str, bytes]) -> None:
    digest = uuid.uuid4().hex
    archive.keep(digest, files)
    assert archive.files(digest) == files


def test_a_policy_of_100_000_rules_is_kept(archive: PolicyArchive) -> None:
    draw = random.Random(7)
    rules = [
        f"p, r{draw.randrange(400)}, d{draw.randrange(999)}/x, hangzhou/{n}, purpose-{n % 50}" for n in range(100_000)
    ]
    files = {"grants.csv": "\n".join(rules).encode()}
    archive.keep("large", files)
    assert archive.files("large") == files


def test_a_path_that_is_no_text_is_a_fault(archive: PolicyArchive) -> None:
    with pytest.raises(Fault) as caught:
        archive.keep("d9", {"\udcff": b""})
    assert caught.value.reason is ErrorReason.POLICY_UNAVAILABLE
    assert archive.files("d9") is None


def test_proposals_come_newest_first_with_their_approvals(archive: PolicyArchive, open_archive: OpenArchive) -> None:
    archive.propose(a_proposal("p2"))
    archive.propose(a_proposal("p1"))
    archive.propose(replace(a_proposal("p3"), emergency=True, approvals=(an_approval("x"), an_approval("a"))))
    archive.approve("p1", an_approval())
    archive.approve("p1", an_approval("hzdata/a", days=0))
    again = open_archive()
    first = replace(a_proposal("p1"), approvals=(an_approval(), an_approval("hzdata/a", days=0)))
    assert again.proposal("p1") == first
    assert [one.id for one in again.proposals(9)] == ["p3", "p1", "p2"]
    assert again.proposals(2)[1] == first
    assert again.proposals(1)[0].approvals == (an_approval("x"), an_approval("a"))
    assert again.proposals(0) == ()
    assert again.proposal("p4") is None


def test_an_officer_approves_once(archive: PolicyArchive) -> None:
    archive.propose(a_proposal())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: archive.approve("p1", an_approval(f"o{n % 3}", n)), range(24)))
    proposal = archive.proposal("p1")
    assert proposal is not None
    assert sorted(approval.officer for approval in proposal.approvals) == ["o0", "o1", "o2"]
    archive.approve("p1", an_approval("o1", 99))
    assert archive.proposal("p1") == proposal


def test_what_is_not_kept_or_not_proposed_is_a_fault(archive: PolicyArchive) -> None:
    refused(lambda: archive.propose(a_proposal(digest="d2")))
    refused(lambda: archive.approve("p1", an_approval()))
    refused(lambda: archive.publish(a_publication(1, "d2")))
    assert (archive.proposals(9), archive.history(9)) == ((), ())


def test_a_proposal_is_entered_once(archive: PolicyArchive) -> None:
    archive.propose(a_proposal())
    archive.propose(a_proposal())
    refused(lambda: archive.propose(replace(a_proposal(), note="another")))
    assert archive.proposals(9) == (a_proposal(),)


def test_publications_count_from_1_without_gaps(archive: PolicyArchive, open_archive: OpenArchive) -> None:
    assert archive.newest() is None
    assert not archive.publish(a_publication(0)) and not archive.publish(a_publication(2))
    for number in (1, 2, 3):
        assert archive.publish(a_publication(number))
        assert not archive.publish(a_publication(number, note="another"))
        assert not archive.publish(a_publication(number + 2))
    again = open_archive()
    assert again.newest() == a_publication(3)
    assert again.history(9) == (a_publication(3), a_publication(2), a_publication(1))
    assert again.history(2) == (a_publication(3), a_publication(2))
    assert again.history(0) == ()


def test_a_publication_is_found_by_its_number(archive: PolicyArchive, open_archive: OpenArchive) -> None:
    assert archive.publication(1) is None
    for number in (1, 2, 3):
        archive.publish(a_publication(number))
    again = open_archive()
    assert [again.publication(number) for number in (1, 2, 3)] == [a_publication(1), a_publication(2), a_publication(3)]
    assert [again.publication(number) for number in (0, 4, 2**63, 2**64 - 1)] == [None] * 4


def test_what_came_into_force_is_known_for_good(archive: PolicyArchive, open_archive: OpenArchive) -> None:
    archive.keep("d2", {})
    archive.propose(a_proposal("p1"))
    assert not archive.enacted("p1") and not archive.was_in_force("d1")
    archive.publish(a_publication(1, "d1"))
    assert archive.enacted("p1") and archive.was_in_force("d1")
    assert not archive.enacted("p2") and not archive.was_in_force("d2")
    archive.publish(a_publication(2, "d2"))
    again = open_archive()
    assert [again.enacted(proposal) for proposal in ("p1", "p2", "p3")] == [True, True, False]
    assert [again.was_in_force(digest) for digest in ("d1", "d2", "d3")] == [True, True, False]


def test_of_16_threads_that_publish_one_number_one_does(archive: PolicyArchive, open_archive: OpenArchive) -> None:
    openings = (archive, open_archive())
    with ThreadPoolExecutor(16) as threads:
        for number in (1, 2, 3):
            done = list(
                threads.map(
                    lambda n, number=number: openings[n % 2].publish(a_publication(number, note=f"{n}")), range(16)
                )
            )
            assert sum(done) == 1
            newest = archive.newest()
            assert newest is not None and newest.note == f"{done.index(True)}"


def test_an_emergency_is_reviewed_once_and_others_never(archive: PolicyArchive) -> None:
    emergency = replace(a_publication(2), act=Act.EMERGENCY, review_due=AT + 3 * DAY)
    archive.publish(a_publication(1))
    archive.publish(emergency)
    assert not archive.review(1, "hzdata/wu.min", AT) and not archive.review(3, "hzdata/wu.min", AT)
    assert archive.newest() == emergency
    assert archive.review(2, "hzdata/wu.min", AT + 4 * DAY)
    assert not archive.review(2, "hzdata/li.na", AT + 5 * DAY)
    assert archive.newest() == replace(emergency, reviewed_by="hzdata/wu.min", reviewed_at=AT + 4 * DAY)
    assert archive.history(2)[1] == a_publication(1)
