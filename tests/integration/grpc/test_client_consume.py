"""What the client sends for a consumption or an emergency, and what it makes of answers and of the new refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE

import gateway.client as gw
from gateway.api.v1 import disclosure_pb2, research_service_pb2, value_pb2
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.reasons import MEANINGS
from tests.integration.grpc.edge import edge, sharing
from tests.integration.site import utc_now

RESEARCH = research_service_pb2.DESCRIPTOR.services_by_name["ResearchService"]
SCHEMA = value_pb2.Schema(fields=[value_pb2.SchemaField(name="tier", type=value_pb2.FIELD_TYPE_STRING)])
ONE: dict[str, Any] = {"purpose": "p", "by": "resident_id", "value": "x"}
WHY = "a fire at the station"

Asked = list[Any]
Serve = Callable[..., gw.Gateway]


@pytest.fixture
def asked() -> Asked:
    """The requests that arrived."""
    return []


@pytest.fixture
def serve(asked: Asked) -> Iterator[Serve]:
    """Connects to an edge that notes each request and answers them one after the other with what is given."""
    stack = ExitStack()

    def start(*outcomes: Any) -> gw.Gateway:
        left = list(outcomes)

        def answer(_: Peer, request: Any) -> Reply | Problem:
            asked.append(request)
            outcome = left.pop(0)
            if isinstance(outcome, Fault):
                raise outcome
            return outcome if isinstance(outcome, Problem) else Reply(outcome)

        names = ("Describe", "Lookup", "Check", "Consume", "Compose")
        research = {method.name: Method(answer) for method in RESEARCH.methods}
        methods = {RESEARCH: research, **sharing(**{name: Method(answer) for name in names})}
        at = stack.enter_context(edge(methods))
        mine = at.authority.client("police", utc_now())
        ca = at.authority.ca_pem
        return gw.connect(
            at.target, certificate=mine.certificate_pem, key=mine.private_key_pem, ca=ca, token="any", timeout=10
        )

    with stack:
        yield start


def row(value: value_pb2.Value) -> value_pb2.Row:
    return value_pb2.Row(values=[value])


def test_a_consumption_tells_what_was_taken_and_what_is_left(serve: Serve, asked: Asked) -> None:
    yes = pb.ConsumeResponse(taken=True, left=2, schema=SCHEMA, answer=row(value_pb2.Value(string_value="A")))
    no = pb.ConsumeResponse(schema=SCHEMA, answer=row(value_pb2.Value(null_value=NULL_VALUE)))
    with serve(yes, no) as gateway:
        taken = gateway.consume("d", "e", **ONE)
        refused = gateway.consume("d", "e", purpose="p", by="resident_id", token="t", region="c/x", case_number="7")
    assert taken and (taken.taken, taken.left, taken.answer) == (True, 2, {"tier": "A"})
    assert not refused and (refused.taken, refused.left, refused.answer) == (False, 0, {"tier": None})
    first, second = asked
    assert (first.dataset, first.disclosure, first.context.purpose) == ("d", "e", "p")
    assert [value.string_value for value in first.subject.key.values] == ["x"]
    assert list(second.subject.token.tokens) == ["t"] and second.context.case_number == "7"
    assert first.context.request_id and first.context.request_id != second.context.request_id


def test_a_consumption_is_sent_again_under_its_id(serve: Serve, asked: Asked) -> None:
    mine = "1e0e1a2b-0000-4000-8000-000000000001"
    answers = [Fault(ErrorReason.SOURCE_UNAVAILABLE), pb.ConsumeResponse(taken=True)] * 2
    with serve(*answers) as gateway:
        assert gateway.consume("d", "e", **ONE)
        assert gateway.consume("d", "e", **ONE, request_id=mine)
    ids = [request.context.request_id for request in asked]
    assert ids[0] == ids[1] and ids[0] and ids[2:] == [mine, mine]


def test_a_refused_consumption_is_not_sent_again(serve: Serve, asked: Asked) -> None:
    with serve(Problem(ErrorReason.RATE_EXCEEDED)) as gateway, pytest.raises(gw.RateExceeded):
        gateway.consume("d", "e", **ONE)
    assert len(asked) == 1


CALLS: dict[str, Callable[[gw.Gateway], object]] = {
    "check": lambda gateway: gateway.check("d", "e", **ONE, break_glass_reason=WHY),
    "consume": lambda gateway: gateway.consume("d", "e", **ONE, break_glass_reason=WHY),
    "lookup": lambda gateway: gateway.lookup("d", "e", purpose="p", by="f", values=["x"], break_glass_reason=WHY),
    "estimate": lambda gateway: gateway.estimate(
        "d", "e", [gw.count()], purpose="p", epsilon=0.5, break_glass_reason=WHY
    ),
    "release": lambda gateway: gateway.release(
        "d", "e", [gw.count()], purpose="p", epsilon=0.5, break_glass_reason=WHY
    ),
    "get_release": lambda gateway: gateway.get_release("a" * 64, purpose="p", break_glass_reason=WHY),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_reason_of_an_emergency_is_sent(serve: Serve, asked: Asked, call: str) -> None:
    with serve(Problem(ErrorReason.BREAK_GLASS_REQUIRED)) as gateway, pytest.raises(gw.Refused) as raised:
        CALLS[call](gateway)
    assert [request.context.break_glass_reason for request in asked] == [WHY]
    assert raised.value.reason == "BREAK_GLASS_REQUIRED" and WHY not in f"{raised.value}{raised.value.details!r}"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (ErrorReason.PURPOSE_INCOMPATIBLE, gw.Refused),
        (ErrorReason.LEGAL_BASIS_INSUFFICIENT, gw.Refused),
        (ErrorReason.BULK_FORBIDDEN, gw.Refused),
        (ErrorReason.QUOTA_EXHAUSTED, gw.QuotaExhausted),
        (ErrorReason.RATE_EXCEEDED, gw.RateExceeded),
        (ErrorReason.CAP_EXCEEDED, gw.CapExceeded),
        (ErrorReason.COOLING_DOWN, gw.NotNow),
        (ErrorReason.POLICY_NOT_CURRENT, gw.NotNow),
        (ErrorReason.SOURCE_SCHEMA_CHANGED, gw.Unavailable),
        (ErrorReason.REGISTER_UNAVAILABLE, gw.Unavailable),
        (ErrorReason.PERMIT_REVOKED, gw.Revoked),
    ],
)
def test_an_error_s_type_tells_what_to_do(serve: Serve, reason: ErrorReason, kind: type[gw.GatewayError]) -> None:
    with serve(Problem(reason)) as gateway, pytest.raises(gw.GatewayError) as raised:
        gateway.check("d", "e", **ONE)
    assert type(raised.value) is kind
    assert (raised.value.reason, raised.value.remedy) == (reason.value, MEANINGS[reason].en)


def test_an_offer_is_told_in_plain_words(serve: Serve) -> None:
    field = disclosure_pb2.FieldTreatment(
        field="resident_id",
        treatment=disclosure_pb2.TREATMENT_KIND_PSEUDONYMIZE,
        detail="pseudonymize per recipient and purpose",
        type=value_pb2.FIELD_TYPE_STRING,
    )
    offers = [
        disclosure_pb2.Offer(
            dataset="d",
            kind=disclosure_pb2.DISCLOSURE_KIND_CONSUME,
            regions=["c/x"],
            fields=[field],
            conditions=["at most 2 a year for each subject"],
            expires_on="2027-01-31",
        ),
        disclosure_pb2.Offer(kind=disclosure_pb2.DisclosureKind.ValueType(99)),  # a kind of a later version
    ]
    with serve(pb.DescribeResponse(offers=offers)) as gateway:
        offer, later = gateway.describe()
    assert (offer.dataset, offer.kind, offer.regions) == ("d", "consume", ("c/x",))
    assert offer.fields == (
        gw.OfferedField("resident_id", "pseudonymize", "pseudonymize per recipient and purpose", "string"),
    )
    assert offer.conditions == ("at most 2 a year for each subject",) and offer.expires_on == date(2027, 1, 31)
    assert later.kind == "99" and later.expires_on is None
