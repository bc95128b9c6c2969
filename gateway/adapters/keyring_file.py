"""Working keys from an encrypted key file, which several processes may share.

The file holds a random secret for each pseudonym domain, each wrapped singly under a random master key, which is
wrapped under a key stretched from the operator's secret. The file is replaced as a whole, so a reader sees the old or
the new one; a lock beside it lets one process at a time make or destroy a domain.

Each use of a key looks whether the file is still the one that was read, and reads it anew where it is not: once
`destroy` returned, no process gives out a working key of that domain, cached or not. What was given out before is the
caller's to let go.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, SupportsIndex

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from gateway.adapters import key_derivation as derivation
from gateway.adapters import key_document
from gateway.adapters.key_document import KeyDocument, Stretching, WrappedSecret
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyUse

_EPOCH = 1
_DEFAULT_N = 2**17  # with r = 8: 128 MiB and about half a second, once at start


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Reading:
    """The file as it was read once, and the working keys that were derived from it since."""

    stamp: tuple[int, ...]
    document: KeyDocument
    cache: dict[tuple[PseudonymDomain, KeyUse, str], bytes] = field(default_factory=dict)


class FileKeyRing:
    """A `KeyRing` over a key file. It shows no key: not in its repr, and it cannot be copied or pickled."""

    __slots__ = ("_guard", "_mac_key", "_master", "_path", "_reading")

    def __init__(self, path: Path, document: KeyDocument, master: bytes, mac_key: bytes) -> None:
        """Use `create` or `open`."""
        self._path = path
        self._master = master
        self._mac_key = mac_key
        self._guard = threading.Lock()
        self._reading = _Reading((), document)  # of no file: the first use reads it

    @classmethod
    def create(cls, path: Path, secret: bytes, n: int = _DEFAULT_N) -> FileKeyRing:
        """Make a key file with a fresh master key, readable by its owner alone, and open it.

        Args:
            secret: what opens the file again, of any length but 0; the file is as strong as this.
            n: the work factor of scrypt, a power of two, at least 2^15.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why. A file that exists is never replaced.
        """
        if not secret or n < key_document.MIN_N:
            raise _fault("the secret is empty or the work factor is too small")
        stretching = Stretching(n, 8, 1, secrets.token_bytes(16))
        master = secrets.token_bytes(derivation.KEY_BYTES)
        with _faulting(), _locked(path):
            wrapping_key, mac_key = derivation.stretch(secret, stretching.salt, n, stretching.r, stretching.p)
            if path.exists():
                raise _fault("a file exists there already, and keys are never overwritten")
            document = KeyDocument(stretching, 1, derivation.wrap(wrapping_key, master), ())
            _replace(path, key_document.write(document, mac_key))
        return cls(path, document, master, mac_key)

    @classmethod
    def open(cls, path: Path, secret: bytes) -> FileKeyRing:
        """Open a key file.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        with _faulting():
            document, code = key_document.read(_load(path)[1])
            given = document.stretching
            if not secret:
                raise _fault("the secret is empty")
            wrapping_key, mac_key = derivation.stretch(secret, given.salt, given.n, given.r, given.p)
            if not key_document.authentic(document, code, mac_key):
                raise _fault("the secret is not the one of this key file, or the file was altered")
            return cls(path, document, derivation.unwrap(wrapping_key, document.master), mac_key)

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str) -> bytes:
        """Return the 64-byte working key of a domain, use and canonical field form, making the secret if need be.

        Raises:
            Fault: KEYS_UNAVAILABLE, also for a domain that was destroyed; a note says why.
        """
        with _faulting():
            reading = self._current()
            key = reading.cache.get((domain, use, field_form))
            if key is None:
                secret = self._find(reading.document, domain)
                if secret is None:
                    secret = self._make(domain)
                key = derivation.working_key(self._master, secret, domain, _EPOCH, use.value, field_form)
                # into the reading that it is of: where that one is no longer current, the key is not kept
                reading.cache[domain, use, field_form] = key
            return key

    def domains(self) -> tuple[PseudonymDomain, ...]:
        """Return the domains that have a secret, in the order they were made.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        with _faulting():
            return tuple(dict.fromkeys(item.domain for item in self._current().document.secrets))

    def destroy(self, domain: PseudonymDomain) -> None:
        """Erase a domain's secret, durably and for ever; a tombstone stays. Nothing happens where there is none.

        Afterwards no process gives out a working key of it. Copies of the file, and blocks of a disk that were not
        overwritten yet, hold the secret wrapped under the master key still (docs/adr/0104).

        Raises:
            Fault: KEYS_UNAVAILABLE; the secret may or may not be erased. INTERNAL for the gateway's own domain.
        """
        if domain == AUDIT_DOMAIN:
            raise Fault(ErrorReason.INTERNAL)
        with _faulting(), self._guard, _locked(self._path):
            _, document = self._read()
            if any(item.domain == domain for item in document.secrets):
                _replace(self._path, key_document.write(document.without(domain), self._mac_key))

    def _current(self) -> _Reading:
        """Return the file as it stands, with the keys cached of it."""
        reading = self._reading
        if reading.stamp == _stamp(self._path.stat()):
            return reading
        with self._guard:
            before = self._reading
            if before.stamp == _stamp(self._path.stat()):
                return before
            stamp, document = self._read()
            alive = {item.domain for item in document.secrets}
            kept = {about: key for about, key in before.cache.copy().items() if about[0] in alive}
            self._reading = _Reading(stamp, document, kept)
            return self._reading

    def _make(self, domain: PseudonymDomain) -> bytes:
        """Return the domain's secret as the file has it, or make one; whichever process came first made it."""
        with self._guard, _locked(self._path):
            _, document = self._read()
            present = self._find(document, domain)
            if present is not None:
                return present
            secret = secrets.token_bytes(derivation.KEY_BYTES)
            wrapped = derivation.wrap(self._master, secret)
            document = document.including(WrappedSecret(domain, _EPOCH, document.master_version, wrapped))
            _replace(self._path, key_document.write(document, self._mac_key))
            return secret

    def _read(self) -> tuple[tuple[int, ...], KeyDocument]:
        stamp, data = _load(self._path)
        document, code = key_document.read(data)
        if not key_document.authentic(document, code, self._mac_key):
            raise _fault("the key file was altered, or replaced by another")
        return stamp, document

    def _find(self, document: KeyDocument, domain: PseudonymDomain) -> bytes | None:
        if domain in document.destroyed:
            raise _fault("the secret of this domain was destroyed")
        for item in document.secrets:
            if item.domain == domain and item.epoch == _EPOCH:
                return derivation.unwrap(self._master, item.wrapped)
        return None

    def __repr__(self) -> str:
        return "FileKeyRing(…)"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("keys are not copied or pickled: pass a reference to the key file")


def _fault(note: str) -> Fault:
    fault = Fault(ErrorReason.KEYS_UNAVAILABLE)
    fault.add_note(note)
    return fault


@contextmanager
def _faulting() -> Iterator[None]:
    """Turn failures into faults. Their causes are cut off: what they hold in their frames is key material."""
    try:
        yield
    except FileNotFoundError:
        raise _fault("there is no key file") from None
    except OSError:
        raise _fault("the key file cannot be read or written") from None
    except (ValueError, InvalidUnwrap, MemoryError):
        raise _fault("the key file is damaged, or of another format") from None


def _load(path: Path) -> tuple[tuple[int, ...], bytes]:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise _fault("others may read or write the key file: set its mode to 0600")
        return _stamp(status), file.read()


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    # The file is never written in place, so another content is another file: another inode, or, where the number of
    # an inode is used again, another time or length.
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The lock is beside the file, since the file itself is replaced. Threads exclude each other by it as well: each
    # opens its own description.
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _replace(path: Path, data: bytes) -> None:
    """Replace the file durably: all of it or nothing, whenever the power goes."""
    fresh = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        fresh.unlink()  # left by a process that died; the lock is ours
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
