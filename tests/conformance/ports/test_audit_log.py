"""What every AuditLog does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.accountability.leaf import leaf_hash
from gateway.accountability.record import encode
from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import LogEntry, Receipt
from tests.conformance.ports.conftest import OpenLog
from tests.conformance.ports.samples import a_record


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
