"""The bytes of an audit record: one form, exact both ways, and the same for ever."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from gateway.accountability import jcs
from gateway.accountability.leaf import SALT_BYTES, leaf_hash, new_salt
from gateway.accountability.record import decode, encode
from gateway.model.errors import ErrorReason
from gateway.model.loss import PrivacyLoss
from gateway.model.record import AuditRecord
from tests.conformance.ports.samples import a_record
from tests.conformance.ports.strategies import records

# What a deployment wrote once must stay readable: this text is never changed.
WRITTEN = (
    '{"at":"2026-11-21T08:30:00.000123Z","batches":0,"case_number":"","data_version":"' + "cd" * 32 + '",'
    '"dataset":"residents","disclosure":"register","fields":['
    '{"detail":"pseudonymize per recipient and purpose","field":"resident_id","treatment":"pseudonymize",'
    '"type":"string"}],"filtered_on":["sex eq"],"format":1,"grant":"G-7","grouped_by":[],'
    '"institution":"hzpb","kind":"extract","legal_basis":"dpv:PublicInterest (条例 §5)",'
    '"noise_waived":"rows are minimised and pseudonymised",'
    '"obligations":["drop-internal","treat:resident_id"],'
    '"outcome":"started","person":"li.wei","policy_digest":"' + "ab" * 32 + '","purpose":"subsidy-check",'
    '"reason":"","region":"hangzhou/xiacheng","release_id":"","replay":false,'
    '"request_id":"11111111-1111-4111-8111-111111111111","rows":0,"selected_by":"","statistics":[],'
    '"withheld":[{"field":"phone","reason":"not part of this disclosure"}]}'
).encode()


def test_the_written_form_stands() -> None:
    assert encode(a_record()) == WRITTEN
    assert decode(WRITTEN) == a_record()


@given(records)
def test_decode_is_the_inverse_of_encode(record: AuditRecord) -> None:
    data = encode(record)
    assert decode(data) == record
    assert jcs.encode(json.loads(data)) == data


LATER = {
    "trials",
    "emergency",
    "withheld_rows",
    "join",
    "reidentification",
    "joined",
    "joined_grant",
    "batch",
    "rejected_rows",
    "continues",
    "stream",
    "streams",
    "after_rows",
}
"""Keys that are left out where they say nothing."""


def test_every_field_of_the_record_is_written() -> None:
    written = {field.name for field in dataclasses.fields(AuditRecord)} | {"format"}
    assert json.loads(WRITTEN).keys() == written - {"loss", "completes", *LATER}
    assert json.loads(encode(a_record(completes=4))).keys() == written - {"loss", *LATER}
    whole: dict[str, Any] = {
        "trials": ("D-2", "D-1"),
        "emergency": "e-7",
        "withheld_rows": 3,
        "join": "j-1",
        "reidentification": "r-1",
        "joined": "residents/statistics",
        "joined_grant": "g-2",
        "continues": 2,
        "stream": 1,
        "streams": 3,
        "after_rows": 70,
        "batch": "b-1",
        "rejected_rows": 2,
    }
    tried = dataclasses.replace(a_record(completes=4), **whole)
    assert json.loads(encode(tried)).keys() == written - {"loss"}
    assert b'"emergency":"e-7",' in encode(tried) and b'"trials":["D-2","D-1"]' in encode(tried)
    assert decode(encode(tried)) == tried


def test_a_delta_is_written_where_one_is_spent() -> None:
    half = Fraction(1, 2)
    spending = dataclasses.replace(a_record(), loss=PrivacyLoss(half, None, Fraction(1, 10**9)))
    assert b'"loss":{"delta":"1/1000000000","rho":"1/2"}' in encode(spending)
    assert decode(encode(spending)) == spending
    assert b'"loss":{"rho":"1/2"}' in encode(dataclasses.replace(a_record(), loss=PrivacyLoss(half)))


def test_a_reason_given_as_a_word_of_the_vocabulary_reads_back_as_its_text() -> None:
    record = dataclasses.replace(a_record(), reason=ErrorReason.INTERNAL)
    assert decode(encode(record)) == record


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"format": True}, {"format": "1"}, {"format": None}, {"new": "x"}, {"rows": True},
        {"rows": -1}, {"rows": "1"}, {"replay": 0}, {"replay": "false"}, {"outcome": "STARTED"},
        {"kind": ["extract"]}, {"at": "2026-11-21T08:30:00Z"}, {"at": "2026-11-21T08:30:00.000123+00:00"},
        {"at": "2026-02-30T00:00:00.000000Z"}, {"at": 1}, {"person": 1}, {"person": ["x"]}, {"fields": {}},
        {"fields": ["x"]}, {"withheld": [{"field": "x"}]}, {"withheld": [{"field": "x", "reason": "y",
        "z": "z"}]}, {"obligations": [1]}, {"obligations": "x"}, {"completes": -1}, {"completes": False},
        {"loss": "1/2"}, {"loss": {}}, {"loss": {"rho": "2/4"}}, {"loss": {"rho": "-1/2"}},
        {"loss": {"rho": "1/0"}}, {"loss": {"rho": "0.5"}}, {"loss": {"rho": "01/2"}},
        {"trials": []}, {"trials": "D-1"}, {"trials": [1]}, {"emergency": ""}, {"emergency": 1}, {"event": "x"},
        {"withheld_rows": 0}, {"withheld_rows": "1"}, {"withheld_rows": -1},
        {"join": ""}, {"join": 1}, {"reidentification": ""}, {"reidentification": []},
        {"joined": ""}, {"joined": ["x"]}, {"joined_grant": ""}, {"joined_grant": 1},
        {"loss": {"rho": "1/2", "delta": "0/1"}}, {"loss": {"rho": "1/2", "delta": ""}},
        {"loss": {"rho": "1/2", "delta": "-1/9"}}, {"about": {}}, {"loss": {"rho": "1/2", "epsilon": "x"}},
        {"loss": {"epsilon": "1/2"}}, {"loss": {"rho": "１/2"}},
    ],
)  # fmt: skip
def test_what_is_not_of_the_format_is_refused(change: dict[str, Any]) -> None:
    body = json.loads(WRITTEN) | change
    data = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    with pytest.raises(ValueError) as caught:
        decode(data)
    assert "li.wei" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(json.loads(WRITTEN)))
def test_no_key_may_be_missing(name: str) -> None:
    body = json.loads(WRITTEN)
    del body[name]
    with pytest.raises(ValueError):
        decode(jcs.encode(body))


@pytest.mark.parametrize("data", [b"[]", b"1", WRITTEN + b" ", WRITTEN.replace(b'"rows":0', b'"rows": 0'), b""])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


@pytest.mark.parametrize(
    "change",
    [
        {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"rows": -1}, {"rows": 2**53}, {"rows": True},
        {"replay": 1}, {"person": None}, {"person": "secret\ud800"}, {"outcome": "secret"},
        {"obligations": (1,)}, {"trials": (1,)}, {"emergency": None}, {"withheld_rows": -1},
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_written_is_refused_without_its_values(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        encode(dataclasses.replace(a_record(), **change))
    assert "secret" not in str(caught.value)


def test_the_leaf_hash_is_that_of_rfc_9162_over_the_salted_record() -> None:
    salt = bytes(range(16))
    assert leaf_hash(salt, WRITTEN) == hashlib.sha256(b"\0" + salt + WRITTEN).digest()
    # RFC 9162's own tree hashes the empty leaf to this; with a salt it must differ
    assert leaf_hash(salt, b"").hex() != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        leaf_hash(b"x" * 15, b"")


def test_salts_are_16_bytes_and_fresh() -> None:
    salts = {new_salt() for _ in range(1000)}
    assert len(salts) == 1000
    assert {len(salt) for salt in salts} == {SALT_BYTES}
