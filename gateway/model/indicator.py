"""Live indicators: exact figures over the region tree, as a contract declares them and as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.model.region import RegionLevel
from gateway.model.values import Scalar


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """What an indicator shows, and what a figure must rest on to be shown.

    `statistics` are written as "count", "count_units" and "sum(field)"; `group_by` are fields with keys. There is a
    figure for each region from the city down to those of `level`, and each combination of keys. It rests on at least
    `least_units` privacy units, and without the two largest contributions at least `dominance_percent` of the largest
    are left. The data is looked at every `refresh_seconds`.
    """

    statistics: tuple[str, ...]
    group_by: tuple[str, ...]
    level: RegionLevel
    least_units: int
    dominance_percent: int
    refresh_seconds: int


@dataclass(frozen=True, slots=True, repr=False)
class KeptIndicator:
    """An indicator as it was published last. `state` is sealed; `read` names by which definition, of which data, and
    since when by that definition: "definition/data/microseconds".
    """

    indicator_id: str
    version: int
    published_at: datetime
    read: str
    data_version: str
    state: bytes

    def __repr__(self) -> str:
        return f"KeptIndicator({self.version})"


@dataclass(frozen=True, slots=True, repr=False)
class Figure:
    """The figures of a region and combination of keys, one for each statistic; None where they are withheld.

    `version` is that of the newest part of them.
    """

    region: str
    keys: tuple[Scalar, ...]
    values: tuple[int | float, ...] | None
    version: int

    def __repr__(self) -> str:
        return "Figure(…)"
