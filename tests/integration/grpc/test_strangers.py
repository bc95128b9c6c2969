"""Callers who are not who they say, and requests that are not what they should be, at a real gateway.

After each the gateway is asked a plain question, in the same process, and nothing of what was sent comes back.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from gateway.adapters.dev_ca import Credentials, DevelopmentAuthority
from gateway.api.v1 import research_service_pb2, sharing_service_pb2
from tests.integration.fixtures import City
from tests.integration.site import utc_now

INSTITUTION = "zju-research"
PERSON = "li.wei"
SECRET = "330102199001011234"
DESCRIBE = "SharingService/Describe"


class Outcome:
    """How a call ended, and every byte that came back."""

    def __init__(self, error: Any) -> None:
        self.code = error.code()
        trailing = tuple(error.trailing_metadata() or ())
        self.everything = f"{error.details()} {trailing}"
        self.reason = ""
        status = rpc_status.from_call(error)
        for packed in status.details if status else ():
            info = error_details_pb2.ErrorInfo()
            if packed.Unpack(info):
                self.reason = info.reason


def call(
    city: City,
    method: str,
    request: Message | bytes,
    *,
    token: str | None,
    credentials: Credentials | None = None,
    tls: grpc.ChannelCredentials | None = None,
    extra: tuple[tuple[str, str], ...] = (),
) -> Outcome:
    mine = credentials or city.site.authority.client(INSTITUTION, utc_now())
    ca = city.site.authority.ca_pem
    secured = tls or grpc.ssl_channel_credentials(ca, mine.private_key_pem, mine.certificate_pem)
    metadata = extra if token is None else (("authorization", f"Bearer {token}"), *extra)
    data = request if isinstance(request, bytes) else request.SerializeToString()
    with grpc.secure_channel(city.site.target, secured) as channel:
        stub: Any = channel.unary_stream(f"/gateway.api.v1.{method}", None, None)
        with pytest.raises(grpc.RpcError) as raised:
            list(stub(data, metadata=metadata, timeout=20))
    outcome = Outcome(raised.value)
    assert SECRET not in outcome.everything
    return outcome


def minted(city: City, **claims: Any) -> str:
    return city.site.authority.token(INSTITUTION, PERSON, utc_now(), claims=claims)


@pytest.fixture(autouse=True)
def alive(city: City) -> Iterator[None]:
    """The gateway still answers, in the process it was before, and has logged nothing it was sent."""
    process = city.site.process
    yield
    assert city.site.alive() and city.site.process is process
    with city.connect(INSTITUTION, PERSON) as gateway:
        assert gateway.describe()
    assert SECRET not in city.site.log.read_text()


@pytest.mark.parametrize("kind", ["none", "another CA's", "expired", "self-made key"])
def test_a_certificate_that_is_not_accepted_ends_the_handshake(city: City, kind: str) -> None:
    authority, stranger = city.site.authority, DevelopmentAuthority(utc_now())
    theirs = {
        "another CA's": stranger.client(INSTITUTION, utc_now()),
        "expired": authority.client(INSTITUTION, utc_now(), timedelta(minutes=-1)),
        "self-made key": Credentials(
            authority.client(INSTITUTION, utc_now()).certificate_pem,
            stranger.client(INSTITUTION, utc_now()).private_key_pem,
        ),
    }.get(kind)
    tls = grpc.ssl_channel_credentials(authority.ca_pem) if theirs is None else None
    outcome = call(
        city, DESCRIBE, sharing_service_pb2.DescribeRequest(), token=minted(city), credentials=theirs, tls=tls
    )
    assert outcome.code is grpc.StatusCode.UNAVAILABLE and not outcome.reason


@pytest.mark.parametrize("uris", [[], ["urn:purpose-gateway:institution:nobody-knows"]])
def test_a_certificate_that_names_no_known_institution(city: City, uris: list[str]) -> None:
    stranger = city.site.authority.client(INSTITUTION, utc_now(), uris=uris)
    request = sharing_service_pb2.DescribeRequest()
    outcome = call(city, DESCRIBE, request, token=minted(city), credentials=stranger)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CERTIFICATE_INVALID")


def unsigned(city: City) -> str:
    _, payload, _ = minted(city).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}."


def another_issuer(city: City) -> str:
    claims = jwt.decode(minted(city), options={"verify_signature": False})
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA")


TOKENS: dict[str, tuple[Callable[[City], str | None], str]] = {
    "absent": (lambda _: None, "TOKEN_MISSING"),
    "no token at all": (lambda _: SECRET, "TOKEN_INVALID"),
    "alg none": (unsigned, "TOKEN_INVALID"),
    "another key": (another_issuer, "TOKEN_INVALID"),
    "wrong issuer": (lambda city: minted(city, iss="https://elsewhere.example"), "TOKEN_INVALID"),
    "wrong audience": (lambda city: minted(city, aud="another-service"), "TOKEN_INVALID"),
    "expired": (
        lambda city: city.site.authority.token(INSTITUTION, PERSON, utc_now(), timedelta(seconds=-1)),
        "TOKEN_EXPIRED",
    ),
    "another institution's": (lambda city: city.site.token("police", PERSON), "INSTITUTION_MISMATCH"),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_that_proves_nothing(city: City, case: str) -> None:
    make, reason = TOKENS[case]
    outcome = call(city, DESCRIBE, sharing_service_pb2.DescribeRequest(), token=make(city))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


def test_no_header_makes_an_identity(city: City) -> None:
    headers = (
        ("x-institution", "police"),
        ("x-forwarded-client-cert", "URI=urn:purpose-gateway:institution:police"),
        ("x-user", PERSON),
    )
    request = sharing_service_pb2.DescribeRequest()
    assert call(city, DESCRIBE, request, token=None, extra=headers).reason == "TOKEN_MISSING"
    twice = call(city, DESCRIBE, request, token=minted(city), extra=(("authorization", "Bearer x"),))
    assert twice.reason == "TOKEN_MISSING"


def extract_request() -> sharing_service_pb2.ExtractRequest:
    request = sharing_service_pb2.ExtractRequest(dataset="health_cases", disclosure="consented-study")
    request.context.purpose = "consented-case-study"
    return request


def release_request(epsilon: float) -> research_service_pb2.CreateReleaseRequest:
    request = research_service_pb2.CreateReleaseRequest(epsilon=epsilon)
    request.context.purpose = "academic-research"
    request.plan.dataset, request.plan.disclosure = "subsidies", "by-sector"
    request.plan.statistics.add().count.SetInParent()
    return request


def test_an_unknown_field_at_any_depth(city: City) -> None:
    unknown = b"\xfa\x3f\x12" + SECRET.encode()  # field 1023, 18 bytes
    request = extract_request()
    request.context.MergeFromString(unknown)
    for data in (extract_request().SerializeToString() + unknown, request):
        outcome = call(city, "SharingService/Extract", data, token=minted(city))
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_FIELD_UNKNOWN")


@pytest.mark.parametrize("epsilon", [math.nan, math.inf, -math.inf, 0.0, -1.0, 5e-324, 0.1234567, 1e9])
def test_a_privacy_loss_out_of_range_charges_nothing(city: City, epsilon: float) -> None:
    with city.connect(INSTITUTION, PERSON) as gateway:
        before = [item.spent_rho for item in gateway.budget("subsidies", "by-sector", purpose="academic-research")]
        outcome = call(city, "ResearchService/CreateRelease", release_request(epsilon), token=minted(city))
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "EPSILON_OUT_OF_RANGE")
        after = [item.spent_rho for item in gateway.budget("subsidies", "by-sector", purpose="academic-research")]
    assert before == after


def test_a_value_that_is_no_number(city: City) -> None:
    request = extract_request()
    condition = request.filters.add(field="community", operator=1)
    condition.values.add(double_value=math.nan)
    outcome = call(city, "SharingService/Extract", request, token=minted(city))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")


def test_a_text_with_a_nul(city: City) -> None:
    request = extract_request()
    request.filters.add(field="community", operator=1).values.add(string_value=f"{SECRET}\x00")
    outcome = call(city, "SharingService/Extract", request, token=minted(city))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")


def test_a_value_of_the_caller_s_is_not_quoted(city: City) -> None:
    request = extract_request()
    request.context.request_id = SECRET
    request.dataset = SECRET * 10
    outcome = call(city, "SharingService/Extract", request, token=minted(city))
    assert outcome.reason == "REQUEST_INVALID"


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x03abc"])
def test_bytes_that_are_no_message(city: City, data: bytes) -> None:
    outcome = call(city, "SharingService/Extract", data, token=minted(city))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")


def test_a_message_above_the_limit(city: City) -> None:
    request = extract_request()
    request.context.case_number = SECRET * 100_000
    outcome = call(city, "SharingService/Extract", request, token=minted(city))
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_no_purpose_is_no_request(city: City) -> None:
    request = extract_request()
    request.context.purpose = ""
    outcome = call(city, "SharingService/Extract", request, token=minted(city))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PURPOSE_MISSING")


def test_a_method_nobody_wrote(city: City) -> None:
    assert call(city, "SharingService/Dump", b"", token=minted(city)).code is grpc.StatusCode.UNIMPLEMENTED
