"""What the other files audit of counts and sums, of what is made of several measures, and of what is paid in rho."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import fmean, median, pvariance

import numpy as np
import pytest

from tests.privacy.audit import canaries, planted, rooms
from tests.privacy.audit.asking import Answers, Price, ask
from tests.privacy.audit.auditor import UNBOUNDED, WITH, WITHOUT, Auditor, Pair, noises, proved
from tests.privacy.audit.chances import ALARM, least_rate, normal_deviate
from tests.privacy.audit.claims import GAUSSIAN, LAPLACE, Claim
from tests.privacy.audit.detectors import misfit

pytestmark = pytest.mark.proof

DERIVED = ["mean(amount)", "variance(amount)"]
PAID_IN_RHO = ["count", "count_units", "sum(amount)"]
RHO = 1.5
DELTA = 0.05

FAR = normal_deviate(ALARM / 2)
CONFIDENCE = 0.95


@pytest.fixture(scope="module")
def derived(auditor: Auditor, calls: int) -> Pair:
    return Pair(*(auditor.ask(state, DERIVED, 2.0 * len(DERIVED), calls // 2) for state in (WITH, WITHOUT)))


@pytest.mark.parametrize("scene", ["maximal", "long", "above", "below", "alone", "missing"])
@pytest.mark.parametrize("statistic", DERIVED)
def test_what_is_derived_tells_no_better(derived: Pair, scene: str, statistic: str) -> None:
    claimed = derived.present.epsilon(statistic)
    assert claimed == pytest.approx(2.0)
    assert proved(derived, [statistic], scene, claimed) <= claimed


@pytest.fixture(scope="module")
def in_rho(auditor: Auditor, calls: int) -> Pair:
    return Pair(*(auditor.ask(state, PAID_IN_RHO, Price(rho=RHO), calls // 2) for state in (WITH, WITHOUT)))


@pytest.mark.parametrize("statistic", PAID_IN_RHO)
def test_gaussian_noise_is_as_claimed(auditor: Auditor, in_rho: Pair, statistic: str) -> None:
    """The square of the sensitivity in L2 is the audit's own: a person is in so many cells, and adds to each alike."""
    share = RHO / len(PAID_IN_RHO)
    scale = canaries.sensitivity(statistic) / math.sqrt(canaries.MAX_GROUPS) / math.sqrt(2 * share)
    for noise, answers in zip(noises(auditor, in_rho, statistic), in_rho, strict=True):
        assert answers.claim(statistic).mechanism == GAUSSIAN
        assert answers.claim(statistic).scale == pytest.approx(scale, rel=1e-6)
        assert answers.rho(statistic) == pytest.approx(share)
        assert misfit(noise, Claim(GAUSSIAN, scale)) > ALARM
        errors, margin = noise.astype(np.float64), answers.detail(statistic).margin_95
        due = answers.claim(statistic).within(margin)
        assert due >= CONFIDENCE
        assert abs(np.mean(np.abs(errors) <= margin) - due) <= FAR * math.sqrt(due * (1 - due) / errors.size)
        assert abs(float(np.mean(errors))) <= FAR * answers.claim(statistic).deviation / math.sqrt(errors.size)
        # the fourth moment of a normal deviate is 3: a root mean square is off by 1 in sqrt(2n)
        ratio = math.sqrt(float(np.mean(np.square(errors)))) / answers.claim(statistic).deviation
        assert abs(ratio - 1) <= FAR / math.sqrt(2 * errors.size) + 1e-3


def epsilon_of(rho: float) -> float:
    """The epsilon of a rho at DELTA (Bun and Steinke 2016, proposition 1.3)."""
    return rho + 2 * math.sqrt(rho * math.log(1 / DELTA))


@pytest.mark.parametrize("scene", ["maximal", "long", "above", "alone", "missing"])
@pytest.mark.parametrize("statistic", PAID_IN_RHO)
def test_what_is_paid_in_rho_tells_no_better(in_rho: Pair, scene: str, statistic: str) -> None:
    claimed = epsilon_of(in_rho.present.rho(statistic))
    assert proved(in_rho, [statistic], scene, claimed, DELTA) <= claimed


def test_a_rho_that_is_exceeded_is_found(auditor: Auditor) -> None:
    pair = Pair(*(auditor.ask(state, ["count"], Price(rho=0.05), 30) for state in (UNBOUNDED, WITHOUT)))
    claimed = epsilon_of(0.05)
    assert proved(pair, ["count"], "above", claimed, DELTA) > claimed


def test_wrong_gaussian_noise_does_not_fit(auditor: Auditor) -> None:
    with planted.noise(planted.scaled(0.7)):
        answers = auditor.ask(WITHOUT, ["count"], Price(rho=0.5), 10)
    assert answers.claim("count").mechanism == GAUSSIAN
    assert misfit(answers.values("count") - auditor.truths[WITHOUT]["count"], answers.claim("count")) <= ALARM


IN_ROOMS = ["mean(amount)", "variance(amount)", "quantile(amount; 0.5)"]


@pytest.fixture(scope="module")
def of_rooms(auditor: Auditor, prove: bool) -> Answers:
    auditor.audited.source.state = WITH
    return ask(auditor.gateway, IN_ROOMS, Price(epsilon=9.0), 1500 if prove else 30, group_by="room")


def truth(statistic: str) -> float:
    """Of the people in any room but the last: alike on both sides, each there once, and within all bounds."""
    amounts = [float(amount) for amount in rooms.CROWD]
    made: dict[str, Callable[[list[float]], float]] = {
        "mean(amount)": fmean,
        "variance(amount)": pvariance,
        "quantile(amount; 0.5)": median,
    }
    return made[statistic](amounts)


@pytest.mark.parametrize("statistic", IN_ROOMS)
def test_intervals_of_what_is_derived_cover_the_truth(of_rooms: Answers, statistic: str) -> None:
    lower, upper = of_rooms.lower[statistic][:, :-1], of_rooms.upper[statistic][:, :-1]
    missed = int(np.sum((truth(statistic) < lower) | (upper < truth(statistic))))
    assert least_rate(missed, lower.size, ALARM) <= 1 - CONFIDENCE


def test_intervals_that_are_too_narrow_are_found(of_rooms: Answers) -> None:
    statistic = "mean(amount)"
    lower, upper = of_rooms.lower[statistic][:, :-1], of_rooms.upper[statistic][:, :-1]
    middle, quarter = (lower + upper) / 2, (upper - lower) / 4
    missed = int(np.sum(np.abs(middle - truth(statistic)) > quarter))
    assert least_rate(missed, lower.size, ALARM) > 1 - CONFIDENCE


def test_errors_of_means_are_as_large_as_in_theory(of_rooms: Answers) -> None:
    """A mean is the centre of the bounds plus offsets from it over records, both noised; so many records that a record
    more or less is no matter. Of n draws of Laplace noise the ratio has a standard error of sqrt(5/4n)."""
    lower, upper = canaries.AMOUNT
    centre, reach, records = (lower + upper) / 2, (upper - lower) / 2, 2 * len(rooms.CROWD)
    epsilons = [float(Fraction(detail.epsilon)) for detail in of_rooms.measures["mean(amount)"]]
    assert len(set(epsilons)) == 1  # so that it does not matter which is which
    each = canaries.MAX_GROUPS * canaries.MAX_ROWS / epsilons[0]
    offset = truth("mean(amount)") - centre
    theory = math.hypot(Claim(LAPLACE, each * reach).deviation, offset * Claim(LAPLACE, each).deviation) / records
    errors = of_rooms.numbers["mean(amount)"][:, :-1] - truth("mean(amount)")
    ratio = math.sqrt(float(np.mean(np.square(errors)))) / theory
    assert abs(ratio - 1) <= FAR * math.sqrt(1.25 / errors.size) + 0.01
