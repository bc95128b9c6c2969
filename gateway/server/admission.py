"""Who may enter: known callers, and of each institution so many calls at a time.

The gate is the first step of every call, before its request is received, so a stranger costs neither memory nor work.
An institution that fills its share is refused, and the others are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer

Gate = Callable[[Peer], str]
"""Returns the verified institution of a caller, quickly; raises `Unauthenticated` for a stranger."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Calls at a time: of all, of one institution, and releases of one institution, which wait for their slot.

    Uploads are held in memory until they are read, so these are few: of all, and of one institution.
    """

    calls: int = 256
    calls_each: int = 64
    releases_each: int = 16
    uploads: int = 4
    uploads_each: int = 2


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that was let in, for an institution. `leave` gives its place back; it is called once."""

    institution: str
    leave: Callable[[], None]


class Admission:
    """Counts the calls that are in. Used in the event loop alone, so it needs no lock."""

    def __init__(self, gate: Gate, capacity: Capacity) -> None:
        self._gate = gate
        self._capacity = capacity
        self._calls: Counter[str] = Counter()
        self._releases: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()

    def enter(self, peer: Peer, *, release: bool, upload: bool = False) -> Admitted:
        """Let a call in.

        Raises:
            Unauthenticated: the gate does not know the caller.
            Fault: CAP_EXCEEDED; the institution, or all together, have no place left.
        """
        institution = self._gate(peer)
        full = (
            self._calls.total() >= self._capacity.calls
            or self._calls[institution] >= self._capacity.calls_each
            or (release and self._releases[institution] >= self._capacity.releases_each)
            or (upload and self._uploads[institution] >= self._capacity.uploads_each)
            or (upload and self._uploads.total() >= self._capacity.uploads)
        )
        if full:
            raise Fault(ErrorReason.CAP_EXCEEDED)
        self._count(institution, release, upload, 1)
        return Admitted(institution, partial(self._count, institution, release, upload, -1))

    def _count(self, institution: str, release: bool, upload: bool, by: int) -> None:
        self._calls[institution] += by
        self._releases[institution] += by * release
        self._uploads[institution] += by * upload
