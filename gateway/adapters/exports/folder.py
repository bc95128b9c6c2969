"""Exports as folders: one of a job, locked while its process lives, and one of what is published, there at one instant.

```text
(itself)      locked while a job takes its place
staging-ID/   lock  holder  entry  rows/…  a job's; what workers write is in rows
export-ID/    statement.json  0.parquet …  what is published: renamed from staging-ID/out
```
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.adapters.exports.statement import read_statement, write_statement
from gateway.kernels.tags import TAG_BYTES
from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import Export, StagedPart, StagingPlace
from gateway.ports.exports import NoRoom, OpenFile

_STAGING, _PUBLISHED, _SWEPT = "staging-", "export-", "swept-"
_LOCK, _HOLDER, _ENTRY, _ROWS, _OUT, _STATEMENT = "lock", "holder", "entry", "rows", "out", "statement.json"
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that all exports may take together, and one of them while it is made; and the share of the disk, between 0
    and 1, that they leave free.
    """

    most_bytes: int = 64 << 30
    most_bytes_each: int = 8 << 30
    free_share: float = 0.05


class Room:
    """A `StagingRoom`: a folder of its owner alone, with a lock that the kernel lets go of when the process ends."""

    def __init__(self, root: Path, export_id: str, institution: str, most_bytes: int, least_free: int) -> None:
        self._root, self._id = root, export_id
        self._own = root / f"{_STAGING}{export_id}"
        self._own.mkdir(mode=0o700)
        self._lock: int | None = os.open(self._own / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self._own / _HOLDER).write_text(institution, encoding="utf-8")
        self.place = StagingPlace(self._own / _ROWS, most_bytes, least_free)
        """Where workers write, and how much."""
        self.place.folder.mkdir(mode=0o700)

    def began(self, entry: int) -> None:
        """Note the entry of the log, durably."""
        try:
            _write(self._own / _ENTRY, str(entry))
            _sync(self._own)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None

    def tags(self, part: StagedPart) -> Iterator[bytes]:
        """Yield the tags of a part, block by block; raises where they are not of so many rows."""
        try:
            with (self.place.folder / part.tags).open("rb") as file:
                if os.fstat(file.fileno()).st_size != TAG_BYTES * part.rows:
                    raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
                for rows in part.blocks:
                    yield file.read(TAG_BYTES * rows)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None

    def publish(self, export: Export, parts: Sequence[StagedPart]) -> None:
        """Put the files and the statement into a folder of their own, durably, and rename it to its place."""
        out = self._own / _OUT
        try:
            out.mkdir(mode=0o700)
            for number, part in enumerate(parts):
                (self.place.folder / part.file).rename(out / _name(number))
            _write(out / _STATEMENT, write_statement(export))
            _sync(out)
            out.rename(self._root / f"{_PUBLISHED}{self._id}")
            _sync(self._root)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None

    def discard(self) -> None:
        """Remove the folder, and let go of its lock."""
        lock, self._lock = self._lock, None
        if lock is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(lock)


class ExportFolders:
    """An `ExportFolder`. The folder is made where it is missing, for its owner alone.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, space: Space | None = None) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._space = Space() if space is None else space

    def room(self, export_id: str, institution: str, most: int) -> Room | NoRoom:
        """Make the folder of a job, if its institution has fewer than so many, and the files of all leave room for it.

        Those that are being made are counted, each with all the bytes that it may write.
        """
        each = self._space.most_bytes_each
        try:
            # one after the other, also among gateways: else as many as ask at once would each see room for one
            with _entering(self.path):
                if self._held_by(institution) >= most:
                    return NoRoom.MANY
                if self._taken() + each > self._space.most_bytes:
                    return NoRoom.FULL
                disk = os.statvfs(self.path)
                least = int(self._space.free_share * disk.f_blocks * disk.f_frsize)
                if disk.f_bavail * disk.f_frsize <= least:
                    return NoRoom.DISK
                return Room(self.path, export_id, institution, each, least)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None

    def find(self, export_id: str) -> Export | None:
        """Return an export that is published, or None."""
        if not _ID.fullmatch(export_id):
            return None
        with suppress(OSError, ValueError, KeyError, TypeError):
            text = (self.path / f"{_PUBLISHED}{export_id}" / _STATEMENT).read_text(encoding="utf-8")
            return read_statement(text)
        return None

    def open(self, export: Export, number: int, offset: int) -> OpenFile | None:
        """Open a file of an export at some byte; None if it is not there."""
        try:
            file = (self.path / f"{_PUBLISHED}{export.id}" / _name(number)).open("rb")
        except OSError:
            return None
        file.seek(offset)
        return file

    def expire(self, now: datetime) -> None:
        """Remove what is kept no longer."""
        for export in self._all():
            if export.until <= now:
                self._remove(self.path / f"{_PUBLISHED}{export.id}")

    def sweep(self, told: Callable[[str, int | None], object]) -> None:
        """Remove the folders of jobs that nobody holds the lock of, each once it was told of."""
        for left in self.path.glob(f"{_SWEPT}*"):
            shutil.rmtree(left, ignore_errors=True)
        for own in sorted(self.path.glob(f"{_STAGING}*")):
            with suppress(OSError), _abandoned(own):
                told(own.name.removeprefix(_STAGING), _entry(own))
                self._remove(own)

    def _held_by(self, institution: str) -> int:
        making = sum(_holder(own) == institution for own in self.path.glob(f"{_STAGING}*"))
        return making + sum(export.opened.institution == institution for export in self._all())

    def _taken(self) -> int:
        """Bytes of what may yet be written, and of what is published: in that order, what is published now counts."""
        staged = self._space.most_bytes_each * sum(1 for _ in self.path.glob(f"{_STAGING}*"))
        return staged + sum(file.bytes for export in self._all() for file in export.files)

    def _all(self) -> Iterator[Export]:
        for found in self.path.glob(f"{_PUBLISHED}*"):
            export = self.find(found.name.removeprefix(_PUBLISHED))
            if export is not None:
                yield export

    def _remove(self, folder: Path) -> None:
        # in one step out of everybody's way: what is removed half is not found half
        swept = self.path / f"{_SWEPT}{folder.name}"
        with suppress(OSError):
            folder.rename(swept)
            shutil.rmtree(swept, ignore_errors=True)


@contextmanager
def _entering(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _holder(own: Path) -> str | None:
    try:
        return (own / _HOLDER).read_text(encoding="utf-8")
    except OSError:
        return None  # it went meanwhile, and is an export that is kept, or is no more


@contextmanager
def _abandoned(own: Path) -> Iterator[None]:
    """Hold the lock of a job's folder. Raises OSError where another process does, or the job only just begins."""
    lock = os.open(own / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _entry(own: Path) -> int | None:
    try:
        return int((own / _ENTRY).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _name(number: int) -> str:
    return f"{number}.parquet"


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def _sync(folder: Path) -> None:
    """Make durable what names a folder holds."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
