"""The derivation of keys against published vectors, and against fixed examples of ours, which must never change."""

import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from hypothesis import given

from gateway.adapters.keys import derivation
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from tests.conformance.ports.strategies import text

VECTORS = Path(__file__).parent / "vectors" / "keys"
NOVEMBER = PseudonymDomain("hztax", "subsidy-check", "2026-11")


def _cases(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())["cases"]
    return cases


@pytest.mark.parametrize("case", _cases("rfc5869"), ids=lambda case: case["name"])
def test_hkdf_gives_the_vectors_of_rfc_5869(case: dict[str, Any]) -> None:
    material, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
    assert derivation.hkdf_sha256(salt, material, info, case["size"]).hex() == case["okm"]


@pytest.mark.parametrize("case", _cases("wycheproof_hkdf_sha256"), ids=lambda case: str(case["tcId"]))
def test_hkdf_does_as_wycheproof_expects(case: dict[str, Any]) -> None:
    material, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
    if case["result"] == "valid":
        assert derivation.hkdf_sha256(salt, material, info, case["size"]).hex() == case["okm"]
    else:
        with pytest.raises(ValueError, match="larger than"):
            derivation.hkdf_sha256(salt, material, info, case["size"])


@pytest.mark.parametrize("case", _cases("wycheproof_aes_kwp_256"), ids=lambda case: str(case["tcId"]))
def test_wrapping_does_as_wycheproof_expects(case: dict[str, Any]) -> None:
    key, message, wrapped = (bytes.fromhex(case[name]) for name in ("key", "msg", "ct"))
    if case["result"] == "valid":
        assert derivation.wrap(key, message) == wrapped
        assert derivation.unwrap(key, wrapped) == message
    else:
        with pytest.raises(InvalidUnwrap):
            derivation.unwrap(key, wrapped)


def test_the_vectors_hold_both_what_passes_and_what_does_not() -> None:
    for name in ("wycheproof_hkdf_sha256", "wycheproof_aes_kwp_256"):
        assert {case["result"] for case in _cases(name)} == {"valid", "invalid"}


@pytest.mark.parametrize(
    ("key", "wrapped"),
    [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ],
    ids=["20", "7"],
)
def test_wrapping_gives_the_vectors_of_rfc_5649_section_6(key: str, wrapped: str) -> None:
    wrapping = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    assert derivation.wrap(wrapping, bytes.fromhex(key)).hex() == wrapped
    assert derivation.unwrap(wrapping, bytes.fromhex(wrapped)).hex() == key
    altered = bytes([bytes.fromhex(wrapped)[0] ^ 1]) + bytes.fromhex(wrapped)[1:]
    with pytest.raises(InvalidUnwrap):
        derivation.unwrap(wrapping, altered)


def test_stretching_gives_the_vector_of_rfc_7914_section_12() -> None:
    wrapping, mac = derivation.stretch(b"pleaseletmein", b"SodiumChloride", 16384, 8, 1)
    assert (wrapping + mac).hex() == (
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
        "e61e85dc0d651e40dfcf017b45575887"
    )


def test_working_keys_never_change() -> None:
    info = derivation.key_info(CipherSuite.SM4, 12, NOVEMBER, "token-block", "resident-id")
    assert info == (
        b"\0\0\0\x1dpurpose-gateway working key 2\0\0\0\x0212\0\0\0\x03sm4\0\0\0\x0btoken-block\0\0\0\x0bresident-id"
        b"\0\0\0\x0dsubsidy-check\0\0\0\x05hztax\0\0\0\x072026-11"
    )
    master, secret = bytes(32), bytes(range(32))
    key = derivation.working_key(master, secret, info)
    assert key == derivation.hkdf_sha256(master, secret, info, 64)
    assert key.hex() == (
        "3106a96358911131ed2fb58c762ecfffcce339a7ecf0285d58c452c4fff7ace9"
        "ef792bb92e2c22a5b37cf3e95331c35fddb6cea0007d660b9bf4ad0af407a172"
    )
    assert derivation.lasting_key(secret, info) == derivation.hkdf_sha256(b"", secret, info, 64)


def test_the_key_for_who_has_an_escrow_never_changes() -> None:
    # HKDF of RFC 5869 written out: extract with 32 zero bytes as salt, then the first block of expand
    extracted = hmac.digest(bytes(32), bytes(range(32)), "sha256")
    key = derivation.recovery_key(bytes(range(32)))
    assert key == hmac.digest(extracted, b"purpose-gateway recovery\x01", "sha256")
    assert key.hex() == "371915685a46442e30d17359620cba601ec3834ecd32e596a83fb54bbf0d4761"


@given(text, text, text, text, text, text, text, text)
def test_no_two_uses_have_equal_bytes(a: str, b: str, c: str, d: str, e: str, f: str, g: str, h: str) -> None:
    left = derivation.key_info(CipherSuite.AES, 1, PseudonymDomain(a, b, g), c, d)
    right = derivation.key_info(CipherSuite.AES, 1, PseudonymDomain(e, f, h), c, d)
    assert (left == right) == ((a, b, g) == (e, f, h))
    # a part cannot flow into its neighbour
    moved = derivation.key_info(CipherSuite.AES, 1, PseudonymDomain(a, b, g), c + d, "")
    assert (left == moved) == (d == "")
    others = [derivation.key_info(CipherSuite.AES, 11, PseudonymDomain(a, b, g), c, d)]
    others.append(derivation.key_info(CipherSuite.SM4, 1, PseudonymDomain(a, b, g), c, d))
    assert left not in others
