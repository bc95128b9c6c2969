"""The one question that is asked: visits and their amounts, by place."""

from __future__ import annotations

import uuid
from itertools import count

import gateway.client as gw
from bench.releases.deployment import DATASET, DISCLOSURE, PURPOSE
from bench.releases.visits import BEYOND
from gateway.api.v1 import research_service_pb2
from gateway.client.context import context
from gateway.client.plans import plan

GROUP_BY = ("place",)
STATISTICS = (gw.count(), gw.sum_of("amount"))
EPSILON = 1.0
"""For both statistics together."""

_numbers = count(1)


def another() -> int:
    """A number like no other before."""
    return next(_numbers)


def near(number: int) -> float:
    """An epsilon of its own for each number, within a hundredth of EPSILON."""
    return EPSILON - number * 1e-6


def message(at_most: int) -> research_service_pb2.CreateReleaseRequest:
    """The question as it arrives, of visits with a bound on their amounts."""
    return research_service_pb2.CreateReleaseRequest(
        context=context(PURPOSE, "", "", "", str(uuid.uuid4())),
        plan=plan(DATASET, DISCLOSURE, STATISTICS, GROUP_BY, _all(at_most)),
        epsilon=EPSILON,
    )


def ask(connection: gw.Gateway, epsilon: float = EPSILON, at_most: int = 0) -> gw.Release:
    """Ask it over a connection, of visits with a bound on their amounts, if one is given."""
    return connection.release(
        DATASET,
        DISCLOSURE,
        STATISTICS,
        purpose=PURPOSE,
        epsilon=epsilon,
        group_by=GROUP_BY,
        filters=_all(at_most) if at_most else [],
    )


def _all(at_most: int) -> list[tuple[str, str, int]]:
    # no amount is as large: another question of the same rows, which nothing that was kept can answer
    return [("amount", "<=", BEYOND + at_most)]
