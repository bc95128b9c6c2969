"""A Spark of the gateway's own is nobody else's: strangers on its port are told nothing, and none takes it later."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.adapters.spark import server
from gateway.adapters.spark.held_port import HeldPort
from gateway.adapters.spark.server import LocalServer, LocalSpark
from gateway.adapters.spark.sessions import Session
from gateway.model.errors import ErrorReason, Fault

pytestmark = pytest.mark.timeout(600)

LOOPBACK = "127.0.0.1"
LISTEN = (
    "import socket, sys, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
    "s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); print(flush=True); time.sleep(600)"
)


def _bound(port: int, address: str = LOOPBACK, *, shares: bool = True) -> socket.socket:
    stranger = socket.socket()
    try:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shares))
        stranger.bind((address, port))
    except OSError:
        stranger.close()
        raise
    return stranger


@contextmanager
def _listener(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group that listens, as Spark would."""
    command = [sys.executable, "-c", LISTEN, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.fixture
def held() -> Iterator[HeldPort]:
    with closing(HeldPort()) as port:
        yield port


def test_a_port_that_nobody_listens_on_is_nobodys(held: HeldPort) -> None:
    assert not held.belongs_to(os.getpgrp())


@pytest.mark.parametrize("shares", [True, False])
@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])
def test_nobody_takes_the_port_of_a_process_that_ended(held: HeldPort, address: str, shares: bool) -> None:
    with _listener(held.number) as process:
        assert held.belongs_to(process.pid)
    with pytest.raises(OSError, match="in use"):
        _bound(held.number, address, shares=shares)


def test_who_was_bound_before_cannot_listen_after(held: HeldPort) -> None:
    with closing(_bound(held.number)) as stranger:
        with _listener(held.number) as process:
            assert held.belongs_to(process.pid)
        with pytest.raises(OSError, match="in use"):
            stranger.listen()


def test_a_strangers_port_is_not_ours(held: HeldPort) -> None:
    with closing(_bound(held.number)) as stranger:
        stranger.listen()
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
        try:
            assert not held.belongs_to(child.pid)
        finally:
            child.communicate()


def test_a_stranger_that_came_first_is_sent_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    strangers: list[socket.socket] = []

    class Squatted(HeldPort):
        def __init__(self) -> None:
            super().__init__()
            strangers.append(_bound(self.number))
            strangers[0].listen()
            strangers[0].setblocking(False)

    monkeypatch.setattr(server, "HeldPort", Squatted)
    with pytest.raises(Fault) as told:
        LocalServer(LocalSpark(cores=1, memory_mib=512, folder=tmp_path))
    assert told.value.reason is ErrorReason.SOURCE_UNAVAILABLE
    with closing(strangers[0]) as stranger, pytest.raises(BlockingIOError):
        stranger.accept()
    assert not list(tmp_path.iterdir())


def test_a_stranger_is_told_nothing_once_spark_died() -> None:
    told = LocalSpark(cores=1, memory_mib=512)
    own = LocalServer(told)
    try:
        session = Session(own.endpoint)
        assert own._process is not None
        os.killpg(own._process.pid, signal.SIGKILL)
        own._process.wait()
        with pytest.raises(OSError, match="in use"):
            _bound(own.endpoint.port)
        with pytest.raises(Fault):
            session.arrow(session.spark.range(1))
        session.spark.client.close()
    finally:
        own.close()
    _bound(own.endpoint.port).close()  # and is free again


def test_no_other_user_reaches_into_it(session: Session) -> None:
    own = session._server
    assert own is not None and own._process is not None and own.endpoint.token is not None
    rows = session.arrow(session.spark.range(5).mapInArrow(_same, "id bigint"))
    assert rows.num_rows == 5
    processes = list(_processes(own._process.pid))
    pythons = [process for process in processes if b"pyspark.daemon" in _read(process / "cmdline")]
    assert pythons  # its workers, which are kept
    listening = [address for process in processes for address in _tcp(process)]
    assert {address for address, _ in listening} <= {LOOPBACK}
    # the questions, the driver's calls and its blocks: no page of the UI, and no worker
    assert sum(state == "0A" for _, state in listening) == 3
    assert not [address for process in pythons for address in _tcp(process)]
    for process in processes:
        assert own.endpoint.token.encode() not in _read(process / "cmdline")
        assert b"hsperfdata" not in _read(process / "maps")
    for folder in (own._folder, own._sockets):
        assert folder.stat().st_mode & 0o077 == 0


def _same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


_same.__module__ = "__main__"  # or the workers would look for these tests


def _processes(session: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        if (told := _read(process / "stat").rpartition(b")")[2].split()) and int(told[3]) == session:
            yield process


def _tcp(process: Path) -> list[tuple[str, str]]:
    """The own addresses and states of a process's sockets of TCP."""
    mine = set()
    try:
        for opened in (process / "fd").iterdir():
            try:
                mine.add(str(opened.readlink()))
            except OSError:
                continue
    except OSError:
        return []
    found = []
    for table, address in (("tcp", _four), ("tcp6", _six)):
        for line in _read(Path("/proc/net") / table).decode().splitlines()[1:]:
            told = line.split()
            if f"socket:[{told[9]}]" in mine:
                found.append((address(told[1].partition(":")[0]), told[3]))
    return found


def _four(text: str) -> str:
    return socket.inet_ntop(socket.AF_INET, bytes.fromhex(text)[::-1])


def _six(text: str) -> str:
    words = bytes.fromhex(text)
    address = b"".join(words[at : at + 4][::-1] for at in range(0, 16, 4))
    return socket.inet_ntop(socket.AF_INET6, address).removeprefix("::ffff:")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
