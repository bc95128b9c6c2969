"""The price of a plan: the noise each statistic gets for an epsilon, or the epsilon that a margin needs.

Everything here is settled before a charge and reads no data.
"""

from __future__ import annotations

import math
from fractions import Fraction

from gateway.model.plan import BoundedStatistic
from gateway.model.statistics import NoisePlan, StatisticKind
from gateway.privacy.mechanisms import laplace_margin, laplace_scale, laplace_scale_for_margin
from gateway.privacy.sensitivity import BoundedQuery, sensitivity

SMALLEST_EPSILON = Fraction(1, 10_000)
"""No release is made for less: its answers would be noise alone, and its scale could leave the integers."""

_LARGEST_NOISE = 2**53


def plan_noise(query: BoundedQuery, epsilon: Fraction) -> tuple[NoisePlan, ...] | None:
    """Share `epsilon` equally among the statistics and settle the noise of each.

    Returns None where the noise would leave the range in which 64-bit answers are safe.
    """
    share = epsilon / len(query.statistics)
    plans = tuple(_plan(statistic, query, share) for statistic in query.statistics)
    return None if any(plan.scale > _LARGEST_NOISE for plan in plans) else plans


def _plan(statistic: BoundedStatistic, query: BoundedQuery, epsilon: Fraction) -> NoisePlan:
    bound = sensitivity(statistic, query.max_groups)
    scale = laplace_scale(bound.l1, epsilon)
    return NoisePlan(
        statistic.statistic,
        bound.l1,
        bound.derivation,
        scale,
        epsilon,
        laplace_margin(scale),
        _bias_note(statistic, query),
    )


def epsilon_for_margin(query: BoundedQuery, margin: float) -> Fraction:
    """Return the epsilon, rounded up to 4 decimals, at which every statistic's 95 % half-width is at most `margin`."""
    scale = laplace_scale_for_margin(margin)
    neediest = max(sensitivity(statistic, query.max_groups).l1 for statistic in query.statistics)
    epsilon = Fraction(neediest) / Fraction(scale) * len(query.statistics)
    return max(Fraction(math.ceil(epsilon * 10_000), 10_000), SMALLEST_EPSILON)


def _bias_note(statistic: BoundedStatistic, query: BoundedQuery) -> str:
    groups = f"each unit counts in at most {query.max_groups} of {query.cells} cells" if query.cells > 1 else ""
    match statistic.statistic.kind:
        case StatisticKind.COUNT:
            own = f"at most {statistic.max_rows} rows of a unit count in a cell"
        case StatisticKind.COUNT_UNITS:
            own = "each unit counts once in a cell"
        case StatisticKind.SUM if statistic.bounds is not None:
            own = (
                f"values are clamped to {statistic.bounds.lower}…{statistic.bounds.upper} and a unit's total in a cell "
                f"to {statistic.max_rows} times that"
            )
        case _:
            raise ValueError("a sum has bounds")
    return "; ".join(part for part in (groups, own) if part) + ": what exceeds that is not in the answer"
