"""The files of a key ring: read with their stamp, replaced as a whole, one writer at a time; failures as faults."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from gateway.model.errors import ErrorReason, Fault

LISTED = ".destroyed"
"""What the name of the list of destructions adds to that of its key file."""
_LOCKED = ".lock"
_RANDOM_BYTES = 16
_RANDOM = re.compile(rf"[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.part", re.ASCII)
P = ParamSpec("P")
T = TypeVar("T")

Stamp = tuple[int, ...]
"""What differs between two files of one name: device, inode, times and length."""


def fault(note: str) -> Fault:
    """Return KEYS_UNAVAILABLE with a note for the operator, a constant text."""
    made = Fault(ErrorReason.KEYS_UNAVAILABLE)
    made.add_note(note)
    return made


def faulting(function: Callable[P, T]) -> Callable[P, T]:
    """Turn every failure of a function into a fault that leads nowhere.

    The fault is raised anew outside of the failure's handling, so that neither its context nor its traceback holds a
    frame in which a key stands.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Fault as raised:
            failed = Fault(raised.reason)
            for note in getattr(raised, "__notes__", ()):
                failed.add_note(note)
        except FileNotFoundError:
            failed = fault("there is no key file")
        except OSError:
            failed = fault("the key file cannot be read or written")
        except (ValueError, InvalidUnwrap, InvalidTag, MemoryError):
            failed = fault("the key file is damaged, or of another format")
        del args, kwargs  # the operator's secret may be among them
        raise failed

    return guarded


def load(path: Path) -> tuple[Stamp, bytes]:
    """Return a file's stamp and content.

    Raises:
        Fault: KEYS_UNAVAILABLE; others than its owner may use the file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise fault("others may read or write the key file: set its mode to 0600")
        return stamp_of(status), file.read()


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file.

    A file here is never written in place, so another content is another file: another inode, or, where the number of
    an inode is used again, another time or length.
    """
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes and threads from changing the files meanwhile."""
    # The lock is beside the file, since the file itself is replaced. Threads exclude each other by it as well: each
    # opens its own description.
    lock = os.open(path.with_name(path.name + _LOCKED), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def replace(path: Path, data: bytes) -> None:
    """Replace a file durably: all of it or nothing, whenever the power goes. The lock must be held."""
    for left in _left_beside(path):
        left.unlink(missing_ok=True)  # by a process that died; the lock is ours
    # a random name, so that no file that somebody else named is ever in its place
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}.part")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_companion(other: Path, path: Path) -> bool:
    """Tell whether a name is one that belongs to a key file: its own, its list's, its lock's, or one of a write."""
    if other.parent.resolve() != path.parent.resolve():
        return False
    own = (path.name, path.name + LISTED, path.name + _LOCKED)
    return other.name in own or any(_is_part(other.name, name) for name in own)


def _left_beside(path: Path) -> list[Path]:
    own = os.geteuid()
    return [
        Path(entry.path)
        for entry in os.scandir(path.parent)
        if _is_part(entry.name, path.name)
        and entry.is_file(follow_symlinks=False)
        and entry.stat(follow_symlinks=False).st_uid == own
    ]


def _is_part(name: str, of: str) -> bool:
    return name.startswith(f".{of}.") and _RANDOM.fullmatch(name.removeprefix(f".{of}.")) is not None
