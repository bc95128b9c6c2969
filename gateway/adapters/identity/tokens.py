"""The person, from a signed token (JWT, RFC 7519).

The signature algorithms are fixed here, one for each type of key, so a token can choose none: `alg: none` and the
HMAC algorithms are refused (RFC 8725, section 3.1). Times are checked against the caller's clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.types import Options

from gateway.model.errors import ErrorReason, Unauthenticated
from gateway.model.memo import Memo

VerifyingKey = Ed25519PublicKey | EllipticCurvePublicKey

SKEW = timedelta(seconds=30)
"""How far the issuer's clock may be ahead of ours."""

_SUBJECT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MAX_TOKEN = 8192
_CACHED = 10_000
_REQUIRED = ("iss", "aud", "exp", "iat", "sub", "institution")
_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "require": list(_REQUIRED),
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}
"""PyJWT reads the machine's clock; ours is a port, so `_live` judges the times."""


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a token proves. Times are naive UTC; `thumbprint` is that of the certificate it is bound to, if any."""

    institution: str
    person: str
    valid_from: datetime
    valid_until: datetime
    thumbprint: bytes | None


class PersonTokens:
    """Verifies tokens of one issuer for one audience. Verified tokens are remembered until they expire."""

    def __init__(self, issuer: str, audience: str, keys: Sequence[VerifyingKey]) -> None:
        """Take the issuer's public keys: Ed25519 (for EdDSA) or P-256 (for ES256).

        Raises:
            ValueError: there is no key, or one of another type.
        """
        if not keys or not issuer or not audience:
            raise ValueError("an issuer, an audience and at least one key of the issuer are needed")
        self._issuer = issuer
        self._audience = audience
        self._keys = [(_algorithm(key), key) for key in keys]
        self._verified = Memo[bytes, VerifiedToken](_CACHED)

    def verify(self, token: str | None, now: datetime) -> VerifiedToken:
        """Return what a token proves.

        Raises:
            Unauthenticated: TOKEN_MISSING, TOKEN_INVALID or TOKEN_EXPIRED.
        """
        if token is None:
            raise Unauthenticated(ErrorReason.TOKEN_MISSING)
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise Unauthenticated(ErrorReason.TOKEN_INVALID)
        name = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(name)
        if known is None:
            known = self._read(token)
            if known.valid_until > now:
                self._verified.put(name, known)
        return _live(known, now)

    def _read(self, token: str) -> VerifiedToken:
        claims = self._claims(token)
        subject, institution = claims["sub"], claims["institution"]
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject) or not isinstance(institution, str):
            raise Unauthenticated(ErrorReason.TOKEN_INVALID)
        begins = max(_instant(claims["iat"]), _instant(claims.get("nbf", claims["iat"])))
        return VerifiedToken(institution, subject, begins, _instant(claims["exp"]), _confirmation(claims))

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthenticated(ErrorReason.TOKEN_INVALID) from None
        if "crit" not in header:  # an extension that must be understood (RFC 7515, section 4.1.11): we know none
            for algorithm, key in self._keys:
                if header.get("alg") == algorithm:
                    try:
                        return jwt.decode(
                            token,
                            key,
                            algorithms=[algorithm],
                            issuer=self._issuer,
                            audience=self._audience,
                            options=_SIGNATURE_ONLY,
                        )
                    except (jwt.PyJWTError, ValueError, TypeError):
                        continue
        raise Unauthenticated(ErrorReason.TOKEN_INVALID)


def _live(token: VerifiedToken, now: datetime) -> VerifiedToken:
    if token.valid_until <= now:
        raise Unauthenticated(ErrorReason.TOKEN_EXPIRED)
    if token.valid_from > now + SKEW:
        raise Unauthenticated(ErrorReason.TOKEN_INVALID)
    return token


def _algorithm(key: VerifyingKey) -> str:
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    raise ValueError("a key of the token issuer must be Ed25519 or P-256")


def _instant(claim: object) -> datetime:
    """Read a NumericDate (RFC 7519, section 2) as naive UTC."""
    if isinstance(claim, bool) or not isinstance(claim, (int, float)):
        raise Unauthenticated(ErrorReason.TOKEN_INVALID)
    try:
        return datetime.fromtimestamp(claim, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        raise Unauthenticated(ErrorReason.TOKEN_INVALID) from None


def _confirmation(claims: Mapping[str, Any]) -> bytes | None:
    """Return the thumbprint of the certificate a token is bound to (RFC 8705, section 3.1), if it is bound.

    Raises:
        Unauthenticated: TOKEN_INVALID, for a binding of another kind: it cannot be checked here.
    """
    if "cnf" not in claims:
        return None
    binding = claims["cnf"]
    if isinstance(binding, dict) and set(binding) == {"x5t#S256"} and isinstance(binding["x5t#S256"], str):
        text = binding["x5t#S256"]
        try:
            thumbprint = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Unauthenticated(ErrorReason.TOKEN_INVALID) from None
        if len(thumbprint) == 32:
            return thumbprint
    raise Unauthenticated(ErrorReason.TOKEN_INVALID)


def read_verifying_key(pem: bytes) -> VerifyingKey:
    """Read an issuer's public key in PEM.

    Raises:
        ValueError: it is none, or neither Ed25519 nor P-256.
    """
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm:
        raise ValueError("a key of the token issuer must be Ed25519 or P-256") from None
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise ValueError("a key of the token issuer must be Ed25519 or P-256")
