"""Whoever is refused what officers have to agree to is on record, with what it was that they tried."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.lanes.linking import Sealed
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.linking import COLLECT_WITHIN, Reidentification
from gateway.model.permit import Refusal
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.record import UNKNOWN, AuditRecord, Outcome
from gateway.pipeline import Refused
from tests.integration.bench import HOUR, MATCHING, Bench
from tests.integration.house import edit
from tests.integration.warrants import AUDITOR, BUREAU, REQUESTER, TRACING, Who

COLLEAGUE: Who = ("health-commission", "li.wei")
STRANGER: Who = ("police", REQUESTER[1])


def approved(bench: Bench, tokens: list[str]) -> Reidentification:
    asked = bench.ask(tokens, X25519PrivateKey.generate())
    bench.sign(asked, AUDITOR)
    bench.sign(asked, BUREAU)
    return asked


def written(bench: Bench, why: ErrorReason, tried: Callable[[], object]) -> AuditRecord:
    """The one record that a refusal leaves."""
    count = len(bench.house.audit.records)
    outcome = tried()
    assert isinstance(outcome, Refused) and outcome.refusal.reason is why and outcome.receipt is not None
    assert len(bench.house.audit.records) == count + 1
    record = bench.house.audit.records[-1]
    assert record == outcome.receipt.record
    assert (record.outcome, record.reason, record.kind) == (Outcome.REFUSED, why.value, DisclosureKind.REIDENTIFY)
    return record


def test_a_collection_with_other_tokens_is_on_record(bench: Bench) -> None:
    mine = bench.tokens("health-commission")
    asked = approved(bench, mine[:2])
    for others in (mine[2:4], mine[:1], mine[1::-1], []):
        record = written(bench, ErrorReason.REQUEST_INVALID, partial(bench.collect, asked.id, others))
        assert (record.institution, record.person, record.reidentification) == (*REQUESTER, asked.id)
        assert (record.dataset, record.disclosure, record.purpose) == (asked.dataset, asked.disclosure, asked.purpose)
    assert isinstance(bench.collect(asked.id, mine[:2]), Sealed)


def test_a_second_and_a_late_collection_are_on_record(bench: Bench) -> None:
    mine = bench.tokens("health-commission")[:1]
    asked, late = approved(bench, mine), approved(bench, mine)
    assert isinstance(bench.collect(asked.id, mine), Sealed)
    record = written(bench, ErrorReason.REIDENTIFICATION_COLLECTED, partial(bench.collect, asked.id, mine))
    assert record.reidentification == asked.id
    bench.wait(COLLECT_WITHIN + timedelta(seconds=1))
    record = written(bench, ErrorReason.REIDENTIFICATION_LAPSED, partial(bench.collect, late.id, mine))
    assert record.reidentification == late.id


def test_a_collection_without_two_officers_is_on_record_by_its_id(bench: Bench) -> None:
    mine = bench.tokens("health-commission")[:1]
    asked = bench.ask(mine, X25519PrivateKey.generate())
    record = written(bench, ErrorReason.REIDENTIFICATION_NOT_APPROVED, partial(bench.collect, asked.id, mine))
    assert record.reidentification == asked.id


@pytest.mark.parametrize("who", [COLLEAGUE, STRANGER], ids=["colleague", "stranger"])
def test_whoever_tries_the_request_of_another_is_on_record_and_learns_nothing(bench: Bench, who: Who) -> None:
    mine = bench.tokens("health-commission")[:1]
    asked = approved(bench, mine)
    for tried in (partial(bench.collect, asked.id, mine, who), partial(bench.status, asked.id, who)):
        record = written(bench, ErrorReason.ENTRY_NOT_FOUND, tried)
        assert (record.institution, record.person, record.reidentification) == (*who, asked.id)
        assert {record.dataset, record.disclosure, record.purpose} == {UNKNOWN}
        assert record.grant == record.region == ""
    assert isinstance(bench.collect(asked.id, mine), Sealed)


def test_an_id_of_no_request_is_on_record_without_what_the_caller_wrote(bench: Bench) -> None:
    for tried in (partial(bench.collect, "330106194912310018", ["x"]), partial(bench.status, "330106194912310018")):
        record = written(bench, ErrorReason.ENTRY_NOT_FOUND, tried)
        assert record.reidentification == "" and record.dataset == UNKNOWN
        assert "3301061949" not in repr(record)


def test_an_id_that_nobody_has_is_on_record_as_one_that_somebody_has(bench: Bench) -> None:
    # or the receipt of the refusal would tell which of the two it is
    unused = "0123456789abcdef" * 2
    for tried in (partial(bench.collect, unused, ["x"]), partial(bench.status, unused)):
        record = written(bench, ErrorReason.ENTRY_NOT_FOUND, tried)
        assert record.reidentification == unused and record.dataset == UNKNOWN


@pytest.mark.parametrize("other", [MATCHING, TRACING])
def test_nobody_joins_what_they_were_given_for_two_purposes(bench: Bench, other: str) -> None:
    refusal = bench.proposed(PseudonymDomain("police", TRACING), PseudonymDomain("police", other), 48 * HOUR)
    assert isinstance(refusal, Refusal) and refusal.reason is ErrorReason.REQUEST_INVALID
    assert [violation.field for violation in refusal.violations] == ["second"]
    assert bench.house.office.registers.joins.newest(9) == ()


def test_officers_are_asked_no_oftener_than_the_grant_says(bench: Bench) -> None:
    house, mine = bench.house, bench.tokens("health-commission")[:1]
    edit(house.site.policies / "grants.csv", "max_keys=5;rate=300/day", "max_keys=5;rate=2/day")
    house.ports.policy.reload()
    first, second = (approved(bench, mine) for _ in range(2))
    public_key = X25519PrivateKey.generate().public_key().public_bytes_raw()
    for _ in range(3):
        record = written(bench, ErrorReason.RATE_EXCEEDED, partial(bench.asked, mine, public_key))
        assert record.grant == "g-contact-warning" and record.reidentification == ""
    waiting = house.office.registers.reidentifications.waiting(house.clock.now() - 24 * HOUR)
    assert {one.id for one in waiting} == {first.id, second.id}
    # to collect is counted apart, and so is the next day
    assert isinstance(bench.collect(first.id, mine), Sealed)
    assert isinstance(bench.collect(second.id, mine), Sealed)
    bench.wait(24 * HOUR)
    assert isinstance(bench.asked(mine, public_key), Reidentification)


def test_a_look_at_ones_own_request_is_no_refusal(bench: Bench) -> None:
    mine = bench.tokens("health-commission")[:1]
    asked = bench.ask(mine, X25519PrivateKey.generate())
    count = len(bench.house.audit.records)
    assert bench.status(asked.id) == asked
    assert len(bench.house.audit.records) == count
