"""The one wrapper around every call: admit, receive, check and run in a worker thread, answer or explain, observe.

Handlers are synchronous and return values: what awaits in a call is here. A streaming handler is pulled one
message ahead of what the transport has taken, so a slow caller slows the pipeline and never fills the memory.

Every method is registered as one that receives a stream. On the wire that is the same, and it lets the wrapper ask for
the one request itself: once the caller is admitted, and no longer than its patience. Of a method that takes an upload
it reads all messages, within bounds, once the method's own check has let the caller in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation
from gateway.server.admission import Admission, Admitted
from gateway.server.method import Method, Opened, Pause, Reply, Wire
from gateway.server.observation import CANCELLED, OK, Observer
from gateway.server.peer import languages_of, peer_of
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.rules import request_of
from gateway.server.session import Session, pauses
from gateway.server.status import to_status
from gateway.server.upload import checked, receive_upload

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the edge waits for a message to arrive, for one of a stream to be taken, and for a whole upload."""

    request: float = 10.0
    message: float = 60.0
    upload: float = 60.0


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads that calls run in. Neither who reads whole tables nor who waits for a slot keeps a lookup waiting."""

    quick: Executor
    streams: Executor
    slow: Executor

    def of(self, method: Method) -> Executor:
        """Return those of a method."""
        if method.release:
            return self.slow
        return self.streams if method.streams else self.quick


class Edge:
    """Turns handlers into gRPC methods."""

    def __init__(self, admission: Admission, threads: Threads, observer: Observer, patience: Patience) -> None:
        self._admission = admission
        self._threads = threads
        self._observer = observer
        self._patience = patience
        self._sessions: set[Session] = set()  # touched in the event loop alone, until it is over
        self._endings: set[asyncio.Task[None]] = set()

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
            if declared[name].client_streaming != (method.uploads is not None):
                raise ValueError(f"{descriptor.full_name}.{name} takes an upload, or does not")
            kind = GetMessageClass(declared[name].input_type)
            label = f"{descriptor.name}/{name}"
            handlers[name] = (
                grpc.stream_stream_rpc_method_handler(self._streaming(label, method, kind), None, _serialize)
                if method.streams
                else grpc.stream_unary_rpc_method_handler(self._unary(label, method, kind), None, _serialize)
            )
        return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)

    def _unary(self, label: str, method: Method, kind: type[Message]) -> Callable[..., Any]:
        async def call(_: object, context: Context) -> Message:
            watch = _Watch(self._observer, label)
            try:
                opening = await self._admit(label, method, kind, context, watch)
                outcome = await self._start(method, label, opening)
                if isinstance(outcome, Reply):
                    watch.end(OK, OK)
                    return outcome.message
                if not isinstance(outcome, Problem):
                    outcome = Problem(ErrorReason.INTERNAL)
                await _abort(context, outcome, watch)
                raise AssertionError("unreachable: abort raises")
            finally:
                watch.end(CANCELLED, CANCELLED)

        return call

    def _streaming(self, label: str, method: Method, kind: type[Message]) -> Callable[..., Any]:
        async def call(_: object, context: Context) -> AsyncIterator[Wire]:
            watch = _Watch(self._observer, label)
            try:
                session = Session(await self._admit(label, method, kind, context, watch))
                # also when the caller cancels, or goes silent past the deadline
                self._sessions.add(session)
                over: Any = partial(self._close, session, label)
                context.add_done_callback(over)
                problem = await self._start(method, label, session.open)
                if problem is not None:
                    await _abort(context, problem, watch)
                ahead = self._start(method, label, session.pull)
                while True:
                    step = await ahead
                    if isinstance(step, Problem):
                        await _abort(context, step, watch)
                    if step is None:
                        break
                    if isinstance(step, Pause):
                        await asyncio.sleep(step.seconds)
                        ahead = self._start(method, label, session.pull)
                        continue
                    ahead = self._start(method, label, session.pull)
                    with self._unless_taken(context, over, watch):
                        yield step
                watch.end(OK, OK)
            finally:
                watch.end(CANCELLED, CANCELLED)

        return call

    async def _admit(
        self, label: str, method: Method, kind: type[Message], context: Context, watch: _Watch
    ) -> Callable[[], Reply | Opened | Problem]:
        """Let the caller in and receive the request; return the work to do, or abort the call.

        The place of the call is free again once its answer, all of it, was taken by the transport.
        """
        peer = peer_of(context.auth_context(), _metadata(context))
        uploads = method.uploads is not None
        admitted = self._guard(label, partial(self._admission.enter, peer, release=method.release, upload=uploads))
        if not isinstance(admitted, Admitted):
            await _abort(context, admitted, watch)
        watch.admitted = admitted
        over: Any = watch.over
        context.add_done_callback(over)
        if method.uploads is None:
            data = await receive(context, self._patience.request)
            if data is None:
                await _abort(context, _NOTHING, watch)
            return partial(_answer, method, peer, kind, data)
        problem = await self._start(method, label, partial(method.uploads, peer))
        if isinstance(problem, Problem):
            await _abort(context, problem, watch)
        opens = None
        if method.opens is not None:
            opens = partial(self._opens, method, label, peer, kind)
        patience = self._patience
        parts = await receive_upload(context.read, patience.request, patience.upload, method.bounds, opens)
        if isinstance(parts, Problem):
            await _abort(context, parts, watch)
        return partial(method.run, peer, checked(kind, parts))

    @contextmanager
    def _unless_taken(self, context: Context, close: Callable[[Context], None], watch: _Watch) -> Iterator[None]:
        """Give the stream up if the transport has not taken the message within the patience.

        Nobody reads then: the task that waits for it is cancelled, and the status goes behind what is still unread.
        The call keeps its place until that was taken, so unread messages cannot pile up.
        """
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def give_up() -> None:
            watch.stalled = True
            task.cancel()
            close(context)
            ending = loop.create_task(_end(context, watch))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

        timer = loop.call_later(self._patience.message, give_up)
        try:
            yield
        finally:
            timer.cancel()

    def _close(self, session: Session, label: str, _: Context) -> None:
        # after `end`, which has closed it, the session is not there any more
        if session in self._sessions:
            self._sessions.discard(session)
            self._threads.streams.submit(self._guard, label, session.close)
            self._interrupt(session, pauses())

    def _interrupt(self, session: Session, again: Iterator[float]) -> None:
        """Interrupt what is at work for a session, and once more after each pause until the session is closed."""
        if not session.closed:
            session.interrupt()
            asyncio.get_running_loop().call_later(next(again), self._interrupt, session, again)

    def end(self) -> None:
        """Close every stream that is still open, so that its end is on record before the worker threads go.

        For after the server has stopped: gRPC tells of the end of a call it cut off only some time later.
        """
        remaining, self._sessions = self._sessions, set()
        for session in remaining:
            session.interrupt()
        for session in remaining:
            self._guard("shutdown", session.end)

    def _start(self, method: Method, label: str, work: Callable[[], Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads.of(method), self._guard, label, work)

    def _opens(
        self, method: Method, label: str, peer: Peer, kind: type[Message], data: bytes
    ) -> asyncio.Future[Problem | None]:
        return self._start(method, label, partial(_wrong_at_first, method, peer, kind, data))

    def _guard(self, label: str, work: Callable[[], Any]) -> Any:
        """Run `work` where this is called; every exception becomes a problem that tells nothing but its reason."""
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
    """Observes one call; the first end counts. `admitted` is set once it has a place."""

    def __init__(self, observer: Observer, label: str) -> None:
        self.admitted: Admitted | None = None
        self.stalled = False
        self._observer = observer
        self._label = label
        self._start = time.monotonic()
        self._ended = False
        observer.began(label)

    def end(self, status: str, reason: str) -> None:
        if not self._ended:
            self._ended = True
            seconds = time.monotonic() - self._start
            institution = "" if self.admitted is None else self.admitted.institution
            self._observer.ended(self._label, status, reason, seconds, institution)

    def over(self, _: Context) -> None:
        """The task of the call has ended: with a stalled stream, the call has not."""
        if not self.stalled:
            self.leave()

    def leave(self) -> None:
        """Give the place of the call back."""
        if self.admitted is not None:
            self.admitted.leave()


_NOTHING = Problem(ErrorReason.REQUEST_INVALID, violations=(FieldViolation("", "did not arrive in time"),))


async def receive(context: Context, patience: float) -> bytes | None:
    """Return the bytes of the one request of a call; None if they do not arrive within `patience` seconds."""
    try:
        received = await asyncio.wait_for(context.read(), patience)
    except TimeoutError:
        return None
    return received if isinstance(received, bytes) else None  # or the end of a stream that brought nothing


def _wrong_at_first(method: Method, peer: Peer, kind: type[Message], data: bytes) -> Problem | None:
    request = request_of(kind, data)
    if isinstance(request, Problem):
        return request
    return None if method.opens is None else method.opens(peer, request)


def _answer(method: Method, peer: Peer, kind: type[Message], data: bytes) -> Reply | Opened | Problem:
    """Read, check and answer a request, in a worker thread."""
    request = request_of(kind, data)
    return request if isinstance(request, Problem) else method.run(peer, request)


def _metadata(context: Context) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in context.invocation_metadata() or ()]


async def _abort(context: Context, problem: Problem, watch: _Watch) -> NoReturn:
    status = rpc_status.to_status(to_status(problem, languages_of(_metadata(context))))
    watch.end(status.code.name, problem.reason.value)
    await context.abort(status.code, status.details, status.trailing_metadata)


async def _end(context: Context, watch: _Watch) -> None:
    """End a stalled stream: the status is sent once what is before it was taken, or the connection is gone."""
    try:
        with suppress(grpc.aio.AbortError, grpc.aio.UsageError, grpc.aio.InternalError):
            await _abort(context, Problem(ErrorReason.CAP_EXCEEDED), watch)
    finally:
        watch.leave()


def _serialize(message: Wire) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()
