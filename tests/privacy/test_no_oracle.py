"""A refusal must not tell what exists: each probe names something real, its twin something made up, and every byte
of the two answers is the same but for the receipt's own number."""

from __future__ import annotations

import re

import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.api.v1 import audit_service_pb2, receipt_pb2, value_pb2
from gateway.api.v1 import series_service_pb2 as series
from gateway.api.v1 import sharing_service_pb2 as sharing
from gateway.api.v1.disclosure_pb2 import RequestContext
from tests.integration.fixtures import City
from tests.integration.wire import Answer, Wire, wire


def extract(
    purpose: str = "epidemic-tracing",
    dataset: str = "health_cases",
    disclosure: str = "police-tracing",
    fields: tuple[str, ...] = (),
    region: str = "",
    filtered: str = "",
    *,
    partial: bool = False,
) -> sharing.ExtractRequest:
    conditions = [
        value_pb2.Condition(
            field=filtered, operator=value_pb2.OPERATOR_EQUAL, values=[value_pb2.Value(string_value="x")]
        )
    ]
    return sharing.ExtractRequest(
        context=RequestContext(purpose=purpose, region=region),
        dataset=dataset,
        disclosure=disclosure,
        fields=fields,
        filters=conditions if filtered else [],
        allow_partial=partial,
    )


Asked = sharing.ExtractRequest | series.ListSeriesRequest


def listed(purpose: str = "epidemic-tracing", dataset: str = "", region: str = "") -> series.ListSeriesRequest:
    return series.ListSeriesRequest(context=RequestContext(purpose=purpose, region=region), dataset=dataset)


# police hold no grant for what is real here
PAIRS: dict[str, tuple[Asked, Asked]] = {
    "a dataset": (
        extract(dataset="subsidies", disclosure="audit-rows"),
        extract(dataset="nothing", disclosure="no-rows"),
    ),
    "a dataset under a prohibited purpose": (
        extract(purpose="social-scoring", dataset="subsidies", disclosure="audit-rows"),
        extract(purpose="social-scoring", dataset="nothing", disclosure="no-rows"),
    ),
    "another disclosure of a dataset": (
        extract(disclosure="public-places"),
        extract(disclosure="no-such-places"),
    ),
    "a purpose": (extract(purpose="subsidy-audit"), extract(purpose="no-such-purpose")),
    "a field": (extract(fields=("place", "diagnosis")), extract(fields=("place", "no_such_field"))),
    "a field left out": (
        extract(fields=("place", "diagnosis"), partial=True),
        extract(fields=("place", "no_such_field"), partial=True),
    ),
    "a filter": (extract(filtered="diagnosis"), extract(filtered="no_such_field")),
    "the series of a dataset": (listed(dataset="subsidies"), listed(dataset="nothing")),
    "the series of a purpose": (listed("public-statistics"), listed("no-such-purpose")),
    "the series of a region": (
        listed(dataset="subsidies", region="hangzhou/xihu"),
        listed(dataset="nothing", region="hangzhou/nowhere"),
    ),
    "a draft or another kind": (
        extract(dataset="health_codes", disclosure="colour-check", purpose="health-code-check"),
        extract(dataset="health_codes", disclosure="no-such-check", purpose="health-code-check"),
    ),
}


def told(line: Wire, request: Asked) -> tuple[object, ...]:
    """All that a caller learns from a call and from its receipt, without what numbers each call."""
    listing = isinstance(request, series.ListSeriesRequest)
    answer = line.call("SeriesService/ListSeries" if listing else "SharingService/Extract", request)
    if answer.code.name == "OK":
        parts = [sharing.ExtractResponse.FromString(message) for message in answer.messages]
        return ("OK", _plain(parts[0].header.receipt), _plain(parts[-1].trailer.receipt))
    number = re.search(rb"\d{20}", answer.everything())
    sealed: object = None
    if number is not None:
        receipt = line.call(
            "AuditService/GetReceipt", audit_service_pb2.GetReceiptRequest(receipt_id=number.group().decode())
        )
        sealed = _plain(audit_service_pb2.GetReceiptResponse.FromString(receipt.messages[0]).receipt)
    return (answer.code, answer.details, _details(answer), sealed)


def _details(answer: Answer) -> bytes:
    return re.sub(rb"\d{20}", b"#", dict(answer.trailing)["grpc-status-details-bin"])


def _plain(receipt: receipt_pb2.Receipt) -> receipt_pb2.Receipt:
    receipt.receipt_id = receipt.request_id = ""
    receipt.ClearField("recorded_at")
    record = re.sub(rb'"(at|request_id)":"[^"]*"|"completes":\d+', b"", receipt.log_entry.record)
    # the caller's own word, real or made up
    record = record.replace(b"no_such_field", b"diagnosis")
    for item in receipt.withheld:
        item.field = item.field.replace("no_such_field", "diagnosis")
    receipt.ClearField("log_entry")
    receipt.log_entry.record = record
    return receipt


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_real_looks_like_what_is_made_up(city: City, name: str) -> None:
    real, made_up = PAIRS[name]
    with wire(city.site, "police") as line:
        assert told(line, real) == told(line, made_up)


def test_the_comparison_sees_a_difference(city: City) -> None:
    with wire(city.site, "police") as line:
        granted, refused = told(line, extract()), told(line, extract(dataset="subsidies", disclosure="audit-rows"))
        assert granted != refused
        assert told(line, extract(purpose="missing-persons")) != told(line, extract(purpose="no-such-purpose"))


def test_a_refusal_names_its_reason(city: City) -> None:
    with wire(city.site, "police") as line:
        answer = line.call("SharingService/Extract", PAIRS["a dataset"][0])
    status = status_pb2.Status.FromString(dict(answer.trailing)["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    assert info.reason == "DISCLOSURE_NOT_GRANTED"
