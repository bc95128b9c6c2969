"""Repeated measurements and what may be said of them. Nothing here knows what is measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

Figure = float | int | str
Json = Figure | Mapping[str, "Json"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the runs of one measurement lie."""

    median: float
    lower_quartile: float
    upper_quartile: float
    smallest: float
    largest: float
    runs: int

    def json(self) -> Mapping[str, Json]:
        """Return it for a JSON object."""
        return {
            "median": significant(self.median),
            "lower_quartile": significant(self.lower_quartile),
            "upper_quartile": significant(self.upper_quartile),
            "min": significant(self.smallest),
            "max": significant(self.largest),
            "runs": self.runs,
        }


def spread(values: Sequence[float]) -> Spread:
    """Summarise runs.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("nothing was measured")
    return Spread(
        median=statistics.median(values),
        lower_quartile=quantile(values, 0.25),
        upper_quartile=quantile(values, 0.75),
        smallest=min(values),
        largest=max(values),
        runs=len(values),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the others lie below, between neighbours by straight line.

    Raises:
        ValueError: there are no values, or the share is not within 0 and 1.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError("a quantile is of some values, and its share from 0 to 1")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return our runs over theirs, pair by pair: runs beside each other saw the same machine.

    Raises:
        ValueError: the runs are not as many.
    """
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def interleave(arms: Mapping[str, Callable[[], T]], runs: int) -> dict[str, list[T]]:
    """Run every arm `runs` times, in turns; every second turn goes backwards, so that no arm always comes first.

    What the machine does meanwhile falls on all arms alike.
    """
    results: dict[str, list[T]] = {name: [] for name in arms}
    for turn in range(runs):
        order = list(arms) if turn % 2 == 0 else list(arms)[::-1]
        for name in order:
            results[name].append(arms[name]())
    return results


def significant(value: float, digits: int = 4) -> float:
    """Return a value without the digits that no run supports."""
    return float(f"{value:.{digits}g}")
