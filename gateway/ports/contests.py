"""What is kept of contests: the sealed references, and the teams' entries."""

from __future__ import annotations

from typing import Protocol

from gateway.model.contest import Entry, Reference, Standing


class ContestRegister(Protocol):
    """Remembers references and entries, durably."""

    def keep(self, reference: Reference) -> Reference:
        """Keep a contest's reference and return the one that stands: the first.

        Raises:
            Fault: REGISTER_UNAVAILABLE, also if its release was never charged.
        """
        ...

    def reference(self, contest: str) -> Reference | None:
        """Return a contest's reference, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def contest_of(self, release_id: str) -> str | None:
        """Return the contest that a release is the reference of, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def enter(self, entry: Entry) -> Standing:
        """Enter a score and return where the team stands now.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def standings(self, contest: str) -> tuple[Standing, ...]:
        """Return where the teams stand: the lowest score first, and of equals who had it first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...
