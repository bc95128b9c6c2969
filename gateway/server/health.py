"""The standard health service, `grpc.health.v1`: Check alone.

Check reads no more than a name, holds nothing, and is never counted among the calls, so it answers however busy the
gateway is. Watch is not offered: each would be a stream without end, open to callers without an institution.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from gateway.server.call import Context, receive

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_PATIENCE = 5.0


class Health:
    """Whether the gateway and each of its services serve: all or none."""

    def __init__(self, services: Iterable[str]) -> None:
        """Take the full names of the services; "" is the gateway as a whole."""
        self._services = frozenset(services) | {""}
        self.serving = False

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """Return the gRPC handler."""
        check = grpc.stream_unary_rpc_method_handler(
            self._check, None, health_pb2.HealthCheckResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE_NAME, {"Check": check})

    async def _check(self, _: object, context: Context) -> health_pb2.HealthCheckResponse:
        name = _name(await receive(context, _PATIENCE))
        if name not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service.")
        serving, ended = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=serving if self.serving else ended)


def _name(data: bytes | None) -> str | None:
    try:
        return None if data is None else str(health_pb2.HealthCheckRequest.FromString(data).service)
    except DecodeError:
        return None
