"""Budgets: how much privacy loss an account may bear, and what it has borne."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from gateway.model.loss import PrivacyLoss


class Refresh(StrEnum):
    """How often a cap begins anew: with each month, quarter or year of the city's calendar."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def period(self, day: date) -> str:
        """Return the name of the period around a day of the city: "2026-11", "2026-Q4" or "2026"."""
        match self:
            case Refresh.MONTH:
                return f"{day.year:04}-{day.month:02}"
            case Refresh.QUARTER:
                return f"{day.year:04}-Q{(day.month + 2) // 3}"
            case Refresh.YEAR:
                return f"{day.year:04}"

    def names(self, text: str) -> bool:
        """Tell whether a text is the name of such a period."""
        return _PERIODS[self].fullmatch(text) is not None


def recipient_account(institution: str) -> str:
    """Return the id of the account of an institution, which bears all that its requests lose, whoever makes them.

    Where its cap begins anew, a slash and the name of the period follow.
    """
    return f"recipient/{institution}"


_PERIODS = {
    Refresh.MONTH: re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
    Refresh.QUARTER: re.compile(r"[0-9]{4}-Q[1-4]"),
    Refresh.YEAR: re.compile(r"[0-9]{4}"),
}


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that an account may bear: in rho, in delta, and in one period where it begins anew with each."""

    rho: Fraction
    delta: Fraction = Fraction(0)
    per: Refresh | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One budget a release is charged to, with its caps from the policy: `cap` in rho, and `delta_cap` in delta.

    `id` examples: "lifetime/resident", "dataset/subsidies", "purpose/open-data", "project/street-study",
    "member/street-study/zju", "recipient/zju/2026-Q4", "person/zju/li.wei". A `frozen` account is over, or has not
    begun: what is left in it can't be spent.
    """

    id: str
    description: str
    cap: Fraction
    delta_cap: Fraction = Fraction(0)
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """An account with the rho and the delta spent so far."""

    account: Account
    spent: Fraction
    spent_delta: Fraction = Fraction(0)

    @property
    def remaining(self) -> Fraction:
        """The rho that can still be charged; never negative, also after a cap was lowered below what is spent."""
        return Fraction(0) if self.account.frozen else self._left(self.account.cap, self.spent)

    @property
    def remaining_delta(self) -> Fraction:
        """The delta that can still be charged; never negative."""
        return Fraction(0) if self.account.frozen else self._left(self.account.delta_cap, self.spent_delta)

    @property
    def held(self) -> Fraction:
        """The rho that a frozen account holds back: what was left when it was frozen; 0 where it is not."""
        return self._left(self.account.cap, self.spent) if self.account.frozen else Fraction(0)

    def bears(self, loss: PrivacyLoss) -> bool:
        """Tell whether the whole loss fits: in rho and in delta."""
        account = self.account
        return (
            not account.frozen
            and self.spent + loss.rho <= account.cap
            and self.spent_delta + loss.delta <= account.delta_cap
        )

    def after(self, loss: PrivacyLoss) -> Balance:
        """Return the balance as a charge of this loss leaves it."""
        return Balance(self.account, self.spent + loss.rho, self.spent_delta + loss.delta)

    @staticmethod
    def _left(cap: Fraction, spent: Fraction) -> Fraction:
        return max(cap - spent, Fraction(0))


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that is durable. `fresh` is False if the same release had been charged before.

    `own` tells whether it was charged to every account of this request: to whoever asks now.
    """

    release_id: str
    rho: Fraction
    fresh: bool
    delta: Fraction = Fraction(0)
    own: bool = True

    @property
    def repeated(self) -> bool:
        """Whether this very caller was charged for it before."""
        return self.own and not self.fresh
