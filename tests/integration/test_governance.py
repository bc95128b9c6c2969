"""Attacks on the life of a policy and on what permits outlive: each was possible once."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import pipeline
from gateway.adapters.keys.ring import FileKeyRing
from gateway.administration import life
from gateway.administration.desk import Office
from gateway.administration.sunset import sunset
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Act, Files, Proposal, Publication
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.pipeline import Ports
from gateway.policy.snapshot import read
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
from tests.integration.house import House, WatchedClock, delivered, edit, tracing
from tests.integration.site import SECRET, Site

AUTHOR, SECOND, NARROW = ("data-bureau", "chen.jie"), ("audit-bureau", "wu.min"), ("transport-bureau", "gao.yi")
BUDGET = b"resident: 12.0"
FAIR = """
  - id: town-fair
    name: {en: Town fair, zh: 庙会}
    dpv: dpv:PublicBenefit
    legal_basis: {dpv: dpv:OfficialAuthorityOfController, citation: a test}
    owner: data-bureau
    review_on: 2036-03-01
""".encode()


@dataclass
class Hall:
    """An office over a published policy, with officers whose keys are known and no cool-down."""

    site: Site
    ports: Ports
    office: Office
    clock: WatchedClock
    keys: dict[tuple[str, str], Ed25519PrivateKey]

    def peer(self, who: tuple[str, str]) -> Peer:
        return self.site.peer(*who, timedelta(days=3))

    def propose(self, files: Files, *, emergency: bool = False, who: tuple[str, str] = AUTHOR) -> Proposal | Refusal:
        outcome = life.propose(self.office, self.peer(who), files, "a test", emergency=emergency)
        assert not isinstance(outcome, life.Unsound), outcome
        return outcome

    def approved(self, files: Files) -> Proposal:
        proposal = self.propose(files)
        assert isinstance(proposal, Proposal)
        text = life.approval_text(proposal.id, proposal.base, proposal.digest)
        outcome = life.approve(self.office, self.peer(SECOND), proposal.id, self.keys[SECOND].sign(text))
        assert isinstance(outcome, Proposal), outcome
        return outcome

    def publish(self, proposal: Proposal) -> Publication | Refusal:
        return life.publish(self.office, self.peer(AUTHOR), proposal.id)

    def budget(self, number: str) -> dict[str, bytes]:
        files = dict(self.office.policy.current().files)
        files["budgets.yaml"] = files["budgets.yaml"].replace(BUDGET, f"resident: {number}".encode())
        return files


def officers(policies: Path, keys: dict[tuple[str, str], Ed25519PrivateKey]) -> None:
    lines = ["cool_down_hours: 0", "officers:"]
    for (institution, person), key in keys.items():
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        datasets = "transport_trips" if (institution, person) == NARROW else '"*"'
        lines.append(
            f"  - {{institution: {institution}, person: {person}, powers: [propose, approve, publish, review], "
            f"region: hangzhou, datasets: [{datasets}], key: '{public}'}}"
        )
    (policies / "officers.yaml").write_text("\n".join(lines) + "\n")


@pytest.fixture
def hall(new_site: Site) -> Iterator[Hall]:
    keys = {who: Ed25519PrivateKey.generate() for who in (AUTHOR, SECOND, NARROW)}
    officers(new_site.policies, keys)
    new_site.follow = "published"
    new_site.prepare()
    with open_gateway(read_settings(new_site.config)) as gateway:
        clock = WatchedClock(gateway.ports.clock)
        ring = FileKeyRing.open(new_site.folder / "keys.json", SECRET, clock)
        office = replace(gateway.office, clock=clock, keys=ring)
        yield Hall(new_site, replace(gateway.ports, clock=clock, keys=ring), office, clock, keys)


def reason(outcome: object) -> ErrorReason:
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def test_of_publications_from_one_base_one_takes_effect(hall: Hall) -> None:
    proposals = [hall.approved(hall.budget(f"1{number}.5")) for number in range(4)]
    outcomes: list[Publication | Refusal] = []
    threads = [threading.Thread(target=lambda one=one: outcomes.append(hall.publish(one))) for one in proposals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    published = [one for one in outcomes if isinstance(one, Publication)]
    assert len(published) == 1
    assert hall.office.archive.newest() == published[0]
    assert {reason(one) for one in outcomes if isinstance(one, Refusal)} == {ErrorReason.POLICY_NOT_CURRENT}


def test_the_step_into_force_looks_at_its_base_itself(hall: Hall) -> None:
    base = hall.office.policy.current()
    assert isinstance(hall.publish(hall.approved(hall.budget("11.5"))), Publication)
    publisher = base.officers.get(*AUTHOR)
    assert publisher is not None
    # what a thread does that looked just before another one published
    outcome = life._enact(hall.office, publisher, Act.PUBLISHED, base, read(hall.budget("10.5")), "", "late", ())
    assert reason(outcome) is ErrorReason.POLICY_NOT_CURRENT


def test_an_approval_is_for_one_step_once(hall: Hall) -> None:
    first = hall.office.policy.current().digest
    proposal, late = hall.approved(hall.budget("11.5")), hall.approved(hall.budget("10.5"))
    assert isinstance(hall.publish(proposal), Publication)
    assert isinstance(life.rollback(hall.office, hall.peer(AUTHOR), first, "it leaks"), Publication)
    assert hall.office.policy.current().digest == first
    for one in (proposal, late):
        assert reason(hall.publish(one)) is ErrorReason.POLICY_NOT_CURRENT


def test_authority_over_a_dataset_does_not_choose_its_file(hall: Hall) -> None:
    files = dict(hall.office.policy.current().files)
    contract = files["contracts/transport_trips.yaml"]
    assert b"transport_trips.parquet" in contract
    remark = {**files, "contracts/transport_trips.yaml": contract + b"# a remark\n"}
    assert isinstance(hall.propose(remark, who=NARROW), Proposal)
    files["contracts/transport_trips.yaml"] = contract.replace(b"transport_trips.parquet", b"residents.parquet")
    outcome = life.propose(hall.office, hall.peer(NARROW), files, "", emergency=True)
    assert isinstance(outcome, life.Unsound) or reason(outcome) is ErrorReason.AUTHORITY_EXCEEDED


def test_one_officer_alone_does_not_choose_the_officers(hall: Hall) -> None:
    first = hall.office.policy.current().digest
    files = dict(hall.office.policy.current().files)
    files["officers.yaml"] = files["officers.yaml"].replace(b"person: wu.min", b"person: an.other")
    emergency = hall.propose(files, emergency=True)
    assert isinstance(emergency, Proposal)
    assert reason(hall.publish(emergency)) is ErrorReason.SECOND_OFFICER_REQUIRED
    assert isinstance(hall.publish(hall.approved(files)), Publication)
    outcome = life.rollback(hall.office, hall.peer(AUTHOR), first, "back to friends")
    assert reason(outcome) is ErrorReason.SECOND_OFFICER_REQUIRED


def test_an_emergency_is_reviewed_by_neither_author_nor_publisher_and_within_authority(hall: Hall) -> None:
    proposal = hall.propose(hall.budget("11.0"), emergency=True, who=SECOND)
    assert isinstance(proposal, Proposal)
    entry = hall.publish(proposal)
    assert isinstance(entry, Publication) and entry.act is Act.EMERGENCY and entry.review_due is not None
    for who in (AUTHOR, SECOND):
        outcome = life.review(hall.office, hall.peer(who), entry.number)
        assert reason(outcome) is ErrorReason.SECOND_OFFICER_REQUIRED
    assert reason(life.review(hall.office, hall.peer(NARROW), entry.number)) is ErrorReason.AUTHORITY_EXCEEDED


def test_a_purpose_that_ended_is_not_opened_before_its_sunset_either(hall: Hall) -> None:
    files = dict(hall.office.policy.current().files)
    day = city_day(hall.clock.now()).isoformat().encode()
    ending = {
        **files,
        "purposes.yaml": files["purposes.yaml"].replace(b"expires_on: 2036-12-31", b"expires_on: " + day),
    }
    assert isinstance(hall.publish(hall.approved(ending)), Publication)
    hall.clock.ahead = timedelta(days=1, minutes=5)
    assert reason(hall.propose(files)) is ErrorReason.PURPOSE_ENDED_FOR_GOOD


def test_a_purpose_that_ended_leaves_the_policy_after_its_sunset_and_never_comes_back(hall: Hall) -> None:
    files = dict(hall.office.policy.current().files)
    day = city_day(hall.clock.now()).isoformat().encode()
    fair = files | {"purposes.yaml": files["purposes.yaml"] + FAIR + b"    expires_on: " + day + b"\n"}
    assert isinstance(hall.publish(hall.approved(fair)), Publication)
    hall.clock.ahead = timedelta(days=1, minutes=5)
    assert reason(hall.propose(files)) is ErrorReason.PURPOSE_ENDED_FOR_GOOD
    sunset(hall.office)
    assert isinstance(hall.publish(hall.approved(files)), Publication)
    assert isinstance(hall.propose(fair), Proposal)
    later = fair | {"purposes.yaml": fair["purposes.yaml"].replace(b"expires_on: " + day, b"expires_on: 2036-12-31")}
    assert reason(hall.propose(later)) is ErrorReason.PURPOSE_ENDED_FOR_GOOD


@pytest.mark.usefixtures("small_batches")
def test_a_stream_ends_with_a_purpose_that_was_shortened_meanwhile(house: House) -> None:
    parts = iter(delivered(pipeline.rows(house.ports, house.long_signed_in(), tracing())))
    assert next(parts).records.num_rows
    purposes = house.site.policies / "purposes.yaml"
    day = city_day(house.clock.now()).isoformat()
    purposes.write_text(purposes.read_text().replace("expires_on: 2036-12-31", f"expires_on: {day}"))
    house.ports.policy.reload()
    assert next(parts).records.num_rows, "the newer policy gives the very same today"
    house.clock.ahead = timedelta(days=1, minutes=5)
    sunset(house.office)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


@pytest.mark.usefixtures("small_batches")
def test_a_stream_ends_with_the_trial_of_a_deny(house: House) -> None:
    day = city_day(house.clock.now()).isoformat()
    deny = f"p, d-soon, police, health_cases/police-tracing, *, *, *, trial={day}, deny\n"
    edit(house.site.policies / "grants.csv", "p, g-police-tracing", f"{deny}p, g-police-tracing")
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    parts = iter(delivered(pipeline.rows(house.ports, house.long_signed_in(), tracing())))
    assert next(parts).records.num_rows
    house.clock.ahead = timedelta(days=1)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)
