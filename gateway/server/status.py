"""The one mapping from a problem to a google.rpc.Status with typed details."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from gateway.api.v1 import nearest_request_pb2
from gateway.model.errors import ErrorReason
from gateway.server.problem import Problem
from gateway.server.reasons import MEANINGS, Meaning
from gateway.server.wire.plans import nearest_plan_of
from gateway.server.wire.synthesis import nearest_synthesis_of

DOMAIN = "purpose-gateway"
"""The domain of every ErrorInfo."""

HELP_URL = "https://purpose-gateway.example/docs/errors#"

_DETAILS_BYTES = 4096
"""Common peers drop trailing metadata above 8 KiB, and a binary value grows by a third on its way."""

_MAX_VIOLATIONS = 16


def anchor(reason: ErrorReason) -> str:
    """Return the anchor of a reason in the error reference."""
    return reason.value.lower().replace("_", "-")


def to_status(problem: Problem, languages: Iterable[str] = ()) -> status_pb2.Status:
    """Return the status of a problem.

    `languages` are the caller's ("en", "zh"); none means both. Details are added in the order ErrorInfo,
    NearestRequest, BadRequest, LocalizedMessage, Help, NearestPlan, and those that do not fit into 4 KiB are left out:
    the reason always arrives.
    """
    meaning = MEANINGS[problem.reason]
    status = status_pb2.Status(code=_code(meaning), message=meaning.en)
    room = _DETAILS_BYTES
    for detail in _details(problem, meaning, tuple(languages)):
        packed = any_pb2.Any()
        packed.Pack(detail)
        if packed.ByteSize() <= room:
            room -= packed.ByteSize()
            status.details.append(packed)
    return status


def _code(meaning: Meaning) -> int:
    number: int = meaning.code.value[0]
    return number


def _details(problem: Problem, meaning: Meaning, languages: tuple[str, ...]) -> Iterable[Message]:
    metadata = {"receipt_id": problem.receipt_id, "policy_digest": problem.policy_digest}
    yield error_details_pb2.ErrorInfo(
        reason=problem.reason.value,
        domain=DOMAIN,
        metadata={key: value for key, value in metadata.items() if value},
    )
    if problem.nearest is not None:
        nearest, asked = problem.nearest, problem.asked
        yield nearest_request_pb2.NearestRequest(
            purpose=asked.purpose,
            dataset=asked.dataset,
            disclosure=nearest.disclosure or asked.disclosure,
            region=nearest.region or asked.region,
            fields=nearest.fields,
            steward=nearest.steward,
        )
    if problem.violations:
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=item.field, description=item.description)
                for item in problem.violations[:_MAX_VIOLATIONS]
            ]
        )
    for language in languages or ("en", "zh"):
        if language == "zh":
            yield error_details_pb2.LocalizedMessage(locale="zh-CN", message=meaning.zh)
        else:
            yield error_details_pb2.LocalizedMessage(locale="en", message=meaning.en)
    link = error_details_pb2.Help.Link(description="What this means", url=HELP_URL + anchor(problem.reason))
    yield error_details_pb2.Help(links=[link])
    if problem.plan is not None:
        # the largest and the last: nothing else is left out for it
        yield nearest_plan_of(problem.plan)
    if problem.synthesis is not None:
        yield nearest_synthesis_of(problem.synthesis)
