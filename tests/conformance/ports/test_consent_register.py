"""What every ConsentRegister does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from gateway.model.consent import ANYBODY, Consent, ConsentScope
from gateway.model.errors import ErrorReason, Fault
from gateway.ports import CONSENT_LAG, Clock, ConsentRegister
from tests.conformance.ports.conftest import OpenConsents
from tests.conformance.ports.samples import AT
from tests.conformance.ports.still_clock import StillClock

TODAY = date(2026, 11, 21)
SCOPE = ConsentScope("jobs", "recruiting", "hzjob")


def subject(number: int) -> bytes:
    return number.to_bytes(16, "big")


def a_consent(id: str, number: int, ends_on: date | None = None, recipient: str = "hzjob") -> Consent:
    return Consent(
        id=id,
        register="jobs",
        subject=subject(number),
        purpose="recruiting",
        recipient=recipient,
        source="form 7, version 2",
        proof=hashlib.sha256(id.encode()).digest(),
        given_at=AT,
        ends_on=ends_on,
        recorded_by="hzhr/wu.min",
    )


def array(numbers: Sequence[int]) -> pa.Array[Any]:
    return pa.array([subject(number) for number in numbers], pa.binary(16))


def agreed(
    register: ConsentRegister, numbers: Sequence[int], scope: ConsentScope = SCOPE, today: date = TODAY
) -> list[int]:
    """Return those that agreed."""
    answer = register.agreed(scope, array(numbers), today).to_pylist()
    assert len(answer) == len(numbers)
    return [number for number, flag in zip(numbers, answer, strict=True) if flag]


def test_who_agreed_did_and_nobody_else(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    assert agreed(register, []) == agreed(register, [1, 2, 0]) == []
    register.record([a_consent("a", 1), a_consent("b", 7)])
    assert agreed(register, [1, 2, 7, 0, 1]) == [1, 7, 1]
    assert agreed(open_consents(still), range(10)) == [1, 7]


def test_consent_is_to_one_register_purpose_and_recipient_or_to_anybody(
    open_consents: OpenConsents, still: StillClock
) -> None:
    register = open_consents(still)
    register.record([a_consent("a", 1), a_consent("b", 2, recipient=ANYBODY)])
    for scope, expected in [
        (SCOPE, [1, 2]),
        (replace(SCOPE, recipient="hzpb"), [2]),
        (replace(SCOPE, recipient=ANYBODY), [2]),
        (replace(SCOPE, purpose="scoring"), []),
        (replace(SCOPE, register="health"), []),
    ]:
        assert agreed(register, [1, 2, 3], scope) == expected


def test_consent_holds_from_its_day_to_its_last(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    late = datetime(2026, 11, 20, 16, 0)  # midnight in the city
    register.record(
        [replace(a_consent("a", 1, ends_on=TODAY), given_at=late), a_consent("b", 2), a_consent("b2", 2, TODAY)]
    )
    for shift, expected in [(-1, []), (0, [1, 2]), (1, [2]), (9999, [2])]:
        assert agreed(register, [1, 2], today=TODAY + timedelta(days=shift)) == expected


def test_a_withdrawn_consent_never_counts_and_a_newer_one_does(open_consents: OpenConsents, still: StillClock) -> None:
    register, other = open_consents(still), open_consents(still)
    register.record([a_consent("a", 1), a_consent("b", 2)])
    assert agreed(other, [1, 2]) == [1, 2]
    at = AT + timedelta(hours=1)
    withdrawn = register.withdraw("jobs", "a", "hzhr/wu.min", at)
    assert withdrawn == replace(a_consent("a", 1), withdrawn_at=at, withdrawn_by="hzhr/wu.min")
    assert agreed(register, [1, 2]) == [2]
    still.pass_by(CONSENT_LAG)
    assert agreed(other, [1, 2]) == [2]
    # again, by another and later: nothing changes
    assert register.withdraw("jobs", "a", "hzhr/li.na", AT + timedelta(days=1)) == withdrawn
    register.record([a_consent("c", 1)])
    still.pass_by(CONSENT_LAG)
    assert agreed(register, [1, 2]) == agreed(other, [1, 2]) == [1, 2]
    assert register.withdraw("jobs", "c", "x", at) is not None
    assert agreed(register, [1, 2]) == [2]


def test_another_consent_of_the_subject_stands_when_one_is_withdrawn(
    open_consents: OpenConsents, still: StillClock
) -> None:
    register = open_consents(still)
    register.record([a_consent("a", 1), a_consent("b", 1, recipient=ANYBODY)])
    assert agreed(register, [1]) == [1]
    register.withdraw("jobs", "a", "x", AT)
    assert agreed(register, [1]) == [1]
    register.withdraw("jobs", "b", "x", AT)
    assert agreed(register, [1]) == []


def test_what_is_not_there_is_not_withdrawn(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    register.record([a_consent("a", 1)])
    assert register.withdraw("jobs", "b", "x", AT) is None
    assert register.withdraw("health", "a", "x", AT) is None
    assert agreed(register, [1]) == [1]


def test_an_entry_that_comes_again_is_that_entry(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    register.record([])
    register.record([a_consent("a", 1), a_consent("a", 1)])
    register.withdraw("jobs", "a", "x", AT)
    register.record([a_consent("a", 1), a_consent("b", 2)])  # a retry brings nothing back
    assert agreed(register, [1, 2]) == [2]
    (only,) = register.of_subject("jobs", subject(1))
    assert only.withdrawn_at == AT
    register.record([only])


@pytest.mark.parametrize(
    "change",
    [
        {"subject": subject(9)}, {"purpose": "other"}, {"recipient": ANYBODY}, {"source": ""}, {"proof": bytes(32)},
        {"given_at": AT + timedelta(1)}, {"ends_on": TODAY}, {"recorded_by": ""}, {"withdrawn_at": AT},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_an_id_that_is_taken_is_a_fault_and_nothing_is_entered(
    open_consents: OpenConsents, still: StillClock, change: dict[str, Any]
) -> None:
    register = open_consents(still)
    register.record([a_consent("a", 1)])
    other = replace(a_consent("a", 1), **change)
    for batch in ([a_consent("b", 2), other], [a_consent("c", 3), replace(a_consent("c", 3), **change)]):
        with pytest.raises(Fault) as caught:
            register.record(batch)
        assert caught.value.reason is ErrorReason.INTERNAL
    assert agreed(register, [1, 2, 3]) == [1]


def test_ids_are_those_of_a_register(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    register.record([a_consent("a", 1), replace(a_consent("a", 2), register="health")])
    assert agreed(register, [1, 2]) == [1]
    assert agreed(register, [1, 2], replace(SCOPE, register="health")) == [2]


def test_all_consents_of_a_subject_come_oldest_first(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    theirs = [replace(a_consent(f"{n}", 1, TODAY), given_at=AT - timedelta(days=n), purpose=f"p{n}") for n in range(3)]
    register.record([*theirs, a_consent("x", 2), replace(a_consent("y", 1), register="health")])
    gone = register.withdraw("jobs", "1", "x", AT)
    assert gone is not None
    assert register.of_subject("jobs", subject(1)) == (theirs[2], gone, theirs[0])
    assert register.of_subject("jobs", subject(3)) == ()


@pytest.mark.parametrize(
    "subjects",
    [
        pa.array([b"x" * 8], pa.binary(8)),
        pa.array([b"x" * 16], pa.binary()),
        pa.array([b"x" * 16, None], pa.binary(16)),
    ],
    ids=["length", "type", "null"],
)
def test_subjects_of_another_form_are_a_fault(
    open_consents: OpenConsents, still: StillClock, subjects: pa.Array[Any]
) -> None:
    with pytest.raises(Fault) as caught:
        open_consents(still).agreed(SCOPE, subjects, TODAY)
    assert caught.value.reason is ErrorReason.INTERNAL


def test_a_slice_of_subjects_is_answered_as_what_it_shows(open_consents: OpenConsents, still: StillClock) -> None:
    register = open_consents(still)
    register.record([a_consent(f"{n}", n) for n in range(0, 1000, 3)])
    whole = array(range(1000))
    answer = register.agreed(SCOPE, whole.slice(101, 333), TODAY).to_pylist()
    assert answer == [n % 3 == 0 for n in range(101, 434)]


def test_many_changes_end_where_one_reading_ends(open_consents: OpenConsents, still: StillClock) -> None:
    register, other = open_consents(still), open_consents(still)
    expected: set[int] = set()
    for turn in range(6):
        batch = range(turn * 150, turn * 150 + 400)
        register.record([a_consent(f"{turn}/{n}", n, recipient=(ANYBODY, "hzjob")[n % 2]) for n in batch])
        expected |= set(batch)
        for n in range(turn * 37, turn * 37 + 30):
            for before in range(turn + 1):
                register.withdraw("jobs", f"{before}/{n}", "x", AT)
            expected.discard(n)
        still.pass_by(CONSENT_LAG)
        assert set(agreed(other, range(1500))) == expected
    assert set(agreed(open_consents(still), range(1500))) == expected


def test_threads_of_two_openings_see_every_withdrawal_in_time(open_consents: OpenConsents, clock: Clock) -> None:
    writer, reader = open_consents(clock), open_consents(clock)
    writer.record([a_consent(f"{n}", n) for n in range(64)])

    def work(number: int) -> tuple[list[int], list[int]]:
        for n in range(number, 64, 16):
            writer.withdraw("jobs", f"{n}", "x", AT)
            at_once = agreed(writer, [n])
            agreed(reader, [n])
        time.sleep(CONSENT_LAG)
        return at_once, agreed(reader, range(number, 64, 16))

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(work, range(16))) == [([], [])] * 16
