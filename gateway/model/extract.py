"""Extracts that are read in several connections: how far a stream has got, and what an open extract is held to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a caller goes on with: a stream of an extract, after a sealed position ("" begins the stream)."""

    extract_id: str
    stream: int
    after: bytes

    def __repr__(self) -> str:
        return f"Continuation(stream {self.stream})"


class Position(NamedTuple):
    """How far a stream has got.

    `batches` and `rows` have left. Of the rows that the source gives for the stream, the first `start` are done with.
    Of the `length` rows after them, which are one segment, the first `done` in the segment's own order are done with
    too; no length where the stream stands between two segments.
    """

    batches: int = 0
    rows: int = 0
    start: int = 0
    length: int = 0
    done: int = 0


START = Position()
"""Where every stream begins."""


@dataclass(frozen=True, slots=True)
class OpenExtract:
    """An extract that was opened, and what every connection that goes on with it is held to.

    It is `asked` for (a digest of the request) by one person of an institution, under one `permission` (a digest too),
    as it was decided at an instant, of one `data_version`. `entry` is the index of the log's entry of its opening.
    """

    id: str
    institution: str
    person: str
    asked: bytes
    permission: bytes
    decided_at: datetime
    data_version: str
    entry: int
    streams: int

    def __repr__(self) -> str:
        return f"OpenExtract({self.entry})"


@dataclass(frozen=True, slots=True)
class Course:
    """What one connection reads of an extract: one of its streams, from a position on.

    `opened` is the extract as it was opened, None for the connection that opens it. `version` is the source's own name
    of the data that is read, None for the data as it stands. It stays inside.
    """

    extract_id: str
    stream: int
    streams: int
    begins: Position = START
    opened: OpenExtract | None = None
    version: str | None = None

    def __repr__(self) -> str:
        return f"Course(stream {self.stream} of {self.streams})"
