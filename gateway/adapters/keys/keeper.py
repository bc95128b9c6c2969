"""What a keeper of keys does with the file: rotate, look at it, destroy on record, copy it for a stated time."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys import back_up as key_back_up
from gateway.adapters.keys import derivation, signer
from gateway.adapters.keys import escrow as key_escrow
from gateway.adapters.keys.document import BackUp, DomainSecret, Escrow, KeyDocument, Master
from gateway.adapters.keys.files import fault, faulting
from gateway.adapters.keys.store import KeyStore
from gateway.kernels.ciphers import KeyHolder
from gateway.model.calendar import city_day
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class Destruction:
    """What was destroyed: `asked` for, `gone` from the file. Instants are naive UTC, digests SHA-256 of the key file.

    Nothing is `gone` where it was destroyed before, or had no secret; `before` and `after` are the same where the file
    said so already. `back_ups` could hold one of the secrets, and are kept still; `escrows` hold master keys of which
    such a back-up could be opened.
    """

    asked: PseudonymDomain
    gone: tuple[PseudonymDomain, ...]
    at: datetime
    before: str
    after: str
    back_ups: tuple[BackUp, ...]
    escrows: tuple[Escrow, ...]


class KeyKeeper(KeyHolder):
    """The key file in the hands of those who look after it."""

    __slots__ = ("_store",)

    def __init__(self, store: KeyStore) -> None:
        """Use `open`."""
        self._store = store

    @classmethod
    @faulting
    def open(cls, path: Path, secret: bytes, clock: Clock | None = None) -> KeyKeeper:
        """Open a key file.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return cls(KeyStore.open(path, secret, clock or SystemClock()))

    @faulting
    def document(self) -> KeyDocument:
        """Return what the file says: names, versions and windows, and wrapped keys.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return self._store.read().document

    @faulting
    def rotate(self, readable_for: timedelta) -> int:
        """Make a new master key, wrap every secret under it, make a new key to sign with, and return its version.

        Tokens of all versions before can be read for so long at the most; no window that is open grows.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        if readable_for < timedelta(0):
            raise fault("a window cannot end before it begins")
        return self._store.change(lambda document: self._rotated(document, readable_for)).document.newest.version

    @faulting
    def finish(self) -> None:
        """Erase the master keys that nothing needs any more.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        self._store.change(lambda document: document.finished(self._store.now()))

    @faulting
    def destroy(self, domain: PseudonymDomain) -> Destruction:
        """Erase a domain's secret as `FileKeyRing.destroy` does, and say what there was.

        Of what was destroyed before, or never had a secret here, it says so again.

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        gone: list[DomainSecret] = []

        def step(document: KeyDocument) -> KeyDocument:
            after = document.destroying(domain)
            gone[:] = document.missing_from(after)
            return after

        change = self._store.change(step)
        at = self._store.now()
        # when a secret was made that is not there any more, nothing tells: then any back-up could hold it
        since = min((item.made_at for item in gone), default=datetime.min)
        held = tuple(one for one in change.document.back_ups if one.until >= city_day(at) and since <= one.made_at)
        names = tuple(item.domain for item in gone)
        return Destruction(domain, names, at, change.before, change.after, held, change.document.escrows)

    @faulting
    def escrow(self, agent: X25519PublicKey) -> bytes:
        """Return the master keys sealed to an agent, and keep a record of it in the file.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        sealed: list[bytes] = []

        def step(document: KeyDocument) -> KeyDocument:
            now = self._store.now()
            content = key_escrow.Escrowed(self._store.masters(document))
            sealed[:] = [key_escrow.seal(content, agent, now)]
            versions = tuple(master.version for master in document.masters)
            record = Escrow(now, key_escrow.fingerprint(agent), versions, document.stretching.salt)
            return replace(document, escrows=(*document.escrows, record))

        self._store.change(step)
        return sealed[0]

    @faulting
    def back_up(self, until: date) -> bytes:
        """Return a copy of the file with its list, and keep a record of it in the file.

        Args:
            until: the last day of the city on which the copy is kept and can be restored.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        copies: list[bytes] = []

        def step(document: KeyDocument) -> KeyDocument:
            now = self._store.now()
            if until < city_day(now):
                raise fault("a back-up cannot have ended before it is made")
            copies[:] = [key_back_up.write(document, now, until, self._store.code_keys(document))]
            record = BackUp(now, until, hashlib.sha256(copies[0]).hexdigest())
            kept = [one for one in document.back_ups if one.until >= city_day(now)]
            return replace(document, back_ups=(*kept, record))

        self._store.change(step)
        return copies[0]

    def _rotated(self, document: KeyDocument, readable_for: timedelta) -> KeyDocument:
        now = self._store.now()
        old, fresh = self._store.unwrap_master(document.newest), secrets.token_bytes(derivation.KEY_BYTES)
        wrapped = tuple(
            replace(item, wrapped=derivation.wrap(fresh, derivation.unwrap(old, item.wrapped)))
            for item in document.secrets
        )
        end = now + readable_for
        retired = [replace(one, readable_until=min(one.readable_until or end, end)) for one in document.masters]
        newest = Master(document.newest.version + 1, self._store.wrap_master(fresh), now)
        after = replace(document, masters=(*retired, newest), secrets=wrapped)
        return after.signing_by(signer.fresh(fresh), now)
