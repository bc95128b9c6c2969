"""Contests: teams guess a table, and are scored against a noised one that stays sealed until the contest closes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from gateway.model.statistics import Statistic


@dataclass(frozen=True, slots=True)
class Contest:
    """What a contest's table is, and how entries are scored. Its rows are those of `region`: "" for the whole city.

    `reference` of the table is one release with differential privacy at `epsilon`, which the institution `organiser`
    makes once. A score is the root mean square of what an entry is off by, rounded to a multiple of `score_step`.
    """

    organiser: str
    dataset: str
    disclosure: str
    group_by: tuple[str, ...]
    statistic: Statistic
    epsilon: Fraction
    score_step: Fraction
    entries_per_day: int
    region: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """The release that a contest is scored against: nobody gets it before the contest has closed."""

    contest: str
    release_id: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a team. `score` counts steps; `at` is naive UTC."""

    contest: str
    institution: str
    person: str
    at: datetime
    score: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a team stands: its best score, in steps, when it first had it, and how many entries it made."""

    institution: str
    score: int
    since: datetime
    entries: int
