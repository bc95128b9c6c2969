"""Releases, their noise and their budgets, from model to proto."""

from __future__ import annotations

import math
from fractions import Fraction

from gateway.api.v1 import budget_pb2, release_pb2
from gateway.model.budget import Balance
from gateway.model.loss import exact, rho_to_epsilon
from gateway.model.statistics import NoisePlan, Release, Statistic, StatisticKind, StatisticsQuery
from gateway.server.wire.receipts import instant, loss_of
from gateway.server.wire.values import condition_of, value_of


def budget_of(balance: Balance, delta: float) -> budget_pb2.Budget:
    """Write a budget as proto. A pure epsilon of e costs e²/2 in rho (Bun and Steinke 2016, prop. 1.4)."""
    return budget_pb2.Budget(
        account=balance.account.id,
        description=balance.account.description,
        cap_rho=exact(balance.account.cap),
        spent_rho=exact(balance.spent),
        remaining_rho=exact(balance.remaining),
        largest_epsilon=_largest_epsilon(balance.remaining),
        cap_epsilon_at_delta=rho_to_epsilon(balance.account.cap, delta),
        delta=delta,
        cap_delta=exact(balance.account.delta_cap),
        spent_delta=exact(balance.spent_delta),
        remaining_delta=exact(balance.remaining_delta),
        frozen=balance.account.frozen,
        held_rho=exact(balance.held),
    )


def _largest_epsilon(rho: Fraction) -> float:
    """Return the largest pure epsilon of six decimals whose rho is at most `rho`: it can be asked for as it is."""
    scaled = 2 * rho * 10**12
    return math.isqrt(scaled.numerator // scaled.denominator) / 10**6


def release_message_of(release: Release, delta: float) -> release_pb2.Release:
    """Write a release as proto. Each statistic's margin stands with every value it made."""
    margins = [plan.margin_95 for plan in release.noise]
    return release_pb2.Release(
        release_id=release.id,
        created_at=instant(release.created_at),
        plan=_plan(release.dataset, release.disclosure, release.query),
        region=release.region,
        cells=[
            release_pb2.Cell(
                keys=[value_of(key) for key in cell.keys],
                estimates=[
                    release_pb2.Estimate(value=value, margin_95=margin)
                    for value, margin in zip(cell.values, margins, strict=True)
                ],
            )
            for cell in release.cells
        ],
        details=[detail_of(plan) for plan in release.noise],
        privacy_loss=loss_of(release.loss, delta),
        privacy_unit=release.unit_kind,
        data_version=release.data_version,
    )


def detail_of(plan: NoisePlan) -> release_pb2.StatisticDetail:
    """Write how a statistic was, or will be, made."""
    return release_pb2.StatisticDetail(
        name=str(plan.statistic),
        mechanism=plan.mechanism,
        scale=plan.scale,
        sensitivity=plan.sensitivity,
        sensitivity_derivation=plan.derivation,
        margin_95=plan.margin_95,
        bias_note=plan.bias_note,
        epsilon=exact(plan.epsilon),
    )


def _plan(dataset: str, disclosure: str, query: StatisticsQuery) -> release_pb2.ReleasePlan:
    return release_pb2.ReleasePlan(
        dataset=dataset,
        disclosure=disclosure,
        filters=[condition_of(item) for item in query.filters],
        group_by=query.group_by,
        statistics=[_statistic(item) for item in query.statistics],
    )


def _statistic(item: Statistic) -> release_pb2.Statistic:
    match item.kind:
        case StatisticKind.COUNT:
            return release_pb2.Statistic(count=release_pb2.Count())
        case StatisticKind.COUNT_UNITS:
            return release_pb2.Statistic(count_units=release_pb2.CountUnits())
        case StatisticKind.SUM:
            return release_pb2.Statistic(sum=release_pb2.Sum(field=item.field or ""))
