"""What else could be asked: plans that cost less, or have narrower margins, or are there for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.v1 import receipt_pb2, release_pb2, research_service_pb2
from gateway.client.plans import asked_again
from gateway.client.prices import arguments, price_of
from gateway.client.words import word


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another plan that would pass as it is, for the same purpose and region.

    `change` says in what it differs: "released", "currency", "weights", "margin", "levels", "coarser", "statistic" or
    "grouping"; `lost` what is lost by it. `privacy_loss` is what it would be charged, nothing where it is
    `already_released`; `answers` are the margins of its columns.
    """

    change: str
    lost: str
    plan: release_pb2.ReleasePlan
    epsilon: float | None
    rho: float | None
    privacy_loss: receipt_pb2.PrivacyLoss
    answers: Sequence[research_service_pb2.AnswerMargin]
    affordable: bool
    already_released: bool

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `release`, without the context: `gateway.release(**one.arguments, purpose=...)`."""
        return asked_again(self.plan) | arguments(self.epsilon, self.rho)


def alternative_from(message: research_service_pb2.Alternative) -> Alternative:
    """Read an alternative of an estimate."""
    return Alternative(
        word(research_service_pb2.Change.DESCRIPTOR, message.change),
        message.lost,
        message.plan,
        *price_of(message),
        message.privacy_loss,
        message.answers,
        message.affordable,
        message.already_released,
    )
