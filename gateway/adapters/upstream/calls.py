"""Calls to a service: a channel with certificates on both sides, bounded messages, and no call that waits for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from gateway.adapters.upstream.agreement import Method
from gateway.model.errors import ErrorReason, Fault
from gateway.ports.interruption import failure, interruptible

_ATTEMPTS = 3
_FIRST_PAUSE = 0.05
_LOOKAHEAD = 65_536
"""Bytes that a stream may be ahead of who reads it, beside the message that is being read."""

_OF_THE_SCHEMA = frozenset((grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT))

Responses: TypeAlias = Generator[bytes, None, None]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a service listens, who vouches for it, who calls it, and how long and how much is waited for.

    `call_seconds` is for a whole answer in one message, `stall_seconds` for each message of a stream.
    """

    address: str
    ca_pem: bytes
    certificate_pem: bytes
    key_pem: bytes
    call_seconds: float = 10.0
    stall_seconds: float = 30.0
    max_message_bytes: int = 4_194_304

    def __repr__(self) -> str:
        return f"Connection({self.address})"


class Nothing(Exception):
    """The service says that there is no such thing: the answer to a question about one subject."""


class Caller:
    """Calls the methods of one server over one channel, which it opens again when it breaks. Safe between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        credentials = grpc.ssl_channel_credentials(connection.ca_pem, connection.key_pem, connection.certificate_pem)
        self._channel = grpc.secure_channel(
            connection.address,
            credentials,
            [
                ("grpc.enable_retries", 0),  # what is asked again is decided here
                ("grpc.max_receive_message_length", connection.max_message_bytes),
                ("grpc.http2.bdp_probe", 0),  # or the window would grow beyond what is stated
                ("grpc.http2.lookahead_bytes", _LOOKAHEAD),
                ("grpc.keepalive_time_ms", 20_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.enable_http_proxy", 0),
            ],
        )

    def close(self) -> None:
        """Close the channel; calls that are under way end in a fault."""
        self._channel.close()

    def ask(self, method: Method, request: bytes) -> Responses:
        """Return the responses to a request, serialized: one, or those of a stream. Closing it ends the call.

        A single answer is asked for again, up to twice, where the service could not be reached and the method says
        that this changes nothing.

        Raises:
            Fault: SOURCE_UNAVAILABLE, also after responses, where the service fails, is not in time, or says too much
                at once; SOURCE_SCHEMA_CHANGED where it knows no such method or request.
            Nothing: there is no such thing.
        """
        return self._streamed(method, request) if method.streams else self._single(method, request)

    def _single(self, method: Method, request: bytes) -> Responses:
        call = self._channel.unary_unary(method.path, None, None)
        ends = time.monotonic() + self._connection.call_seconds
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = _result(call.future(request, timeout=max(0.0, ends - time.monotonic())))
            except grpc.FutureCancelledError:
                raise failure(ErrorReason.SOURCE_UNAVAILABLE) from None
            except grpc.RpcError as error:
                again = method.repeatable and _code(error) is grpc.StatusCode.UNAVAILABLE and attempt < _ATTEMPTS
                if not again:
                    raise _fault(error) from None
            except ValueError:  # the channel is closed
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
            else:
                yield response
                return
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1))

    def _streamed(self, method: Method, request: bytes) -> Responses:
        try:
            # what gRPC returns is an iterator and a Call, which no type says
            call: Any = self._channel.unary_stream(method.path, None, None)(request)
        except ValueError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        try:
            with interruptible(call.cancel), closing(_Watch(call, self._connection.stall_seconds)) as watch:
                while True:
                    watch.begin()
                    try:
                        response: bytes = next(call)
                    except StopIteration:
                        return  # the one way out that says all was there: status OK
                    except grpc.RpcError as error:
                        raise _fault(error) from None
                    finally:
                        watch.end()
                    yield response
        finally:
            call.cancel()


def _result(call: Any) -> bytes:
    with interruptible(call.cancel):
        response: bytes = call.result()
    return response


class _Watch:
    """Cancels a call whose next message takes too long, within a quarter more than that."""

    def __init__(self, call: Any, seconds: float) -> None:
        self._call, self._seconds = call, seconds
        self._waiting_since: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="upstream-watch", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """A message is waited for from now on."""
        self._waiting_since = time.monotonic()

    def end(self) -> None:
        """It has come, or will not."""
        self._waiting_since = None

    def close(self) -> None:
        """Watch no longer."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._seconds / 4):
            since = self._waiting_since
            if since is not None and time.monotonic() - since >= self._seconds:
                self._call.cancel()
                return


def _code(error: grpc.RpcError) -> grpc.StatusCode | None:
    call: Any = error  # what gRPC raises is an RpcError and a Call, which no type says
    code: grpc.StatusCode | None = call.code()
    return code


def _fault(error: grpc.RpcError) -> Exception:
    """What an error of a call is to whoever asked. Its message is the service's, and goes no further."""
    code = _code(error)
    if code is grpc.StatusCode.NOT_FOUND:
        return Nothing()
    if code in _OF_THE_SCHEMA:
        return Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return failure(ErrorReason.SOURCE_UNAVAILABLE)
