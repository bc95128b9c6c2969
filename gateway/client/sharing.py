"""Rows: what you may get, lookups, checks, forms, and extracts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from gateway.api.v1 import sharing_service_pb2, sharing_service_pb2_grpc
from gateway.client.answers import (
    Check,
    Composition,
    Consumption,
    Lookup,
    Subjects,
    check_from,
    composition_from,
    consumption_from,
    lookup_from,
)
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.errors import GatewayError
from gateway.client.extract import Extract, Progress, Responses
from gateway.client.offers import Offer, offer_from
from gateway.client.tls import Pems
from gateway.client.values import Condition, Scalar, to_conditions, to_value

T = TypeVar("T")

_ENCODINGS = {"arrow": sharing_service_pb2.ENCODING_ARROW, "rows": sharing_service_pb2.ENCODING_ROWS}
_COMPRESSIONS = {
    "none": sharing_service_pb2.COMPRESSION_NONE,
    "lz4": sharing_service_pb2.COMPRESSION_LZ4,
    "zstd": sharing_service_pb2.COMPRESSION_ZSTD,
}


class Sharing(Channel):
    """The calls of departments."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._sharing = sharing_service_pb2_grpc.SharingServiceStub(self._channel)

    def describe(self, *, purpose: str = "", dataset: str = "") -> tuple[Offer, ...]:
        """What you may get, and for which purposes; an empty purpose or dataset stands for all."""
        request = sharing_service_pb2.DescribeRequest(purpose=purpose, dataset=dataset)
        return tuple(offer_from(offer) for offer in self._caller.retried(self._sharing.Describe, request).offers)

    def lookup(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        values: Sequence[Scalar] = (),
        tokens: Sequence[str] = (),
        fields: Sequence[str] = (),
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        allow_partial: bool = False,
    ) -> Lookup:
        """The records of some subjects: `by` a lookup key, by its `values` or by `tokens` of it you were given.

        No `fields` asks for all. Each call is recorded, so it is never repeated by itself.
        """
        request = sharing_service_pb2.LookupRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            fields=fields,
            subjects=_subjects(by, values, tokens),
            allow_partial=allow_partial,
        )
        return lookup_from(self._caller.once(self._sharing.Lookup, request))

    def check(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        value: Scalar = None,
        token: str = "",
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Check:
        """Whether the disclosure's predicate holds for one subject, named by its `value` or your `token` of it."""
        request = sharing_service_pb2.CheckRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            subject=_subject(by, value, token),
        )
        return check_from(self._caller.once(self._sharing.Check, request))

    def compose(
        self,
        form: str,
        parts: Mapping[str, Subjects],
        *,
        purpose: str,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Composition:
        """Some parts of a form of several departments, in one call: of each exactly the fields that the form declares.

        All the parts, or, where one is refused, an error and nothing.
        """
        request = sharing_service_pb2.ComposeRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            form=form,
            parts=[
                sharing_service_pb2.PartSubjects(part=part, subjects=_subjects(one.by, one.values, one.tokens))
                for part, one in parts.items()
            ],
        )
        return composition_from(self._caller.once(self._sharing.Compose, request))

    def consume(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        by: str,
        value: Scalar = None,
        token: str = "",
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        request_id: str = "",
    ) -> Consumption:
        """Take one of a subject's quota, if the disclosure's predicate holds for it and any is left.

        Retries keep the request_id, so they never take a second time; give your own to be safe beyond this call.
        """
        request = sharing_service_pb2.ConsumeRequest(
            context=context(purpose, region, case_number, break_glass_reason, request_id or str(uuid.uuid4())),
            dataset=dataset,
            disclosure=disclosure,
            subject=_subject(by, value, token),
        )
        return consumption_from(self._caller.retried(self._sharing.Consume, request))

    def extract(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        fields: Sequence[str] = (),
        filters: Iterable[Condition] = (),
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        allow_partial: bool = False,
        encoding: Literal["arrow", "rows"] = "arrow",
        compression: Literal["none", "lz4", "zstd"] = "none",
        streams: int = 1,
        resume: bool = True,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Extract:
        """All permitted records, as a stream. Filters are (field, operator, value).

        `compression` is of Arrow's batches on their way. With more `streams`, so many calls at most read side by side.
        Unless `resume` is False, a stream whose connection breaks is gone on with after the last batch that came; it is
        given up after seven tries in a row, or about 16 seconds. `timeout` (seconds) ends each call.

        Raises:
            ValueError: an `encoding` or a `compression` that there is not.
            GatewayError: the gateway refuses.
        """
        request = sharing_service_pb2.ExtractRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            fields=fields,
            filters=to_conditions(filters),
            encoding=_one_of("encoding", _ENCODINGS, encoding),
            allow_partial=allow_partial,
            compression=_one_of("compression", _COMPRESSIONS, compression),
            streams=streams,
        )

        def connect(position: sharing_service_pb2.ExtractPosition | None) -> Responses:
            mine = sharing_service_pb2.ExtractRequest(continues=position)
            mine.MergeFrom(request)
            call: Responses = self._sharing.Extract(mine, timeout=timeout, metadata=self._caller.metadata())
            return call

        try:
            return Extract(connect, progress, resume=resume)
        except GatewayError as error:
            raise self._caller.explain(error) from error


def _one_of(what: str, known: Mapping[str, T], name: str) -> T:
    if name not in known:
        raise ValueError(f"{what} is one of {', '.join(known)}, not {name!r}")
    return known[name]


def _subject(by: str, value: Scalar, token: str) -> sharing_service_pb2.SubjectSelector:
    return _subjects(by, () if token else (value,), (token,) if token else ())


def _subjects(by: str, values: Sequence[Scalar], tokens: Sequence[str]) -> sharing_service_pb2.SubjectSelector:
    if bool(values) == bool(tokens):
        raise ValueError("either values or tokens of the lookup key")
    if tokens:
        return sharing_service_pb2.SubjectSelector(token=sharing_service_pb2.TokenSelector(field=by, tokens=tokens))
    return sharing_service_pb2.SubjectSelector(
        key=sharing_service_pb2.KeySelector(field=by, values=[to_value(value) for value in values])
    )
