"""Answers over a tree of regions that add up: the noised total of each region, reconciled with those below it."""

from __future__ import annotations

import numpy as np

from gateway.model.grouping import ByRegionTree
from gateway.model.plan import GroupKey
from gateway.model.statistics import NoisedMeasure, StatisticsQuery
from gateway.model.values import Scalar
from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.totals import consistent_totals, whole_totals


def noise_of(one: NoisedMeasure) -> IntegerNoise:
    """Return the noise that is in each value of a measure."""
    return IntegerNoise(one.plan.mechanism, one.plan.scale)


def made_consistent(
    measure: NoisedMeasure, cells: tuple[tuple[Scalar, ...], ...], query: StatisticsQuery, *, non_negative: bool
) -> Estimates:
    """Return the values of an additive measure over all cells, made to add up along the tree of regions.

    Unbiased, or whole and not negative, and then biased. `cells` are those of the query, in their order.

    Raises:
        StopIteration: if the query has no tree of regions.
    """
    axis = next(place for place, one in enumerate(query.group_by) if isinstance(one, ByRegionTree))
    keys = [tuple(dict.fromkeys(cell[place] for cell in cells)) for place in range(len(query.group_by))]
    forest = Forest(GroupKey("", (), tree=tuple(map(str, keys[axis]))).parents)
    noise = noise_of(measure)
    # one row for each combination of the other keys, one column for each region
    table = np.moveaxis(np.array(measure.values, np.int64).reshape([len(each) for each in keys]), axis, -1)
    variances = np.full(table.shape[-1], noise.variance)
    settle = whole_totals if non_negative else consistent_totals
    rows = [settle(forest, row, variances, noise.kind) for row in table.reshape(-1, table.shape[-1])]
    values, lower, upper = (
        np.moveaxis(np.stack(part).reshape(table.shape), -1, axis).reshape(-1)
        for part in ([row.values for row in rows], [row.lower for row in rows], [row.upper for row in rows])
    )
    return Estimates(values, lower, upper, rows[0].applied)
