"""What a call says of its caller: the certificate of the TLS handshake, the bearer token, and the languages.

No other metadata is read, so no header can name an institution or a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.model.party import Peer

_BEARER = "bearer "


def peer_of(auth_context: Mapping[str, Iterable[bytes]], metadata: Iterable[tuple[str, Any]]) -> Peer:
    """Return what the transport proved and the caller claims. Several authorization headers count as none."""
    certificates = list(auth_context.get("x509_pem_cert", ()))
    tokens = [value for key, value in metadata if key == "authorization"]
    return Peer(certificates[0] if len(certificates) == 1 else None, _bearer(tokens))


def _bearer(values: list[Any]) -> str | None:
    if len(values) != 1 or not isinstance(values[0], str):
        return None
    if values[0][: len(_BEARER)].lower() != _BEARER:
        return None
    return values[0][len(_BEARER) :].strip() or None


def languages_of(metadata: Iterable[tuple[str, Any]]) -> tuple[str, ...]:
    """Return the first of "en" and "zh" that `accept-language` names, or nothing if it names neither."""
    for key, value in metadata:
        if key == "accept-language" and isinstance(value, str):
            tags = (part.strip()[:2].lower() for part in value[:256].split(","))
            return tuple(tag for tag in tags if tag in ("en", "zh"))[:1]
    return ()
