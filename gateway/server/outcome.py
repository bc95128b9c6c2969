"""What comes of a call at the office: an answer, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from gateway.administration.life import Unsound
from gateway.api.v1 import policy_pb2
from gateway.model.permit import Refusal
from gateway.server.method import Reply
from gateway.server.problem import Problem, told
from gateway.server.wire.policy import problems_of

T = TypeVar("T")


class ToldProblems(Protocol):
    """A response that can tell what is wrong with a policy."""

    def __call__(self, *, problems: policy_pb2.PolicyProblems) -> Message: ...


def answered(found: T | Refusal, write: Callable[[T], Message]) -> Reply | Problem:
    """Return what was found, as `write` writes it, or the problem of a refusal."""
    return told(found) if isinstance(found, Refusal) else Reply(write(found))


def judged(found: T | Unsound | Refusal, response: ToldProblems, write: Callable[[T], Message]) -> Reply | Problem:
    """Return what was found of a policy, or in a `response` what is wrong with it, or the problem of a refusal."""
    if isinstance(found, Unsound):
        return Reply(response(problems=problems_of(found.problems)))
    return answered(found, write)
