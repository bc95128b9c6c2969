"""The price of a plan: the noise each measure gets for what a release may lose, or what a margin needs.

Everything here is settled before a charge and reads no data. A price in epsilon gives integer Laplace noise; a price in
rho integer Gaussian noise, which is narrower at the same rho: no vector's L2 sensitivity is above its L1, and at equal
scales 95 % of Gaussian noise lie within 1.96 of them and of Laplace noise within 3.00.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from gateway.model.contract import DataContract
from gateway.model.loss import PrivacyLoss, pure_to_rho
from gateway.model.measure import Currency, Measure, MeasureKind, NoisePlan, Price, Threshold
from gateway.model.plan import BoundedQuery, SettledRelease
from gateway.model.statistics import Statistic
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.quantiles import recommended_branching
from gateway.privacy.mechanisms import gaussian_scale, laplace_scale, scale_for, stated_loss
from gateway.privacy.sensitivity import bias_note, sensitivity
from gateway.privacy.thresholds import threshold_for

SMALLEST = Price(Currency.EPSILON, Fraction(1, 10_000))
"""No release is made for less: its answers would be noise alone, and its scale could leave the integers."""

_LARGEST_NOISE = 2**53
_DECIMALS = 10**6


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
    if any(plan.scale > _LARGEST_NOISE for plan in noise):
        return None
    threshold = _threshold(noise, query)
    return SettledRelease(query, tuple(noise), _total(noise, price.currency, query.delta), threshold)


def _threshold(noise: Sequence[NoisePlan], query: BoundedQuery) -> Threshold | None:
    """The threshold of found keys: of the first number of units that is measured."""
    if not query.found:
        return None
    place = next(place for place, plan in enumerate(noise) if plan.measure.kind is MeasureKind.UNITS)
    return threshold_for(place, noise[place], query.max_groups, query.delta)


def _total(noise: Sequence[NoisePlan], currency: Currency, delta: Fraction) -> PrivacyLoss:
    loss = sum((plan.loss for plan in noise), PrivacyLoss(Fraction(0), Fraction(0), delta))
    return loss if currency is Currency.EPSILON else PrivacyLoss(loss.rho, None, delta)


def _plan(measure: Measure, position: int, query: BoundedQuery, share: Price, contract: DataContract) -> NoisePlan:
    measure = _branched(measure, share.currency)
    bound = sensitivity(measure, query.max_groups, query.levels)
    mechanism = share.currency.mechanism
    if share.currency is Currency.EPSILON:
        scale, loss = laplace_scale(bound.l1, share.amount), PrivacyLoss(pure_to_rho(share.amount), share.amount)
    else:
        scale, loss = gaussian_scale(bound.l2_squared, share.amount), PrivacyLoss(share.amount)
    decimals = 0 if measure.field is None else contract.fields[measure.field].decimals
    return NoisePlan(
        measure,
        position,
        mechanism,
        scale,
        bound.l1,
        bound.l2_squared,
        bound.derivation,
        loss,
        IntegerNoise(mechanism, scale).half_width(),
        bias_note(measure, query.max_groups, query.cells, decimals),
    )


def _branched(measure: Measure, currency: Currency) -> Measure:
    """A histogram becomes a tree where the ranks found in it are nearer to the truth at the same price."""
    if measure.kind is not MeasureKind.BINS:
        return measure
    bins = len(measure.edges)
    branching = recommended_branching(bins, currency.mechanism)
    return replace(measure, branching=branching) if branching < bins else measure


def price_for_margin(query: BoundedQuery, statistics: Sequence[Statistic], margin: float, currency: Currency) -> Price:
    """Return the price, rounded up to 6 decimals, at which every measure's 95 % half-width is at most `margin`.

    Margins below 1 have no noise of integers: 1 is taken for them.
    """
    weights = sum(statistic.weight for statistic in statistics)
    most = max(margin, 1.0)
    needed = Fraction(0)
    for statistic, measures in zip(statistics, query.measures, strict=True):
        for measure in measures:
            bound = sensitivity(_branched(measure, currency), query.max_groups, query.levels)
            mechanism = currency.mechanism
            loss = stated_loss(mechanism, scale_for(mechanism, most), bound.l1, bound.l2_squared)
            own = loss.rho if currency is Currency.RHO else loss.epsilon or Fraction(0)
            needed = max(needed, own * len(measures) * weights / statistic.weight)
    places = _DECIMALS if currency is Currency.EPSILON else _DECIMALS**2
    return Price(currency, max(Fraction(math.ceil(needed * places), places), SMALLEST.written_in(currency)))
