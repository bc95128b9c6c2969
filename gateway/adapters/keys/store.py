"""A key file and its list of destructions, opened: read together, changed together, under one lock."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.adapters.keys import derivation, destructions, file_format, form
from gateway.adapters.keys.document import KeyDocument, Master, Stretching
from gateway.adapters.keys.files import Stamp, fault, load, locked, replace, stamp_of
from gateway.kernels.ciphers import KeyHolder
from gateway.model.pseudonym import CipherSuite
from gateway.ports import Clock

DEFAULT_N = 2**17
"""With r = 8: 128 MiB and about half a second, once at start."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Opener(KeyHolder):
    """What opens a key file: the key that wraps its masters, and the one that authenticates it and its list."""

    wrapping_key: bytes
    mac_key: bytes

    @classmethod
    def of(cls, secret: bytes, stretching: Stretching) -> Opener:
        """Stretch the operator's secret: half a second, and much memory, by intent."""
        return cls(*derivation.stretch(secret, stretching.salt, stretching.n, stretching.r, stretching.p))

    def code_keys(self, document: KeyDocument) -> form.CodeKeys:
        """Return what authenticates the files while this is the document, until its next rotation."""
        newest = derivation.unwrap(self.wrapping_key, document.newest.wrapped)
        return form.CodeKeys(self.mac_key, derivation.recovery_key(newest))


@dataclass(frozen=True, slots=True)
class Reading:
    """The two files as they were read once.

    `document` is what the two say together, without what the list destroyed. `behind` tells that the files do not say
    so yet: the key file is an older copy, or somebody died between writing the two.
    """

    stamp: Stamp
    document: KeyDocument
    behind: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a write did: the document, and the SHA-256 of the key file before and after, in hex.

    The two are the same where nothing was to change.
    """

    document: KeyDocument
    before: str
    after: str


class KeyStore(KeyHolder):
    """The files of one key ring. Its methods fail with OSError and ValueError as well as Fault: see `faulting`."""

    __slots__ = ("_clock", "_list", "_opener", "path")

    def __init__(self, path: Path, opener: Opener, clock: Clock) -> None:
        """Use `make` or `open`."""
        self.path = path
        self._list = destructions.beside(path)  # made once: every use of a key looks at it
        self._opener = opener
        self._clock = clock

    @classmethod
    def make(cls, path: Path, secret: bytes, n: int, suite: CipherSuite, clock: Clock) -> KeyStore:
        """Make the files with a fresh master key, readable by their owner alone. What exists is never replaced."""
        stretching = new_stretching(secret, n)
        with locked(path):
            opener = Opener.of(secret, stretching)
            refuse_existing(path)
            wrapped = derivation.wrap(opener.wrapping_key, secrets.token_bytes(derivation.KEY_BYTES))
            document = KeyDocument(suite, stretching, (Master(1, wrapped, clock.now()),))
            write_files(path, document, opener)
        return cls(path, opener, clock)

    @classmethod
    def open(cls, path: Path, secret: bytes, clock: Clock) -> KeyStore:
        """Open the files, and erase what an older copy of the key file brought back."""
        document, body, code = file_format.read(load(path)[1])
        if not secret:
            raise fault("the secret is empty")
        opener = Opener.of(secret, document.stretching)
        if not form.authentic(body, code, opener.mac_key):
            raise fault("the secret is not the one of this key file, or the file was altered")
        store = cls(path, opener, clock)
        reading = store.read()
        if reading.behind:
            store.change(lambda current: current)
        return store

    def now(self) -> datetime:
        """Return the instant, naive UTC."""
        return self._clock.now()

    def stamp(self) -> Stamp:
        """Return the stamp of both files as they are now. A list that is missing has none."""
        try:
            listed = stamp_of(os.stat(self._list))
        except FileNotFoundError:
            listed = ()
        return stamp_of(os.stat(self.path)) + listed

    def read(self) -> Reading:
        """Read the files anew."""
        # The key file first: writers replace the list first, so the list is at least as new as the file that was read.
        stamp, data = load(self.path)
        document, body, code = file_format.read(data)
        if not form.authentic(body, code, self._opener.mac_key):
            raise fault("the key file was altered, or replaced by another")
        listed = destructions.load_list(self.path, self._opener.mac_key)
        if listed is None:
            raise fault("the list of destructions beside the key file is missing: bring it back")
        if not listed.records.tombstones.cover_all(document.tombstones):
            raise fault("the list of destructions is older than the key file: bring the newer one back")
        merged = document.knowing(listed.records)
        behind = merged != document or listed.data != destructions.write(merged.records, self.code_keys(merged))
        return Reading(stamp + listed.stamp, merged, behind, hashlib.sha256(data).hexdigest())

    def change(self, step: Callable[[KeyDocument], KeyDocument]) -> Change:
        """Write what a step makes of the document as the files have it at that moment, durably.

        Masters that nothing needs any more are left out. Nothing is written if nothing changes.
        """
        with locked(self.path):
            reading = self.read()
            after = step(reading.document)
            if after == reading.document and not reading.behind:
                return Change(after, reading.digest, reading.digest)
            after = after.finished(self.now())
            data = write_files(self.path, after, self._opener)
            return Change(after, reading.digest, hashlib.sha256(data).hexdigest())

    def masters(self, document: KeyDocument) -> dict[int, bytes]:
        """Return the master keys in the clear, by version."""
        return {item.version: self.unwrap_master(item) for item in document.masters}

    def unwrap_master(self, master: Master) -> bytes:
        """Return a master key in the clear."""
        return derivation.unwrap(self._opener.wrapping_key, master.wrapped)

    def wrap_master(self, key: bytes) -> bytes:
        """Wrap a master key for the document."""
        return derivation.wrap(self._opener.wrapping_key, key)

    def code_keys(self, document: KeyDocument) -> form.CodeKeys:
        """Return what authenticates the files while this is the document."""
        return self._opener.code_keys(document)


def new_stretching(secret: bytes, n: int) -> Stretching:
    """Return parameters with a fresh salt, for a secret and a work factor that are strong enough."""
    if not secret or n < file_format.MIN_N:
        raise fault("the secret is empty or the work factor is too small")
    return Stretching(n, 8, 1, secrets.token_bytes(16))


def refuse_existing(path: Path) -> None:
    """Raise a fault where a key file or a list is: neither is ever overwritten."""
    if path.exists():
        raise fault("a file exists there already, and keys are never overwritten")
    if destructions.beside(path).exists():
        raise fault("a list of destructions exists there already, of other keys: move it away")


def write_files(path: Path, document: KeyDocument, opener: Opener) -> bytes:
    """Write both files, the list first, and return the bytes of the key file. The lock must be held.

    A destruction is true from the moment that the list has it: whoever dies between the two leaves a key file whose
    secret is refused, and erased by the next who opens it.
    """
    keys = opener.code_keys(document)
    listed, names = destructions.load_list(path, opener.mac_key), destructions.write(document.records, keys)
    if listed is None or listed.data != names:
        destructions.store_list(path, names)
    data = file_format.write(document, keys)
    replace(path, data)
    return data
