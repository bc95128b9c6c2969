"""What would pass in place of what was refused: a request, a plan of statistics, or synthetic rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2

from gateway.api.v1 import nearest_request_pb2, release_pb2
from gateway.client import prices
from gateway.client.plans import asked_again, in_words


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest request that would pass. Where none would, only the steward is named: ask there."""

    purpose: str
    dataset: str
    disclosure: str
    region: str
    fields: tuple[str, ...]
    steward: str


@dataclass(frozen=True, slots=True)
class NearestPlan:
    """The nearest plan that would be answered, at `epsilon` or `rho`. Filters and the rest stand as you asked."""

    plan: release_pb2.ReleasePlan
    epsilon: float | None
    rho: float | None

    def __str__(self) -> str:
        return f"{in_words(self.plan)}, {prices.in_words(self.epsilon, self.rho)}"

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `release`, without your filters and the context."""
        return asked_again(self.plan) | prices.arguments(self.epsilon, self.rho)


@dataclass(frozen=True, slots=True)
class NearestSynthesis:
    """The nearest request of synthetic rows that would be accepted. Filters and the rest stand as you asked.

    Without `fields` it is of all that are offered, with 0 `rows` of as many as the counts speak of.
    """

    dataset: str
    disclosure: str
    fields: tuple[str, ...]
    rows: int
    epsilon: float | None
    rho: float | None

    def __str__(self) -> str:
        named = f"rows of {', '.join(self.fields) or 'all fields offered'}"
        return f"{self.rows or ''} {named}, {prices.in_words(self.epsilon, self.rho)}".strip()

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `synthesize`, without your filters, the format and the context."""
        named = {"dataset": self.dataset, "disclosure": self.disclosure, "fields": list(self.fields), "rows": self.rows}
        return named | prices.arguments(self.epsilon, self.rho)


def nearest_from(packed: any_pb2.Any) -> Nearest:
    """Read the nearest request."""
    message = nearest_request_pb2.NearestRequest()
    packed.Unpack(message)
    return Nearest(
        message.purpose,
        message.dataset,
        message.disclosure,
        message.region,
        tuple(message.fields),
        message.steward,
    )


def nearest_plan_from(packed: any_pb2.Any) -> NearestPlan:
    """Read the nearest plan."""
    message = nearest_request_pb2.NearestPlan()
    packed.Unpack(message)
    return NearestPlan(message.plan, *prices.price_of(message))


def nearest_synthesis_from(packed: any_pb2.Any) -> NearestSynthesis:
    """Read the nearest request of synthetic rows."""
    message = nearest_request_pb2.NearestSynthesis()
    packed.Unpack(message)
    plan, price = message.plan, prices.price_of(message)
    return NearestSynthesis(plan.dataset, plan.disclosure, tuple(plan.fields), message.rows, *price)
