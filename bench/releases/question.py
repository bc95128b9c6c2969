"""The one question that is asked: visits and their amounts, by place."""

from __future__ import annotations

import uuid
from itertools import count

import gateway.client as gw
from bench.releases.deployment import DATASET, DISCLOSURE, PURPOSE
from gateway.api.v1 import research_service_pb2
from gateway.client.context import context
from gateway.client.plans import plan

GROUP_BY = ("place",)
STATISTICS = (gw.count(), gw.sum_of("amount"))
EPSILON = 1.0
"""For both statistics together."""

_numbers = count(1)


def another_epsilon() -> float:
    """An epsilon like no other before, so that its release is a new one; within a hundredth of EPSILON."""
    return EPSILON - next(_numbers) * 1e-6


def message(epsilon: float) -> research_service_pb2.CreateReleaseRequest:
    """The question as it arrives."""
    return research_service_pb2.CreateReleaseRequest(
        context=context(PURPOSE, "", "", "", str(uuid.uuid4())),
        plan=plan(DATASET, DISCLOSURE, STATISTICS, GROUP_BY, ()),
        epsilon=epsilon,
    )


def ask(connection: gw.Gateway, epsilon: float, at_least: int = 0) -> gw.Release:
    """Ask it over a connection, of visits whose amount is at least so much."""
    return connection.release(
        DATASET,
        DISCLOSURE,
        STATISTICS,
        purpose=PURPOSE,
        epsilon=epsilon,
        group_by=GROUP_BY,
        filters=[("amount", ">=", at_least)] if at_least else [],
    )
