"""Working keys from an encrypted key file, which several processes may share.

The file holds a random secret for each pseudonym domain and epoch, each wrapped singly under the newest master key;
master keys are wrapped under a key stretched from the operator's secret. A list beside it says what was destroyed. Both
files are replaced as a whole, so a reader sees the old or the new one; a lock beside them lets one process at a time
change them.

Each use of a key looks whether the files are still those that were read, and reads them anew where they are not: once
`destroy` or a rotation returned, no process gives out a working key that ended by it, cached or not. What was given out
before is the caller's to let go.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys import derivation
from gateway.adapters.keys.document import DomainSecret, KeyDocument
from gateway.adapters.keys.files import Stamp, fault, faulting
from gateway.adapters.keys.signer import FileReleaseSigner
from gateway.adapters.keys.store import DEFAULT_N, KeyStore
from gateway.adapters.keys.tombstones import Tombstones
from gateway.kernels.ciphers import KeyHolder
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import Clock, KeysState, KeyUse
from gateway.ports.keys import has_versions

_log = logging.getLogger(__name__)
_DESTROYED = "keys refused: those of %s for %s were destroyed for good; is a grant of it left?"
"""Names of an institution and a purpose alone: callers are told that keys are unavailable, and operators why."""
_Asked = tuple[PseudonymDomain, KeyUse, str, int | None]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Current(KeyHolder):
    """The files as they were read once, opened, and the working keys that were derived since."""

    stamp: Stamp
    digest: str
    document: KeyDocument
    masters: Mapping[int, bytes]
    secrets: Mapping[PseudonymDomain, DomainSecret]
    cache: dict[_Asked, bytes] = field(default_factory=dict)


class FileKeyRing(KeyHolder):
    """A `KeyRing` over a key file. It shows no key: not in its repr, and it cannot be copied or pickled."""

    __slots__ = ("_current", "_guard", "_store")

    def __init__(self, store: KeyStore) -> None:
        """Use `create` or `open`."""
        self._store = store
        self._guard = threading.Lock()
        self._current = self._read(None)

    @classmethod
    @faulting
    def create(
        cls,
        path: Path,
        secret: bytes,
        n: int = DEFAULT_N,
        suite: CipherSuite = CipherSuite.AES,
        clock: Clock | None = None,
    ) -> FileKeyRing:
        """Make a key file with a fresh master key, readable by its owner alone, and open it.

        Args:
            secret: what opens the file again, of any length but 0; the file is as strong as this.
            n: the work factor of scrypt, a power of two, at least 2^15.
            suite: the block cipher that all its keys are for.
            clock: what windows of rotations are measured by; the system's, if left out.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why. A file that exists is never replaced.
        """
        return cls(KeyStore.make(path, secret, n, suite, clock or SystemClock()))

    @classmethod
    @faulting
    def open(cls, path: Path, secret: bytes, clock: Clock | None = None) -> FileKeyRing:
        """Open a key file. What an older copy of it brought back is destroyed again.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return cls(KeyStore.open(path, secret, clock or SystemClock()))

    @property
    def signer(self) -> FileReleaseSigner:
        """What signs releases by the same key file."""
        return FileReleaseSigner(self._store)

    @property
    def suite(self) -> CipherSuite:
        """The block cipher that all keys of this ring are for; a file never changes it."""
        return self._current.document.suite

    @faulting
    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form, making the secret if need be.

        Raises:
            Fault: KEYS_UNAVAILABLE, also for a domain that was destroyed and a version that cannot be read any more; a
                note says why.
        """
        current = self._latest()
        if version is not None and version not in current.document.readable(self._store.now()):
            raise fault("this version of the keys cannot be read, or cannot be read any more")
        asked = (domain, use, field_form, version)
        key = current.cache.get(asked)
        if key is None:
            if domain not in current.secrets:
                if current.document.tombstones.covers(domain):
                    _log.warning(_DESTROYED, domain.recipient, domain.purpose)
                    raise fault("the secret of this domain was destroyed")
                self._make(domain)
                current = self._latest()
            key = _derived(current, domain, use, field_form, version)
            # into the reading that it is of: where that one is no longer current, the key is not kept
            current.cache[asked] = key
        return key

    @faulting
    def versions(self) -> tuple[int, ...]:
        """Return the versions whose tokens can be read now, the newest first.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return self._latest().document.readable(self._store.now())

    @faulting
    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that have a secret, each with its epoch, in the order they were made.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return tuple(self._latest().secrets)

    @faulting
    def state(self) -> KeysState:
        """Return what the key file is now, as its SHA-256 and counts tell.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        current = self._latest()
        document = current.document
        return KeysState(
            digest=current.digest,
            versions=tuple(master.version for master in document.masters),
            domains=len(document.secrets),
            destroyed=len(document.tombstones.domains),
            epochs_before=document.tombstones.before,
            back_ups=len(document.back_ups),
            escrows=len(document.escrows),
        )

    @faulting
    def destroyed(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that were destroyed by name, in order of names; without an epoch, all of theirs.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return self._latest().document.tombstones.names()

    @faulting
    def destroy(self, domain: PseudonymDomain) -> None:
        """Erase a domain's secret, durably and for ever. A tombstone stays, also where there was no secret.

        Without an epoch, all epochs go. Afterwards no process gives out a working key of it, also where an older copy
        of the key file comes back. Copies of the file, and blocks of a disk that were not overwritten yet, hold the
        secret wrapped still (docs/adr/0120).

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        self._store.change(lambda document: document.destroying(domain))

    @faulting
    def expire_epochs(self, before: date) -> tuple[PseudonymDomain, ...]:
        """Erase the secrets of all epochs that ended before a day of the city, and return their domains.

        Raises:
            Fault: KEYS_UNAVAILABLE; some may be erased. INTERNAL for a day that has not come yet.
        """
        if before > city_day(self._store.now()):
            raise Fault(ErrorReason.INTERNAL)
        ended = Tombstones(before=before.isoformat())
        expired: list[PseudonymDomain] = []

        def step(document: KeyDocument) -> KeyDocument:
            expired[:] = [item.domain for item in document.secrets if ended.covers(item.domain)]
            return document.without(ended)

        self._store.change(step)
        return tuple(expired)

    def _latest(self) -> _Current:
        """Return the files as they stand, with the keys cached of them."""
        current = self._current
        if current.stamp == self._store.stamp():
            return current
        with self._guard:
            before = self._current
            if before.stamp != self._store.stamp():
                self._current = self._read(before)
            return self._current

    def _read(self, before: _Current | None) -> _Current:
        reading = self._store.read()
        document = reading.document
        secrets_by_name = {item.domain: item for item in document.secrets}
        kept: dict[_Asked, bytes] = {}
        if before is not None and before.document.masters == document.masters:
            # a name is not enough: a back-up may have come back in which the domain was made anew, with another secret
            same = {name for name, item in secrets_by_name.items() if before.secrets.get(name) == item}
            kept = {about: key for about, key in before.cache.copy().items() if about[0] in same}
        return _Current(reading.stamp, reading.digest, document, self._store.masters(document), secrets_by_name, kept)

    def _make(self, domain: PseudonymDomain) -> None:
        """Make the domain's secret, unless another process came first."""

        def step(document: KeyDocument) -> KeyDocument:
            if document.tombstones.covers(domain):
                raise fault("the secret of this domain was destroyed")
            if any(item.domain == domain for item in document.secrets):
                return document
            newest = document.newest
            master = self._store.unwrap_master(newest)
            wrapped = derivation.wrap(master, secrets.token_bytes(derivation.KEY_BYTES))
            return document.including(DomainSecret(domain, newest.version, self._store.now(), wrapped))

        self._store.change(step)


def _derived(current: _Current, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None) -> bytes:
    document, item = current.document, current.secrets.get(domain)
    if item is None:
        raise fault("the secret of this domain was destroyed")
    lasting = not has_versions(domain, use)
    if lasting and version is not None:
        raise fault("these keys have one version only")
    secret = derivation.unwrap(current.masters[document.newest.version], item.wrapped)
    if use is KeyUse.PERTURB:
        info = derivation.key_info(document.suite, derivation.LASTING, domain, use.value, field_form)
        return derivation.lasting_key(secret, info)
    number = item.made_under if lasting else version or document.newest.version
    if number not in current.masters:
        raise fault("this version of the keys is not in the file")
    info = derivation.key_info(document.suite, number, domain, use.value, field_form)
    return derivation.working_key(current.masters[number], secret, info)
