"""Uploads: a request that comes as a stream of messages, within bounds of size, number and time.

The bytes of all messages are held until the handler has read them, so the bounds are also those of memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from google.protobuf.message import Message

from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.rules import request_of

MAX_BYTES = 48 << 20
"""The largest upload, all its messages together."""

MAX_MESSAGES = 20_000
"""The most messages of an upload: as many files as a policy may have, and as many further pieces of them."""


@dataclass(frozen=True, slots=True)
class UploadBounds:
    """How large an upload may be: bytes and messages, all together."""

    size: int = MAX_BYTES
    messages: int = MAX_MESSAGES


EDITED = UploadBounds()
"""Of what people write."""

_TOO_LARGE = Problem(ErrorReason.CAP_EXCEEDED, violations=(FieldViolation("", "is larger than an upload may be"),))
_TOO_SLOW = Problem(ErrorReason.REQUEST_INVALID, violations=(FieldViolation("", "did not arrive in time"),))
_NOTHING = Problem(ErrorReason.REQUEST_INVALID, violations=(FieldViolation("", "holds nothing"),))


async def receive_upload(
    read: Callable[[], Awaitable[object]],
    each: float,
    whole: float,
    bounds: UploadBounds = EDITED,
    opens: Callable[[bytes], Awaitable[Problem | None]] | None = None,
) -> deque[bytes] | Problem:
    """Return the bytes of the messages of an upload, in order; or why there are none: too slow, too much, or nothing.

    `read` gives the next message, or what is no bytes at the end. The end of the connection looks the same: messages
    must say by themselves whether they are all. A message may take `each`, all of them `whole` seconds. Where `opens`
    finds something wrong with the first message, no other is read.
    """
    parts: deque[bytes] = deque()
    size = 0
    try:
        async with asyncio.timeout(whole):
            while True:
                received = await asyncio.wait_for(read(), each)
                if not isinstance(received, bytes):
                    return parts or _NOTHING
                size += len(received)
                if size > bounds.size or len(parts) == bounds.messages:
                    return _TOO_LARGE
                wrong = await opens(received) if opens is not None and not parts else None
                if wrong is not None:
                    return wrong
                parts.append(received)
    except TimeoutError:
        return _TOO_SLOW


def checked(kind: type[Message], parts: deque[bytes]) -> Iterator[Message]:
    """Read and check the messages of an upload, each when it is asked for, and let go of its bytes.

    Raises:
        NotWellFormed: at the first that is not well formed.
    """
    while parts:
        request = request_of(kind, parts.popleft())
        if isinstance(request, Problem):
            raise NotWellFormed.of(request)
        yield request
