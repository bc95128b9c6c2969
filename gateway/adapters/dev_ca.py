"""A development authority: certificates and tokens for `gateway demo` and for tests, made on the spot.

It is for loopback. A deployment brings its own CA and token issuer; nothing in serving falls back to this one.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.adapters.identity.certificates import INSTITUTION_URN

ISSUER = "https://tokens.purpose-gateway.example"
AUDIENCE = "purpose-gateway"

_CA_LIFE = timedelta(days=30)
_LEAF_LIFE = timedelta(days=7)
_TOKEN_LIFE = timedelta(hours=1)
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its private key, PEM."""

    certificate_pem: bytes
    private_key_pem: bytes

    def __repr__(self) -> str:
        return "Credentials(…)"


class DevelopmentAuthority:
    """A certificate authority and a token issuer with keys of their own. Instants are naive UTC."""

    def __init__(self, now: datetime) -> None:
        """Make new keys, and a CA certificate that holds for 30 days."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = Ed25519PrivateKey.generate()
        self._name = _name("Purpose Gateway development CA")
        self._certificate = (
            _builder(self._name, now - _BACKDATED, now + _CA_LIFE)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def ca_pem(self) -> bytes:
        """The CA certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def issuer_pem(self) -> bytes:
        """The token issuer's public key, PEM."""
        return self._issuer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def server(self, now: datetime, life: timedelta = _LEAF_LIFE) -> Credentials:
        """Return credentials of a server on localhost."""
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
        ]
        return self._leaf("localhost", names, ExtendedKeyUsageOID.SERVER_AUTH, now - _BACKDATED, now + life)

    def client(
        self, institution: str, now: datetime, life: timedelta = _LEAF_LIFE, uris: Sequence[str] | None = None
    ) -> Credentials:
        """Return an institution's credentials. A `life` below zero makes an expired one; `uris` replaces its URI."""
        begins = min(now, now + life) - _BACKDATED
        named = (INSTITUTION_URN + institution,) if uris is None else uris
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in named]
        return self._leaf(institution, names, ExtendedKeyUsageOID.CLIENT_AUTH, begins, now + life)

    def token(
        self,
        institution: str,
        person: str,
        now: datetime,
        life: timedelta = _TOKEN_LIFE,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a person's token, signed with EdDSA. `claims` are added, and replace those of the same name."""
        issued = now.replace(tzinfo=UTC)
        payload: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": person,
            "institution": institution,
            "iat": int(issued.timestamp()),
            "exp": int((issued + life).timestamp()),
            **(claims or {}),
        }
        return jwt.encode(payload, self._issuer, algorithm="EdDSA")

    def _leaf(
        self,
        name: str,
        names: list[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        begins: datetime,
        ends: datetime,
    ) -> Credentials:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), begins, ends)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Credentials(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)


def _builder(subject: x509.Name, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
