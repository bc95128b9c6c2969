"""Policies that were proposed or in force, and certificates of purposes that ended."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model.certificate import SunsetCertificate
from gateway.model.governance import Approval, Files, Proposal, Publication


class PolicyArchive(Protocol):
    """Every policy that was proposed or in force, and how it came to be. Nothing in it is ever changed or deleted."""

    def keep(self, digest: str, files: Files) -> None:
        """Keep the files of a policy durably under its digest; nothing happens if they are kept already.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def files(self, digest: str) -> Files | None:
        """Return the files of a policy, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def propose(self, proposal: Proposal) -> None:
        """Enter a proposal durably. Its policy must be kept already.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def approve(self, proposal_id: str, approval: Approval) -> None:
        """Add an approval durably; an officer's second one replaces nothing and is not added.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def proposal(self, proposal_id: str) -> Proposal | None:
        """Return a proposal with its approvals, oldest first, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def proposals(self, count: int) -> tuple[Proposal, ...]:
        """Return the newest proposals, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def publish(self, publication: Publication) -> bool:
        """Enter a publication durably, if its number is one more than the newest; return False otherwise.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def review(self, number: int, reviewer: str, at: datetime) -> bool:
        """Enter the review of an emergency publication; return False if it needs none or has one.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def newest(self) -> Publication | None:
        """Return the publication in force, or None before the first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def publication(self, number: int) -> Publication | None:
        """Return the publication of a number, or None.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def enacted(self, proposal_id: str) -> bool:
        """Tell whether a proposal came into force, be it long ago.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def was_in_force(self, digest: str) -> bool:
        """Tell whether a policy is in force or was before, by its digest.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...

    def history(self, count: int) -> tuple[Publication, ...]:
        """Return the newest publications, the newest first.

        Raises:
            Fault: POLICY_UNAVAILABLE.
        """
        ...


class Certificates(Protocol):
    """Certificates of purposes that ended."""

    def write(self, certificate: SunsetCertificate) -> None:
        """Write a certificate durably.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def of(self, purpose: str) -> tuple[SunsetCertificate, ...]:
        """Return the certificates of a purpose, oldest first; of every purpose for "".

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...
