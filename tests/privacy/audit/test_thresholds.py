"""Step 3 of the audit: of dens that one hermit alone has, a release shows no more than its delta allows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

import gateway.client as gw
from gateway.model.measure import NoisePlan, Threshold
from gateway.privacy.thresholds import threshold_for
from tests.privacy.audit import hermits
from tests.privacy.audit.asking import Price
from tests.privacy.audit.audited import PURPOSE
from tests.privacy.audit.auditor import WITH, Auditor
from tests.privacy.audit.detectors import proved_delta

pytestmark = pytest.mark.proof

PRICES = {"Laplace": Price(epsilon=0.2), "Gaussian": Price(rho=0.01)}


@pytest.fixture(scope="module")
def times(prove: bool) -> int:
    """How many times every hermit is asked about."""
    return 100 if prove else 4


def seen(auditor: Auditor, price: Price, times: int) -> int:
    """How many hermits were shown, over so many releases."""
    auditor.audited.source.state = WITH
    found = 0
    for _ in range(times):
        made = auditor.gateway.release(
            "hermits",
            "by-den",
            [gw.count_units()],
            purpose=PURPOSE,
            epsilon=price.epsilon,
            rho=price.rho,
            group_by=[gw.by_found_keys("den")],
        )
        assert Fraction(made.message.privacy_loss.spent_delta) == Fraction(str(hermits.DELTA))
        found += len({hermits.hermit_of(cell.keys[0].string_value) for cell in made.message.cells})
    return found


@pytest.mark.parametrize("price", PRICES.values(), ids=PRICES)
def test_hermits_are_shown_no_more_often_than_delta_says(auditor: Auditor, price: Price, times: int) -> None:
    assert proved_delta(seen(auditor, price, times), times * hermits.HERMITS) <= hermits.DELTA


Thresholds = Callable[[int, NoisePlan, int, Fraction], Threshold]


def of_a_larger_delta(rightly: Thresholds) -> Thresholds:
    return lambda place, units, groups, delta: rightly(place, units, groups, 30 * delta)


def of_one_cell(rightly: Thresholds) -> Thresholds:
    """As if the noise of a hermit's cells were that of one alone: an exponent off by the number of groups."""
    return lambda place, units, groups, delta: rightly(place, units, 1, 30 * delta)


@pytest.mark.parametrize("mistake", [of_a_larger_delta, of_one_cell])
def test_a_threshold_that_understates_its_delta_is_found(
    auditor: Auditor, times: int, mistake: Callable[[Thresholds], Thresholds], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.privacy.pricing.threshold_for", mistake(threshold_for))
    shown = seen(auditor, PRICES["Laplace"], times)
    assert proved_delta(shown, times * hermits.HERMITS) > hermits.DELTA
