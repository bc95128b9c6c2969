"""The registers of join grants and of re-identifications."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model.governance import Approval
from gateway.model.linking import Join, JoinEnd, Reidentification


class JoinRegister(Protocol):
    """Join grants, and how they ended."""

    def propose(self, join: Join) -> None:
        """Enter a join grant that nobody has approved, durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the id is taken.
        """
        ...

    def approve(self, join_id: str, approval: Approval) -> Join | None:
        """Add an approval durably and return the grant; None if there is none, it was ended, or has this officer's.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def finish(self, join_id: str, by: str, at: datetime) -> Join | None:
        """End a grant early, durably, and return it; None if there is none or it was ended before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def certify(self, join_id: str, end: JoinEnd) -> None:
        """Enter durably that a grant's keys are gone; of several such entries the first stays.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def get(self, join_id: str) -> Join | None:
        """Return a grant with its approvals, oldest first, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def newest(self, count: int) -> tuple[Join, ...]:
        """Return the newest grants, the newest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def uncertified(self) -> tuple[Join, ...]:
        """Return the grants whose keys are not known to be gone, oldest first, whether or not they are over.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...


class ReidentificationRegister(Protocol):
    """Requests to open tokens, and their approvals."""

    def ask(self, asked: Reidentification) -> None:
        """Enter a request durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if the id is taken.
        """
        ...

    def approve(self, request_id: str, approval: Approval) -> Reidentification | None:
        """Add an approval durably and return the request; None if it is none, was collected, or has the officer's.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def collect(self, request_id: str, at: datetime) -> bool:
        """Enter durably that a request is collected; False if there is none or it was collected before.

        Of any number of calls at once, in whatever process, one gets True.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def get(self, request_id: str) -> Reidentification | None:
        """Return a request with its approvals, oldest first, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def waiting(self, after: datetime) -> tuple[Reidentification, ...]:
        """Return the requests that were asked after an instant and not collected, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...
