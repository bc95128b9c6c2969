"""The margins that the answers of a settled release will have, as far as they are known before anything is read.

Counts and sums have the margin of their noise, whatever the data are; over a tree of regions also the one that is left
once totals are made to add up. How wide the interval of a mean, a variance or a quantile is depends on the data: it is
told for cells of stated sizes whose values are spread evenly over the declared bounds, made by the very functions that
make the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np

from gateway.model.contract import DataContract
from gateway.model.margins import AnswerMargin, LevelMargin, SizeMargin
from gateway.model.measure import Measure, MeasureKind, NoisePlan
from gateway.model.plan import BoundedQuery, SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.statistics import ADDITIVE, NoisedMeasure, Statistic, StatisticKind
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.noise import IntegerNoise, sum_half_width
from gateway.privacy.answers.quantiles import BinTree
from gateway.privacy.answers.totals import consistent_totals
from gateway.privacy.presenting import estimates_of, names_of

SIZES = (10, 100, 1_000, 10_000, 100_000)
"""The sizes of cells for which margins are told."""

_LEVELS = tuple(RegionLevel)


def answer_margins(
    settled: SettledRelease, statistics: Sequence[Statistic], contract: DataContract
) -> tuple[AnswerMargin, ...]:
    """Return the margins of every column of answers, in the order of the columns."""
    found: list[AnswerMargin] = []
    for position, statistic in enumerate(statistics):
        plans = [plan for plan in settled.noise if plan.statistic == position]
        unit, step = unit_of(statistic, contract), own_unit(statistic, contract)
        if statistic.kind in ADDITIVE:
            levels = tuple(_levels(plans[0], settled.query, step))
            found.append(AnswerMargin(str(statistic), position, unit, levels))
            continue
        for name, margins in zip(names_of(statistic), margins_at(statistic, plans, SIZES, step), strict=True):
            sizes = tuple(map(SizeMargin, SIZES, margins))
            found.append(AnswerMargin(name, position, unit, sizes=sizes))
    return tuple(found)


def unit_of(statistic: Statistic, contract: DataContract) -> str:
    """Say in what the answers of a statistic, and its margins, are."""
    match statistic.kind:
        case StatisticKind.COUNT:
            return "rows"
        case StatisticKind.COUNT_UNITS:
            return contract.privacy_unit.kind
        case StatisticKind.VARIANCE:
            return f"{statistic.field}²"
        case _:
            return statistic.field or ""


def own_unit(statistic: Statistic, contract: DataContract) -> float:
    """Return how many steps of the fixed point are one of a statistic's own unit."""
    decimals = 0 if statistic.field is None else contract.fields[statistic.field].decimals
    return 10.0 ** (2 * decimals if statistic.kind is StatisticKind.VARIANCE else decimals)


def margins_at(
    statistic: Statistic, plans: Sequence[NoisePlan], sizes: Sequence[int], step: float
) -> list[tuple[float, ...]]:
    """Return for each column the margins in cells of so many values, spread evenly over the bounds."""
    cells = [
        NoisedMeasure(plan, tuple(value for size in sizes for value in _even(plan.measure, size))) for plan in plans
    ]
    return [tuple((estimates.margins / step).tolist()) for estimates in estimates_of(statistic, cells)]


def summed_margin(plan: NoisePlan, cells: int, step: float) -> float:
    """Return the margin of the total of so many cells of a count or sum."""
    noise = IntegerNoise(plan.mechanism, plan.scale)
    half = sum_half_width(np.array(cells * noise.variance), np.array(cells * noise.fourth), 1.0)
    return float(half) / step


def _levels(plan: NoisePlan, query: BoundedQuery, step: float) -> Iterator[LevelMargin]:
    group = next((group for group in query.group_by if group.tree), None)
    margin = plan.margin_95 / step
    if group is None:
        yield LevelMargin("", query.cells, margin)
        return
    noise = IntegerNoise(plan.mechanism, plan.scale)
    regions = len(group.tree)
    nothing = np.zeros(regions, np.int64)
    # the half-widths know no values
    left = consistent_totals(Forest(group.parents), nothing, np.full(regions, noise.variance), noise.kind).margins
    others = query.cells // regions
    for depth, places in groupby(range(regions), lambda place: group.tree[place].count("/")):
        at = list(places)
        yield LevelMargin(_LEVELS[depth].value, len(at) * others, margin, float(left[at].max()) / step)


def _even(measure: Measure, values: int) -> list[int]:
    """Return what is measured, without noise, in a cell of so many values spread evenly over the bounds."""
    bounds = measure.bounds
    if bounds is None:
        return [values]
    lower, upper, centre = bounds.lower, bounds.upper, measure.centre
    match measure.kind:
        case MeasureKind.OFFSETS:
            return [(lower + upper - 2 * centre) * values // 2]
        case MeasureKind.SQUARES:
            # the variance of a uniform distribution, about the centre
            return [values * (upper - lower) ** 2 // 12 // measure.step]
        case MeasureKind.BINS:
            ends = [*measure.edges, upper + 1]
            below = [values * (end - lower) // (upper + 1 - lower) for end in ends]
            bins = [above - under for under, above in pairwise(below)]
            if not measure.branching:
                return bins
            tree = BinTree(len(bins), measure.branching)
            return [int(count) for count in tree.node_counts(np.array(bins, np.int64))]
        case _:
            return [values]
