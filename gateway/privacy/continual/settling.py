"""The price of a series: the noise that each of its nodes gets, for the whole horizon at once.

Settled before anything is charged or read. Each statistic has the same share of the price, and a table of nodes of its
own over all cells; the loss of a share is that of all its nodes together.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.contract import DataContract
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, NoisePlan, Price
from gateway.model.plan import BoundedQuery
from gateway.privacy.continual.plan import ContinualPlan
from gateway.privacy.pricing import LARGEST_NOISE, bias_of, noise_plan, total_loss


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
    if any(one.scale > LARGEST_NOISE for one in noise):
        return None
    return SettledSeries(plan, query, noise, total_loss(noise, price.currency))


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
    days = "its first day" if periods == 1 else f"its first {periods} days"
    note = f"each unit counts on {days} alone; on a day, {bias_of(measure, query, contract)}"
    return noise_plan(measure, statistic, bound, share, note)
