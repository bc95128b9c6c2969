"""What every Certificates does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.model.certificate import SunsetCertificate
from tests.conformance.ports.conftest import OpenCertificates
from tests.conformance.ports.samples import AT

HEALTH = SunsetCertificate("health-code", date(2026, 11, 21), AT, ("hzcdc", '杭州 "x"'), "ab" * 32, 7)


def test_certificates_come_back_oldest_first_also_after_reopening(open_certificates: OpenCertificates) -> None:
    assert open_certificates().of("") == ()
    later, other = replace(HEALTH, audit_index=8, recipients=()), replace(HEALTH, purpose="tracing")
    for certificate in (HEALTH, other, later):
        open_certificates().write(certificate)
    certificates = open_certificates()
    assert certificates.of("health-code") == (HEALTH, later)
    assert certificates.of("") == (HEALTH, other, later)
    assert certificates.of("unknown") == ()


def test_a_certificate_is_written_once(open_certificates: OpenCertificates) -> None:
    certificates = open_certificates()
    certificates.write(HEALTH)
    certificates.write(HEALTH)
    assert certificates.of("") == (HEALTH,)
