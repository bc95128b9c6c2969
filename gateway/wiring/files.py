"""Files that settings name, read with errors that say which setting."""

from __future__ import annotations

from pathlib import Path

from gateway.settings import InvalidSettings


def read_secret(path: Path, setting: str) -> bytes:
    """Read a file that nobody but its owner may read or write.

    Raises:
        InvalidSettings: naming the setting.
    """
    data = read(path, setting)
    if path.stat().st_mode & 0o077:
        raise InvalidSettings(f"{setting}: others than its owner can use {path}: run chmod 600 on it")
    return data


def read(path: Path, setting: str) -> bytes:
    """Read a file.

    Raises:
        InvalidSettings: naming the setting.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSettings(f"{setting}: cannot read {path}: {error.strerror}") from None
