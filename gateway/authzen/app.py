"""The HTTP side: who calls, how much and for how long, and what each outcome becomes in HTTP.

As on gRPC the caller is asked for first, before a byte of the body is read; a place is taken for as long as the
request lasts; and what decides runs in worker threads, never in the event loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.authzen.answer import Decision, decision_of, fault
from gateway.authzen.document import NotAQuestion, read_object
from gateway.authzen.evaluations import Decide, evaluation, evaluations
from gateway.authzen.question import question_of
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.pipeline import Ports, evaluate
from gateway.server.admission import Admission
from gateway.server.observation import CANCELLED, OK, Observer
from gateway.server.peer import peer_of

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
CONFIGURATION = "/.well-known/authzen-configuration"

Answering = Callable[[Mapping[str, Any], Decide], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest body in bytes, and the seconds within which it must have arrived."""

    max_request_bytes: int = 256 << 10
    request_seconds: float = 10.0


class DecisionPoint:
    """The endpoints of a policy decision point over the pipeline."""

    def __init__(
        self, url: str, ports: Ports, admission: Admission, workers: Executor, observer: Observer, limits: Limits
    ) -> None:
        """Take the base URL that others know it by, such as "https://gateway.example:8444"."""
        self._url = url
        self._ports = ports
        self._admission = admission
        self._workers = workers
        self._observer = observer
        self._limits = limits

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        app = Starlette(
            routes=[
                Route(EVALUATION, self._endpoint("AuthZEN/evaluation", evaluation), methods=["POST"]),
                Route(EVALUATIONS, self._endpoint("AuthZEN/evaluations", evaluations), methods=["POST"]),
                Route(CONFIGURATION, self._configuration, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _elsewhere},
        )
        app.router.redirect_slashes = False  # a redirect would be built from the Host header
        return app

    async def _configuration(self, request: Request) -> Response:
        """Where the endpoints are. A certificate is enough to ask: TLS demands one, and this is no secret."""
        found = {
            "policy_decision_point": self._url,
            "access_evaluation_endpoint": self._url + EVALUATION,
            "access_evaluations_endpoint": self._url + EVALUATIONS,
        }
        response = _json(request, found)
        response.headers["cache-control"] = "max-age=3600"
        return response

    def _endpoint(self, label: str, answering: Answering) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            call = _Call(self._observer, label)
            try:
                return _json(request, await self._answer(request, answering, call))
            except NotAQuestion as error:
                call.end(error.status.name)
                return _error(request, error)
            except Fault as found:
                return self._faulty(request, call, found.reason)
            except Exception as unexpected:
                # its text may hold values: only its type and place are told, and to operators alone
                self._observer.fault(label, unexpected)
                return self._faulty(request, call, ErrorReason.INTERNAL)
            finally:
                call.end(CANCELLED, CANCELLED)

        return endpoint

    def _faulty(self, request: Request, call: _Call, reason: ErrorReason) -> Response:
        error = fault(reason)
        call.end(error.status.name, reason)
        return _error(request, error)

    async def _answer(self, request: Request, answering: Answering, call: _Call) -> dict[str, Any]:
        peer = _peer(request)
        admitted = self._admission.enter(peer, release=False)
        call.institution = admitted.institution
        try:
            _see_type(request)
            body = await self._receive(request)
            work = partial(self._decide_all, body, answering, peer, admitted.institution, call.label)
            answer = await asyncio.get_running_loop().run_in_executor(self._workers, work)
        finally:
            admitted.leave()
        call.end(OK, answer.get("context", {}).get("reason", OK))
        return answer

    async def _receive(self, request: Request) -> bytes:
        """Return the body, whole; no more is kept of it than the limit.

        Raises:
            NotAQuestion: 413 for more, 408 for one that takes longer, 400 for one that ends early.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._limits.max_request_bytes:
                        raise NotAQuestion(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
        except TimeoutError:
            raise NotAQuestion(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.") from None
        except ClientDisconnect:
            raise NotAQuestion(HTTPStatus.BAD_REQUEST, "The body ended early.") from None
        return bytes(body)

    def _decide_all(
        self, body: bytes, answering: Answering, peer: Peer, institution: str, label: str
    ) -> dict[str, Any]:
        """Read, decide and answer, in a worker thread."""
        return answering(read_object(body), partial(self._decide, peer, institution, label))

    def _decide(self, peer: Peer, institution: str, label: str, asked: object) -> Decision:
        try:
            question = question_of(asked, institution, self._ports.policy.current().contracts)
            return decision_of(evaluate(self._ports, peer, question))
        except NotAQuestion:
            raise
        except Fault as found:
            raise fault(found.reason) from None
        except Exception as unexpected:
            self._observer.fault(label, unexpected)
            raise fault(ErrorReason.INTERNAL) from None


class _Call:
    """Observes one call; the first end counts."""

    def __init__(self, observer: Observer, label: str) -> None:
        self.institution = ""
        self.label = label
        self._observer = observer
        self._start = time.monotonic()
        self._ended = False
        observer.began(label)

    def end(self, status: str, reason: str = "") -> None:
        if not self._ended:
            self._ended = True
            seconds = time.monotonic() - self._start
            self._observer.ended(self.label, status, reason or status, seconds, self.institution)


def _peer(request: Request) -> Peer:
    """Return who calls, from the TLS handshake and the authorization header, read as the gRPC edge reads them."""
    chain = request.scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return peer_of({"x509_pem_cert": [pem.encode("ascii") for pem in chain]}, request.headers.items())


def _see_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise NotAQuestion(HTTPStatus.BAD_REQUEST, "The Content-Type must be application/json.")


def _json(request: Request, value: Mapping[str, Any]) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Response(body, headers=_identified(request), media_type="application/json")


def _error(request: Request, error: NotAQuestion) -> Response:
    headers = _identified(request)
    if error.status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="purpose-gateway"'
    return Response(error.message, error.status, headers, media_type="text/plain")


async def _elsewhere(request: Request, error: Exception) -> Response:
    """Answer a path or a method that is none of ours: an `HTTPException`, since it is registered for no other."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    response = _error(request, NotAQuestion(status, f"{status.phrase}."))
    allowed = (error.headers or {}).get("Allow")
    if allowed:
        response.headers["allow"] = allowed
    return response


def _identified(request: Request) -> dict[str, str]:
    """Return the caller's request identifier for the answer, as it came: the standard demands the same one."""
    given = request.headers.get("x-request-id")
    return {} if given is None else {"x-request-id": given}
