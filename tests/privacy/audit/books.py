"""What researchers hold, against what the ledger holds: a comparison, and the ledger's file as anyone reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path


@dataclass
class Books:
    """By release, what was delivered and for which rho; the rho of what was refused; and what the ledger says."""

    delivered: dict[str, Fraction] = field(default_factory=dict)
    refused: list[Fraction] = field(default_factory=list)
    charged: Mapping[str, Fraction] = field(default_factory=dict)
    spent: Fraction = Fraction(0)
    cap: Fraction = Fraction(0)

    def wrongs(self) -> set[str]:
        """What is wrong with them."""
        found = {
            "delivered and not charged": not self.delivered.keys() <= self.charged.keys(),
            "charged less than delivered": any(
                self.charged.get(release, rho) < rho for release, rho in self.delivered.items()
            ),
            "spent is not what was charged": self.spent != total(self.charged.values()),
            "spent more than the cap": self.spent > self.cap,
            "refused what would have fitted": any(self.spent + rho <= self.cap for rho in self.refused),
        }
        return {what for what, so in found.items() if so}


def total(losses: Iterable[Fraction]) -> Fraction:
    """The exact sum."""
    return sum(losses, Fraction(0))


def read_charges(state: Path) -> dict[str, Fraction]:
    """What is charged durably, by release, as the state file has it now."""
    with closing(sqlite3.connect(state)) as file:
        rows = file.execute("SELECT release_id, rho_numerator, rho_denominator FROM budget_charges").fetchall()
    return {release: Fraction(int(over), int(under)) for release, over, under in rows}


def read_spent(state: Path, account: str) -> Fraction:
    """What an account has spent, as the state file has it now."""
    with closing(sqlite3.connect(state)) as file:
        row = file.execute(
            "SELECT spent_numerator, spent_denominator FROM budget_accounts WHERE account_id = ?", (account,)
        ).fetchone()
    return Fraction(0) if row is None else Fraction(int(row[0]), int(row[1]))
