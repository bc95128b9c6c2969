"""Keys by reference: what goes to other processes names keys, and says how to tell that they are the same.

Nothing of a key travels. The process that treats rows opens the keys by itself, where they are, and gives out those
that were named, in the version that they were named in, once it has seen that they are those that were meant.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import KeyRing, KeysElsewhere, KeyUse, WorkingKeys
from gateway.ports.keys import has_versions

_CHECK = b"purpose-gateway check of a working key 1"


@dataclass(frozen=True, slots=True)
class KeyName:
    """A working key by its name. `check` is HMAC-SHA256 under it of a fixed text, cut to 16 bytes: equal for one key
    alone, and of use for nothing else."""

    domain: PseudonymDomain
    use: KeyUse
    field_form: str
    version: int | None
    check: bytes


@dataclass(frozen=True, slots=True)
class NamedKeys:
    """Keys that somebody else may open, by their names, and where they are. Holds none."""

    elsewhere: KeysElsewhere
    suite: CipherSuite
    names: tuple[KeyName, ...]

    def open(self) -> WorkingKeys:
        """Open the keys in this process.

        Raises:
            Fault: KEYS_UNAVAILABLE, also if they are for another suite.
        """
        ring = self.elsewhere.open()
        if ring.suite is not self.suite:
            raise Fault(ErrorReason.KEYS_UNAVAILABLE)
        return _Opened(ring, {(name.domain, name.use, name.field_form): name for name in self.names})


class KeysNamed:
    """A `WorkingKeys` that remembers which of a ring's keys were asked for, so that they can be named."""

    __slots__ = ("_names", "_ring")

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._names: dict[tuple[PseudonymDomain, KeyUse, str], KeyName] = {}

    @property
    def suite(self) -> CipherSuite:
        """The ring's."""
        return self._ring.suite

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        """Return the ring's key, and remember its name, with the version that is the newest now if none is asked for.

        Raises:
            Fault: KEYS_UNAVAILABLE.
        """
        if version is None and has_versions(domain, use):
            version = self._ring.versions()[0]
        key = self._ring.working_key(domain, use, field_form, version)
        self._names[domain, use, field_form] = KeyName(domain, use, field_form, version, _check(key))
        return key

    def named(self, elsewhere: KeysElsewhere) -> NamedKeys:
        """Return the names of all that was asked for."""
        return NamedKeys(elsewhere, self._ring.suite, tuple(self._names.values()))


class _Opened:
    """A `WorkingKeys` of the keys that were named, and of no others."""

    __slots__ = ("_names", "_ring")

    def __init__(self, ring: KeyRing, names: dict[tuple[PseudonymDomain, KeyUse, str], KeyName]) -> None:
        self._ring, self._names = ring, names

    @property
    def suite(self) -> CipherSuite:
        return self._ring.suite

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        name = self._names.get((domain, use, field_form))
        # where there is no secret none is made: it would be another one than the gateway's
        if name is None or version not in (None, name.version) or domain not in self._ring.domains():
            raise Fault(ErrorReason.KEYS_UNAVAILABLE)
        key = self._ring.working_key(domain, use, field_form, name.version)
        if not hmac.compare_digest(_check(key), name.check):
            raise Fault(ErrorReason.KEYS_UNAVAILABLE)
        return key


def _check(key: bytes) -> bytes:
    return hmac.digest(key, _CHECK, "sha256")[:16]
