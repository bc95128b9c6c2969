"""The price of a series: the noise that each of its nodes gets, for the whole horizon at once.

Settled before anything is charged or read. Each statistic has the same share of the price, and a table of nodes of its
own over all cells; the loss of a share is that of all its nodes together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gateway.model.contract import DataContract
from gateway.model.loss import PrivacyLoss, pure_to_rho
from gateway.model.measure import Currency, Measure, NoisePlan, Price
from gateway.model.plan import BoundedQuery
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.continual.plan import ContinualPlan
from gateway.privacy.mechanisms import gaussian_scale, laplace_scale
from gateway.privacy.sensitivity import bias_note

_LARGEST_NOISE = 2**53


@dataclass(frozen=True, slots=True)
class SettledSeries:
    """A series as it will be made: its nodes, its cells and bounds, the noise of each statistic, and the whole loss."""

    plan: ContinualPlan
    query: BoundedQuery
    noise: tuple[NoisePlan, ...]
    loss: PrivacyLoss


def settle_series(
    query: BoundedQuery, price: Price, contract: DataContract, plan: ContinualPlan, periods: int
) -> SettledSeries | None:
    """Settle the noise of counts and sums, of units that count on at most `periods` days.

    Returns None where the noise would leave the range in which 64-bit answers are safe.

    Raises:
        ValueError: a statistic is measured by more than one measure.
    """
    measures: list[Measure] = []
    for found in query.measures:
        (measure,) = found
        measures.append(measure)
    share = Price(price.currency, price.amount / len(measures))
    noise = tuple(
        _plan(measure, place, query, share, contract, plan, periods) for place, measure in enumerate(measures)
    )
    if any(one.scale > _LARGEST_NOISE for one in noise):
        return None
    return SettledSeries(plan, query, noise, _total(noise, price.currency))


def _total(noise: Sequence[NoisePlan], currency: Currency) -> PrivacyLoss:
    loss = sum((one.loss for one in noise), PrivacyLoss(Fraction(0), Fraction(0)))
    return loss if currency is Currency.EPSILON else PrivacyLoss(loss.rho)


def _plan(
    measure: Measure,
    statistic: int,
    query: BoundedQuery,
    share: Price,
    contract: DataContract,
    plan: ContinualPlan,
    periods: int,
) -> NoisePlan:
    bound = plan.sensitivity(periods, measure.largest, query.max_groups)
    mechanism = share.currency.mechanism
    if share.currency is Currency.EPSILON:
        scale, loss = laplace_scale(bound.l1, share.amount), PrivacyLoss(pure_to_rho(share.amount), share.amount)
    else:
        scale, loss = gaussian_scale(bound.l2_squared, share.amount), PrivacyLoss(share.amount)
    decimals = 0 if measure.field is None else contract.fields[measure.field].decimals
    days = "its first day" if periods == 1 else f"its first {periods} days"
    return NoisePlan(
        measure,
        statistic,
        mechanism,
        scale,
        bound.l1,
        bound.l2_squared,
        bound.derivation,
        loss,
        IntegerNoise(mechanism, scale).half_width(),
        f"each unit counts on {days} alone; on a day, {bias_note(measure, query.max_groups, query.cells, decimals)}",
    )
