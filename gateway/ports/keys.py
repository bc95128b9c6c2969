"""Keys of pseudonym domains, and the key that signs releases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import AUDIT_DOMAIN, CipherSuite, PseudonymDomain
from gateway.model.signing import Signature, SigningKey


class KeyUse(StrEnum):
    """What a working key is for. Keys of two uses are independent."""

    TOKEN_BLOCK = "token-block"
    TOKEN_SIV = "token-siv"
    TOKEN_IRREVERSIBLE = "token-irreversible"
    TOKEN_FORMAT = "token-format"
    PERTURB = "perturb"
    MANIFEST = "manifest"
    DATA_VERSION = "data-version"
    METER = "meter"
    CONSENT = "consent"
    SERIES = "series"
    EXTRACT = "extract"
    INDICATOR = "indicator"
    INGEST = "ingest"


def of_subjects(kind: str, form: CanonicalForm) -> str:
    """Return the field form under which a kind of subject has one key, in whatever dataset it is found."""
    return f"{kind}/{form.value}"


def has_versions(domain: PseudonymDomain, use: KeyUse) -> bool:
    """Tell whether a rotation renews a key: not those of the gateway's own domain, nor those for PERTURB."""
    return domain != AUDIT_DOMAIN and use is not KeyUse.PERTURB


@dataclass(frozen=True, slots=True)
class KeysState:
    """What the keys of a ring are at a moment, without any of them: whatever changes them changes the digest.

    `digest` is the SHA-256, in hex, of the document that the keys are in; `versions` are those in it, the oldest first;
    `domains`, `destroyed`, `back_ups` and `escrows` are numbers of what it holds and has on record. Epochs that ended
    before the day `epochs_before` ("YYYY-MM-DD", or "") are destroyed in every domain.
    """

    digest: str
    versions: tuple[int, ...]
    domains: int
    destroyed: int
    epochs_before: str
    back_ups: int
    escrows: int


class WorkingKeys(Protocol):
    """The keys that rows are treated with."""

    @property
    def suite(self) -> CipherSuite:
        """The block cipher that all keys of this ring are for."""
        ...

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form.

        A domain's secret is made when it is first asked for. Keys that must never change have one version only, and
        `version` is left out for them: those of the gateway's own domain, and those for PERTURB, whose noise could be
        averaged away if it were drawn anew.

        Args:
            version: one of `versions()`; left out, the newest, which is the one to make tokens with.

        Raises:
            Fault: KEYS_UNAVAILABLE; also for a domain whose secret was destroyed, for ever, and for a version that
                cannot be read any more.
        """
        ...


class KeyRing(WorkingKeys, Protocol):
    """Working keys. Each pseudonym domain has its own random secret; destroying it makes its tokens unlinkable.

    A domain is a recipient, a purpose and an epoch; the name without an epoch stands for standing tokens where keys
    are asked for, and for the recipient and purpose as a whole where they are destroyed.
    """

    def versions(self) -> tuple[int, ...]:
        """Return the versions whose tokens can be read now, the newest first.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that have a secret, each with its epoch.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def state(self) -> KeysState:
        """Return what the keys are now, also where another process changed them.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def destroyed(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that `destroy` named, each with its epoch; one without an epoch stands for all.

        An epoch that expired, or of which the whole was destroyed as well, need not be among them.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def destroy(self, domain: PseudonymDomain) -> None:
        """Erase a domain's secret, durably and for ever: it is never made anew, also where there was none.

        Without an epoch, all epochs of the recipient and purpose go, and none is ever made again.

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        ...

    def expire_epochs(self, before: date) -> tuple[PseudonymDomain, ...]:
        """Erase the secrets of all epochs that ended before a day of the city, and return their domains.

        No key of such an epoch is ever made again, in any domain. Standing tokens stay.

        Raises:
            Fault: KEYS_UNAVAILABLE; some may be erased. INTERNAL for a day that has not come yet.
        """
        ...


class KeysElsewhere(Protocol):
    """How another process opens the same keys: says where they are, holds none, and can be pickled."""

    def open(self) -> KeyRing:
        """Open the keys in the process that asks, which keeps them open for the next time.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...


class ReleaseSigner(Protocol):
    """Signs what the gateway states of a release. Nothing else is signed with these keys."""

    def sign(self, statement: bytes) -> Signature:
        """Sign a statement with the key of today, which is made when it is first needed.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...

    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the public keys of all that ever signed, the oldest first; the last of them signs now.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        ...
