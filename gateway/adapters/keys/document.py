"""What a key file says: wrapped keys and no others, by version and by domain, and what was destroyed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gateway.adapters.keys.tombstones import Tombstones
from gateway.model.errors import ErrorReason, Fault
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.model.signing import SigningKey
from gateway.ports import AUDIT_DOMAIN


@dataclass(frozen=True, slots=True)
class Stretching:
    """The parameters of scrypt (RFC 7914)."""

    n: int
    r: int
    p: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Master:
    """A master key, wrapped under the key that comes from the operator's secret. Instants are naive UTC.

    `readable_until` is None for the newest, and the end of its window for one that was retired.
    """

    version: int
    wrapped: bytes = field(repr=False)
    made_at: datetime
    readable_until: datetime | None = None

    def readable(self, now: datetime) -> bool:
        """Tell whether tokens of this version can be read."""
        return self.readable_until is None or now < self.readable_until


@dataclass(frozen=True, slots=True)
class DomainSecret:
    """The secret of one domain and epoch, wrapped under the newest master key.

    `made_under` is the version that was the newest when it was made.
    """

    domain: PseudonymDomain
    made_under: int
    made_at: datetime
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BackUp:
    """A copy of the file with all its secrets, kept until the end of a day of the city. `digest` is its SHA-256."""

    made_at: datetime
    until: date
    digest: str


@dataclass(frozen=True, slots=True)
class Escrow:
    """A copy of master keys with an agent, without any domain's secret. `agent` is the SHA-256 of the public key.

    `salt` is the one of the stretching then.
    """

    made_at: datetime
    agent: str
    versions: tuple[int, ...]
    salt: bytes


@dataclass(frozen=True, slots=True)
class SigningPair:
    """The pair of keys that signs releases: the public one (32 bytes), and the private one (RFC 8032, 32 bytes) wrapped
    under the newest master key.
    """

    public: bytes
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Records:
    """What no older copy of a key file may undo: what was destroyed, what copies were made, and the public keys of all
    that ever signed, in order of time.
    """

    tombstones: Tombstones = field(default_factory=Tombstones)
    back_ups: tuple[BackUp, ...] = ()
    escrows: tuple[Escrow, ...] = ()
    signers: tuple[SigningKey, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyDocument:
    """The content of a key file. `masters` are in order of their versions; the last is the newest.

    `signing` is the pair that signs today, None where none was needed yet; `signers` are the public keys of all pairs.
    """

    suite: CipherSuite
    stretching: Stretching
    masters: tuple[Master, ...]
    secrets: tuple[DomainSecret, ...] = ()
    tombstones: Tombstones = field(default_factory=Tombstones)
    back_ups: tuple[BackUp, ...] = ()
    escrows: tuple[Escrow, ...] = ()
    signers: tuple[SigningKey, ...] = ()
    signing: SigningPair | None = None

    @property
    def records(self) -> Records:
        """What the list beside the file says too."""
        return Records(self.tombstones, self.back_ups, self.escrows, self.signers)

    @property
    def newest(self) -> Master:
        """The master under which secrets are wrapped and new tokens are made."""
        return self.masters[-1]

    def readable(self, now: datetime) -> tuple[int, ...]:
        """Return the versions whose tokens can be read at an instant, the newest first."""
        return tuple(master.version for master in reversed(self.masters) if master.readable(now))

    def opened_by(self, escrow: Escrow) -> bool:
        """Tell whether an escrow recovers this file if the operator's secret is lost."""
        # of two master keys of one version, which a restore between two rotations leaves, the times tell
        newest = max(escrow.versions, default=0) == self.newest.version and self.newest.made_at <= escrow.made_at
        return newest and {one.version for one in self.masters} <= {*escrow.versions}

    def including(self, secret: DomainSecret) -> KeyDocument:
        """Return the document with one more secret."""
        return replace(self, secrets=(*self.secrets, secret))

    def without(self, tombstones: Tombstones) -> KeyDocument:
        """Return the document with these tombstones as well, and without any secret that they cover."""
        together = self.tombstones.including(tombstones)
        secrets = tuple(item for item in self.secrets if not together.covers(item.domain))
        return replace(self, secrets=secrets, tombstones=together)

    def knowing(self, records: Records) -> KeyDocument:
        """Return the document with these records as well, and without any key that they destroy or retire."""
        back_ups = {*self.back_ups, *records.back_ups}
        escrows = {*self.escrows, *records.escrows}
        signers = _together((*self.signers, *records.signers))
        retired = {one.public for one in signers if one.retired_at is not None}
        return replace(
            self.without(records.tombstones),
            back_ups=tuple(sorted(back_ups, key=lambda one: (one.made_at, one.digest))),
            escrows=tuple(sorted(escrows, key=lambda one: (one.made_at, one.agent))),
            signers=signers,
            signing=None if self.signing is None or self.signing.public in retired else self.signing,
        )

    def signing_by(self, pair: SigningPair, now: datetime) -> KeyDocument:
        """Return the document in which another pair signs from now on; those of before are retired."""
        retired = [replace(one, retired_at=one.retired_at or now) for one in self.signers]
        return replace(self, signers=(*retired, SigningKey(pair.public, now)), signing=pair)

    def destroying(self, domain: PseudonymDomain) -> KeyDocument:
        """Return the document without a domain; without an epoch, without all of them. It never has a key again.

        Raises:
            Fault: INTERNAL for the gateway's own domain.
        """
        if replace(domain, epoch="") == AUDIT_DOMAIN:
            raise Fault(ErrorReason.INTERNAL)
        return self.without(Tombstones(frozenset((domain,))))

    def missing_from(self, after: KeyDocument) -> tuple[DomainSecret, ...]:
        """Return the secrets that another document does not have."""
        left = {item.domain for item in after.secrets}
        return tuple(item for item in self.secrets if item.domain not in left)

    def finished(self, now: datetime) -> KeyDocument:
        """Return the document without the masters that nothing needs any more.

        Needed are the newest, those whose window is open, and the one that the gateway's own keys are derived with.
        """
        own = {item.made_under for item in self.secrets if item.domain == AUDIT_DOMAIN}
        kept = tuple(master for master in self.masters if master.readable(now) or master.version in own)
        return replace(self, masters=kept)


def _together(signers: Iterable[SigningKey]) -> tuple[SigningKey, ...]:
    """Return each key once, in order of time, the one that signs last; what one record says is retired is."""
    found: dict[bytes, SigningKey] = {}
    for one in signers:
        known = found.setdefault(one.public, one)
        ends = [each.retired_at for each in (known, one) if each.retired_at is not None]
        found[one.public] = replace(known, retired_at=min(ends, default=None))
    return tuple(sorted(found.values(), key=lambda one: (one.retired_at is None, one.made_at, one.public)))
