"""Releases, their noise and their budgets, from model to proto."""

from __future__ import annotations

import math
from fractions import Fraction

from gateway.accountability.certificates.release import noised
from gateway.api.v1 import budget_pb2, release_pb2
from gateway.lanes.inquiries import Rehearsal
from gateway.model.attribution import Attribution
from gateway.model.budget import Balance
from gateway.model.coverage import Coverage, CoverageKind
from gateway.model.loss import exact, rho_to_epsilon
from gateway.model.measure import NoisePlan, Threshold
from gateway.model.signing import SigningKey
from gateway.model.statistics import Answers, Release
from gateway.pipeline import ReleaseDelivery
from gateway.server.wire.plans import plan_of, presentation_message_of
from gateway.server.wire.receipts import instant, loss_of
from gateway.server.wire.values import value_of


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


def release_message_of(delivery: ReleaseDelivery | Rehearsal, delta: float) -> release_pb2.Release:
    """Write a release, as it is shown, as proto."""
    release, shown = delivery.release, delivery.shown
    estimates = [_estimates(answers) for answers in shown.answers]
    surely = shown.certain or (False,) * len(shown.cells)
    return release_pb2.Release(
        release_id=release.id,
        created_at=instant(release.created_at),
        plan=plan_of(release.dataset, release.disclosure, delivery.query),
        region=release.region,
        columns=[
            release_pb2.AnswerColumn(name=item.name, statistic=item.statistic, post_processing=item.steps)
            for item in shown.answers
        ],
        cells=[
            release_pb2.Cell(keys=[value_of(key) for key in keys], estimates=row, surely_top=sure)
            for keys, row, sure in zip(shown.cells, zip(*estimates, strict=True), surely, strict=True)
        ],
        measures=[measure_of(one.plan) for one in release.measures],
        privacy_loss=loss_of(release.loss, delta),
        privacy_unit=release.unit_kind,
        data_version=release.data_version,
        presentation=presentation_message_of(delivery.presentation),
        threshold=threshold_of(release.threshold),
        certificate=_certificate(release),
        attribution=attribution_of(release.attribution),
        joined_attribution=attribution_of(release.joined_attribution),
        rehearsal=isinstance(delivery, Rehearsal),
        coverage=map(coverage_of, delivery.coverage),
    )


def coverage_of(one: Coverage) -> release_pb2.Coverage:
    """Write one reason why something is not shown or counted as proto."""
    return release_pb2.Coverage(kind=COVERAGE_KINDS[one.kind], field=one.field, text=one.text)


COVERAGE_KINDS = {kind: release_pb2.CoverageKind.Value(f"COVERAGE_KIND_{kind.name}") for kind in CoverageKind}


def attribution_of(attribution: Attribution | None) -> release_pb2.Attribution | None:
    """Write how a dataset is licensed and cited; nothing where its contract does not say."""
    if attribution is None:
        return None
    return release_pb2.Attribution(
        title=attribution.title,
        publisher=attribution.publisher,
        licence=attribution.licence,
        licence_url=attribution.licence_url,
        citation=attribution.citation,
        identifier=attribution.identifier,
        identifier_url=attribution.identifier_url,
    )


def threshold_of(threshold: Threshold | None) -> release_pb2.Threshold | None:
    """Write which cells with found keys are shown; nothing where all keys were known."""
    if threshold is None:
        return None
    return release_pb2.Threshold(
        least_units=str(threshold.least), delta=exact(threshold.delta), derivation=threshold.derivation
    )


def _certificate(release: Release) -> release_pb2.ReleaseCertificate | None:
    certificate = release.certificate
    if certificate is None:
        return None
    return release_pb2.ReleaseCertificate(
        statement=certificate.statement,
        signature=certificate.signature.value,
        key_id=certificate.signature.key_id,
        noised=noised(release),
    )


def signing_key_of(key: SigningKey) -> release_pb2.SigningKey:
    """Write a public key as proto."""
    retired = None if key.retired_at is None else instant(key.retired_at)
    return release_pb2.SigningKey(
        key_id=key.id, public_key=key.public, made_at=instant(key.made_at), retired_at=retired
    )


def _estimates(answers: Answers) -> list[release_pb2.Estimate]:
    return [
        release_pb2.Estimate(value=value, margin_95=max(upper - value, value - lower), lower_95=lower, upper_95=upper)
        if isinstance(value, int)
        else release_pb2.Estimate(
            number=value, margin_95=max(upper - value, value - lower), lower_95=lower, upper_95=upper
        )
        for value, lower, upper in zip(answers.values, answers.lower, answers.upper, strict=True)
    ]


def measure_of(plan: NoisePlan) -> release_pb2.MeasureDetail:
    """Write how a measure was, or will be, made."""
    return release_pb2.MeasureDetail(
        name=str(plan.measure),
        statistic=plan.statistic,
        mechanism=plan.mechanism.value,
        scale=plan.scale,
        sensitivity_l1=str(plan.l1),
        sensitivity_l2_squared=str(plan.l2_squared),
        sensitivity_derivation=plan.derivation,
        margin_95=plan.margin_95,
        bias_note=plan.bias_note,
        rho=exact(plan.loss.rho),
        epsilon="" if plan.loss.epsilon is None else exact(plan.loss.epsilon),
    )
