"""The one wrapper around every call: parse, check, run in a worker thread, answer or explain, observe.

Handlers are synchronous and return values; nothing but this module awaits. A streaming handler is pulled one
message ahead of what the transport has taken, so a slow caller slows the pipeline and never fills the memory.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation
from gateway.server.observation import CANCELLED, OK, Observer
from gateway.server.peer import languages_of, peer_of
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.rules import problem_of
from gateway.server.status import to_status

Wire = Message | bytes
"""A response message, or its bytes."""

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """The one answer of a unary call. `institution` is for the log, where the handler learned it."""

    message: Message
    institution: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that may be sent. `close` ends it early; it is called once the call is over, however it ended."""

    messages: Iterator[Wire]
    close: Callable[[], None]
    institution: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """A handler: `run` takes the peer and the checked request. `slow` ones wait, and get their own threads."""

    run: Callable[[Peer, Any], Reply | Opened | Problem]
    streams: bool = False
    slow: bool = False


class Session:
    """The synchronous side of one stream: opened, pulled and closed by worker threads, one at a time."""

    def __init__(self, opening: Callable[[], Reply | Opened | Problem]) -> None:
        self._opening = opening
        self._lock = threading.Lock()
        self._closed = False
        self._opened: Opened | None = None

    def open(self) -> Problem | None:
        """Open the stream; return the problem if there is none to be had."""
        with self._lock:
            if self._closed:
                return None
            outcome = self._opening()
            if isinstance(outcome, Problem):
                return outcome
            if not isinstance(outcome, Opened):
                raise Fault(ErrorReason.INTERNAL)
            self._opened = outcome
            return None

    def pull(self) -> Wire | None:
        """Return the next message, or None after the last."""
        with self._lock:
            if self._closed or self._opened is None:
                return None
            return next(self._opened.messages, None)

    def close(self) -> None:
        """End the stream, after a pull under way has ended. May be called again."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()

    @property
    def institution(self) -> str:
        """The verified institution, once the stream is open."""
        return "" if self._opened is None else self._opened.institution


class Edge:
    """Turns handlers into gRPC methods."""

    def __init__(self, quick: Executor, slow: Executor, observer: Observer) -> None:
        self._quick = quick
        self._slow = slow
        self._observer = observer
        self._sessions: set[Session] = set()  # touched in the event loop alone, until it is over

    def service(self, descriptor: ServiceDescriptor, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler[Any, Any]:
        """Return the gRPC handler of a service.

        Raises:
            ValueError: unless `methods` names every method of the service and nothing else, each of its kind.
        """
        declared = {method.name: method for method in descriptor.methods}
        if declared.keys() != methods.keys():
            raise ValueError(f"the handlers of {descriptor.full_name} are not its methods")
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for name, method in methods.items():
            if declared[name].server_streaming != method.streams:
                raise ValueError(f"{descriptor.full_name}.{name} streams, or does not")
            parse = _parser(GetMessageClass(declared[name].input_type))
            label = f"{descriptor.name}/{name}"
            handlers[name] = (
                grpc.unary_stream_rpc_method_handler(self._streaming(label, method), parse, _serialize)
                if method.streams
                else grpc.unary_unary_rpc_method_handler(self._unary(label, method), parse, _serialize)
            )
        return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)

    def _unary(self, label: str, method: Method) -> Callable[..., Any]:
        async def call(request: Message | None, context: Context) -> Message:
            watch = _Watch(self._observer, label)
            try:
                outcome = _reject(request)
                if outcome is None:
                    outcome = await self._run(method, label, lambda: method.run(_peer(context), request))
                if isinstance(outcome, Reply):
                    watch.end(OK, OK, outcome.institution)
                    return outcome.message
                if not isinstance(outcome, Problem):
                    outcome = Problem(ErrorReason.INTERNAL)
                await _abort(context, outcome, watch)
                raise AssertionError("unreachable: abort raises")
            finally:
                watch.end(CANCELLED, CANCELLED, "")

        return call

    def _streaming(self, label: str, method: Method) -> Callable[..., Any]:
        async def call(request: Message | None, context: Context) -> AsyncIterator[Wire]:
            watch = _Watch(self._observer, label)
            session = Session(lambda: method.run(_peer(context), request))
            try:
                problem: Problem | None = _reject(request)
                if problem is None:
                    # also when the caller cancels, or goes silent past the deadline
                    self._sessions.add(session)
                    over: Any = partial(self._close, session, label)
                    context.add_done_callback(over)
                    problem = await self._run(method, label, session.open)
                if problem is not None:
                    await _abort(context, problem, watch)
                ahead = self._start(method, label, session.pull)
                while True:
                    step = await ahead
                    if isinstance(step, Problem):
                        await _abort(context, step, watch, session.institution)
                    if step is None:
                        break
                    ahead = self._start(method, label, session.pull)
                    yield step
                watch.end(OK, OK, session.institution)
            finally:
                watch.end(CANCELLED, CANCELLED, session.institution)

        return call

    def _close(self, session: Session, label: str, _: Context) -> None:
        # after `end`, which has closed it, the session is not there any more
        if session in self._sessions:
            self._sessions.discard(session)
            self._quick.submit(self._guard, label, session.close)

    def end(self) -> None:
        """Close every stream that is still open, so that its end is on record before the worker threads go.

        For after the server has stopped: gRPC tells of the end of a call it cut off only some time later.
        """
        remaining, self._sessions = self._sessions, set()
        for session in remaining:
            self._guard("shutdown", session.close)

    async def _run(self, method: Method, label: str, work: Callable[[], Any]) -> Any:
        return await self._start(method, label, work)

    def _start(self, method: Method, label: str, work: Callable[[], Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._slow if method.slow else self._quick, self._guard, label, work)

    def _guard(self, label: str, work: Callable[[], Any]) -> Any:
        """Run `work` in this worker thread; every exception becomes a problem that tells nothing but its reason."""
        try:
            return work()
        except NotWellFormed as refused:
            return refused.problem
        except Fault as fault:
            return Problem(fault.reason)
        except Exception as error:
            self._observer.fault(label, error)
            return Problem(ErrorReason.INTERNAL)


class _Watch:
    """Observes one call; the first end counts."""

    def __init__(self, observer: Observer, label: str) -> None:
        self._observer = observer
        self._label = label
        self._start = time.monotonic()
        self._ended = False
        observer.began(label)

    def end(self, status: str, reason: str, institution: str) -> None:
        if not self._ended:
            self._ended = True
            seconds = time.monotonic() - self._start
            self._observer.ended(self._label, status, reason, seconds, institution)


_MALFORMED = Problem(
    ErrorReason.REQUEST_INVALID, violations=(FieldViolation("", "the bytes are not a message of this type"),)
)


def _reject(request: Message | None) -> Problem | None:
    return _MALFORMED if request is None else problem_of(request)


def _peer(context: Context) -> Peer:
    return peer_of(context.auth_context(), _metadata(context))


def _metadata(context: Context) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in context.invocation_metadata() or ()]


async def _abort(context: Context, problem: Problem, watch: _Watch, institution: str = "") -> None:
    status = rpc_status.to_status(to_status(problem, languages_of(_metadata(context))))
    watch.end(status.code.name, problem.reason.value, problem.institution or institution)
    await context.abort(status.code, status.details, status.trailing_metadata)


def _parser(message: type[Message]) -> Callable[[bytes], Message | None]:
    def parse(data: bytes) -> Message | None:
        try:
            return message.FromString(data)
        except DecodeError:
            return None  # an exception here would reach the log of grpc with a stack, and the caller as INTERNAL

    return parse


def _serialize(message: Wire) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()
