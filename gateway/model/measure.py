"""What the engine measures for a release, how much one privacy unit can change it, and the noise it gets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.model.contract import Bounds, DisclosureSpec
from gateway.model.loss import PrivacyLoss, pure_to_rho


class MeasureKind(StrEnum):
    """Sums over privacy units of what each contributes to a cell, as an exact integer."""

    ROWS = "rows"
    UNITS = "units"
    TOTAL = "total"
    PRESENT = "present"
    OFFSETS = "offsets"
    SQUARES = "squares"
    BINS = "bins"


SQUARES_AT_MOST = 2**31
"""Squares are counted in steps, so coarse that those of one unit add up to about this: the squares of 2^31 units fit in
64 bits, and what rounding takes is far below any noise."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One bounded contribution, summed. Values of a field are integers of its fixed point, clamped to `bounds`.

    rows: the unit's rows in the cell, at most `max_rows`. units: 1. total: the sum of its values, NULL counting as
    nothing, clamped to max_rows times the bounds. present, offsets, squares: how many of its values are not NULL, the
    sum of their offsets from the centre of the bounds, and of the offsets' squares in steps of `step`; of a unit with
    more than `max_rows` values, all three are those of max_rows values with the same mean. bins: a histogram of
    `width`-wide bins, at most `max_rows` rows of the unit in all bins together; and the sums of `branching` neighbours,
    of `branching` of those, and so on, where it is no flat one (`branching` 0).
    """

    kind: MeasureKind
    max_rows: int
    field: str | None = None
    bounds: Bounds | None = None
    width: int = 0
    branching: int = 0

    @property
    def centre(self) -> int:
        """The middle of the bounds, from which offsets are taken."""
        bounds = self._within
        return (bounds.lower + bounds.upper) // 2

    @property
    def step(self) -> int:
        """The unit in which squares are counted."""
        return max(1, -(-(self._reach**2 * self.max_rows) // SQUARES_AT_MOST))

    @property
    def edges(self) -> tuple[int, ...]:
        """The lower ends of the bins."""
        bounds = self._within
        return tuple(range(bounds.lower, bounds.upper + 1, self.width))

    @property
    def largest(self) -> int:
        """The most that one unit adds to one cell, or takes from it; of a histogram, to all its bins together."""
        match self.kind:
            case MeasureKind.UNITS:
                return 1
            case MeasureKind.TOTAL:
                return self.max_rows * max(abs(self._within.lower), abs(self._within.upper))
            case MeasureKind.OFFSETS:
                return self.max_rows * self._reach
            case MeasureKind.SQUARES:
                return self.max_rows * -(-(self._reach**2) // self.step)
            case _:
                return self.max_rows

    @property
    def _reach(self) -> int:
        """The largest offset from the centre."""
        return max(self._within.upper - self.centre, self.centre - self._within.lower)

    @property
    def _within(self) -> Bounds:
        if self.bounds is None:
            raise ValueError("a measure of a field has bounds")
        return self.bounds

    def __str__(self) -> str:
        return self.kind.value if self.field is None else f"{self.kind.value}({self.field})"


class Mechanism(StrEnum):
    """The noise: integer-valued, added to every value of a measure."""

    LAPLACE = "integer Laplace"
    GAUSSIAN = "integer Gaussian"

    def variance(self, scale: float) -> float:
        """Return the variance of the continuous law of this scale; the integer law's is not larger."""
        return (2.0 if self is Mechanism.LAPLACE else 1.0) * scale**2


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """The noise one measure will get, settled before anything is charged.

    `statistic` is the position of the statistic it is measured for. `l1` and `l2_squared` are the most that one
    privacy unit changes the vector of values, in L1 and in the square of L2, with `derivation` saying how; `scale` is
    that of the mechanism, and `loss` the loss that OpenDP states for it, exact. The noise of a value lies within plus
    or minus `margin_95` with probability 0.95.
    """

    measure: Measure
    statistic: int
    mechanism: Mechanism
    scale: float
    l1: int
    l2_squared: int
    derivation: str
    loss: PrivacyLoss
    margin_95: float
    bias_note: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """Which of the cells with found keys are shown: those whose noised number of privacy units is at least `least`.

    `delta` bounds the probability that a cell is shown which is there for one unit's records alone, with `derivation`
    saying how. `measure` is the place of the number of units among the measures.
    """

    measure: int
    least: int
    delta: Fraction
    derivation: str


class Currency(StrEnum):
    """What a price is written in: pure differential privacy, or rho of zero-concentrated differential privacy."""

    EPSILON = "epsilon"
    RHO = "rho"

    @property
    def mechanism(self) -> Mechanism:
        """The noise that is bought with it."""
        return Mechanism.LAPLACE if self is Currency.EPSILON else Mechanism.GAUSSIAN


DECIMALS = {Currency.EPSILON: 6, Currency.RHO: 12}
"""So many decimals a price has at most."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a release may lose in all."""

    currency: Currency
    amount: Fraction

    @property
    def is_written(self) -> bool:
        """Whether it can be one at all: it is above zero, and has no more decimals than prices have."""
        return self.amount > 0 and (self.amount * 10 ** DECIMALS[self.currency]).denominator == 1

    @property
    def rho(self) -> Fraction:
        """The most that it comes to in rho: a pure epsilon is at most epsilon²/2 (Bun and Steinke 2016, prop. 1.4)."""
        return self.amount if self.currency is Currency.RHO else pure_to_rho(self.amount)

    def written_in(self, currency: Currency) -> Fraction:
        """Return the amount as a limit of prices in a currency: an epsilon as it is, or in rho what it comes to."""
        return self.amount if currency is self.currency else self.rho


def dearest(disclosure: DisclosureSpec) -> Price:
    """Return the most that one release of a disclosure may lose; a price in rho is held to what it comes to."""
    most = "0" if disclosure.statistics is None else disclosure.statistics.max_epsilon
    return Price(Currency.EPSILON, Fraction(most))


def price_of(loss: PrivacyLoss) -> Price:
    """Return the price that was paid for a loss."""
    return Price(Currency.RHO, loss.rho) if loss.epsilon is None else Price(Currency.EPSILON, loss.epsilon)
