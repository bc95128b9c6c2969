"""Each mistake that steps 1, 2, 4 and 5 of the audit are there for is planted, over the same channel, and found."""

from __future__ import annotations

import numpy as np
import pytest

from tests.privacy.audit import canaries, planted
from tests.privacy.audit.asking import Answers
from tests.privacy.audit.auditor import UNBOUNDED, WITH, WITHOUT, Auditor, Pair, bias, proved
from tests.privacy.audit.chances import ALARM, two_sided
from tests.privacy.audit.detectors import alike, coarse, misfit, off_lattice

CALLS = 10
"""Of more than 1,000 cells each; a scale that is 10 % off takes twice as many to be found without fail."""


def noise_of(auditor: Auditor, answers: Answers, statistic: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return answers.values(statistic) - auditor.truths[WITHOUT][statistic]


@pytest.mark.parametrize(
    ("mistake", "calls"),
    [
        pytest.param(planted.scaled(0.9), 2 * CALLS, id="10 % too little"),
        pytest.param(planted.scaled(0.5), CALLS, id="half"),
        pytest.param(planted.floats, CALLS, id="floats"),
        pytest.param(planted.floored, CALLS, id="floored floats"),
        pytest.param(planted.one_for_all, CALLS, id="one for all cells"),
        pytest.param(planted.reused(), CALLS, id="used again"),
    ],
)
def test_wrong_noise_does_not_fit(auditor: Auditor, mistake: planted.Planted, calls: int) -> None:
    with planted.noise(mistake):
        answers = auditor.ask(WITHOUT, ["count"], 1.0, calls)
    assert misfit(noise_of(auditor, answers, "count"), answers.claim("count")) <= ALARM


def test_noise_that_is_used_again_is_found(auditor: Auditor) -> None:
    with planted.noise(planted.reused()):
        answers = auditor.ask(WITHOUT, ["count"], 1.0, 2)
    noise = noise_of(auditor, answers, "count")
    assert alike(noise[1:], noise[:-1]) <= ALARM


def test_one_draw_for_all_cells_is_found(auditor: Auditor) -> None:
    with planted.noise(planted.one_for_all):
        answers = auditor.ask(WITHOUT, ["count"], 1.0, CALLS)
    noise = noise_of(auditor, answers, "count")
    assert alike(noise[:, 1:], noise[:, :-1]) <= ALARM


def test_noise_of_single_precision_is_found(auditor: Auditor) -> None:
    with planted.noise(planted.single_precision):
        answers = auditor.ask(WITHOUT, ["sum(wide)"], 1.0, 1)
    assert coarse(noise_of(auditor, answers, "sum(wide)")) <= ALARM


def test_answers_off_the_integers_are_found(auditor: Auditor) -> None:
    exact = auditor.truths[WITHOUT]["count"]
    assert off_lattice(exact + np.random.default_rng(1).laplace(0, 4, exact.shape)) > 0
    assert off_lattice(exact) == 0


def test_a_sensitivity_that_forgets_groups_is_found(auditor: Auditor) -> None:
    statistics = ["count", "sum(amount)"]
    with planted.noise(planted.scaled(1 / canaries.MAX_GROUPS)):
        pair = Pair(*(auditor.ask(state, statistics, 2.0, 3 * CALLS) for state in (WITH, WITHOUT)))
    for scene, statistic in zip(("maximal", "alone"), statistics, strict=True):
        assert proved(pair, [statistic], scene, 1.0) > pair.present.epsilon(statistic) == 1.0


@pytest.mark.parametrize("statistic", ["count", "count_units", "sum(amount)", "sum(wide)"])
def test_contributions_that_nothing_bounds_are_found(auditor: Auditor, statistic: str) -> None:
    pair = Pair(*(auditor.ask(state, [statistic], 1.0, CALLS) for state in (UNBOUNDED, WITHOUT)))
    assert proved(pair, [statistic], "above", 1.0) > pair.present.epsilon(statistic) == 1.0
    scenes = {scene.name: scene for scene in canaries.SCENES}
    for name in ("long", "above", "below"):
        assert two_sided(bias(auditor, pair.present, WITH, statistic, scenes[name])) <= ALARM
