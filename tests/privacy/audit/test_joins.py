"""Steps 1, 2 and 5 of the audit for joined records: who is gone from both datasets is hidden as well as claimed.

Everybody has a pass, and canaries have more of them than take part, so that the truth is that of the records alone.
"""

from __future__ import annotations

import pytest

from tests.privacy.audit import canaries
from tests.privacy.audit.auditor import UNBOUNDED, WITH, WITHOUT, Auditor, Pair, bias, noises, proved
from tests.privacy.audit.chances import ALARM, two_sided
from tests.privacy.audit.detectors import misfit

pytestmark = pytest.mark.proof

JOIN = ("passes", "of-person")
JOINED = ["count", "sum(amount)"]


@pytest.fixture(scope="module")
def joined(auditor: Auditor, calls: int) -> Pair:
    return Pair(*(auditor.ask(state, JOINED, 2.0, calls // 2, join=JOIN) for state in (WITH, WITHOUT)))


@pytest.mark.parametrize("statistic", JOINED)
def test_noise_and_sensitivity_are_those_of_one_dataset(auditor: Auditor, joined: Pair, statistic: str) -> None:
    for noise, answers in zip(noises(auditor, joined, statistic), joined, strict=True):
        assert answers.detail(statistic).sensitivity_l1 == str(canaries.sensitivity(statistic))
        assert misfit(noise, answers.claim(statistic)) > ALARM


@pytest.mark.parametrize("scene", canaries.SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("statistic", JOINED)
def test_what_counts_of_a_person_is_what_the_bounds_say(
    auditor: Auditor, joined: Pair, statistic: str, scene: canaries.Scene
) -> None:
    for answers, state in zip(joined, (WITH, WITHOUT), strict=True):
        assert two_sided(bias(auditor, answers, state, statistic, scene)) > ALARM


@pytest.mark.parametrize("scene", ["maximal", "long", "above", "below", "alone", "missing"])
@pytest.mark.parametrize("statistic", JOINED)
def test_one_person_is_told_no_better_than_claimed(joined: Pair, scene: str, statistic: str) -> None:
    claimed = joined.present.epsilon(statistic)
    assert proved(joined, [statistic], scene, claimed) <= claimed


def test_joined_contributions_that_nothing_bounds_are_found(auditor: Auditor, calls: int) -> None:
    pair = Pair(*(auditor.ask(state, ["count"], 1.0, calls // 2, join=JOIN) for state in (UNBOUNDED, WITHOUT)))
    assert proved(pair, ["count"], "above", 1.0) > pair.present.epsilon("count") == 1.0
