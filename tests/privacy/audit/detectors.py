"""What gives a gateway away that promises more privacy than it keeps: pure functions of what was answered.

Each is fed with the answers of the gateway, which must pass, and with those of gateways that are broken on purpose,
which must not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.privacy.audit.chances import (
    ALARM,
    chi2_tail,
    least_rate,
    monotonic,
    most_rate,
    normal_deviate,
    normal_tail,
)
from tests.privacy.audit.claims import Chances, Claim, Integers

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]

EVENTS = 8
"""How many events are put to the test, of all that the first half of the draws suggests."""

LIKELIEST = 0.6
"""No event is put to the test that seems likelier: the bounds are made for those that are not nearly certain."""

_LEAST = 40
"""How many draws a bin is expected to hold, at least."""


def misfit(noise: Integers, claim: Claim) -> float:
    """The p-value of a chi-squared test of the noise against its claim."""
    grid = _quantiles(claim, min(64, max(2, noise.size // (2 * _LEAST))))
    due = np.diff(claim.below(grid), prepend=0.0, append=1.0) * noise.size
    seen = np.bincount(np.searchsorted(grid, noise.ravel(), side="left"), minlength=len(grid) + 1).astype(np.float64)
    seen, due = _merged(seen, due)
    return chi2_tail(float(np.sum(np.square(seen - due) / due)), len(due) - 1)


def _quantiles(claim: Claim, bins: int) -> Integers:
    """Integers that part the claimed distribution into nearly equal bins, or into single integers where it is narrow.

    Both tails have bins of their own, halving outwards: a wrong scale shows there first.
    """
    chances = np.concatenate(
        [0.5 ** np.arange(14, 2, -1), np.linspace(0.125, 0.875, bins), 1 - 0.5 ** np.arange(3, 15)]
    )
    edge = math.ceil(claim.deviation * 15) + 1
    low, high = np.full(len(chances), -edge), np.full(len(chances), edge)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        enough = claim.below(middle) >= chances
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.unique(high)


def _merged(seen: Chances, due: Chances) -> tuple[Chances, Chances]:
    """Neighbouring bins put together until each is due enough draws."""
    bins: list[tuple[float, float]] = []
    held = wanted = 0.0
    for one, other in zip(seen, due, strict=True):
        held, wanted = held + one, wanted + other
        if wanted >= _LEAST:
            bins.append((held, wanted))
            held = wanted = 0.0
    last = bins.pop()
    bins.append((last[0] + held, last[1] + wanted))
    merged = np.array(bins)
    return merged[:, 0], merged[:, 1]


def off_lattice(answers: Numbers) -> int:
    """How many answers of an integer release are no integers."""
    return int(np.sum(np.asarray(answers, np.float64) % 1 != 0))


def coarse(noise: Integers) -> float:
    """The p-value of the four lowest bits being fair coins, as those of wide integer noise are to within nothing.

    Floats run out of low bits: noise that was drawn as one shows it here.
    """
    seen = np.bincount(noise.ravel() & 15, minlength=16)
    return chi2_tail(float(np.sum(np.square(seen - noise.size / 16)) / (noise.size / 16)), 15)


def alike(one: Integers, other: Integers) -> float:
    """The p-value of two lists of noise having nothing in common: neither their ranks nor their sizes."""
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    return min(1.0, 2 * min(monotonic(a, b), monotonic(np.abs(a), np.abs(b))))


@dataclass(frozen=True)
class Event:
    """An event of one number: that it is at least, or at most, a threshold; likelier with the first data, or second."""

    feature: int
    threshold: float
    least: bool
    of_first: bool

    def hits(self, features: Chances) -> int:
        """How many draws it happens in."""
        column = features[self.feature]
        return int(np.sum(column >= self.threshold if self.least else column <= self.threshold))


def proved_epsilon(first: Numbers, second: Numbers, scales: Chances, claimed: float, delta: float = 0.0) -> float:
    """The epsilon that the answers of two neighbouring data sets prove there to be, at least.

    Both are arrays of draws × answers. The first half of the draws ranks events, the second tests the best of them:
    ln((P₁ - delta)/P₂), with the bounds of Clopper and Pearson. More than `claimed` is proved with probability `ALARM`
    at most where no more is lost (`bound_level`).

    Args:
        scales: of the noise of each answer, as claimed: it weighs answers, and does no harm if it is wrong.
    """
    half = min(len(first), len(second)) // 2
    features = _Features(first[:half], second[:half], scales)
    learned = features.of(first[:half]), features.of(second[:half])
    tested = features.of(first[half:]), features.of(second[half:])
    level = bound_level(claimed)

    def bound(event: Event) -> float:
        likely, seldom = tested if event.of_first else tested[::-1]
        low = least_rate(event.hits(likely), likely.shape[1], level) - delta
        high = most_rate(event.hits(seldom), seldom.shape[1], level)
        return math.log(low / high) if low > 0 else -math.inf

    return max(0.0, *(bound(event) for event in _promising(learned, delta)))


def bound_level(claimed: float) -> float:
    """How often each of the two bounds of an event may be wrong, so that one claim is wronged in `ALARM` of all runs.

    More than the claim is proved only where both rates are far off at once. Where P₁ = e^ε·P₂ and events are rare, the
    deviations of P₁ and of e^ε·P₂ are as 1 to sqrt(e^ε), and z for each bound makes z·(1 + sqrt(e^ε))/sqrt(1 + e^ε) for
    both: more than z by up to √2. By Bonferroni that is to be the deviate of ALARM/EVENTS. The tenth is for what is
    not normal about it: a test works out the exact chances.
    """
    odds = math.exp(claimed)
    return 0.1 * normal_tail(normal_deviate(ALARM / EVENTS) * math.sqrt(1 + odds) / (1 + math.sqrt(odds)))


class _Features:
    """Numbers by which the answers of two data sets differ the most, as some draws of both suggest.

    The first is the log-likelihood ratio of Laplace noise around both means; then the sum of all answers, how far they
    are from their means, and each answer by itself.
    """

    def __init__(self, first: Numbers, second: Numbers, scales: Chances) -> None:
        one, other = first.mean(axis=0), second.mean(axis=0)
        self._middle, self._shift, self._scales = (one + other) / 2, (one - other) / scales, scales

    def of(self, draws: Numbers) -> Chances:
        off, most = (draws - self._middle) / self._scales, np.abs(self._shift) / 2
        likelihood = np.clip(off * np.sign(self._shift), -most, most).sum(axis=1)
        result: Chances = np.vstack([likelihood, off.sum(axis=1), np.abs(off).sum(axis=1), off.T])
        return result


_SHARES = np.concatenate([np.geomspace(0.002, 0.1, 10), np.linspace(0.12, 0.88, 20), 1 - np.geomspace(0.1, 0.002, 10)])


def _promising(seen: tuple[Chances, Chances], delta: float) -> list[Event]:
    """The events that seem to prove the most, roughly: three standard errors off."""
    found: list[tuple[float, Event]] = []
    for feature, columns in enumerate(zip(*seen, strict=True)):
        one, other = (np.sort(column) for column in columns)
        cuts = np.unique(np.concatenate([np.quantile(one, _SHARES), np.quantile(other, _SHARES)]))
        for least in (True, False):
            sides = [_hits(one, cuts, least) / len(one), _hits(other, cuts, least) / len(other)]
            for of_first in (True, False):
                likely, seldom = sides if of_first else sides[::-1]
                low = likely - 3 * np.sqrt(likely / len(one)) - delta
                high = seldom + 3 * np.sqrt((seldom + 1 / len(one)) / len(one)) + 3 / len(one)
                with np.errstate(invalid="ignore", divide="ignore"):
                    rough = np.where((low > 0) & (likely <= LIKELIEST), np.log(low / high), -np.inf)
                events = (Event(feature, float(cut), least, of_first) for cut in cuts)
                found += zip(rough.tolist(), events, strict=True)
    found.sort(key=lambda scored: -scored[0])
    return [event for _, event in found[:EVENTS]]


def _hits(ordered: Chances, cuts: Chances, least: bool) -> Chances:
    below = np.searchsorted(ordered, cuts, side="left" if least else "right")
    return (len(ordered) - below if least else below).astype(np.float64)


def proved_delta(shown: int, keys: int) -> float:
    """The delta that a threshold release proves there to be, at least, at confidence 1 - ALARM.

    Each of so many keys is one person's alone. A key that is shown could never have been shown without the person,
    whatever epsilon allows, so that the chance of it is delta's.
    """
    return least_rate(shown, keys, ALARM)
