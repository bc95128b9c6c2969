"""Requests, from proto to model."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import Protocol

from google.protobuf.message import Message

from gateway.api.v1 import disclosure_pb2, sharing_service_pb2
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.extract import Continuation
from gateway.model.request import FormRequest, PartSubjects, RequestContext, RowsRequest, Selector
from gateway.server.problem import NotWellFormed
from gateway.server.wire.values import conditions, scalar


class WithContext(Protocol):
    """A request that says why, where, and under which id."""

    @property
    def context(self) -> disclosure_pb2.RequestContext: ...


class OfDisclosure(WithContext, Protocol):
    """A request for one disclosure of one dataset."""

    @property
    def dataset(self) -> str: ...
    @property
    def disclosure(self) -> str: ...


def context_of(request: WithContext) -> RequestContext:
    """Read the context of a request; one without an id gets a random UUID."""
    given = request.context
    return RequestContext(
        purpose=given.purpose,
        region=given.region,
        case_number=given.case_number,
        request_id=str(uuid.UUID(given.request_id)) if given.request_id else str(uuid.uuid4()),
        body_digest=body_digest(request),
        caller_gave_id=bool(given.request_id),
        break_glass_reason=given.break_glass_reason,
    )


def body_digest(request: WithContext) -> bytes:
    """Return SHA-256 over the deterministic serialisation of a request without its id.

    Requests of two types never share a digest: the full name of the message type comes first.
    """
    assert isinstance(request, Message)
    bare = type(request)()
    bare.CopyFrom(request)
    bare.context.ClearField("request_id")
    name = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(name + b"\x00" + bare.SerializeToString(deterministic=True)).digest()


def lookup_of(request: sharing_service_pb2.LookupRequest) -> RowsRequest:
    """Read a lookup."""
    return RowsRequest(
        context=context_of(request),
        kind=DisclosureKind.LOOKUP,
        dataset=request.dataset,
        disclosure=request.disclosure,
        fields=tuple(request.fields),
        allow_partial=request.allow_partial,
        filters=(),
        selector=_selector(request.subjects, "subjects"),
    )


def extract_of(request: sharing_service_pb2.ExtractRequest, max_streams: int) -> RowsRequest:
    """Read an extract, in so many streams at most. What concerns one connection alone is no part of its digest."""
    lasting = sharing_service_pb2.ExtractRequest()
    lasting.CopyFrom(request)
    lasting.ClearField("encoding")
    lasting.ClearField("compression")
    lasting.ClearField("streams")
    lasting.ClearField("continues")
    position = request.continues
    continues = Continuation(position.extract_id, position.stream, position.after)
    return RowsRequest(
        context=replace(context_of(request), body_digest=body_digest(lasting)),
        kind=DisclosureKind.EXTRACT,
        dataset=request.dataset,
        disclosure=request.disclosure,
        fields=tuple(request.fields),
        allow_partial=request.allow_partial,
        filters=conditions(request.filters, "filters"),
        selector=None,
        streams=min(max(1, request.streams), max_streams),
        continues=continues if request.HasField("continues") else None,
    )


def check_of(request: sharing_service_pb2.CheckRequest) -> RowsRequest:
    """Read a check.

    Raises:
        NotWellFormed: REQUEST_INVALID unless it names exactly one subject.
    """
    return _of_one_subject(request, DisclosureKind.CHECK)


def consume_of(request: sharing_service_pb2.ConsumeRequest) -> RowsRequest:
    """Read a check that takes of the subject's quota.

    Raises:
        NotWellFormed: REQUEST_INVALID unless it names exactly one subject.
    """
    return _of_one_subject(request, DisclosureKind.CONSUME)


def _of_one_subject(
    request: sharing_service_pb2.CheckRequest | sharing_service_pb2.ConsumeRequest, kind: DisclosureKind
) -> RowsRequest:
    selector = _selector(request.subject, "subject")
    if len(selector.values) != 1:
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, "subject", "must name exactly one subject")
    return of_subjects(request, kind, selector)


def of_subjects(request: OfDisclosure, kind: DisclosureKind, selector: Selector) -> RowsRequest:
    """Read a request about subjects that asks for no fields of its own: which matter, its kind says."""
    return RowsRequest(
        context=context_of(request),
        kind=kind,
        dataset=request.dataset,
        disclosure=request.disclosure,
        fields=(),
        allow_partial=False,
        filters=(),
        selector=selector,
    )


def form_of(request: sharing_service_pb2.ComposeRequest) -> FormRequest:
    """Read a request for parts of a form.

    Raises:
        NotWellFormed: REQUEST_INVALID where a part is asked for twice.
    """
    parts: dict[str, PartSubjects] = {}
    for number, asked in enumerate(request.parts):
        if asked.part in parts:
            raise NotWellFormed(ErrorReason.REQUEST_INVALID, f"parts[{number}].part", "must not repeat an item")
        parts[asked.part] = PartSubjects(asked.part, _selector(asked.subjects, f"parts[{number}].subjects"))
    return FormRequest(context_of(request), request.form, tuple(parts.values()))


def _selector(subjects: sharing_service_pb2.SubjectSelector, path: str) -> Selector:
    if subjects.HasField("token"):
        return Selector(SelectBy.TOKEN, subjects.token.field, tuple(subjects.token.tokens))
    values = tuple(scalar(value, f"{path}.key.values[{number}]") for number, value in enumerate(subjects.key.values))
    return Selector(SelectBy.KEY, subjects.key.field, values)
