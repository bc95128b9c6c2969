"""The client's end of TLS: its own certificate's period, and what exactly went wrong in a handshake."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from gateway.client.errors import CertificateExpired, Details, GatewayError, HandshakeFailed, Unavailable

Pem = str | os.PathLike[str] | bytes
"""A path of a PEM file, or its bytes."""

_PROBE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, repr=False)
class Pems:
    """The client's certificate and key, and the CA that signs the gateway's certificate."""

    certificate: bytes
    key: bytes
    ca: bytes


def read_pems(certificate: Pem, key: Pem, ca: Pem) -> Pems:
    """Return what a connection needs, once the certificate is known to hold now.

    Raises:
        CertificateExpired: it does not.
        HandshakeFailed: it is no certificate.
    """
    pems = Pems(_read(certificate), _read(key), _read(ca))
    check_period(pems.certificate, datetime.now(UTC))
    return pems


def _read(source: Pem) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def check_period(certificate_pem: bytes, now: datetime) -> None:
    """Check that our certificate holds now (`now` is aware), before anyone else does with fewer words.

    Raises:
        CertificateExpired: it does not.
        HandshakeFailed: it is no certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError:
        raise HandshakeFailed(
            Details("CERTIFICATE_UNREADABLE", "The client certificate is not a certificate in PEM.")
        ) from None
    if now >= certificate.not_valid_after_utc:
        day = certificate.not_valid_after_utc.date()
        raise CertificateExpired(
            Details("CERTIFICATE_EXPIRED", f"Your certificate ended on {day}. Get a new one from your CA.")
        )
    if now < certificate.not_valid_before_utc:
        day = certificate.not_valid_before_utc.date()
        raise CertificateExpired(
            Details("CERTIFICATE_NOT_YET_VALID", f"Your certificate holds from {day}. Check this machine's clock.")
        )


_NOT_TRUSTED = Details(
    "GATEWAY_NOT_TRUSTED",
    "The gateway's certificate is not signed by the given CA, or names another host. Check `ca` and the address.",
)
_NOT_ACCEPTED = Details(
    "CERTIFICATE_NOT_ACCEPTED",
    "The gateway does not accept your certificate: it is missing, its period is over, or another CA signed it.",
)
_UNREACHABLE = Details("UNREACHABLE", "Nothing answers at this address. Check the address, or try again later.")
_NOT_TLS = Details("HANDSHAKE_FAILED", "TLS with the gateway fails. Check that the address is a gateway's.")


def diagnose(address: str, pems: Pems) -> GatewayError | None:
    """Repeat the handshake of a call that failed, to say what is wrong with it; None if nothing is.

    gRPC reports every such failure as UNAVAILABLE. The standard library's TLS tells the alert.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal() or not hasattr(os, "memfd_create"):
        return None
    try:
        with _context(pems) as context, socket.create_connection((host, int(port)), _PROBE_SECONDS) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=host) as secured:
                    # TLS 1.3: a server tells after the handshake that it refuses the client's certificate.
                    # A gateway's first bytes are the settings of HTTP/2.
                    return None if secured.recv(1) else HandshakeFailed(_NOT_ACCEPTED)
            except ssl.SSLCertVerificationError:
                return HandshakeFailed(_NOT_TRUSTED)
            except ssl.SSLError as error:
                refused = "CERTIFICATE" in (error.reason or "") or "UNKNOWN_CA" in (error.reason or "")
                return HandshakeFailed(_NOT_ACCEPTED if refused else _NOT_TLS)
            except ConnectionError:
                return HandshakeFailed(_NOT_ACCEPTED)
    except ssl.SSLError:
        return HandshakeFailed(Details("CERTIFICATE_UNREADABLE", "The client certificate and key are no pair in PEM."))
    except OSError:
        return Unavailable(_UNREACHABLE)


@contextlib.contextmanager
def _context(pems: Pems) -> Iterator[ssl.SSLContext]:
    context = ssl.create_default_context(cadata=pems.ca.decode("ascii", "replace"))
    context.set_alpn_protocols(["h2"])
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, pems.certificate + b"\n" + pems.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        yield context
    finally:
        os.close(descriptor)
