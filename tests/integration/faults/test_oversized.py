"""Requests a hundred times as large as may be: refused by every method, whatever part of them it is, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import protovalidate
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import gateway.api.v1 as api
from gateway.api.buf.validate import validate_pb2
from gateway.client.errors import from_call
from tests.integration.fixtures import City

INSTITUTION = "zju-research"
LARGEST = 262_144
"""Bytes of a request, as `server.max_request_bytes` has it by default."""
INVALID = ("REQUEST_INVALID", grpc.StatusCode.INVALID_ARGUMENT)


def methods() -> Iterator[MethodDescriptor]:
    """Every method of the API."""
    for file in sorted(Path(api.__path__[0]).glob("*_service_pb2.py")):
        module = import_module(f"{api.__name__}.{file.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


METHODS = {f"{one.containing_service.name}/{one.name}": one for one in methods()}


def most(field: FieldDescriptor) -> int:
    """How many items a list may have, or how long a text or bytes may be; 0 where nothing is said."""
    rules: Any = field.GetOptions().Extensions[validate_pb2.field]
    if field.is_repeated:
        return int(rules.repeated.max_items)
    if field.type == FieldDescriptor.TYPE_STRING:
        return int(rules.string.max_len or rules.string.max_bytes)
    return int(rules.bytes.max_len) if field.type == FieldDescriptor.TYPE_BYTES else 0


def item(field: FieldDescriptor, number: int) -> Any:
    """A small item of a list."""
    if field.message_type is not None:
        return GetMessageClass(field.message_type)()
    return f"a{number}" if field.type == FieldDescriptor.TYPE_STRING else number


def oversized(method: MethodDescriptor) -> Iterator[tuple[str, Message]]:
    """Requests of a method, each with one list or text a hundred times as long as it may be."""
    for field in method.input_type.fields:
        longest = most(field)
        if not longest:
            continue
        request = GetMessageClass(method.input_type)()
        if field.is_repeated:
            getattr(request, field.name).extend(item(field, number) for number in range(100 * longest))
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(request, field.name, "x" * (100 * longest))
        else:
            setattr(request, field.name, bytes(100 * longest))
        yield field.name, request


@pytest.fixture(scope="module")
def channel(city: City) -> Iterator[grpc.Channel]:
    folder = city.site.folder
    key, certificate, ca = (
        (folder / name).read_bytes() for name in (f"{INSTITUTION}.key", f"{INSTITUTION}.pem", "ca.pem")
    )
    with grpc.secure_channel(city.site.target, grpc.ssl_channel_credentials(ca, key, certificate)) as made:
        yield made


def refusal(city: City, channel: grpc.Channel, method: MethodDescriptor, data: bytes) -> tuple[Any, str]:
    """How a method refuses these bytes: reason and status, and the fields it names."""
    ask: Any = channel.stream_stream(f"/{method.containing_service.full_name}/{method.name}", None, None)
    call = ask(iter([data]), metadata=[("authorization", f"Bearer {city.site.token(INSTITUTION)}")], timeout=30)
    with pytest.raises(grpc.RpcError):
        list(call)
    error = from_call(call)
    return (error.reason, call.code()), " ".join(field for field, _ in error.violations)


@pytest.mark.parametrize("name", METHODS)
def test_a_message_that_is_too_large(city: City, channel: grpc.Channel, name: str, prove: bool) -> None:
    first = next(one for one in METHODS if one.partition("/")[0] == name.partition("/")[0])
    times = 100 if prove or name == first else 3
    (_, status), _ = refusal(city, channel, METHODS[name], bytes(times * LARGEST))
    assert status in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.PERMISSION_DENIED), status


@pytest.mark.parametrize("name", [name for name, one in METHODS.items() if any(oversized(one))])
def test_a_part_a_hundred_times_too_long(city: City, channel: grpc.Channel, name: str) -> None:
    for field, request in oversized(METHODS[name]):
        data = request.SerializeToString()
        told, fields = refusal(city, channel, METHODS[name], data)
        if len(data) > LARGEST:
            assert told[1] is grpc.StatusCode.RESOURCE_EXHAUSTED, field
        else:
            # the gateway names the first rule that is broken; that this part breaks one, its rules tell
            rules = (one.proto.field for one in protovalidate.collect_violations(request))
            broken = [part.field_name for rule in rules if rule is not None for part in rule.elements]
            assert told == INVALID and field in broken and fields, (field, told, broken)
    assert city.site.alive()
