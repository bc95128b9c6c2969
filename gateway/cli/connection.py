"""The connection of commands that ask a running gateway, as an officer or a register's keeper."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from gateway.cli.codes import CANNOT_RUN, REFUSED
from gateway.cli.files import read_file, read_private
from gateway.cli.mistake import Mistake
from gateway.client import (
    DeadlineExceeded,
    Gateway,
    GatewayError,
    GatewayFailed,
    Officer,
    Unauthenticated,
    Unavailable,
    connect,
    connect_officer,
)

C_co = TypeVar("C_co", covariant=True)

_FILE = "GATEWAY_CONNECT"
_SETTINGS = ("address", "ca", "certificate", "key", "token_file")
_SECRET = ("key", "token_file")


def connected(file: Path | None, timeout: float = 60.0) -> AbstractContextManager[Officer]:
    """Connect as an officer or keeper, as the file says, and let the environment win over it; refusals are told.

    Raises:
        Mistake: the connection is not described, cannot be had, or the gateway refuses.
    """
    return _connected(connect_officer, file, timeout)


def connected_caller(file: Path | None, timeout: float = 60.0) -> AbstractContextManager[Gateway]:
    """Connect as one who asks for data; see `connected`.

    Raises:
        Mistake: the connection is not described, cannot be had, or the gateway refuses.
    """
    return _connected(connect, file, timeout)


class _Connecting(Protocol[C_co]):
    """What opens a connection."""

    def __call__(
        self, address: str, *, certificate: bytes, key: bytes, ca: bytes, token: str, timeout: float
    ) -> AbstractContextManager[C_co]: ...


@contextmanager
def _connected(connecting: _Connecting[C_co], file: Path | None, timeout: float) -> Iterator[C_co]:
    settings = _settings(file)
    try:
        with connecting(
            str(settings["address"]),
            certificate=_read(settings, "certificate"),
            key=_read(settings, "key"),
            ca=_read(settings, "ca"),
            token=_read(settings, "token_file").decode("ascii", "replace").strip(),
            timeout=timeout,
        ) as connection:
            yield connection
    except GatewayError as error:
        cannot = isinstance(error, Unauthenticated | Unavailable | DeadlineExceeded | GatewayFailed)
        raise Mistake(str(error).removesuffix("."), code=CANNOT_RUN if cannot else REFUSED) from None


def _settings(file: Path | None) -> dict[str, str | Path]:
    named = file or (Path(os.environ[_FILE]) if os.environ.get(_FILE) else None)
    settings: dict[str, str | Path] = {}
    if named is not None:
        for name, value in _written(named).items():
            settings[name] = value if name == "address" else named.resolve().parent / value
    for name in _SETTINGS:
        given = os.environ.get(f"{_FILE}_{name.upper()}")
        if given:
            settings[name] = given if name == "address" else Path(given)
    missing = [name for name in _SETTINGS if name not in settings]
    if missing:
        raise Mistake(
            f"nothing says how to reach the gateway: {', '.join(missing)}",
            f"Write a connection file and name it by --connect, or in {_FILE}; see docs/reference/connection.md.",
        )
    return settings


def _written(file: Path) -> Mapping[str, str]:
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise Mistake(f"the connection file {file} cannot be read") from None
    except ValueError as error:
        raise Mistake(f"{file} is not TOML", str(error)) from None
    unknown = sorted(set(written) - set(_SETTINGS))
    wrong = [name for name, value in written.items() if not isinstance(value, str)]
    if unknown or wrong:
        raise Mistake(f"{file}: {', '.join(unknown or wrong)}", f"It may hold, as texts: {', '.join(_SETTINGS)}.")
    return written


def _read(settings: Mapping[str, str | Path], name: str) -> bytes:
    path = Path(settings[name])
    return read_private(path, name) if name in _SECRET else read_file(path, name)
