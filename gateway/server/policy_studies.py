"""The part of PolicyService that looks before it leaps: it explains, tests, compares, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message
from pydantic import ValidationError

from gateway.administration import study
from gateway.administration.desk import Office
from gateway.administration.life import Unsound
from gateway.api.v1 import policy_service_pb2 as pb
from gateway.decision.lint.findings import Finding
from gateway.decision.officer.explain import CallerView
from gateway.decision.officer.tables import CaseResult
from gateway.model.errors import ErrorReason
from gateway.model.governance import Files
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.policy.decision_tables import QuestionShape
from gateway.server.method import Method, Reply
from gateway.server.outcome import judged
from gateway.server.problem import NotWellFormed, Problem, told
from gateway.server.wire.policy import summary_of, uploaded
from gateway.server.wire.studies import (
    caller_view_of,
    diff_of,
    failures_of,
    finding_of,
    impact_of,
    officer_view_of,
)

T = TypeVar("T")

_DEFAULT_DECISIONS = 10_000


class PolicyStudies:
    """The handlers that study a policy: one that is sent, one that is kept, or the one in force."""

    def __init__(self, office: Office, may_send: Callable[[Peer], Problem | None]) -> None:
        self._office = office
        self.methods = {
            "Explain": Method(self.explain),
            "CheckPolicy": Method(self.check, uploads=may_send),
            "TestPolicy": Method(self.test, uploads=may_send),
            "LintPolicy": Method(self.lint, uploads=may_send),
            "DiffPolicy": Method(self.diff, uploads=may_send),
            "MeasureImpact": Method(self.impact, uploads=may_send),
        }

    def explain(self, peer: Peer, request: pb.ExplainRequest) -> Reply | Problem:
        """Why a request passes or not."""
        found = study.explain(self._office, peer, _question(request), request.institution)
        if isinstance(found, Refusal):
            return told(found)
        if isinstance(found, CallerView):
            return Reply(pb.ExplainResponse(caller=caller_view_of(found)))
        return Reply(pb.ExplainResponse(officer=officer_view_of(found)))

    def check(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """Whether a policy is sound."""
        found = self._studied(peer, uploaded(messages), lambda _, policy: summary_of(policy))
        return judged(found, pb.CheckPolicyResponse, lambda sound: pb.CheckPolicyResponse(sound=sound))

    def test(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """Run the decision tables of a policy."""
        found = self._studied(peer, uploaded(messages), study.tested)
        return judged(found, pb.TestPolicyResponse, _tested)

    def lint(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """What is valid in a policy and unwise."""
        found = self._studied(peer, uploaded(messages), study.linted(self._office))
        return judged(found, pb.LintPolicyResponse, _linted)

    def diff(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """What a policy gives more, or less, than the one in force."""
        found = self._studied(peer, uploaded(messages), study.compared(self._office))
        return judged(found, pb.DiffPolicyResponse, lambda diff: pb.DiffPolicyResponse(diff=diff_of(diff)))

    def impact(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """What a policy would have meant for the decisions that were recorded."""
        upload = uploaded(messages)
        count = upload[0].decisions or _DEFAULT_DECISIONS
        found = self._studied(peer, upload, study.measured(self._office, count))
        return judged(
            found, pb.MeasureImpactResponse, lambda impact: pb.MeasureImpactResponse(impact=impact_of(impact))
        )

    def _studied(self, peer: Peer, upload: tuple[Any, Files], ask: study.Study[T]) -> T | Unsound | Refusal:
        """Study the policy that an upload holds, or the kept one that its header names."""
        header, files = upload
        return study.on(self._office, peer, files if header.uploaded else header.digest, ask)


def _tested(found: tuple[CaseResult, ...]) -> pb.TestPolicyResponse:
    return pb.TestPolicyResponse(tested=pb.TestedCases(cases=len(found), failed=failures_of(found)))


def _linted(found: tuple[Finding, ...]) -> pb.LintPolicyResponse:
    return pb.LintPolicyResponse(findings=pb.PolicyFindings(findings=map(finding_of, found)))


def _question(request: pb.ExplainRequest) -> QuestionShape:
    named = {"key": request.key, "token": request.token, "count": request.subjects or 1}
    written = {
        "who": request.institution or "caller",
        "why": request.purpose,
        "asks": f"{request.kind} {request.dataset}/{request.disclosure}",
        "where": request.region,
        "case_number": request.case_number,
        "break_glass_reason": request.break_glass_reason,
        "fields": list(request.fields),
        "partial": request.allow_partial,
        "filters": list(request.filters),
        "subjects": named if request.key or request.token else None,
        "statistics": list(request.statistics),
        "group_by": list(request.group_by),
        "epsilon": request.epsilon or None,
        "rho": request.rho or None,
    }
    try:
        return QuestionShape.model_validate(written)
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        raise NotWellFormed(
            ErrorReason.REQUEST_INVALID, str(place[0]) if place else "", "is not what a request can have"
        ) from None
