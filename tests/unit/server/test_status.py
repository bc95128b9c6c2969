"""Every reason has one meaning on the wire, in the proto, and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from gateway.api.v1 import error_reason_pb2, nearest_request_pb2
from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation, NearestRequest
from gateway.server.problem import Asked, Problem
from gateway.server.reasons import MEANINGS
from gateway.server.status import anchor, to_status

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")


def test_model_and_proto_have_the_same_reasons() -> None:
    declared: list[str] = error_reason_pb2.ErrorReason.keys()
    names = {name.removeprefix("ERROR_REASON_") for name in declared}
    assert names - {"UNSPECIFIED"} == {reason.value for reason in ErrorReason}
    assert all(reason.name == reason.value for reason in ErrorReason)


@pytest.mark.parametrize("reason", ErrorReason)
def test_each_reason_has_a_status_and_texts_in_two_languages(reason: ErrorReason) -> None:
    meaning = MEANINGS[reason]
    assert meaning.code not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN)
    assert meaning.en.isascii() and meaning.en.endswith(".")
    assert re.search(r"[\u4e00-\u9fff]", meaning.zh)


@pytest.mark.parametrize("reason", ErrorReason)
def test_each_reason_is_documented_with_its_status(reason: ErrorReason) -> None:
    section = re.search(rf"^### {reason.value}\n(.*?)(?=^#|\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert section is not None
    body = section.group(1)
    assert f"Status: {MEANINGS[reason].code.name}" in body
    assert "Remedy:" in body
    assert f'<a id="{anchor(reason)}"></a>' in body


def test_the_reference_names_no_other_reasons() -> None:
    documented = set(re.findall(r"^### ([A-Z_]+)$", REFERENCE, re.MULTILINE))
    assert documented == {reason.value for reason in ErrorReason}


def test_the_statuses_are_those_the_proto_states() -> None:
    """Each section of error_reason.proto states a status; an entry that differs states its own."""
    text = (ROOT / "proto/gateway/api/v1/error_reason.proto").read_text(encoding="utf-8")
    section, own = "", ""
    for line in text.splitlines():
        if match := re.search(r"--- .* Status ([A-Z_]+)\. ---", line):
            section = match.group(1)
        elif "---" in line:
            section = "INTERNAL"
        elif match := re.search(r"Status ([A-Z_]+)\.", line):
            own = match.group(1)
        elif match := re.search(r"ERROR_REASON_([A-Z_]+) = [1-9]", line):
            assert MEANINGS[ErrorReason(match.group(1))].code.name == (own or section), match.group(1)
            own = ""


def test_a_refusal_carries_its_details_typed() -> None:
    status = to_status(
        Problem(
            ErrorReason.FIELD_NOT_GRANTED,
            violations=(FieldViolation("fields[1]", "is not part of this disclosure"),),
            nearest=NearestRequest(fields=("colour",)),
            asked=Asked("epidemic-control", "health_codes", "colour-check", "hangzhou"),
            receipt_id="00000000000000000007",
            policy_digest="ab",
        ),
        ("zh",),
    )
    info, nearest = error_details_pb2.ErrorInfo(), nearest_request_pb2.NearestRequest()
    bad, localized, help_ = (
        error_details_pb2.BadRequest(),
        error_details_pb2.LocalizedMessage(),
        error_details_pb2.Help(),
    )
    for packed, message in zip(status.details, (info, nearest, bad, localized, help_), strict=True):
        assert packed.Unpack(message)
    assert status.code == grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert (info.reason, info.domain) == ("FIELD_NOT_GRANTED", "purpose-gateway")
    assert dict(info.metadata) == {"receipt_id": "00000000000000000007", "policy_digest": "ab"}
    assert nearest == nearest_request_pb2.NearestRequest(
        purpose="epidemic-control",
        dataset="health_codes",
        disclosure="colour-check",
        region="hangzhou",
        fields=["colour"],
    )
    assert bad.field_violations[0].field == "fields[1]"
    assert localized.locale == "zh-CN" and localized.message == MEANINGS[ErrorReason.FIELD_NOT_GRANTED].zh
    assert help_.links[0].url.endswith("#field-not-granted")


def test_a_long_nearest_request_never_pushes_the_reason_out() -> None:
    fields = tuple(f"a_field_with_a_long_name_{number:03}" * 2 for number in range(256))
    status = to_status(Problem(ErrorReason.FIELD_NOT_GRANTED, nearest=NearestRequest(fields=fields)))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info) and info.reason == "FIELD_NOT_GRANTED"
    assert status.ByteSize() < 5000
