"""What a handler is, and what it answers with: values alone, since what awaits in a call is in `call`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from gateway.model.party import Peer
from gateway.server.problem import Problem
from gateway.server.upload import EDITED, UploadBounds

Wire = Message | bytes
"""A response message, or its bytes."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The one answer of a unary call."""

    message: Message


@dataclass(frozen=True, slots=True)
class Pause:
    """In place of a message: there is none now; ask again in so many seconds. Meanwhile no thread waits."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that may be sent. `close` ends it early; it is called once the call is over, however it ended."""

    messages: Iterator[Wire | Pause]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Method:
    """A handler: `run` takes the peer and the checked request. A `release` waits, and gets a thread of its own kind.

    One with `uploads` receives a stream of messages: `uploads` says, before any of it is read, why this caller may not
    send one, and `run` takes an iterator over the checked messages, each of which is read when it is asked for. The
    iterator raises NotWellFormed at the first that is not well formed. Where there is `opens`, it says of the first
    message, once it is checked, why none of the others is read.
    """

    run: Callable[[Peer, Any], Reply | Opened | Problem]
    streams: bool = False
    release: bool = False
    uploads: Callable[[Peer], Problem | None] | None = None
    opens: Callable[[Peer, Any], Problem | None] | None = None
    bounds: UploadBounds = EDITED
