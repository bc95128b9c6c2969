"""What registers know of a grant's terms, at the real pipeline over real adapters."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from gateway import pipeline
from gateway.administration import registers as desk
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.emergency import Verdict
from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import Outcome
from gateway.model.request import RowsRequest, Selector
from gateway.pipeline import Refused
from gateway.ports import CONSENT_LAG
from tests.integration.house import House, answered, colour, context, delivered, edit, tracing
from tests.integration.site import values_of

CHECK = "p, g-colour-check, verifiers, health_codes/colour-check, lookup, hangzhou, health-code-check, "
TERMS = "until=2036-12-31;max_keys=1"
TRACING = "epidemic-tracing, until=2036-12-31, allow\np, g-police-sightings"


def grant(house: House, terms: str) -> None:
    """Give the check of a colour other terms."""
    edit(house.site.policies / "grants.csv", f"{CHECK}{TERMS}, allow", f"{CHECK}{terms}, allow")
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems


def residents(house: House, count: int) -> list[str]:
    return values_of(house.site.data, "health_codes", "resident_id")[:count]


def refusal(house: House, institution: str, request: RowsRequest) -> ErrorReason:
    outcome = pipeline.rows(house.ports, house.peer(institution), request)
    assert isinstance(outcome, Refused)
    assert outcome.receipt is not None
    assert outcome.receipt.record.outcome is Outcome.REFUSED
    return outcome.refusal.reason


def test_a_quota_counts_each_disclosure_of_a_subject_whoever_it_is_spelt(house: House) -> None:
    grant(house, "quota=2/year")
    one, other = residents(house, 2)
    answered(house, "verifier-metro", colour(one))
    answered(house, "verifier-metro", colour(one.lower()))
    assert refusal(house, "verifier-metro", colour(one)) is ErrorReason.QUOTA_EXHAUSTED
    answered(house, "verifier-metro", colour(other))
    house.clock.ahead = timedelta(days=366)


def test_a_quota_is_the_same_for_those_who_are_not_there(house: House) -> None:
    grant(house, "quota=1/year")
    answered(house, "verifier-metro", colour("110101199003070000"))
    assert refusal(house, "verifier-metro", colour("110101199003070000")) is ErrorReason.QUOTA_EXHAUSTED


def test_several_subjects_are_counted_all_or_none(house: House) -> None:
    grant(house, "quota=1/year;max_keys=5")
    one, two, three = residents(house, 3)
    answered(house, "verifier-metro", colour(two))
    assert refusal(house, "verifier-metro", colour(one, two, three)) is ErrorReason.QUOTA_EXHAUSTED
    answered(house, "verifier-metro", colour(one, three))


def test_a_rate_counts_every_call_of_the_institution(house: House) -> None:
    grant(house, "rate=3/day")
    one = residents(house, 1)[0]
    same = replace(colour(one), context=context("health-code-check", str(uuid.uuid4())))
    for _ in range(3):
        answered(house, "verifier-metro", same)
    assert refusal(house, "verifier-metro", same) is ErrorReason.RATE_EXCEEDED


def test_different_subjects_are_capped_and_the_same_again_costs_nothing(house: House) -> None:
    grant(house, "subjects=2/day;max_keys=5")
    one, two, three = residents(house, 3)
    for _ in range(3):
        answered(house, "verifier-metro", colour(one, two))
    assert refusal(house, "verifier-metro", colour(three)) is ErrorReason.CAP_EXCEEDED
    answered(house, "verifier-metro", colour(two))


def test_bulk_is_forbidden(house: House) -> None:
    grant(house, "bulk=forbidden")
    assert refusal(house, "verifier-metro", colour(*residents(house, 2))) is ErrorReason.BULK_FORBIDDEN
    answered(house, "verifier-metro", colour(*residents(house, 1)))


# --- emergencies ------------------------------------------------------------------------------------------------------


def emergency(house: House, why: str = "") -> RowsRequest:
    one = colour(*residents(house, 1))
    return replace(one, context=replace(one.context, break_glass_reason=why, request_id=str(uuid.uuid4())))


WHY = "the patient is unconscious and nobody knows her"


def test_the_glass_is_broken_with_a_reason_and_stays_open_for_its_hours(house: House) -> None:
    grant(house, "break_glass=2h")
    assert refusal(house, "verifier-metro", emergency(house)) is ErrorReason.BREAK_GLASS_REQUIRED
    assert house.ports.registers.emergencies.unreviewed() == ()
    _, record, _ = answered(house, "verifier-metro", emergency(house, WHY))
    waiting = house.ports.registers.emergencies.unreviewed()
    assert [one.id for one in waiting] == [record.emergency]
    assert (waiting[0].why, waiting[0].institution) == (WHY, "verifier-metro")
    # within its hours it stays open, for this person alone
    _, again, _ = answered(house, "verifier-metro", emergency(house))
    assert again.emergency == record.emergency
    other = pipeline.rows(house.ports, house.peer("verifier-metro", "wang.fang"), emergency(house))
    assert isinstance(other, Refused)
    house.clock.ahead = timedelta(hours=2, minutes=1)
    peer = house.peer("verifier-metro")
    with pytest.raises(Fault):
        # the token is over too: nobody stays signed in through an emergency
        pipeline.rows(house.ports, peer, emergency(house))


def test_another_reason_is_another_emergency(house: House) -> None:
    grant(house, "break_glass=2h")
    _, first, _ = answered(house, "verifier-metro", emergency(house, WHY))
    auditor = house.peer("audit-bureau", "wu.min")
    desk.review_emergency(house.office, auditor, first.emergency, Verdict.JUSTIFIED)
    _, same, _ = answered(house, "verifier-metro", emergency(house, WHY))
    _, second, _ = answered(house, "verifier-metro", emergency(house, "somebody else was found on the platform"))
    assert same.emergency == first.emergency != second.emergency
    assert [one.id for one in house.ports.registers.emergencies.unreviewed()] == [second.emergency]


def test_a_reason_that_says_nothing_opens_nothing(house: House) -> None:
    grant(house, "break_glass=2h")
    assert refusal(house, "verifier-metro", emergency(house, " " * 40)) is ErrorReason.BREAK_GLASS_REQUIRED


@pytest.mark.usefixtures("small_batches")
def test_a_stream_ends_when_its_emergency_is_found_unjustified(house: House) -> None:
    tie_tracing(house, "break_glass=1h")
    request = tracing(context=replace(context("epidemic-tracing"), break_glass_reason=WHY))
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), request))
    parts = iter(delivery)
    assert next(parts).records.num_rows
    found = delivery.receipt.record.emergency
    desk.review_emergency(house.office, house.peer("audit-bureau", "wu.min"), found, Verdict.UNJUSTIFIED)
    threading.Event().wait(1.1)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


def test_the_reason_is_for_the_reviewer_alone(house: House) -> None:
    grant(house, "break_glass=2h")
    answered(house, "verifier-metro", emergency(house, WHY))
    assert WHY not in repr(house.audit.records)
    assert WHY not in repr(house.ports.registers.emergencies.unreviewed())


def test_nothing_is_read_if_the_emergency_cannot_be_entered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    grant(house, "break_glass=2h")

    def full(_: object) -> None:
        raise Fault(ErrorReason.REGISTER_UNAVAILABLE)

    monkeypatch.setattr(house.ports.registers.emergencies, "open", full)
    with pytest.raises(Fault, match="REGISTER_UNAVAILABLE"):
        pipeline.rows(house.ports, house.peer("verifier-metro"), emergency(house, WHY))
    assert "rows" not in house.diary.events


def tie_tracing(house: House, term: str) -> None:
    """Give the police's tracing one more term."""
    edit(house.site.policies / "grants.csv", TRACING, TRACING.replace("until", f"{term};until", 1))
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems


@pytest.mark.usefixtures("small_batches")
def test_what_an_emergency_opened_ends_with_its_hours(house: House) -> None:
    tie_tracing(house, "break_glass=1h")
    request = tracing(context=replace(context("epidemic-tracing"), break_glass_reason=WHY))
    parts = iter(delivered(pipeline.rows(house.ports, house.long_signed_in(), request)))
    assert next(parts).records.num_rows
    house.clock.ahead = timedelta(minutes=59)
    assert next(parts).records.num_rows
    house.clock.ahead = timedelta(minutes=61)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


# --- cases ------------------------------------------------------------------------------------------------------------


def with_case(house: House, number: str) -> RowsRequest:
    one = colour(*residents(house, 1))
    return replace(one, context=replace(one.context, case_number=number, request_id=str(uuid.uuid4())))


def test_a_case_opens_what_is_tied_to_it_for_its_institution_until_it_is_closed(house: House) -> None:
    grant(house, "case_register=missing-persons")
    office, police = house.office, house.peer("police")
    request = with_case(house, "ZS-2026-0042")
    assert refusal(house, "verifier-metro", request) is ErrorReason.CASE_NUMBER_REQUIRED
    opened = desk.open_case(office, police, "missing-persons", "ZS-2026-0042", "verifier-metro", None)
    assert getattr(opened, "number", "") == "ZS-2026-0042", opened
    answered(house, "verifier-metro", with_case(house, "ZS-2026-0042"))
    assert refusal(house, "verifier-metro", with_case(house, "ZS-2026-0043")) is ErrorReason.CASE_NUMBER_REQUIRED
    assert desk.close_case(office, police, "missing-persons", "ZS-2026-0042", "verifier-metro") is None
    assert refusal(house, "verifier-metro", with_case(house, "ZS-2026-0042")) is ErrorReason.CASE_NUMBER_REQUIRED


@pytest.mark.usefixtures("small_batches")
def test_a_stream_ends_when_its_case_is_closed(house: House) -> None:
    tie_tracing(house, "case_register=missing-persons")
    number, police = "ZS-2026-0042", house.peer("police")
    desk.open_case(house.office, police, "missing-persons", number, "police", None)
    request = tracing(context=replace(context("epidemic-tracing"), case_number=number))
    parts = iter(delivered(pipeline.rows(house.ports, police, request)))
    assert next(parts).records.num_rows
    assert desk.close_case(house.office, police, "missing-persons", number, "police") is None
    threading.Event().wait(1.1)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


@pytest.mark.parametrize("institution", ["health-commission", "verifier-metro"])
def test_only_the_keeper_opens_a_case(house: House, institution: str) -> None:
    outcome = desk.open_case(
        house.office, house.peer(institution), "missing-persons", "ZS-2026-0042", "verifier-metro", None
    )
    assert getattr(outcome, "reason", None) is ErrorReason.AUTHORITY_EXCEEDED


# --- consent ----------------------------------------------------------------------------------------------------------


def consent_to_tracing(house: House, subjects: Iterable[str]) -> list[str]:
    """Tie the police's tracing to consents, and enter these; return the ids of the entries."""
    edit(
        house.site.policies / "registers.yaml",
        "consents:\n",
        "consents:\n  tracing:\n    title: {en: a, zh: b}\n    keepers: [health-commission]\n"
        "    subject: resident\n    canonical: resident-id\n",
    )
    edit(house.site.policies / "grants.csv", TRACING, TRACING.replace("until", "consent=tracing;until", 1))
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    now = house.clock.now()
    given = [
        desk.Given("", subject, "epidemic-tracing", "police", "form 7", hashlib.sha256(b"paper").digest(), now, None)
        for subject in subjects
    ]
    ids: list[str] = []
    for start in range(0, len(given), 100):
        part = desk.record_consents(
            house.office, house.peer("health-commission"), "tracing", given[start : start + 100]
        )
        assert isinstance(part, tuple), part
        ids += [one.id for one in part]
    return ids


def subjects_of(data: Path) -> list[str]:
    return list(dict.fromkeys(values_of(data, "health_cases", "resident_id")))


def read_all(house: House) -> pa.Table:
    parts = [part.records for part in delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))]
    return pa.Table.from_batches(parts)


def test_only_those_who_agreed_are_in_an_extract(house: House) -> None:
    agreed = subjects_of(house.site.data)[:5]
    consent_to_tracing(house, agreed)
    assert len(set(read_all(house).column("resident_id").to_pylist())) == 5


def test_consent_to_another_purpose_or_recipient_is_none(house: House) -> None:
    consent_to_tracing(house, [])
    now, subject = house.clock.now(), subjects_of(house.site.data)[0]
    for purpose, recipient in (("epidemic-control", "police"), ("epidemic-tracing", "health-commission")):
        given = desk.Given("", subject, purpose, recipient, "form 7", b"p" * 32, now, None)
        outcome = desk.record_consents(house.office, house.peer("health-commission"), "tracing", [given])
        assert isinstance(outcome, tuple)
    assert read_all(house).num_rows == 0


@pytest.mark.usefixtures("small_batches")
def test_whoever_withdraws_is_in_no_batch_that_is_read_after_the_lag(house: House) -> None:
    subjects = subjects_of(house.site.data)
    ids = consent_to_tracing(house, subjects)
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    first = next(parts).records.num_rows
    assert first
    for entry in ids:
        withdrawn = desk.withdraw_consent(house.office, house.peer("health-commission"), "tracing", entry)
        assert getattr(withdrawn, "withdrawn_at", None) is not None
    threading.Event().wait(CONSENT_LAG + 0.2)
    assert sum(part.records.num_rows for part in parts) == 0
    # it is no fault: what left before was permitted
    assert delivery.completion.record.outcome is Outcome.COMPLETED


def test_a_cap_counts_what_leaves_and_not_what_was_read(house: House) -> None:
    agreed = subjects_of(house.site.data)[:1]
    consent_to_tracing(house, agreed)
    edit(house.site.policies / "grants.csv", "consent=tracing;until", "consent=tracing;max_rows=200;until")
    house.ports.policy.reload()
    assert 0 < read_all(house).num_rows <= 200
    # an engine that stopped at the cap would stop before those who agreed
    assert house.source.plans[-1].limit is None


# --- consumption ------------------------------------------------------------------------------------------------------


def passing(plate: str, request_id: str = "") -> RowsRequest:
    return RowsRequest(
        context=context("out-of-town-passes", request_id or str(uuid.uuid4())),
        kind=DisclosureKind.CONSUME,
        dataset="road_passes",
        disclosure="use-a-pass",
        fields=(),
        allow_partial=False,
        filters=(),
        selector=Selector(SelectBy.KEY, "plate", (plate,)),
    )


def plates(house: House) -> list[str]:
    return values_of(house.site.data, "road_passes", "plate")


def consumed(house: House, request: RowsRequest) -> tuple[bool, int | None]:
    delivery = delivered(pipeline.rows(house.ports, house.peer("traffic-police"), request))
    part = next(iter(delivery))
    # it gives no field, and a batch without columns has no rows
    assert part.slots is not None
    return bool(len(part.slots)), part.left


def test_of_any_number_of_concurrent_calls_exactly_twelve_pass(house: House) -> None:
    plate = plates(house)[0]
    answers: list[tuple[bool, int | None]] = []

    def drive() -> None:
        for _ in range(5):
            answers.append(consumed(house, passing(plate)))

    drivers = [threading.Thread(target=drive) for _ in range(8)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert len(answers) == 40
    assert sorted(left for taken, left in answers if taken and left is not None) == list(range(12))
    assert {left for taken, left in answers if not taken} == {0}
    assert consumed(house, passing(plates(house)[1])) == (True, 11)


def test_a_retry_takes_once_and_answers_alike(house: House) -> None:
    request = passing(plates(house)[0], str(uuid.uuid4()))
    assert [consumed(house, request) for _ in range(3)] == [(True, 11)] * 3
    assert consumed(house, passing(plates(house)[0])) == (True, 10)


def test_a_car_that_is_not_registered_answers_like_one_without_passes(house: House) -> None:
    assert consumed(house, passing("京Z99999")) == (False, 0)


# --- review -----------------------------------------------------------------------------------------------------------


def test_reviews_are_by_somebody_else(house: House) -> None:
    grant(house, "break_glass=2h")
    _, record, _ = answered(house, "verifier-metro", emergency(house, WHY))
    stranger = desk.review_emergency(house.office, house.peer("verifier-metro"), record.emergency, Verdict.JUSTIFIED)
    assert getattr(stranger, "reason", None) is ErrorReason.AUTHORITY_EXCEEDED
    auditor = house.peer("audit-bureau", "wu.min")
    reviewed = desk.review_emergency(house.office, auditor, record.emergency, Verdict.UNJUSTIFIED)
    assert getattr(reviewed, "verdict", None) is Verdict.UNJUSTIFIED
    again = desk.review_emergency(house.office, auditor, record.emergency, Verdict.JUSTIFIED)
    assert getattr(again, "reason", None) is ErrorReason.ENTRY_NOT_FOUND
