"""What the pipeline decided, as an AuthZEN decision with its context.

A permit tells what its receipt tells, a refusal what the same refusal tells over gRPC: both go through the edge's
own `refused`, so that neither can come to tell more than the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import grpc

from gateway.authzen.document import NotAQuestion
from gateway.model.errors import ErrorReason
from gateway.pipeline import Evaluation, Refused
from gateway.server.desk import refused
from gateway.server.problem import Problem
from gateway.server.reasons import MEANINGS
from gateway.server.wire.receipts import receipt_id

Decision = dict[str, Any]
"""`decision`, true or false, and `context`: JSON values alone."""

_STATUSES: Mapping[grpc.StatusCode, HTTPStatus] = {
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


def decision_of(outcome: Evaluation | Refused) -> Decision:
    """Return the decision that an outcome of the pipeline is."""
    if isinstance(outcome, Refused):
        return {"decision": False, "context": _why_not(refused(outcome))}
    return {"decision": True, "context": _permitted(outcome)}


def failed(error: NotAQuestion) -> Decision:
    """Return what stands in the place of one evaluation among several that could not be decided."""
    return {"decision": False, "context": {"error": {"status": error.status.value, "message": error.message}}}


def fault(reason: ErrorReason) -> NotAQuestion:
    """Return the HTTP error of a fault: that of its gRPC status, with the same message."""
    meaning = MEANINGS[reason]
    return NotAQuestion(_STATUSES.get(meaning.code, HTTPStatus.INTERNAL_SERVER_ERROR), meaning.en)


def _permitted(outcome: Evaluation) -> dict[str, Any]:
    permit, record = outcome.permit, outcome.receipt.record
    return {
        "grant": record.grant,
        "legal_basis": record.legal_basis,
        "region": record.region,
        "policy_digest": record.policy_digest,
        "fields": [
            {"field": item.field, "treatment": item.treatment, "detail": item.detail, "type": item.type}
            for item in record.fields
        ],
        "withheld": [{"field": item.field, "reason": item.reason} for item in record.withheld],
        "obligations": list(record.obligations),
        "conditions": list(permit.scope.terms.conditions()),
        **({} if permit.scope.max_rows is None else {"max_rows": permit.scope.max_rows}),
        "valid_until": _instant(permit.valid_until),
        "trials": list(record.trials),
        "receipt_id": receipt_id(outcome.receipt),
    }


def _why_not(problem: Problem) -> dict[str, Any]:
    meaning = MEANINGS[problem.reason]
    told: dict[str, Any] = {
        "reason": problem.reason.value,
        "reason_user": {"en": meaning.en, "zh": meaning.zh},
        "violations": [{"field": item.field, "description": item.description} for item in problem.violations],
        "nearest": _nearest(problem),
        "policy_digest": problem.policy_digest,
        "receipt_id": problem.receipt_id,
    }
    return {name: value for name, value in told.items() if value}


def _nearest(problem: Problem) -> dict[str, Any]:
    nearest, asked = problem.nearest, problem.asked
    if nearest is None:
        return {}
    told: dict[str, Any] = {
        "purpose": asked.purpose,
        "dataset": asked.dataset,
        "disclosure": nearest.disclosure or asked.disclosure,
        "region": nearest.region or asked.region,
        "fields": list(nearest.fields),
        "steward": nearest.steward,
    }
    return {name: value for name, value in told.items() if value}


def _instant(moment: datetime) -> str:
    """Write an instant (naive UTC) as RFC 3339."""
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
