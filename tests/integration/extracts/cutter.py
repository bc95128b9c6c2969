"""A line between a client and a gateway that breaks: it passes so many bytes of an answer on, and then cuts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


class Cutter:
    """Listens on `port`. Connection number n is cut after so many bytes of `limits[n]`; later ones are not."""

    def __init__(self, to: int, limits: Sequence[int]) -> None:
        self._to = to
        self._limits = limits
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.cuts = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut everything, and listen no more."""
        self._listener.close()
        for line in tuple(self._open):
            _break(line)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                limit = self._limits[self.connections] if self.connections < len(self._limits) else None
                self.connections += 1
                try:
                    server = socket.create_connection(("127.0.0.1", self._to), 5)
                except OSError:
                    _break(client)
                    continue
                self._open |= {client, server}
                threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, limit), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := one.recv(65_536):
                if limit is not None and passed + len(data) > limit:
                    other.sendall(data[: limit - passed])
                    self.cuts += 1
                    break
                passed += len(data)
                other.sendall(data)
        _break(one)
        _break(other)


def _break(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


@contextmanager
def cutting(to: int, limits: Sequence[int]) -> Iterator[Cutter]:
    """A line to a port that breaks after so many bytes, connection by connection."""
    cutter = Cutter(to, limits)
    try:
        yield cutter
    finally:
        cutter.close()
