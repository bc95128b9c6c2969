"""An outcome that is not an answer, on its way to becoming a gRPC status."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation, NearestPlan, NearestRequest, NearestSynthesis, Refusal


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request named, to complete the nearest request with; names only, never values of data."""

    purpose: str = ""
    dataset: str = ""
    disclosure: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no answer. It holds nothing that the caller may not be told."""

    reason: ErrorReason
    violations: tuple[FieldViolation, ...] = ()
    nearest: NearestRequest | None = None
    asked: Asked = Asked()
    receipt_id: str = ""
    policy_digest: str = ""
    plan: NearestPlan | None = None
    synthesis: NearestSynthesis | None = None


def told(refusal: Refusal) -> Problem:
    """Return the problem of a refusal that no receipt was written of."""
    return Problem(refusal.reason, refusal.violations, refusal.nearest, plan=refusal.plan, synthesis=refusal.synthesis)


class NotWellFormed(Exception):
    """A request cannot be read into model values. Its text is the reason alone."""

    def __init__(self, reason: ErrorReason, field: str, description: str) -> None:
        super().__init__(reason.value)
        self.problem = Problem(reason, violations=(FieldViolation(field, description),))

    @classmethod
    def of(cls, problem: Problem) -> NotWellFormed:
        """Return the exception for a problem that was found."""
        raised = cls(problem.reason, "", "")
        raised.problem = problem
        return raised
