"""Keys of pseudonym domains."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import PseudonymDomain


class KeyUse(StrEnum):
    """What a working key is for. Keys of two uses are independent."""

    TOKEN_BLOCK = "token-block"
    TOKEN_SIV = "token-siv"
    MANIFEST = "manifest"
    DATA_VERSION = "data-version"
    METER = "meter"
    CONSENT = "consent"


AUDIT_DOMAIN = PseudonymDomain("purpose-gateway", "audit-manifest")
"""The gateway's own domain: disclosure manifests and names of data versions. No purpose has its name."""


def of_subjects(kind: str, form: CanonicalForm) -> str:
    """Return the field form under which a kind of subject has one key, in whatever dataset it is found."""
    return f"{kind}/{form.value}"


class KeyRing(Protocol):
    """Working keys. Each pseudonym domain has its own random secret; destroying it makes its tokens unlinkable."""

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form.

        A domain's secret is made when it is first asked for.

        Raises:
            Fault: KEYS_UNAVAILABLE; also for a domain whose secret was destroyed, for ever.
        """
        ...

    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that have a secret.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def destroy(self, domain: PseudonymDomain) -> None:
        """Erase a domain's secret, durably and for ever: it is never made anew. Nothing happens where there is none.

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        ...
