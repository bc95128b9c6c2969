"""A certificate binds one known institution, within its period."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.adapters.dev_ca import DevelopmentAuthority
from gateway.adapters.identity.certificates import INSTITUTION_URN, CertificateInstitutions
from gateway.model.errors import ErrorReason, Unauthenticated

NOW = datetime(2026, 11, 21, 12)
AUTHORITY = DevelopmentAuthority(NOW)
KNOWN = CertificateInstitutions(frozenset({"police", "health-commission"}))


def refusal(pem: bytes | None, now: datetime = NOW) -> ErrorReason:
    with pytest.raises(Unauthenticated) as raised:
        KNOWN.bind(pem, now)
    assert raised.value.args == (raised.value.reason.value,)
    return raised.value.reason


def test_the_uri_names_the_institution() -> None:
    bound = KNOWN.bind(AUTHORITY.client("police", NOW, timedelta(days=2)).certificate_pem, NOW)
    assert bound.institution == "police"
    assert bound.valid_until == NOW + timedelta(days=2)
    assert len(bound.thumbprint) == 32


def test_the_period_is_judged_at_every_call() -> None:
    pem = AUTHORITY.client("police", NOW, timedelta(hours=1)).certificate_pem
    assert KNOWN.bind(pem, NOW + timedelta(minutes=59)).institution == "police"
    assert refusal(pem, NOW + timedelta(hours=1)) is ErrorReason.CERTIFICATE_INVALID
    assert refusal(pem, NOW - timedelta(days=1)) is ErrorReason.CERTIFICATE_INVALID


@pytest.mark.parametrize(
    "uris",
    [
        [],
        [INSTITUTION_URN + "tax-office"],
        [INSTITUTION_URN],
        [INSTITUTION_URN + "police", INSTITUTION_URN + "health-commission"],
        [INSTITUTION_URN + "police", "https://elsewhere.example/"],
        ["urn:elsewhere:institution:police"],
        [INSTITUTION_URN + "police/../health-commission"],
        [INSTITUTION_URN + "Police"],
    ],
)
def test_any_other_name_is_refused(uris: list[str]) -> None:
    pem = AUTHORITY.client("police", NOW, uris=uris).certificate_pem
    assert refusal(pem) is ErrorReason.CERTIFICATE_INVALID


def test_a_common_name_alone_says_nothing() -> None:
    pem = AUTHORITY.client("police", NOW, uris=["urn:x"]).certificate_pem  # its CN is "police"
    assert refusal(pem) is ErrorReason.CERTIFICATE_INVALID


def test_a_server_certificate_is_no_client_s() -> None:
    uri = x509.UniformResourceIdentifier(INSTITUTION_URN + "police")
    period = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    client, server = (
        AUTHORITY._leaf("police", [uri], usage, *period).certificate_pem
        for usage in (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
    )
    assert KNOWN.bind(client, NOW).institution == "police"
    assert refusal(server) is ErrorReason.CERTIFICATE_INVALID


def test_no_certificate_and_no_certificate_at_all() -> None:
    assert refusal(None) is ErrorReason.CERTIFICATE_MISSING
    assert refusal(b"not a certificate") is ErrorReason.CERTIFICATE_INVALID
