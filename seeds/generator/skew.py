"""Where the city is uneven: Zipf ranks, category draws, times of day and days of the week."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from seeds.generator.columns import Ints

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]

TODAY = date(2026, 11, 1)
"""The city's reference date: nothing in it happens on or after this day's midnight."""

TODAY_NUMBER = int(np.datetime64(TODAY, "D").astype(np.int64))
"""`TODAY` in days since 1970-01-01."""

# fmt: off
RUSH_HOURS = np.array([2, 1, 1, 1, 2, 8, 30, 80, 90, 50, 35, 35,
                       40, 38, 35, 38, 50, 85, 90, 60, 40, 30, 18, 7.0])
DAYTIME = np.array([1, 1, 0.5, 0.5, 0.5, 1, 5, 15, 35, 55, 65, 60,
                    55, 55, 60, 60, 58, 60, 70, 65, 50, 30, 12, 4.0])
# fmt: on
_WEEKEND = 0.55


def zipf_weights(count: int, exponent: float = 1.0) -> Floats:
    """Weights proportional to 1/rank**exponent, the first being the heaviest, summing to 1."""
    weights: Floats = 1.0 / np.arange(1, count + 1, dtype=np.float64) ** exponent
    total: np.float64 = weights.sum()
    return weights / total


def draw(rng: np.random.Generator, weights: Sequence[float] | Floats, count: int) -> Ints:
    """`count` category codes, drawn in proportion to `weights` (any positive scale)."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    codes: Ints = np.searchsorted(edges, rng.random(count) * edges[-1], side="right").astype(np.int64)
    last: Ints = np.minimum(codes, len(edges) - 1)
    return last


def recent_days(rng: np.random.Generator, count: int, window: int) -> Ints:
    """Day numbers (since 1970) within the `window` days before `TODAY`; weekends are quieter."""
    days = TODAY_NUMBER - np.arange(1, window + 1)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
    chosen: Ints = days[draw(rng, np.where(weekday >= 5, _WEEKEND, 1.0), count)]
    return chosen


def seasonal_days(rng: np.random.Generator, count: int, window: int = 365) -> Ints:
    """Day numbers within the `window` days before `TODAY`, with a wave that peaks in mid-January."""
    days = TODAY_NUMBER - np.arange(1, window + 1)
    angle = 2 * np.pi * ((days - 15) % 365.2425) / 365.2425
    chosen: Ints = days[draw(rng, np.exp(1.3 * np.cos(angle)), count)]
    return chosen


def at_hours(rng: np.random.Generator, days: Ints, hours: Floats) -> Times:
    """A moment (microsecond type, whole seconds) on each day, its hour drawn from 24 weights."""
    seconds = draw(rng, hours, len(days)) * 3600 + rng.integers(0, 3600, len(days))
    return ((days * 86_400 + seconds) * 1_000_000).view("datetime64[us]")
