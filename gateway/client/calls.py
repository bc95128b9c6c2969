"""One call: metadata, deadline, and a bounded number of retries where a retry is safe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import grpc

from gateway.client.errors import GatewayError, GatewayFailed, Unavailable, came_from_gateway, from_call
from gateway.client.tls import Pems, diagnose

Token = str | Callable[[], str]
"""A bearer token, or what gives one that holds now."""

Request = TypeVar("Request")
Response = TypeVar("Response")

_TRIES = 4
_FIRST_PAUSE = 0.1
_UNFINISHED = "RELEASE_FAILED"


class Caller:
    """Makes calls as one person of one institution."""

    def __init__(self, address: str, pems: Pems, token: Token, language: str, timeout: float) -> None:
        self._address = address
        self._pems = pems
        self._token = token
        self._language = language
        self.timeout = timeout

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a call: the token, and the language of messages."""
        token = self._token if isinstance(self._token, str) else self._token()
        return (("authorization", f"Bearer {token}"), ("accept-language", self._language))

    def once(self, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
        """Call once.

        Raises:
            GatewayError: typed by what went wrong.
        """
        try:
            response: Response = method(request, timeout=self.timeout, metadata=self.metadata())
        except grpc.RpcError as error:
            raise self.explain(from_call(error)) from error
        return response

    def retried(self, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
        """Call, and again up to three times while the gateway is unavailable, or has not finished a release.

        For calls that disclose no rows, and for those that carry a request_id, under which they charge and take once.

        Raises:
            GatewayError: typed by what went wrong the last time.
        """
        pause = _FIRST_PAUSE
        for _ in range(_TRIES - 1):
            try:
                return self.once(method, request)
            except (Unavailable, GatewayFailed) as error:
                if isinstance(error, GatewayFailed) and error.reason != _UNFINISHED:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause *= 2
        return self.once(method, request)

    def explain(self, error: GatewayError) -> GatewayError:
        """Return the error of a failed handshake in place of the bare UNAVAILABLE that gRPC makes of it."""
        if isinstance(error, Unavailable) and not came_from_gateway(error):
            return diagnose(self._address, self._pems) or error
        return error
