"""A port of the loopback that one process of ours listens on, and nobody else can, while we live.

A port that is only picked is free again before Spark takes it, and once more when Spark dies: any user of the machine
could listen there, and be given the gateway's questions. So it is bound here, without listening, for as long as it is
called. Linux lets another socket listen beside one that is bound, if both were bound with SO_REUSEADDR, as Java's are,
and nobody else listens. Once ours listens, that is withdrawn: from then on nothing else can be bound to the port, nor
listen there (`inet_csk_get_port`). Who listens is read of the kernel: a socket of that process and no other.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
_PROC = Path("/proc")
_LISTENS = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]", re.ASCII)


class HeldPort:
    """A port (`number`) that is nobody else's after `belongs_to` once said so, until `close`."""

    def __init__(self) -> None:
        """Take a free one. Raises OSError if there is none."""
        self._held = socket.socket()
        try:
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind((LOOPBACK, 0))
            self.number = int(self._held.getsockname()[1])
        except BaseException:
            self._held.close()
            raise

    def belongs_to(self, group: int) -> bool:
        """Whether processes of this group, and no others, listen there: then that cannot change any more."""
        if not self._listens_alone(group):
            return False
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        # looked at again: it could have ended, and another have come, before nobody could
        return self._listens_alone(group)

    def close(self) -> None:
        """Let go of it. Whoever called the port has to be done."""
        self._held.close()

    def _listens_alone(self, group: int) -> bool:
        listening = set(_listening(self.number))
        return bool(listening) and listening <= set(_sockets(group))


def _listening(port: int) -> Iterator[str]:
    """The inodes of all sockets that listen on a port, of whatever address. Java's are of IPv6, for IPv4 as well."""
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):  # a machine without IPv6
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                told = line.split()
                if told[3] == _LISTENS and int(told[1].rpartition(":")[2], 16) == port:
                    yield told[9]


def _sockets(group: int) -> Iterator[str]:
    """The inodes of the sockets of a group of processes, as far as they are this user's."""
    for process in _PROC.glob("[0-9]*"):
        # others' processes, and what ends meanwhile
        with suppress(OSError):
            if (
                int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[2])
                != group
            ):
                continue
            for opened in (process / "fd").iterdir():
                with suppress(OSError):
                    if found := _SOCKET.fullmatch(str(opened.readlink())):
                        yield found[1]
