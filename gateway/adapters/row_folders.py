"""Folders of pushed rows: a Parquet file of each batch, in place whole or not at all.

A file is written beside the others under a name that begins with a dot, which no reader takes, made durable, and
renamed. A dataset's turn is a lock of the operating system on a file in its folder: it ends with its process.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault

_LOCK = ".turn"
_EMPTY = "_SUCCESS"
"""What tells readers that a folder without data is an empty dataset, and no disk that is not there."""

_UNPUBLISHED = ".batch-"
_POLL_SECONDS = 0.01


class ParquetRowFolders:
    """A `RowFolders` under the data folder.

    Of a dataset are kept at most `most_bytes`; a turn is waited for no longer than `patience` seconds.
    """

    def __init__(self, root: Path, *, most_bytes: int, patience: float) -> None:
        self._root = root.resolve()
        self._most_bytes = most_bytes
        self._patience = patience

    @contextmanager
    def turn(self, contract: DataContract, *, begun: bool) -> Iterator[None]:
        """Hold the dataset's turn. Raises as the port says."""
        with _failing():
            folder = self._folder(contract) if begun else self._made(contract)
            if begun and not (folder / _EMPTY).is_file():
                raise Fault(ErrorReason.INTAKE_UNAVAILABLE)
            # opened anew each time: threads of one process wait for each other as processes do
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with _failing():
                self._wait(lock)
            yield
        finally:
            os.close(lock)

    def write(self, contract: DataContract, records: pa.Table) -> str:
        """Write a file and make it durable. Raises as the port says."""
        with _failing():
            folder = self._folder(contract)
            name = f"batch-{secrets.token_hex(16)}.parquet"
            path = folder / f".{name}"
            try:
                with path.open("xb") as file:
                    pq.write_table(records, file, compression="zstd")
                    file.flush()
                    os.fsync(file.fileno())
                if sum(one.stat().st_size for one in os.scandir(folder)) > self._most_bytes:
                    raise Fault(ErrorReason.INTAKE_UNAVAILABLE)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return name

    def publish(self, contract: DataContract, name: str) -> None:
        """Rename a file into place. Raises as the port says."""
        with _failing():
            folder = self._folder(contract)
            unpublished = folder / f".{name}"
            if unpublished.exists():
                unpublished.rename(folder / name)
                _sync(folder)
            elif not (folder / name).is_file():
                raise Fault(ErrorReason.INTAKE_UNAVAILABLE)

    def discard(self, contract: DataContract) -> None:
        """Remove what is not in place. Raises as the port says."""
        with _failing():
            for left in self._folder(contract).glob(f"{_UNPUBLISHED}*"):
                left.unlink()

    def _folder(self, contract: DataContract) -> Path:
        folder = (self._root / contract.source.path).resolve()
        if not folder.is_relative_to(self._root) or folder == self._root:
            raise Fault(ErrorReason.INTAKE_UNAVAILABLE)
        return folder

    def _made(self, contract: DataContract) -> Path:
        """The dataset's folder, made durably where it is missing; never the data folder itself, which is mounted."""
        folder = self._folder(contract)
        within = [one for one in (folder, *folder.parents) if one.is_relative_to(self._root) and one != self._root]
        for one in reversed(within):
            if not one.exists():
                one.mkdir(mode=0o700, exist_ok=True)
                _sync(one.parent)
        if not (folder / _EMPTY).exists():
            (folder / _EMPTY).touch(0o600)
            _sync(folder)
        return folder

    def _wait(self, lock: int) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_SECONDS)


@contextmanager
def _failing() -> Iterator[None]:
    """Turn what the disk does not do into a fault that tells the reason alone."""
    try:
        yield
    except (OSError, pa.ArrowException):
        raise Fault(ErrorReason.INTAKE_UNAVAILABLE) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
