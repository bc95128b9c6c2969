"""Answers are as exact as they say: their errors against theory, and their margins against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.privacy.audit import canaries
from tests.privacy.audit.asking import Price, ask
from tests.privacy.audit.auditor import EPSILON, EVERY, TOGETHER, WITHOUT, Auditor, Pair, noises
from tests.privacy.audit.chances import ALARM, normal_deviate
from tests.privacy.audit.claims import Claim, Integers

FAR = normal_deviate(ALARM / 2)
"""How many standard errors off is too far, on either side."""

CONFIDENCE = 0.95


def errors_of(auditor: Auditor, pair: Pair, statistic: str) -> Integers:
    return np.concatenate([noise.ravel() for noise in noises(auditor, pair, statistic)])


def covered(errors: Integers, margin: float) -> float:
    """The share of answers that are no further from the truth than their margin."""
    return float(np.mean(np.abs(errors) <= margin))


@pytest.mark.parametrize("statistic", EVERY)
def test_errors_are_as_large_as_in_theory(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    """The theory is the audit's own: the deviation of integer Laplace noise for the sensitivity and the epsilon.

    Of 40,000 draws and more the ratio has a standard error of 0.0056, so that 0.03 is 5.4 of them.
    """
    pair = pairs[statistic]
    errors = errors_of(auditor, pair, statistic).astype(np.float64)
    scale = canaries.sensitivity(statistic) / pair.present.epsilon(statistic)
    ratio = (
        math.sqrt(float(np.mean(np.square(errors)))) / Claim(pair.present.claim(statistic).mechanism, scale).deviation
    )
    assert errors.size >= 40_000
    assert ratio == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("statistic", EVERY)
def test_answers_are_unbiased(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    errors = errors_of(auditor, pairs[statistic], statistic).astype(np.float64)
    assert abs(float(np.mean(errors))) <= FAR * pairs[statistic].present.claim(statistic).deviation / math.sqrt(
        errors.size
    )


@pytest.mark.parametrize("statistic", EVERY)
def test_margins_cover_the_truth_at_their_rate(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    pair = pairs[statistic]
    errors, margin = errors_of(auditor, pair, statistic), pair.present.detail(statistic).margin_95
    due = pair.present.claim(statistic).within(margin)
    assert abs(covered(errors, margin) - due) <= FAR * math.sqrt(due * (1 - due) / errors.size)
    # at least as often as stated, and no wider than that takes: one less would be too narrow
    assert pair.present.claim(statistic).within((1 - 1e-9) * margin - 1) < CONFIDENCE <= due + 1e-12


@pytest.mark.proof
def test_margins_cover_the_truth_in_whole_releases(auditor: Auditor, prove: bool) -> None:
    """One cell a release: 10,000 releases at full size."""
    releases = 10_000 if prove else 150
    auditor.audited.source.state = WITHOUT
    answers = ask(auditor.gateway, TOGETHER, Price(EPSILON), releases, group_by="")
    for statistic in TOGETHER:
        errors = answers.values(statistic)[:, 0] - int(auditor.truths[WITHOUT][statistic].sum())
        margin, claim = answers.detail(statistic).margin_95, answers.claim(statistic)
        due = claim.within(margin)
        assert due >= CONFIDENCE - 1e-12
        assert abs(covered(errors, margin) - due) <= FAR * math.sqrt(due * (1 - due) / releases) + 1 / releases
        assert abs(float(np.mean(errors))) <= FAR * claim.deviation / math.sqrt(releases)


def test_margins_that_are_too_narrow_are_found(auditor: Auditor, pairs: dict[str, Pair]) -> None:
    pair = pairs["sum(amount)"]
    errors, margin = errors_of(auditor, pair, "sum(amount)"), pair.present.detail("sum(amount)").margin_95
    due = pair.present.claim("sum(amount)").within(margin)
    assert abs(covered(errors, 0.9 * margin) - due) > FAR * math.sqrt(due * (1 - due) / errors.size)


def test_answers_that_are_rounded_down_are_found(auditor: Auditor, pairs: dict[str, Pair]) -> None:
    pair = pairs["count_units"]
    errors = errors_of(auditor, pair, "count_units") - 0.5
    assert abs(float(np.mean(errors))) > FAR * pair.present.claim("count_units").deviation / math.sqrt(errors.size)
