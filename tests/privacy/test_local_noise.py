"""Local noise is what it claims to be, seen from outside: through the kernels' answers alone.

Each test has a twin in which a mistake is planted, and which must be found: epsilon doubled, noise that does not
depend on the recipient's key, fresh noise at each call, values beyond the bounds that are not brought in first, and
noises of two scales from the same coins.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gateway.kernels.perturb import DiscreteLaplace, RandomizedResponse
from gateway.model.pseudonym import CipherSuite

SUBJECTS = 20_000
SUSPICIOUS = 1e-6
KEYS = ("none", "mild", "severe", "critical")
EPSILON = Fraction(1)
LOWER, UPPER = 0, 12
ALICE, BOB = bytes(range(64)), bytes(range(64, 128))

Column = npt.NDArray[np.int64]
Answer = Callable[[Column, bytes], Column]
"""A mechanism: the true values of subjects 0, 1, 2, … and a recipient's key, to the answers."""


def tags(rows: int) -> bytes:
    return np.stack([np.arange(rows), np.full(rows, 7)], axis=1).astype("<i8").tobytes()


def response(true: Column, key: bytes, epsilon: Fraction = EPSILON) -> Column:
    keys = tuple(range(len(KEYS)))
    mechanism = RandomizedResponse(
        keys, pa.int64(), nullable=False, epsilon=epsilon, occasion="ill", key=key, suite=CipherSuite.AES
    )
    return mechanism.answer(pa.array(true), tags(len(true))).to_numpy()


def laplace(true: Column, key: bytes, epsilon: Fraction = EPSILON, bounds: tuple[int, int] = (LOWER, UPPER)) -> Column:
    mechanism = DiscreteLaplace(*bounds, epsilon=epsilon, occasion="visits", key=key, suite=CipherSuite.AES)
    return mechanism.answer(pa.array(true), tags(len(true))).to_numpy()


def doubled(answer: Callable[..., Column]) -> Answer:
    return lambda true, key: answer(true, key, 2 * EPSILON)


def of_everybody(answer: Answer) -> Answer:
    return lambda true, _key: answer(true, ALICE)


def afresh(answer: Answer) -> Answer:
    return lambda true, _key: answer(true, secrets.token_bytes(64))


def unclamped(true: Column, key: bytes) -> Column:
    """Noise onto whatever comes, and only the answer brought into the bounds."""
    middle = np.full(len(true), (LOWER + UPPER) // 2)
    noise = laplace(middle, key, bounds=(LOWER - 90, UPPER + 90), epsilon=16 * EPSILON) - middle  # of the same scale
    answers: Column = np.clip(true + noise, LOWER, UPPER)
    return answers


def claimed_response(true: int) -> list[float]:
    kept = math.exp(EPSILON) / (math.exp(EPSILON) + len(KEYS) - 1)
    return [kept if key == true else (1 - kept) / (len(KEYS) - 1) for key in range(len(KEYS))]


def claimed_laplace(true: int) -> list[float]:
    """Noise x has the probability (1-a)/(1+a) · a^|x| with a = exp(-epsilon/range); what goes beyond gathers there."""
    a = math.exp(-EPSILON / (UPPER - LOWER))
    within = [(1 - a) / (1 + a) * a ** abs(value - true) for value in range(LOWER, UPPER + 1)]
    within[0], within[-1] = a ** (true - LOWER) / (1 + a), a ** (UPPER - true) / (1 + a)
    if true == LOWER:
        within[0] = 1 / (1 + a)
    if true == UPPER:
        within[-1] = 1 / (1 + a)
    return within


def chi_squared(observed: npt.NDArray[Any], expected: npt.NDArray[Any], freedom: int) -> float:
    """The p-value of Pearson's test; the tail by Wilson and Hilferty's cube-root approximation (1931)."""
    statistic = float(((observed - expected) ** 2 / expected).sum())
    z = ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return 0.5 * math.erfc(z / math.sqrt(2))


def fit(answer: Answer, value: int, claimed: list[float]) -> float:
    answers = answer(np.full(SUBJECTS, value), ALICE)
    observed = np.bincount(answers - LOWER, minlength=len(claimed)).astype(float)
    assert len(observed) == len(claimed)
    return chi_squared(observed, SUBJECTS * np.array(claimed), len(claimed) - 1)


def independence(answer: Answer, value: int) -> float:
    """The p-value of: what one recipient is told of a subject says nothing of what the other is told."""
    first, second = (answer(np.full(SUBJECTS, value), key) for key in (ALICE, BOB))
    size = int(max(first.max(), second.max())) + 1
    joint = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / SUBJECTS
    return chi_squared(joint, expected, (size - 1) ** 2)


def error_of_average(answer: Answer, value: int, rounds: int) -> float:
    """How far off, over 200 subjects, the truth is that the commonest or mean answer of many calls gives."""
    true = np.full(200, value)
    answers = np.stack([answer(true, ALICE) for _ in range(rounds)])
    return float(np.abs(answers.mean(axis=0) - answers.mean()).mean())


MECHANISMS = [pytest.param(response, id="response"), pytest.param(laplace, id="laplace")]


@pytest.mark.parametrize("value", [0, 2])
def test_responses_fit_their_claim(value: int) -> None:
    assert fit(response, value, claimed_response(value)) > SUSPICIOUS


@pytest.mark.parametrize("value", [LOWER, 5, UPPER])
def test_noise_fits_its_claim(value: int) -> None:
    assert fit(laplace, value, claimed_laplace(value)) > SUSPICIOUS


def test_a_doubled_epsilon_does_not_fit() -> None:
    assert fit(doubled(response), 2, claimed_response(2)) <= SUSPICIOUS
    assert fit(doubled(laplace), 5, claimed_laplace(5)) <= SUSPICIOUS


def test_a_value_beyond_the_bounds_tells_no_more_than_the_bound() -> None:
    assert fit(laplace, UPPER + 40, claimed_laplace(UPPER)) > SUSPICIOUS
    assert fit(laplace, LOWER - 40, claimed_laplace(LOWER)) > SUSPICIOUS


def test_bringing_in_only_the_answers_is_found_out() -> None:
    assert fit(unclamped, 5, claimed_laplace(5)) > SUSPICIOUS  # within the bounds nothing is wrong with it
    assert fit(unclamped, UPPER + 40, claimed_laplace(UPPER)) <= SUSPICIOUS


@pytest.mark.parametrize("answer", MECHANISMS)
def test_what_two_recipients_are_told_is_independent(answer: Answer) -> None:
    assert independence(answer, 2) > SUSPICIOUS


@pytest.mark.parametrize("answer", MECHANISMS)
def test_noise_that_forgets_the_recipients_key_is_found_out(answer: Answer) -> None:
    assert fit(of_everybody(answer), 2, claimed_response(2) if answer is response else claimed_laplace(2)) > SUSPICIOUS
    assert independence(of_everybody(answer), 2) <= SUSPICIOUS


@pytest.mark.parametrize("answer", MECHANISMS)
def test_asking_again_says_the_same(answer: Answer) -> None:
    true = np.arange(SUBJECTS) % 3
    assert np.array_equal(answer(true, ALICE), answer(true, ALICE))
    assert not np.array_equal(afresh(answer)(true, ALICE), afresh(answer)(true, ALICE))


@pytest.mark.parametrize("answer", MECHANISMS)
def test_averaging_many_answers_does_not_lead_to_the_truth(answer: Answer) -> None:
    once = error_of_average(answer, 2, 1)
    assert error_of_average(answer, 2, 300) == pytest.approx(once)
    assert error_of_average(afresh(answer), 2, 300) < once / 8


@pytest.mark.parametrize("answer", MECHANISMS)
def test_answers_at_two_epsilons_throw_their_own_coins(answer: Callable[..., Column]) -> None:
    # from the same coins, two scales of noise would rise and fall together, and their difference tell the value
    true = np.full(SUBJECTS, 2)
    once, again = answer(true, ALICE) == 2, answer(true, ALICE, EPSILON / 2) == 2
    assert abs(float(np.corrcoef(once, again)[0, 1])) < 0.04
    assert float(np.corrcoef(once, answer(true, ALICE) == 2)[0, 1]) > 0.99


def test_of_many_subjects_the_counts_can_still_be_estimated() -> None:
    true = np.random.default_rng(5).choice(len(KEYS), SUBJECTS, p=[0.7, 0.2, 0.08, 0.02])
    kept, other = claimed_response(0)[:2]
    seen = np.bincount(response(true, ALICE), minlength=len(KEYS)) / SUBJECTS
    estimated = (seen - other) / (kept - other)
    assert np.abs(estimated - np.bincount(true, minlength=len(KEYS)) / SUBJECTS).max() < 0.04
