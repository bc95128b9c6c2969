"""What every AuditLog does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.accountability import event as event_codec
from gateway.accountability.leaf import leaf_hash
from gateway.accountability.record import encode
from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import LogEntry, Outcome, Receipt
from tests.conformance.ports.conftest import OpenLog
from tests.conformance.ports.samples import AT, a_record, an_event


def test_entries_are_counted_from_0_also_after_reopening(open_log: OpenLog) -> None:
    assert [open_log().append(a_record(f"r{number}")).index for number in range(3)] == [0, 1, 2]


def test_an_entry_is_the_salted_hash_of_its_record(open_log: OpenLog) -> None:
    entry = open_log().append(a_record())
    assert entry.record == encode(a_record())
    assert len(entry.salt) == 16
    assert entry.leaf_hash == leaf_hash(entry.salt, entry.record)


def test_each_entry_has_its_own_salt(open_log: OpenLog) -> None:
    log = open_log()
    assert len({log.append(a_record()).salt for _ in range(20)}) == 20


def test_an_entry_comes_back_with_its_record(open_log: OpenLog) -> None:
    log = open_log()
    started = log.append(a_record())
    ended = log.append(a_record(completes=started.index))
    again = open_log()
    assert again.get(0) == Receipt(a_record(), started)
    assert again.get(1) == Receipt(a_record(completes=0), ended)


@pytest.mark.parametrize("index", [1, -1, 2**63, 10**30])
def test_what_is_not_in_the_log_is_none(open_log: OpenLog, index: int) -> None:
    log = open_log()
    log.append(a_record())
    assert log.get(index) is None


def test_64_producers_of_two_openings_leave_no_gap(open_log: OpenLog) -> None:
    logs = (open_log(), open_log())

    def produce(number: int) -> list[tuple[str, LogEntry]]:
        ids = [f"{number}/{turn}" for turn in range(8)]
        return [(name, logs[number % 2].append(a_record(name))) for name in ids]

    with ThreadPoolExecutor(64) as threads:
        produced = [pair for pairs in threads.map(produce, range(64)) for pair in pairs]
    assert sorted(entry.index for _, entry in produced) == list(range(512))
    for name, entry in produced:
        assert logs[0].get(entry.index) == Receipt(a_record(name), entry)


def test_segments_of_a_manifest_are_stored_once_and_for_an_entry(open_log: OpenLog) -> None:
    log = open_log()
    entry = log.append(a_record())
    log.append_manifest(entry.index, 0, b"t" * 32)
    log.append_manifest(entry.index, 1, b"")
    for index, segment, tokens in [(0, 0, b"t" * 32), (7, 0, b""), (0, 2, b"short"), (0, -1, b"")]:
        with pytest.raises(Fault) as caught:
            log.append_manifest(index, segment, tokens)
        assert caught.value.reason is ErrorReason.AUDIT_UNAVAILABLE
    assert log.append(a_record()).index == 1


def test_a_segment_that_cannot_stand_fails_alone(open_log: OpenLog) -> None:
    log = open_log()
    log.append(a_record())

    def produce(number: int) -> bool:
        try:
            if number % 2:
                log.append_manifest(99, number, b"")
            else:
                log.append(a_record())
        except Fault:
            return False
        return True

    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(produce, range(128))) == [True, False] * 64
    assert log.append(a_record()).index == 65


def test_an_event_is_an_entry_with_a_place_of_its_own_and_no_receipt(open_log: OpenLog) -> None:
    log = open_log()
    log.append(a_record())
    entry = log.note(an_event())
    assert (entry.index, entry.record) == (1, event_codec.encode(an_event()))
    assert entry.leaf_hash == leaf_hash(entry.salt, entry.record)
    assert log.append(a_record()).index == 2
    assert open_log().get(1) is None


def test_an_event_that_cannot_be_written_is_a_fault(open_log: OpenLog) -> None:
    log = open_log()
    with pytest.raises(Fault) as caught:
        log.note(replace(an_event(), by="\ud800"))
    assert caught.value.reason is ErrorReason.AUDIT_UNAVAILABLE
    assert log.note(an_event()).index == 0


def test_the_newest_are_decisions_each_once(open_log: OpenLog) -> None:
    log = open_log()
    assert log.newest(5) == ()
    refused = replace(a_record("refused"), outcome=Outcome.REFUSED)
    whole = replace(a_record("whole"), outcome=Outcome.COMPLETED)
    evaluated = replace(a_record("evaluated"), outcome=Outcome.EVALUATED)
    started = a_record("started")
    log.append(refused)
    begun = log.append(started)
    log.note(an_event())
    log.append(whole)
    log.append(replace(started, outcome=Outcome.ABORTED, completes=begun.index))
    log.append(evaluated)
    log.append(replace(started, outcome=Outcome.COMPLETED, completes=begun.index))
    again = open_log()
    assert again.newest(9) == (evaluated, whole, started, refused)
    assert again.newest(2) == (evaluated, whole)
    assert again.newest(0) == again.newest(-1) == ()


def test_what_lies_between_comes_by_its_time_whatever_its_place(open_log: OpenLog) -> None:
    log = open_log()
    # every seventh instant twice, also the 1000th; in the log in another order
    instants = [AT + timedelta(microseconds=number - number % 7 // 6) for number in range(2500)]
    records = [replace(a_record(str(number)), at=instant) for number, instant in enumerate(instants)]
    shuffled = sorted(records, key=lambda record: record.request_id[::-1])
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(log.append, shuffled))
    log.append(replace(a_record(completes=0), at=AT))
    log.note(an_event())
    found = list(log.between(AT, AT + timedelta(microseconds=2399)))
    assert [record.at for record in found] == [
        instant for instant in instants if instant < AT + timedelta(microseconds=2399)
    ]
    assert {record.request_id for record in found} == {str(number) for number in range(2399)}
    (first,) = log.between(AT, AT + timedelta(microseconds=1))
    assert first.request_id == "0"
    assert list(log.between(AT - timedelta(days=1), AT)) == []
    assert list(log.between(AT, datetime.min)) == []


def test_while_a_caller_works_on_what_lies_between_the_log_is_written(open_log: OpenLog) -> None:
    log = open_log()
    for number in range(3):
        log.append(replace(a_record(), at=AT + timedelta(seconds=number)))
    seen = log.between(AT, AT + timedelta(days=1))
    next(seen)
    assert log.append(a_record()).index == 3
    assert len(list(seen)) == 2
