"""Steps 1, 2, 4 and 5 of the audit, over the channel: the noise fits its claim, lies on the integers, is drawn anew for
every answer, and hides one person as well as claimed, whatever that person's records are and in whichever order.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.privacy.audit import canaries
from tests.privacy.audit.auditor import (
    EPSILON,
    EVERY,
    PERMUTED,
    TOGETHER,
    WITH,
    WITHOUT,
    Auditor,
    Pair,
    bias,
    noises,
    proved,
)
from tests.privacy.audit.chances import ALARM, two_sided
from tests.privacy.audit.claims import LAPLACE
from tests.privacy.audit.detectors import alike, coarse, misfit, off_lattice

pytestmark = pytest.mark.proof

SCENES = ["maximal", "long", "above", "below", "alone", "missing"]


@pytest.mark.parametrize("statistic", EVERY)
def test_the_claim_follows_from_the_bounds(pairs: dict[str, Pair], statistic: str) -> None:
    for answers in pairs[statistic]:
        detail, largest = answers.detail(statistic), canaries.sensitivity(statistic)
        assert (detail.mechanism, detail.sensitivity_l1) == (LAPLACE, str(largest))
        assert detail.scale * answers.epsilon(statistic) == pytest.approx(largest, rel=1e-9)


def test_the_parts_cost_no_more_than_the_whole(together: Pair) -> None:
    for answers in together:
        parts = [Fraction(detail.epsilon) for (detail,) in answers.measures.values()]
        assert sum(parts) <= Fraction(answers.loss.epsilon) == Fraction(EPSILON)
        assert sum(part**2 / 2 for part in parts) == Fraction(answers.loss.rho)


@pytest.mark.parametrize("statistic", EVERY)
def test_the_noise_fits_its_claim(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    claim = pairs[statistic].present.claim(statistic)
    for noise in noises(auditor, pairs[statistic], statistic):
        assert misfit(noise, claim) > ALARM


@pytest.mark.parametrize("scene", canaries.SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("statistic", EVERY)
def test_what_counts_of_a_person_is_what_the_bounds_say(
    auditor: Auditor, pairs: dict[str, Pair], statistic: str, scene: canaries.Scene
) -> None:
    for answers, state in zip(pairs[statistic], (WITH, WITHOUT), strict=True):
        assert two_sided(bias(auditor, answers, state, statistic, scene)) > ALARM


@pytest.mark.parametrize("statistic", EVERY)
def test_all_answers_are_integers(pairs: dict[str, Pair], statistic: str) -> None:
    for answers in pairs[statistic]:
        assert off_lattice(answers.numbers[statistic]) == 0


@pytest.mark.parametrize("statistic", ["sum(amount)", "sum(wide)"])
def test_the_noise_is_no_coarser_than_an_integer(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    for noise in noises(auditor, pairs[statistic], statistic):
        assert coarse(noise) > ALARM


@pytest.mark.parametrize("statistic", EVERY)
def test_no_two_answers_share_noise(auditor: Auditor, pairs: dict[str, Pair], statistic: str) -> None:
    present, absent = noises(auditor, pairs[statistic], statistic)
    common = absent[:, canaries.told_apart()]
    assert alike(present, common) > ALARM
    for noise in (present, absent):
        assert alike(noise[:, 1:], noise[:, :-1]) > ALARM
        assert alike(noise[1:], noise[:-1]) > ALARM


@pytest.mark.parametrize("one, other", [(0, 1), (0, 2), (1, 2)])
def test_no_two_statistics_share_noise(auditor: Auditor, together: Pair, one: int, other: int) -> None:
    for first, second in zip(*(noises(auditor, together, TOGETHER[place]) for place in (one, other)), strict=True):
        assert alike(first, second) > ALARM


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("statistic", EVERY)
def test_one_person_is_told_no_better_than_claimed(pairs: dict[str, Pair], scene: str, statistic: str) -> None:
    claimed = pairs[statistic].present.epsilon(statistic)
    assert proved(pairs[statistic], [statistic], scene, claimed) <= claimed


@pytest.mark.parametrize("scene", SCENES)
def test_nor_by_all_statistics_together(together: Pair, scene: str) -> None:
    claimed = together.present.total_epsilon
    assert proved(together, TOGETHER, scene, claimed) <= claimed


def test_nor_where_a_filter_meets_numbers_that_are_none(auditor: Auditor, calls: int) -> None:
    filters = [("score", ">=", 0.0)]
    pair = Pair(*(auditor.ask(state, ["count", "sum(amount)"], 2.0, calls // 2, filters) for state in (WITH, WITHOUT)))
    for statistic in ("count", "sum(amount)"):
        claimed = pair.present.epsilon(statistic)
        assert proved(pair, [statistic], "nan", claimed) <= claimed


def test_the_order_of_records_tells_nothing(auditor: Auditor, together: Pair, calls: int) -> None:
    permuted = auditor.ask(PERMUTED, TOGETHER, EPSILON, calls // 2)
    known = canaries.told_apart()
    for statistic in TOGETHER:
        noise = permuted.values(statistic) - auditor.truths[WITH][statistic]
        assert misfit(noise[:, known], permuted.claim(statistic)) > ALARM
        for scene in SCENES:
            assert proved(Pair(together.present, permuted), [statistic], scene, 0.0) == 0.0
