"""From the noised measures of a release to answers: post-processing alone, which costs nothing and can be had again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gateway.model.contract import DataContract
from gateway.model.measure import Measure
from gateway.model.statistics import (
    ADDITIVE,
    Answers,
    NoisedMeasure,
    Presentation,
    Release,
    Statistic,
    StatisticKind,
    StatisticsQuery,
)
from gateway.model.values import Scalar
from gateway.privacy.answers.estimates import Estimates, measured, non_negative, rounded
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.moments import FieldBounds, MomentNoise, mean, variance
from gateway.privacy.answers.noise import IntegerNoise, Integers
from gateway.privacy.answers.quantiles import BinTree, quantiles
from gateway.privacy.answers.ranking import top
from gateway.privacy.consistency import made_consistent, noise_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A release as it is shown: the keys of the cells, and the answers in them, in the same order.

    `certain` says of each of the top cells whether it surely belongs there; empty where no top was asked for.
    """

    cells: tuple[tuple[Scalar, ...], ...]
    answers: tuple[Answers, ...]
    certain: tuple[bool, ...] = ()


def present(release: Release, query: StatisticsQuery, presentation: Presentation, contract: DataContract) -> Shown:
    """Return the answers to the statistics of a query that the release measured; ranks may be others than it was made
    for.

    Raises:
        ValueError: if the release measured something else.
    """
    answers: list[Answers] = []
    for position, statistic in enumerate(query.statistics):
        measures = [one for one in release.measures if one.plan.statistic == position]
        decimals = 0 if statistic.field is None else contract.fields[statistic.field].decimals
        names = names_of(statistic)
        if presentation.consistent and statistic.kind in ADDITIVE:
            found: Iterable[Estimates] = [
                made_consistent(measures[0], release.cells, query, non_negative=presentation.non_negative)
            ]
        else:
            found = estimates_of(statistic, measures)
        chosen = release.threshold is not None and measures[0] is release.measures[release.threshold.measure]
        for name, one in zip(names, found, strict=True):
            estimates = replace(one, applied=(PostProcessing.FOUND, *one.applied)) if chosen else one
            shown = _processed(estimates, statistic, presentation, decimals)
            answers.append(_answers(name, position, shown, decimals, statistic))
    if presentation.top is None:
        return Shown(release.cells, tuple(answers))
    first = next(one for one in release.measures if one.plan.statistic == 0)
    return _top(release.cells, answers, first, presentation, query.statistics[0], contract)


def names_of(statistic: Statistic) -> list[str]:
    """Return the names of the columns that answer a statistic."""
    if statistic.kind is StatisticKind.QUANTILES:
        return [f"quantile({statistic.field}; {float(rank):g})" for rank in statistic.ranks]
    return [str(statistic)]


def estimates_of(statistic: Statistic, measures: Sequence[NoisedMeasure]) -> Iterator[Estimates]:
    """Yield the answers to a statistic from its noised measures, in the field's fixed point: one for each column."""
    vectors = [np.array(one.values, np.int64) for one in measures]
    noises = [noise_of(one) for one in measures]
    match statistic.kind:
        case StatisticKind.MEAN:
            (counts, totals), (count, total) = vectors, noises
            yield mean(counts, totals, MomentNoise(count, total), _bounds(measures[1].plan.measure))
        case StatisticKind.VARIANCE:
            (counts, totals, squares), (count, total, square) = vectors, noises
            step = measures[2].plan.measure.step
            noise = MomentNoise(count, total, replace(square, scale=square.scale * step))
            yield variance(counts, totals, squares.astype(np.float64) * step, noise, _bounds(measures[1].plan.measure))
        case StatisticKind.QUANTILES:
            (nodes,), (noise_,) = vectors, noises
            yield from _quantiles(nodes, noise_, measures[0].plan.measure, statistic)
        case _:
            (values,), (noise_,) = vectors, noises
            yield measured(values, noise_)


def _quantiles(nodes: Integers, noise: IntegerNoise, measure: Measure, statistic: Statistic) -> Iterator[Estimates]:
    edges = measure.edges
    tree = BinTree(len(edges), measure.branching or max(len(edges), 2))
    bounds = measure.bounds
    if bounds is None:
        raise ValueError("a histogram has bounds")
    ends = np.array([*edges, bounds.upper + 1], np.float64)
    at = tuple(float(rank) for rank in statistic.ranks)
    for found in quantiles(tree, nodes.reshape(-1, tree.nodes), noise, ends, at):
        # the last bin ends with the upper bound, and only reckoning takes it one step further
        parts = [np.minimum(part, bounds.upper) for part in (found.values, found.lower, found.upper)]
        yield Estimates(parts[0], parts[1], parts[2], found.applied)


def _bounds(measure: Measure) -> FieldBounds:
    if measure.bounds is None:
        raise ValueError("a measure of a field has bounds")
    return FieldBounds(measure.bounds.lower, measure.bounds.upper, measure.centre)


def _processed(estimates: Estimates, statistic: Statistic, presentation: Presentation, decimals: int) -> Estimates:
    if statistic.kind not in ADDITIVE:
        return estimates
    if presentation.round_to > 1:
        estimates = rounded(estimates, presentation.round_to * 10**decimals)
    whole = presentation.consistent  # no value is below zero then
    return non_negative(estimates) if presentation.non_negative and not whole else estimates


def _answers(name: str, position: int, shown: Estimates, decimals: int, statistic: Statistic) -> Answers:
    unit = 10.0 ** (2 * decimals if statistic.kind is StatisticKind.VARIANCE else decimals)
    whole = statistic.kind in ADDITIVE and not decimals
    fractional = PostProcessing.CONSISTENT in shown.applied
    values = shown.values / unit
    return Answers(
        name,
        position,
        tuple(map(int, values.tolist())) if whole and not fractional else tuple(values.tolist()),
        tuple((shown.lower / unit).tolist()),
        tuple((shown.upper / unit).tolist()),
        tuple(step.value for step in shown.applied),
    )


def _top(
    cells: tuple[tuple[Scalar, ...], ...],
    answers: Sequence[Answers],
    first: NoisedMeasure,
    presentation: Presentation,
    statistic: Statistic,
    contract: DataContract,
) -> Shown:
    """The cells with the largest noised answers to the first statistic, and no others."""
    ranked = top(np.array(first.values, np.int64), min(presentation.top or 1, len(cells)), noise_of(first))
    places = ranked.places.tolist()
    decimals = 0 if statistic.field is None else contract.fields[statistic.field].decimals
    processed = _processed(ranked.counts, statistic, presentation, decimals)
    leading = _answers(answers[0].name, 0, processed, decimals, statistic)
    others = [
        replace(
            one,
            values=tuple(one.values[place] for place in places),
            lower=tuple(one.lower[place] for place in places),
            upper=tuple(one.upper[place] for place in places),
        )
        for one in answers[1:]
    ]
    return Shown(tuple(cells[place] for place in places), (leading, *others), ranked.certain)
