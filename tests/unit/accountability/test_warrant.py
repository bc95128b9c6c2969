"""What is signed: the same bytes from what the client shows as from what the gateway keeps, and others for another."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.accountability import warrant
from gateway.client import warrants
from gateway.decision.warrant import Standing
from gateway.model.governance import Officer, Power
from gateway.model.linking import Join, Reidentification
from gateway.model.pseudonym import PseudonymDomain
from gateway.server.wire.linking import join_of, reidentification_of
from tests.conformance.ports.test_join_register import a_join
from tests.conformance.ports.test_reidentification_register import a_request

WORDS = 'quotes " and \\ and \t, 汉字, \U0001f600, é and \u2028'


def test_the_client_signs_what_the_gateway_keeps() -> None:
    join = replace(a_join(), reason=WORDS)
    asked = replace(a_request(), reason=WORDS, case_number="", count=100)
    assert warrants.join_statement(warrants.join_from(join_of(join, Standing(False, 2)))) == warrant.join_statement(
        join
    )
    shown = warrants.reidentification_from(reidentification_of(asked))
    assert warrants.reidentification_statement(shown) == warrant.reidentification_statement(asked)


JOIN: dict[str, Any] = {
    "id": "j2",
    "first": PseudonymDomain("hzpb", "other"),
    "second": PseudonymDomain("other", "care"),
    "dataset": "other",
    "field": "other",
    "form": type(a_join().form).TEXT,
    "purpose": "other",
    "reason": "other",
    "proposed_by": "other/other",
    "proposed_at": a_join().proposed_at + timedelta(microseconds=1),
    "ends_at": a_join().ends_at + timedelta(microseconds=1),
}
REQUEST: dict[str, Any] = {
    "id": "r2",
    "institution": "other",
    "person": "other",
    "dataset": "other",
    "disclosure": "other",
    "field": "other",
    "purpose": "other",
    "tokens_of": "other",
    "region": "other",
    "case_number": "other",
    "reason": "other",
    "count": 4,
    "tokens_digest": b"e" * 32,
    "public_key": b"l" * 32,
    "asked_at": a_request().asked_at + timedelta(microseconds=1),
}


def test_each_part_that_is_agreed_to_is_signed() -> None:
    """What is not signed is what happens later: approvals, and the end."""
    assert {part.name for part in fields(Join)} - set(JOIN) == {"approvals", "ended_by", "ended_at", "end"}
    assert {part.name for part in fields(Reidentification)} - set(REQUEST) == {"approvals", "collected_at"}
    for name, value in JOIN.items():
        other = replace(a_join(), **{name: value})
        assert warrant.join_statement(other) != warrant.join_statement(a_join()), name
    for name, value in REQUEST.items():
        asked = replace(a_request(), **{name: value})
        assert warrant.reidentification_statement(asked) != warrant.reidentification_statement(a_request()), name


def test_a_signature_is_one_officers_over_one_statement() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    officer = Officer("hzaudit", "wu", frozenset({Power.LINK}), "hangzhou", frozenset("*"), public)
    signature = key.sign(b"statement")
    assert warrant.signed(officer, b"statement", signature)
    assert not warrant.signed(officer, b"statemenT", signature)
    assert not warrant.signed(officer, b"statement", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not warrant.signed(officer, b"statement", b"")
    assert not warrant.signed(replace(officer, key=b""), b"statement", signature)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert not warrant.signed(replace(officer, key=other), b"statement", signature)


@pytest.mark.parametrize("value", [a_join(), a_request()], ids=["join", "request"])
def test_what_is_kept_shows_no_words(value: object) -> None:
    assert "reason" not in repr(value) and "周报" not in repr(value) and "急" not in repr(value)
