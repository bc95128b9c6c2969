"""The price of wanted margins, and the weights with which it is least. Reads no data.

Each statistic needs some share of a release's loss. With given weights a price is found at which every statistic gets
its share; with weights in the proportion of the shares, nothing is paid for margins narrower than wanted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from gateway.model.contract import DataContract
from gateway.model.margins import Wanted
from gateway.model.measure import DECIMALS, Currency, Measure, MeasureKind, Price
from gateway.model.plan import AsFound, BoundedQuery
from gateway.model.statistics import ADDITIVE, Statistic
from gateway.privacy.margins import margins_at, own_unit
from gateway.privacy.mechanisms import scale_for, stated_loss
from gateway.privacy.pricing import SMALLEST, branched, settle
from gateway.privacy.sensitivity import sensitivity

MOST_WEIGHT = 1000

_HALVINGS = 24


def share_within(
    query: BoundedQuery, measures: Sequence[Measure], limits: Sequence[float], currency: Currency
) -> Fraction:
    """Return the share at which the 95 % half-width of each measure of a statistic is within its limit, in its steps.

    Limits below 1 have no noise of integers: 1 is taken for them.
    """
    needed = Fraction(0)
    for measure, limit in zip(measures, limits, strict=True):
        bound = sensitivity(branched(measure, currency), query.max_groups, query.levels)
        mechanism = currency.mechanism
        loss = stated_loss(mechanism, scale_for(mechanism, max(limit, 1.0)), bound.l1, bound.l2_squared)
        own = loss.rho if currency is Currency.RHO else loss.epsilon or Fraction(0)
        needed = max(needed, own * len(measures))
    return needed


def share_wanted(
    query: BoundedQuery, position: int, statistic: Statistic, wanted: Wanted, most: Price, contract: DataContract
) -> Fraction | None:
    """Return the share at which a statistic has the margin wanted of it; None if the whole of `most` is too little.

    `most` says in which currency, too.
    """
    measures = query.measures[position]
    if not wanted.values or statistic.kind in ADDITIVE:
        steps = 1.0 if statistic.field is None else 10.0 ** contract.fields[statistic.field].decimals
        return share_within(query, measures, [wanted.margin * _steps(one, steps) for one in measures], most.currency)
    # by itself, and not for what is shown of found keys
    declared = tuple(group for group in query.group_by if not isinstance(group.by, AsFound))
    alone = replace(query, group_by=declared, measures=(measures,))

    def holds(share: Fraction) -> bool:
        found = settle(alone, (statistic,), Price(most.currency, share), contract)
        if found is None:
            return False
        margins = margins_at(statistic, found.noise, (wanted.values,), own_unit(statistic, contract))
        return max(max(each) for each in margins) <= wanted.margin

    upper = most.amount
    if not holds(upper):
        return None
    lower = SMALLEST.written_in(most.currency) / MOST_WEIGHT
    for _ in range(_HALVINGS):
        middle = Fraction(math.sqrt(lower * upper))
        lower, upper = (lower, middle) if holds(middle) else (middle, upper)
    return upper


def price_of_shares(shares: Sequence[Fraction], statistics: Sequence[Statistic], currency: Currency) -> Price:
    """Return the price, rounded up to the decimals that prices have, at which every statistic gets its share."""
    weights = sum(statistic.weight for statistic in statistics)
    needed = max(
        (share * weights / statistic.weight for share, statistic in zip(shares, statistics, strict=True)),
        default=Fraction(0),
    )
    places = 10 ** DECIMALS[currency]
    return Price(currency, max(Fraction(math.ceil(needed * places), places), SMALLEST.written_in(currency)))


def least_weights(shares: Sequence[Fraction], statistics: Sequence[Statistic]) -> tuple[Statistic, ...]:
    """Return the statistics with weights in the proportion of their shares, as near as whole weights are."""
    largest = max(shares)
    return tuple(
        replace(statistic, weight=max(1, min(MOST_WEIGHT, math.ceil(share * MOST_WEIGHT / largest))))
        for share, statistic in zip(shares, statistics, strict=True)
    )


def _steps(measure: Measure, steps: float) -> float:
    """Return how many steps of a measure are one of the unit in which its margin is wanted."""
    match measure.kind:
        case MeasureKind.TOTAL | MeasureKind.OFFSETS:
            return steps
        case MeasureKind.SQUARES:
            return steps**2 / measure.step
        case _:
            return 1.0
