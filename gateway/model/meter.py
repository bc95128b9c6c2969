"""Meters: how often, for each subject or each institution, within a period of the city's calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model.calendar import CITY_OFFSET


class Period(StrEnum):
    """A unit of the city's calendar, in which a meter counts and after which it begins anew."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"

    def start(self, instant: datetime) -> datetime:
        """Return when the period around `instant` began. Both are naive UTC."""
        local = (instant + CITY_OFFSET).replace(second=0, microsecond=0)
        match self:
            case Period.HOUR:
                local = local.replace(minute=0)
            case Period.DAY:
                local = local.replace(hour=0, minute=0)
            case Period.MONTH:
                local = local.replace(day=1, hour=0, minute=0)
            case Period.YEAR:
                local = local.replace(month=1, day=1, hour=0, minute=0)
            case _:
                pass
        return local - CITY_OFFSET

    def end(self, instant: datetime) -> datetime:
        """Return when the next period begins. Both are naive UTC."""
        # no period is shorter than these steps or as long as two of them
        step = {
            Period.MINUTE: timedelta(minutes=1),
            Period.HOUR: timedelta(hours=1),
            Period.DAY: timedelta(days=1),
            Period.MONTH: timedelta(days=32),
            Period.YEAR: timedelta(days=367),
        }[self]
        return self.start(self.start(instant) + step)


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many in a period: `12/year`."""

    limit: int
    period: Period

    def __str__(self) -> str:
        return f"{self.limit} a {self.period}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one call would take of one account.

    An account counts distinct `marks`; a mark that it has already is taken once, so that a retry costs nothing.
    `account` and `marks` are digests or keyed tokens, and name no subject. `ends_at` (naive UTC) is when the account
    counts no more.
    """

    account: bytes
    limit: int
    marks: tuple[bytes, ...]
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """All claims were taken, durably. `left` is what each account has left, in the order of the claims."""

    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nothing was taken. `claims` are the positions of the claims that their accounts could not bear."""

    claims: tuple[int, ...]
