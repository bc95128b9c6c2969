"""Fifty researchers who ask at once until a budget is empty, and what the ledger says afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from threading import Barrier

import gateway.client as gw
from bench.measure import Json, quantile, significant
from bench.releases.deployment import DATASET, DISCLOSURE, PURPOSE, UNHELD, UNIVERSITIES, prepared, serving
from bench.releases.question import ask
from gateway.model.loss import pure_to_rho, rho_to_epsilon
from tests.integration.site import Site

RESEARCHERS = 50
QUESTIONS = 4
"""Of each researcher; no two ask the same one."""
EPSILON = 0.1
_DELTA = 1e-6  # of the product's policy
BORNE = 0.75
"""The share of all questions that the dataset's budget bears, nearly; the others are refused."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one researcher got: the seconds of each call, the rho of each release, and how many were refused."""

    latencies: tuple[float, ...]
    losses: tuple[Fraction, ...]
    refused: int


def crowded(rows: int) -> Mapping[str, Json]:
    """Let them ask, and return how fast they were answered.

    Raises:
        RuntimeError: if what the accounts say is not exactly what the releases say, or more than a cap.
    """
    with prepared(rows, cap=_cap()) as site, serving(site, *UNHELD), ThreadPoolExecutor(RESEARCHERS) as threads:
        with site.connect(UNIVERSITIES[0]) as first:
            # so that no researcher waits for what is made once
            first.estimate(DATASET, DISCLOSURE, (gw.count(),), purpose=PURPOSE, epsilon=EPSILON, group_by=("place",))
        barrier = Barrier(RESEARCHERS + 1)
        asked = [threads.submit(_researcher, site, number, barrier) for number in range(RESEARCHERS)]
        barrier.wait()
        start = time.perf_counter()
        answers = [one.result() for one in asked]
        seconds = time.perf_counter() - start
        spent = _check(site, answers)
    latencies = [latency for one in answers for latency in one.latencies]
    made = sum(len(one.losses) for one in answers)
    return {
        "releases_per_s": significant(made / seconds),
        "p50_ms": significant(quantile(latencies, 0.5) * 1e3),
        "p99_ms": significant(quantile(latencies, 0.99) * 1e3),
        "researchers": RESEARCHERS,
        "releases": made,
        "refused": sum(one.refused for one in answers),
        "spent_rho": str(spent),
        "rows": rows,
    }


def _cap() -> float:
    """The budget, as an epsilon: each question's two statistics have half of its epsilon each."""
    rho = 2 * pure_to_rho(Fraction(EPSILON) / 2)
    return rho_to_epsilon(rho * round(BORNE * RESEARCHERS * QUESTIONS), _DELTA)


def _researcher(site: Site, number: int, barrier: Barrier) -> Answered:
    latencies: list[float] = []
    losses: list[Fraction] = []
    refused = 0
    with site.connect(UNIVERSITIES[number % len(UNIVERSITIES)], f"researcher.{number}") as connection:
        connection.budget(DATASET, DISCLOSURE, purpose=PURPOSE)
        barrier.wait()
        for question in range(QUESTIONS):
            start = time.perf_counter()
            try:
                answer = ask(connection, EPSILON, at_most=1 + number * QUESTIONS + question)
            except gw.BudgetExhausted:
                refused += 1
            else:
                # nobody else asks it: one that was charged before was charged in a try whose answer came too late
                losses.append(Fraction(answer.message.privacy_loss.rho))
            latencies.append(time.perf_counter() - start)
    return Answered(tuple(latencies), tuple(losses), refused)


def _check(site: Site, answers: Sequence[Answered]) -> Fraction:
    """Compare every account with the releases charged to it, and return what the dataset's has spent."""
    charged: dict[str, Fraction] = {}
    for number, one in enumerate(answers):
        university, loss = UNIVERSITIES[number % len(UNIVERSITIES)], sum(one.losses, Fraction(0))
        person = f"person/{university}/researcher.{number}"
        for account in ("lifetime/resident", f"dataset/{DATASET}", f"recipient/{university}", person):
            charged[account] = charged.get(account, Fraction(0)) + loss
    seen: dict[str, Fraction] = {}
    for number in range(RESEARCHERS):
        with site.connect(UNIVERSITIES[number % len(UNIVERSITIES)], f"researcher.{number}") as connection:
            for budget in connection.budget(DATASET, DISCLOSURE, purpose=PURPOSE):
                if Fraction(budget.spent_rho) > Fraction(budget.cap_rho):
                    raise RuntimeError("a cap was exceeded")
                seen[budget.account] = Fraction(budget.spent_rho)
    if seen != charged:
        raise RuntimeError("the accounts do not say what the releases say")
    return seen[f"dataset/{DATASET}"]
