"""A token proves a person, or nothing: what each forgery gets."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.adapters.dev_ca import AUDIENCE, ISSUER, DevelopmentAuthority
from gateway.adapters.identity import tokens as identity_tokens
from gateway.adapters.identity.bound import BoundIdentities
from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.adapters.identity.tokens import PersonTokens, read_verifying_key
from gateway.model.errors import ErrorReason, Unauthenticated
from gateway.model.party import Peer

NOW = datetime(2026, 11, 21, 12)
AUTHORITY = DevelopmentAuthority(NOW)
KEY = read_verifying_key(AUTHORITY.issuer_pem)


def tokens() -> PersonTokens:
    return PersonTokens(ISSUER, AUDIENCE, [KEY])


def mint(life: timedelta = timedelta(hours=1), **claims: Any) -> str:
    return AUTHORITY.token("police", "li.wei", NOW, life, claims)


def refusal(token: str | None, now: datetime = NOW) -> ErrorReason:
    with pytest.raises(Unauthenticated) as raised:
        tokens().verify(token, now)
    assert raised.value.args == (raised.value.reason.value,)
    return raised.value.reason


def segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def payload_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_token_proves_institution_and_person_until_its_end() -> None:
    proved = tokens().verify(mint(), NOW)
    assert (proved.institution, proved.person) == ("police", "li.wei")
    assert proved.valid_until == NOW + timedelta(hours=1)


def test_no_token() -> None:
    assert refusal(None) is ErrorReason.TOKEN_MISSING


def test_alg_none_is_refused_in_every_spelling() -> None:
    claims = segment(payload_of(mint()))
    for name in ("none", "None", "NONE", ""):
        assert refusal(f"{segment({'alg': name, 'typ': 'JWT'})}.{claims}.") is ErrorReason.TOKEN_INVALID


def test_an_hmac_keyed_with_the_public_key_is_refused() -> None:
    import hashlib
    import hmac

    body = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{segment(payload_of(mint()))}"
    for key in (AUTHORITY.issuer_pem, AUTHORITY.issuer_pem.strip()):
        signature = hmac.new(key, body.encode(), hashlib.sha256).digest()
        forged = f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert refusal(forged) is ErrorReason.TOKEN_INVALID


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (Ed25519PrivateKey.generate(), "EdDSA"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
)
def test_another_s_signature_is_refused(key: Any, algorithm: str) -> None:
    assert refusal(jwt.encode(payload_of(mint()), key, algorithm=algorithm)) is ErrorReason.TOKEN_INVALID


def test_an_altered_payload_is_refused() -> None:
    header, _, signature = mint().split(".")
    altered = {**payload_of(mint()), "institution": "health-commission"}
    assert refusal(f"{header}.{segment(altered)}.{signature}") is ErrorReason.TOKEN_INVALID


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-service"},
        {"aud": ["another-service"]},
        {"sub": "li wei"},
        {"sub": ""},
        {"sub": "x" * 65},
        {"sub": "li.wei\n"},
        {"sub": 7},
        {"institution": 7},
        {"exp": "tomorrow"},
        {"exp": 10**20},
        {"iat": int((NOW + timedelta(hours=1)).replace(tzinfo=UTC).timestamp())},
        {"nbf": int((NOW + timedelta(hours=1)).replace(tzinfo=UTC).timestamp())},
        {"cnf": {"jkt": "x"}},
        {"cnf": {"x5t#S256": "short"}},
        {"cnf": {"x5t#S256": "é"}},
        {"cnf": "x"},
    ],
)
def test_a_claim_that_is_not_right_is_refused(claims: dict[str, Any]) -> None:
    assert refusal(mint(**claims)) is ErrorReason.TOKEN_INVALID


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "iat", "sub", "institution"])
def test_every_claim_is_compulsory(missing: str) -> None:
    claims = payload_of(mint())
    del claims[missing]
    issuer = AUTHORITY._issuer
    assert refusal(jwt.encode(claims, issuer, algorithm="EdDSA")) is ErrorReason.TOKEN_INVALID


def test_an_extension_that_must_be_understood_is_not() -> None:
    forged = jwt.encode(payload_of(mint()), AUTHORITY._issuer, "EdDSA", headers={"crit": ["b64"], "b64": True})
    assert refusal(forged) is ErrorReason.TOKEN_INVALID


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a" * 10_000, "é.é.é", "..", "eyJ9.e30."])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refusal(token) is ErrorReason.TOKEN_INVALID


def test_a_token_ends_also_when_it_is_remembered() -> None:
    people = tokens()
    token = mint()
    assert people.verify(token, NOW) == people.verify(token, NOW + timedelta(minutes=59))
    with pytest.raises(Unauthenticated) as raised:
        people.verify(token, NOW + timedelta(hours=1))
    assert raised.value.reason is ErrorReason.TOKEN_EXPIRED


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_tokens, "_CACHED", 3)
    people = tokens()
    for number in range(10):
        people.verify(mint(jti=str(number)), NOW)
    assert len(people._verified) == 3


def test_es256_is_accepted_with_a_p256_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    people = PersonTokens(ISSUER, AUDIENCE, [KEY, read_verifying_key(public)])
    assert people.verify(jwt.encode(payload_of(mint()), key, algorithm="ES256"), NOW).person == "li.wei"
    assert people.verify(mint(), NOW).person == "li.wei"


def test_other_keys_are_not_taken() -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError):
        read_verifying_key(pem)
    with pytest.raises(ValueError):
        PersonTokens(ISSUER, AUDIENCE, [])


def bound() -> BoundIdentities:
    return BoundIdentities(CertificateInstitutions(frozenset({"police", "health-commission"})), tokens())


def test_certificate_and_token_together_are_an_identity() -> None:
    pem = AUTHORITY.client("police", NOW, timedelta(minutes=30)).certificate_pem
    identity = bound().identify(Peer(pem, mint()), NOW)
    assert (identity.institution, identity.person) == ("police", "li.wei")
    assert identity.valid_until == NOW + timedelta(minutes=30)


def test_a_token_of_another_institution_is_refused() -> None:
    pem = AUTHORITY.client("health-commission", NOW).certificate_pem
    with pytest.raises(Unauthenticated) as raised:
        bound().identify(Peer(pem, mint()), NOW)
    assert raised.value.reason is ErrorReason.INSTITUTION_MISMATCH


def test_a_bound_token_works_with_its_certificate_alone() -> None:
    mine, stolen = (AUTHORITY.client("police", NOW).certificate_pem for _ in range(2))
    thumbprint = CertificateInstitutions(frozenset({"police"})).bind(mine, NOW).thumbprint
    text = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    token = mint(cnf={"x5t#S256": text})
    assert bound().identify(Peer(mine, token), NOW).person == "li.wei"
    with pytest.raises(Unauthenticated) as raised:
        bound().identify(Peer(stolen, token), NOW)
    assert raised.value.reason is ErrorReason.TOKEN_INVALID
