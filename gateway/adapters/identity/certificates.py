"""The institution, from the client certificate of the TLS handshake.

The handshake checked the chain. What is checked here, on every call: whom the certificate names, and that its period
holds now, for a connection can outlive it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.model.errors import ErrorReason, Unauthenticated

INSTITUTION_URN = "urn:purpose-gateway:institution:"
"""What the one URI in a client certificate's subjectAltName begins with; the institution's id follows."""


@dataclass(frozen=True, slots=True)
class BoundInstitution:
    """The institution a certificate binds, until when (naive UTC), and the SHA-256 of its DER form."""

    institution: str
    valid_until: datetime
    thumbprint: bytes


class CertificateInstitutions:
    """Reads client certificates. `known` are the ids of the institutions that may call."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known

    def bind(self, certificate_pem: bytes | None, now: datetime) -> BoundInstitution:
        """Return the institution of a certificate.

        Raises:
            Unauthenticated: CERTIFICATE_MISSING; or CERTIFICATE_INVALID for one that is not a client certificate
                with exactly one URI, of our form, naming a known institution, within its period.
        """
        if certificate_pem is None:
            raise Unauthenticated(ErrorReason.CERTIFICATE_MISSING)
        read = _read(certificate_pem)
        if read is None or read.institution not in self._known or not read.begins <= now < read.ends:
            raise Unauthenticated(ErrorReason.CERTIFICATE_INVALID)
        return BoundInstitution(read.institution, read.ends, read.thumbprint)


@dataclass(frozen=True, slots=True)
class _Certificate:
    institution: str
    begins: datetime
    ends: datetime
    thumbprint: bytes


@lru_cache(maxsize=4096)
def _read(pem: bytes) -> _Certificate | None:
    """Read a certificate once; None for one that names no institution in our form."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        extensions = certificate.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage or len(uris) != 1 or not uris[0].startswith(INSTITUTION_URN):
        return None
    return _Certificate(
        institution=uris[0].removeprefix(INSTITUTION_URN),
        begins=_naive(certificate.not_valid_before_utc),
        ends=_naive(certificate.not_valid_after_utc),
        thumbprint=certificate.fingerprint(hashes.SHA256()),
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
