"""Series: statistics that are published day after day up to a horizon, for one price that is charged beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class SeriesSpec:
    """A series as a contract declares it. Statistics, groupings and the price are as they are written there.

    A row counts on the city's day of its `advances_by`. There are so many `days` from `first_day` on. A privacy unit
    counts on the first `days_per_unit` of them on which it has rows, and on no other. One of `rho` and `epsilon` is
    the price of the whole series.
    """

    name: str
    description: str
    statistics: tuple[str, ...]
    group_by: tuple[str, ...]
    advances_by: str
    first_day: date
    days: int
    days_per_unit: int
    rho: str = ""
    epsilon: str = ""

    @property
    def last_day(self) -> date:
        """The horizon."""
        return self.day(self.days)

    def __str__(self) -> str:
        cells = f" by {', '.join(self.group_by)}" if self.group_by else ""
        price = f"rho {self.rho}" if self.rho else f"epsilon {self.epsilon}"
        days = f"{self.days} days from {self.first_day}, {self.days_per_unit} of each unit"
        return f"{', '.join(self.statistics)}{cells} by day of {self.advances_by}: {days}, for {price}"

    def day(self, number: int) -> date:
        """Return a day of the series by its number, from 1 on."""
        return self.first_day + timedelta(days=number - 1)

    def number(self, day: date) -> int:
        """Return the number of a day, which need not be one of the series."""
        return (day - self.first_day).days + 1


@dataclass(frozen=True, slots=True)
class Opening:
    """A series that was paid for: by whom and when, and the name of the table of nodes that was chosen then.

    From `ends_at` on no day is read, and the figures of all days are erased.
    """

    series_id: str
    plan: str
    opened_by: str
    opened_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class KeptNode:
    """The noised values (cells) of one node of one statistic, by its place in the series."""

    statistic: int
    id: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ClosedDay:
    """A day that was read, once: what it is measured by, and the nodes that were drawn for it.

    `figures` are the day's exact aggregates, sealed under a key of the gateway's own: later nodes add them up. They are
    empty once the series is complete or has ended. `data_version` names the data as they were.
    """

    number: int
    closed_at: datetime
    data_version: str
    figures: bytes
    nodes: tuple[KeptNode, ...]

    def __repr__(self) -> str:
        return f"ClosedDay({self.number})"
