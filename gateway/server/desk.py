"""What the services stand on, and how a refusal of the pipeline becomes a problem."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.pipeline import Ports, Refused
from gateway.server.problem import Asked, Problem
from gateway.server.wire_receipts import receipt_id


@dataclass(frozen=True, slots=True)
class Desk:
    """The pipeline's ports, and the largest batch message of a stream in bytes."""

    ports: Ports
    max_batch_bytes: int

    @property
    def delta(self) -> float:
        """The delta that epsilons are shown at, as the policy in force has it."""
        return self.ports.policy.current().budgets.delta


def refused(outcome: Refused, asked: Asked) -> Problem:
    """Return the problem of a refusal, with the receipt of its entry in the log, if it has one."""
    refusal, receipt = outcome
    return Problem(
        refusal.reason,
        violations=refusal.violations,
        nearest=refusal.nearest,
        asked=asked,
        receipt_id="" if receipt is None else receipt_id(receipt),
        policy_digest="" if receipt is None else receipt.record.policy_digest,
        institution="" if receipt is None else receipt.record.institution,
    )
