"""What exports stand on: an engine that treats rows where they are, and the folders that files are made and kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias

import pyarrow as pa

from gateway.model.export import Export, StagedPart, StagingPlace
from gateway.model.plan import RowPlan
from gateway.ports.keys import KeysElsewhere


class TreatedBlock(NamedTuple):
    """Rows that may leave once they are on record, shuffled among themselves, and the tags of their subjects."""

    records: pa.RecordBatch
    tags: bytes


RowWork: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[TreatedBlock]]
"""What is done to the rows of one part, read as planned. It can be pickled, and holds no key."""


class Reading(Protocol):
    """Rows as they are planned, of one state of the data, not read yet."""

    def stage(self, work: RowWork, schema: pa.Schema, place: StagingPlace) -> Iterator[StagedPart]:
        """Have the rows treated where they are and written to a place, and yield the parts as they are there.

        `work` gives rows of the `schema`. What is in the place's folder and in no part that was yielded is what a
        worker left that failed, or was replaced. Closing the iterator early stops the engine.

        Raises:
            Fault: SOURCE_UNAVAILABLE, SOURCE_SCHEMA_CHANGED or KEYS_UNAVAILABLE, also after parts, and in place of
                the end where the data did not stay as they were; EXPORT_NOT_POSSIBLE where the files would take more
                than they may, SOURCE_UNAVAILABLE where the disk has not that much left.
        """
        ...


class ExportEngine(Protocol):
    """Reads and treats rows on more than one machine, or as if there were."""

    def reading(self, plan: RowPlan) -> Reading | None:
        """Return the rows of a plan of the version that it names; None where the engine does not read such data.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...


class StagingRoom(Protocol):
    """The folder of one job. Nobody is given anything out of it."""

    @property
    def place(self) -> StagingPlace:
        """Where workers write, and how much."""
        ...

    def began(self, entry: int) -> None:
        """Note which entry of the log the job is, so that the log can say what became of it if all ends here.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        ...

    def tags(self, part: StagedPart) -> Iterator[bytes]:
        """Yield the tags of a part, block by block.

        Raises:
            Fault: SOURCE_UNAVAILABLE, also if they are not those of so many rows.
        """
        ...

    def publish(self, export: Export, parts: Sequence[StagedPart]) -> None:
        """Move the files to where they are given out from, all at one instant, and nothing else of the folder.

        Raises:
            Fault: SOURCE_UNAVAILABLE; nothing was moved.
        """
        ...

    def discard(self) -> None:
        """Remove the folder. May be called again, and does nothing to what was published."""
        ...


class OpenFile(Protocol):
    """A file that may be given out, open for reading where reading goes on."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes at most, and none at the end."""
        ...

    def close(self) -> None:
        """Close it; may be called again."""
        ...


class NoRoom(Enum):
    """Why no job may begin: its institution has its number of exports; all that are kept and made, their bytes; or the
    disk is too full.
    """

    MANY = "many"
    FULL = "full"
    DISK = "disk"


class ExportFolder(Protocol):
    """Where exports are made and kept. Gateways that share a state share it."""

    def room(self, export_id: str, institution: str, most: int) -> StagingRoom | NoRoom:
        """Make the folder of a job for an institution, unless it has so many exports, kept and being made, or the files
        of all of them leave no room for as many bytes as a job may write.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        ...

    def find(self, export_id: str) -> Export | None:
        """Return an export that is published, or None."""
        ...

    def open(self, export: Export, number: int, offset: int) -> OpenFile | None:
        """Open a file of an export at some byte; None if it is not there."""
        ...

    def expire(self, now: datetime) -> None:
        """Remove what is kept no longer."""
        ...

    def sweep(self, told: Callable[[str, int | None], object]) -> None:
        """Remove the folders of jobs whose processes are no more, once `told` has noted each: the export's name, and
        the entry of its beginning, if it came so far. Raises what `told` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exports:
    """Exports as a gateway offers them. `elsewhere` is how workers open its keys, `kept` how long files are."""

    engine: ExportEngine
    folder: ExportFolder
    elsewhere: KeysElsewhere
    kept: timedelta
