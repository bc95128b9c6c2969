"""Ledgers that are wrong on purpose, and a source that sees what is charged when the data is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from gateway.model.budget import Charge
from tests.privacy.audit.books import read_charges


class _Ledger:
    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def _bears(self, accounts: Sequence[Any], loss: Any) -> bool:
        return all(balance.bears(loss) for balance in self._ledger.balances(accounts))


class Racing(_Ledger):
    """Looks whether there is enough, and takes it a moment later without looking again."""

    def charge(self, release_id: str, accounts: Sequence[Any], loss: Any) -> Any:
        """Two steps where there should be one."""
        if not self._bears(accounts, loss):
            return self._ledger.balances(accounts)
        time.sleep(0.02)
        lifted = [replace(account, cap=Fraction(10**6)) for account in accounts]
        return self._ledger.charge(release_id, lifted, loss)


class Late(_Ledger):
    """Writes a charge down some time after it said that it had."""

    seconds = 5.0

    def charge(self, release_id: str, accounts: Sequence[Any], loss: Any) -> Any:
        """The answer first."""
        if not self._bears(accounts, loss):
            return self._ledger.balances(accounts)
        threading.Timer(self.seconds, self._ledger.charge, (release_id, accounts, loss)).start()
        return Charge(release_id, loss.rho, fresh=True, delta=loss.delta)

    def store(self, release: Any) -> Any:
        """Nothing can be stored that is not charged."""
        return release


class OnSuccess(_Ledger):
    """Charges when an answer is stored, so that what fails is free: as if it were given back."""

    def __init__(self, ledger: Any) -> None:
        super().__init__(ledger)
        self._promised: dict[str, Any] = {}

    def charge(self, release_id: str, accounts: Sequence[Any], loss: Any) -> Any:
        """Only a promise."""
        if not self._bears(accounts, loss):
            return self._ledger.balances(accounts)
        self._promised[release_id] = accounts, loss
        return Charge(release_id, loss.rho, fresh=True, delta=loss.delta)

    def store(self, release: Any) -> Any:
        """Charge now."""
        accounts, loss = self._promised[release.id]
        self._ledger.charge(release.id, accounts, loss)
        return self._ledger.store(release)


class Seeing:
    """A source that counts how often the data was read while fewer charges were durable than answers under way."""

    def __init__(self, source: Any, state: Path) -> None:
        self._source, self._state = source, state
        self._lock, self._reads = threading.Lock(), 0
        self.unpaid = 0

    def aggregates(self, plan: Any) -> Any:
        """The aggregates, after a look into the ledger's file."""
        with self._lock:
            self._reads += 1
            self.unpaid += len(read_charges(self._state)) < self._reads
        return self._source.aggregates(plan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class Failing:
    """A source whose data cannot be read."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def aggregates(self, plan: Any) -> Any:
        """Never."""
        raise OSError("planted")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)
