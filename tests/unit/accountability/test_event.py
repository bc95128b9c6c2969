"""The bytes of an event: one form, exact both ways, the same for ever, and never those of a record."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from gateway.accountability import jcs, record
from gateway.accountability.event import decode, encode, is_event
from gateway.model.event import Event, EventKind
from gateway.model.record import AuditRecord
from tests.conformance.ports.samples import an_event
from tests.conformance.ports.strategies import events, records

# What a deployment wrote once must stay readable: this text is never changed.
WRITTEN = (
    '{"about":{"digest":"' + "ab" * 32 + '","number":"7"},"at":"2026-11-21T08:30:00.000123Z",'
    '"by":"hzdata/chen.yu","event":"policy-published","format":1}'
).encode()


def test_the_written_form_stands() -> None:
    assert encode(an_event()) == WRITTEN
    assert decode(WRITTEN) == an_event()


@given(events)
def test_decode_is_the_inverse_of_encode(event: Event) -> None:
    data = encode(event)
    assert decode(data) == event
    assert jcs.encode(json.loads(data)) == data


@given(events, records)
def test_an_event_and_a_record_are_told_apart(event: Event, other: AuditRecord) -> None:
    assert is_event(encode(event)) and not is_event(record.encode(other))
    with pytest.raises(ValueError):
        record.decode(encode(event))
    with pytest.raises(ValueError):
        decode(record.encode(other))


def test_the_words_of_events_stand() -> None:
    assert {kind.value for kind in EventKind} >= {
        "policy-published", "policy-rolled-back", "policy-emergency", "policy-reviewed", "glass-broken",
        "glass-reviewed", "case-opened", "case-closed", "consents-recorded", "consent-withdrawn", "keys-destroyed",
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"format": True}, {"format": "1"}, {"new": "x"}, {"event": "secret"}, {"event": 1},
        {"event": ["policy-published"]}, {"at": "2026-11-21T08:30:00Z"}, {"at": 1}, {"by": 1}, {"about": []},
        {"about": "x"}, {"about": {"digest": 1}}, {"about": {"digest": {}}}, {"about": {"digest": ["secret"]}},
    ],
)  # fmt: skip
def test_what_is_not_of_the_format_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        decode(jcs.encode(json.loads(WRITTEN) | change))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(json.loads(WRITTEN)))
def test_no_key_may_be_missing(name: str) -> None:
    body = json.loads(WRITTEN)
    del body[name]
    with pytest.raises(ValueError):
        decode(jcs.encode(body))


@pytest.mark.parametrize("data", [b"[]", b"", WRITTEN + b" ", WRITTEN.replace(b'"format":1', b'"format": 1')])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "secret"}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"by": None}, {"by": "secret\ud800"},
        {"about": {"secret": 1}}, {"about": {1: "secret"}}, {"about": {"\udfff": "secret"}},
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_written_is_refused_without_its_values(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        encode(dataclasses.replace(an_event(), **change))
    assert "secret" not in str(caught.value)
