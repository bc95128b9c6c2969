"""What is counted: privacy loss, calls under a quota, and requests that come again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.budget import Account, Balance, Charge
from gateway.model.loss import PrivacyLoss
from gateway.model.meter import Claim, Exhausted, Taken
from gateway.model.statistics import Release


class BudgetLedger(Protocol):
    """The durable account of privacy loss, and the releases that were paid for."""

    def balances(self, accounts: Sequence[Account]) -> tuple[Balance, ...]:
        """Return what each account has spent.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def charge(self, release_id: str, accounts: Sequence[Account], loss: PrivacyLoss) -> Charge | tuple[Balance, ...]:
        """Charge the whole loss, its rho and its delta, to all accounts or to none, durably.

        Or return the balances of the accounts that cannot bear it: a cap of rho or of delta would be exceeded, or the
        account is frozen.

        A release that was charged before is not charged again (`fresh=False`), whatever accounts are given now.

        Raises:
            Fault: LEDGER_UNAVAILABLE; nothing was charged then.
        """
        ...

    def caused(self, institution: str, start: datetime, end: datetime) -> PrivacyLoss:
        """Return what was charged for requests of an institution from `start` to before `end`, added up.

        What is charged is lost, whether or not anything came of it or is on record.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def stored(self, release_id: str) -> Release | None:
        """Return the release if it was stored.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def store(self, release: Release) -> Release:
        """Store a charged release durably and return the one that stands: the first stored under its id.

        Raises:
            Fault: LEDGER_UNAVAILABLE; or INTERNAL if the release was never charged.
        """
        ...


class RequestRegister(Protocol):
    """Remembers which request a caller's request_id stands for."""

    def bind(self, institution: str, person: str, request_id: str, body_digest: bytes) -> bool:
        """Bind the id durably; return False if this caller had bound it to another body.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...


class Meters(Protocol):
    """Counts how often, per account and period. Exact between threads and processes."""

    def take(self, claims: Sequence[Claim]) -> Taken | Exhausted:
        """Take all claims durably, or none.

        A mark that an account has already costs nothing. Accounts whose end is over may be forgotten.

        Raises:
            Fault: REGISTER_UNAVAILABLE; the claims may or may not have been taken then. INTERNAL for what no caller may
                ask: an account or mark that is empty or longer than 64 bytes, or whose end is long over.
        """
        ...
