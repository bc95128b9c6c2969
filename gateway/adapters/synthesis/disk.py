"""What synthetic extracts take on disk: a bound on each job's own folder, and one on the folder that holds them all."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".synthesis-"
"""What the names of folders begin with in which jobs are at work."""

_FULL = {errno.EFBIG, errno.ENOSPC, errno.EDQUOT}


def is_full(error: OSError) -> bool:
    """Tell whether something was not written because a bound, a quota or the disk itself has no room for it."""
    return error.errno in _FULL


def taken(folder: Path, share: int) -> int:
    """Return the bytes that files in a folder take, and `share` for each job at work there, whatever it has written.

    So jobs that begin at one time, also those of several gateways, each see what the others may still write.
    """
    total = 0
    with os.scandir(folder) as found:
        for one in found:
            if one.name.startswith(UNFINISHED):
                total += share
                continue
            with suppress(FileNotFoundError):
                total += one.stat().st_size
    return total


def bound_files(folder: Path, most: int) -> None:
    """Hold the next file that this process writes to what is left of so many bytes for its folder (`RLIMIT_FSIZE`).

    Writing more fails with EFBIG: Python ignores the signal that would end the process. A bound is never raised.

    Raises:
        OSError: EFBIG, nothing is left.
    """
    left = most - sum(one.stat().st_size for one in folder.iterdir())
    if left <= 0:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, left))
