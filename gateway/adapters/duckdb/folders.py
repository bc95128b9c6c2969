"""A folder of files behind the embedded source: which files are data, and what the names of folders in it say of them.

The layout is Hive's, as Spark and Arrow write it: `district=xihu` is a column of all rows below a folder of that name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gateway.adapters.duckdb.files import Fingerprint, fingerprint, fingerprint_of
from gateway.model.errors import ErrorReason, Fault

COMPLETE = "_SUCCESS"
"""A file of this name, as Hadoop and Spark leave it, says that all that should be in a folder is there."""

MOST_FILES = 100_000
_DEEPEST = 16
_MISSING = "__HIVE_DEFAULT_PARTITION__"
_TAKEN = frozenset("*?[]{}\\\n")
"""Of a pattern; and what the engine ends the name of a folder at, as at a slash."""
_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_ESCAPED = re.compile(r"([^%=]|%[0-9A-Fa-f]{2})*")

Partition = tuple[tuple[str, str | None], ...]
"""Names and values of columns that the path of a file says, from the outermost folder on. A missing value is None."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The data files of a folder by their paths in it, in the order of these; and all folders that could hold some."""

    files: Mapping[str, Fingerprint]
    folders: Mapping[str, Fingerprint]
    complete: bool


def list_folder(folder: str, ending: str) -> Listing:
    """Find the data files of a folder and of those below it.

    Names beginning with "." or "_" are not data, but for folders such as `_day=2026-11-22`. Links are not followed,
    and whatever else is there must be a file of the one ending: what is no data is told by its name, not by chance.

    Raises:
        Fault: SOURCE_UNAVAILABLE.
    """
    files: dict[str, Fingerprint] = {}
    folders: dict[str, Fingerprint] = {}
    complete = False
    pending = [""]
    try:
        while pending:
            inner = pending.pop()
            # before the folder is read: what is added while it is makes another state of it
            folders[inner] = fingerprint(os.path.join(folder, inner))
            with os.scandir(os.path.join(folder, inner)) as entries:
                for entry in entries:
                    path = f"{inner}/{entry.name}" if inner else entry.name
                    if _is_hidden(entry):
                        complete = complete or path == COMPLETE
                    elif entry.is_dir(follow_symlinks=False) and path.count("/") < _DEEPEST:
                        pending.append(path)
                    elif entry.is_file(follow_symlinks=False) and entry.name.endswith(ending):
                        files[path] = fingerprint_of(entry.stat(follow_symlinks=False))
                    else:
                        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
            if len(files) + len(folders) > MOST_FILES:
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    except OSError:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    return Listing({path: files[path] for path in sorted(files)}, folders, complete)


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(".") or (entry.name.startswith("_") and "=" not in entry.name)


def partitions_of(listing: Listing) -> frozenset[Partition]:
    """Return what the paths of the data files say, each once; all of them say it of the same columns.

    Raises:
        Fault: SOURCE_UNAVAILABLE where a path is not well-formed; SOURCE_SCHEMA_CHANGED where files differ in the
            columns, or one column is said twice.
    """
    found = frozenset(map(_partition, {path.rpartition("/")[0] for path in listing.files}))
    columns = {tuple(name for name, _ in partition) for partition in found}
    if len(columns) > 1:
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    for names in columns:
        if len({name.casefold() for name in names}) != len(names):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return found


def _partition(inner: str) -> Partition:
    said = [folder.partition("=") for folder in inner.split("/") if "=" in folder]
    return tuple((name, _value(value)) for name, _, value in said if _is_name(name))


def _is_name(name: str) -> bool:
    if not _NAME.fullmatch(name):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    return True


def _value(written: str) -> str | None:
    if written == _MISSING:
        return None
    try:
        if _ESCAPED.fullmatch(written):
            return unquote_to_bytes(written).decode("utf-8")
    except UnicodeError:
        pass
    raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def is_plain(path: str) -> bool:
    """Tell whether an engine takes a path for itself: no pattern, folders as they are, and text."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return not _TAKEN & set(path)
