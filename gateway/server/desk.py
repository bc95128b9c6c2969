"""What the services stand on, and how a refusal of the pipeline becomes a problem."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.record import UNKNOWN
from gateway.pipeline import Ports, Refused
from gateway.server.problem import Asked, Problem, told
from gateway.server.wire.receipts import receipt_id


@dataclass(frozen=True, slots=True)
class Desk:
    """The pipeline's ports, the largest batch message of a stream in bytes, and the streams of an extract at most."""

    ports: Ports
    max_batch_bytes: int
    max_streams: int = 8

    @property
    def delta(self) -> float:
        """The delta that epsilons are shown at, as the policy in force has it."""
        return self.ports.policy.current().budgets.delta


def refused(outcome: Refused) -> Problem:
    """Return the problem of a refusal, with the receipt of its entry in the log, if it has one.

    What the request named is repeated only beside a request that would pass: then all its names are granted to the
    caller, and none is free text or tells what else exists.
    """
    refusal, receipt = outcome
    if receipt is None:
        return told(refusal)
    record, nearest = receipt.record, refusal.nearest
    passes = nearest is not None and (nearest.fields or nearest.region or nearest.disclosure)
    return Problem(
        refusal.reason,
        violations=refusal.violations,
        nearest=nearest,
        asked=Asked(record.purpose, record.dataset, _known(record.disclosure), record.region) if passes else Asked(),
        receipt_id=receipt_id(receipt),
        policy_digest=record.policy_digest,
        plan=refusal.plan,
        synthesis=refusal.synthesis,
    )


def _known(name: str) -> str:
    return "" if name == UNKNOWN else name
