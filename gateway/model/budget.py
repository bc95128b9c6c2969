"""Budgets: how much privacy loss an account may bear, and what it has borne."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Account:
    """One budget a release is charged to, with its cap from the policy.

    `id` examples: "lifetime/resident", "dataset/subsidies", "recipient/zju", "person/zju/li.wei", "purpose/open-data".
    """

    id: str
    description: str
    cap: Fraction


@dataclass(frozen=True, slots=True)
class Balance:
    """An account with the rho spent so far."""

    account: Account
    spent: Fraction

    @property
    def remaining(self) -> Fraction:
        """What can still be charged; never negative, also after a cap was lowered below what is spent."""
        return max(self.account.cap - self.spent, Fraction(0))


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that is durable. `fresh` is False if the same release had been charged before."""

    release_id: str
    rho: Fraction
    fresh: bool
