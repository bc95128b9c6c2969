"""A department's own service over TLS with client certificates, whose answers a test writes byte by byte."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

from gateway.adapters.dev_ca import DevelopmentAuthority
from gateway.adapters.upstream.calls import Connection
from gateway.adapters.upstream.descriptors import read_descriptors
from gateway.adapters.upstream.source import Service, UpstreamSource
from tests.integration.site import utc_now

HERE = Path(__file__).parent
PACKAGE = "city.health.v1"
REGISTRY = f"{PACKAGE}.CodeRegistry"

Answer = Callable[[bytes, grpc.ServicerContext], Iterable[bytes]]


def _folder_of(module: str) -> Path:
    found = importlib.util.find_spec(module)
    assert found is not None and found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations)))


@lru_cache
def described(text: str = "") -> bytes:
    """The descriptor set of the department's file, or of another text in its place."""
    with TemporaryDirectory() as scratch:
        file = Path(scratch, "codes.proto")
        file.write_text(text or (HERE / "codes.proto").read_text())
        out = Path(scratch, "set.binpb")
        includes = [scratch, str(_folder_of("grpc_tools") / "_proto"), str(_folder_of("google.type").parents[1])]
        code = protoc.main(
            ["protoc", *(f"-I{one}" for one in includes), f"--descriptor_set_out={out}", "--include_imports", str(file)]
        )
        assert code == 0
        return out.read_bytes()


def file_with(old: str, new: str) -> str:
    """The department's file with another text in one place."""
    text = (HERE / "codes.proto").read_text()
    assert text.count(old) == 1
    return text.replace(old, new)


@lru_cache
def pool() -> DescriptorPool:
    """What the department's file describes."""
    return read_descriptors(described())


def message(name: str, **fields: Any) -> Any:
    """A message of the department's."""
    return GetMessageClass(pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))(**fields)


def code(number: str, **fields: Any) -> Any:
    """A record."""
    return message("Code", person={"number": number, "name": f"name of {number}"}, **fields)


def listed(codes: Iterable[Any]) -> bytes:
    """One response that lists records."""
    return bytes(message("ListCodesResponse", codes=list(codes)).SerializeToString())


@dataclass
class Department:
    """A running service. `answers` are by method; `asked` are the requests, `ended` the streams that are over."""

    port: int
    authority: DevelopmentAuthority
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    server: Any = None

    def connection(self, **limits: Any) -> Connection:
        """How the gateway reaches it."""
        mine = self.authority.client("gateway", utc_now())
        return Connection(
            f"localhost:{self.port}", self.authority.ca_pem, mine.certificate_pem, mine.private_key_pem, **limits
        )

    @contextmanager
    def source(self, descriptors: bytes = b"", **limits: Any) -> Iterator[UpstreamSource]:
        """A source over it."""
        service = Service(self.connection(**limits), descriptors or described())
        with closing(UpstreamSource({"health": service})) as source:
            yield source

    def lists(self, codes: Iterable[Any]) -> None:
        """Have all methods give these records, in responses of ten, whatever is asked."""
        parts = list(codes)
        self.answers["ListCodes"] = lambda _, __: [listed(parts[at : at + 10]) for at in range(0, len(parts), 10)]
        self.answers["GetCodes"] = lambda _, __: [message("GetCodesResponse", codes=parts).SerializeToString()]


@contextmanager
def department(port: int = 0, authority: DevelopmentAuthority | None = None) -> Iterator[Department]:
    """Run a department's service on loopback."""
    made = Department(port, authority or DevelopmentAuthority(utc_now()))
    made.server = server = grpc.server(
        ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)]
    )
    service = pool().FindServiceByName(REGISTRY)

    def streamed(name: str) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
        def handle(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            made.asked.append((name, request))
            context.add_callback(lambda: made.ended.append(name))
            yield from made.answers[name](request, context)

        return handle

    def single(name: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            made.asked.append((name, request))
            return next(iter(made.answers[name](request, context)))

        return handle

    handlers = {
        method.name: grpc.unary_stream_rpc_method_handler(streamed(method.name))
        if method.server_streaming
        else grpc.unary_unary_rpc_method_handler(single(method.name))
        for method in service.methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(REGISTRY, handlers),))
    own = made.authority.server(utc_now())
    credentials = grpc.ssl_server_credentials(
        [(own.private_key_pem, own.certificate_pem)], made.authority.ca_pem, require_client_auth=True
    )
    made.port = server.add_secure_port(f"localhost:{port}", credentials)
    server.start()
    try:
        yield made
    finally:
        server.stop(0).wait()
