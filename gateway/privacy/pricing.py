"""The price of a plan: the noise each measure gets for what a release may lose.

Everything here is settled before a charge and reads no data. A price in epsilon gives integer Laplace noise; a price in
rho integer Gaussian noise, which is narrower at the same rho: no vector's L2 sensitivity is above its L1, and at equal
scales 95 % of Gaussian noise lie within 1.96 of them and of Laplace noise within 3.00.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from gateway.model.contract import DataContract
from gateway.model.loss import PrivacyLoss, pure_to_rho
from gateway.model.measure import DECIMALS, Currency, Measure, MeasureKind, NoisePlan, Price, Threshold
from gateway.model.plan import BoundedQuery, SettledRelease
from gateway.model.statistics import Statistic
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.quantiles import recommended_branching
from gateway.privacy.mechanisms import gaussian_scale, laplace_scale
from gateway.privacy.sensitivity import Sensitivity, bias_note, sensitivity
from gateway.privacy.thresholds import threshold_for

SMALLEST = Price(Currency.EPSILON, Fraction(1, 10_000))
"""No release is made for less: its answers would be noise alone, and its scale could leave the integers."""

LARGEST_NOISE = 2**53
"""Beyond this scale noise would leave the range in which 64-bit answers are safe."""


def settle(
    query: BoundedQuery, statistics: Sequence[Statistic], price: Price, contract: DataContract
) -> SettledRelease | None:
    """Share the price among the statistics by their weights, and each share equally among its measures.

    Returns None where the noise would leave the range in which 64-bit answers are safe.
    """
    weights = sum(statistic.weight for statistic in statistics)
    noise: list[NoisePlan] = []
    for position, (statistic, measures) in enumerate(zip(statistics, query.measures, strict=True)):
        share = Price(price.currency, price.amount * statistic.weight / weights / len(measures))
        noise.extend(_plan(measure, position, query, share, contract) for measure in measures)
    if any(plan.scale > LARGEST_NOISE for plan in noise):
        return None
    threshold = _threshold(noise, query)
    return SettledRelease(query, tuple(noise), total_loss(noise, price.currency, query.delta), threshold)


def price_within(loss: PrivacyLoss, price: Price, rho: Fraction) -> Price | None:
    """Return the largest price, in the currency of `price`, that is charged no more than `rho`.

    `loss` is what `price` is charged. None where it would be less than any price.
    """
    unit = 10 ** DECIMALS[price.currency]
    part = rho / loss.rho
    if price.currency is Currency.RHO:
        amount = Fraction(math.floor(price.amount * part * unit), unit)
    else:
        # what is charged grows with the square of epsilon
        square = (price.amount * unit) ** 2 * part
        amount = Fraction(math.isqrt(square.numerator // square.denominator), unit)
    return Price(price.currency, amount) if amount >= SMALLEST.written_in(price.currency) else None


def _threshold(noise: Sequence[NoisePlan], query: BoundedQuery) -> Threshold | None:
    """The threshold of found keys: of the first number of units that is measured."""
    if not query.found:
        return None
    place = next(place for place, plan in enumerate(noise) if plan.measure.kind is MeasureKind.UNITS)
    return threshold_for(place, noise[place], query.max_groups, query.delta)


def total_loss(noise: Sequence[NoisePlan], currency: Currency, delta: Fraction = Fraction(0)) -> PrivacyLoss:
    """Return what all the noise together loses, and a delta; an epsilon only where one was paid."""
    loss = sum((plan.loss for plan in noise), PrivacyLoss(Fraction(0), Fraction(0), delta))
    return loss if currency is Currency.EPSILON else PrivacyLoss(loss.rho, None, delta)


def _plan(measure: Measure, position: int, query: BoundedQuery, share: Price, contract: DataContract) -> NoisePlan:
    decimals = _decimals(measure, contract)
    return _planned(measure, position, query.max_groups, query.levels, query.cells, decimals, share)


@lru_cache(maxsize=1024)
def _planned(
    measure: Measure, position: int, max_groups: int, levels: int, cells: int, decimals: int, share: Price
) -> NoisePlan:
    """The noise of a measure: made once, since the same question is asked again and again."""
    measure = branched(measure, share.currency)
    bound = sensitivity(measure, max_groups, levels)
    return noise_plan(measure, position, bound, share, bias_note(measure, max_groups, cells, decimals))


def noise_plan(measure: Measure, statistic: int, bound: Sensitivity, share: Price, note: str) -> NoisePlan:
    """Return the noise that a share of the price buys a measure of a statistic, noting what bounds take away."""
    mechanism = share.currency.mechanism
    if share.currency is Currency.EPSILON:
        scale, loss = laplace_scale(bound.l1, share.amount), PrivacyLoss(pure_to_rho(share.amount), share.amount)
    else:
        scale, loss = gaussian_scale(bound.l2_squared, share.amount), PrivacyLoss(share.amount)
    margin = IntegerNoise(mechanism, scale).half_width()
    return NoisePlan(
        measure, statistic, mechanism, scale, bound.l1, bound.l2_squared, bound.derivation, loss, margin, note
    )


def bias_of(measure: Measure, query: BoundedQuery, contract: DataContract) -> str:
    """Say what the bounds of a query may take away from a measure, in the field's own units."""
    return bias_note(measure, query.max_groups, query.cells, _decimals(measure, contract))


def _decimals(measure: Measure, contract: DataContract) -> int:
    return 0 if measure.field is None else contract.fields[measure.field].decimals


def branched(measure: Measure, currency: Currency) -> Measure:
    """A histogram becomes a tree where the ranks found in it are nearer to the truth at the same price."""
    if measure.kind is not MeasureKind.BINS:
        return measure
    bins = len(measure.edges)
    branching = recommended_branching(bins, currency.mechanism)
    return replace(measure, branching=branching) if branching < bins else measure
