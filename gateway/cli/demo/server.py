"""The demo's gateway: a real `gateway serve` in a process of its own, ended by its id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.cli.demo.city import DemoCity
from gateway.cli.mistake import Mistake

USUAL_PORT = 8443
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class DidNotStart(Exception):
    """The gateway did not come up. The text ends with what it said."""


def free_port(*wanted: int) -> int:
    """Return the first of these ports that is free on loopback; 0 stands for any.

    Raises:
        Mistake: none is free.
    """
    for port in wanted:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Mistake("the port on 127.0.0.1 is in use", "Name another with --port.")


@contextmanager
def serving(city: DemoCity) -> Iterator[subprocess.Popen[bytes]]:
    """Run the gateway over the folder until the end of the block; it is serving when the block begins.

    Raises:
        DidNotStart: it ended, or was not serving within a minute.
    """
    # The environment wins over the file; the demo serves what its file says.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(city.settings)]
    with city.log.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        try:
            _wait(city, process)
            yield process
        finally:
            _end(process)


def _wait(city: DemoCity, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    some = next(iter(city.clients.values()))
    credentials = grpc.ssl_channel_credentials(
        some.authority.read_bytes(), some.key.read_bytes(), some.certificate.read_bytes()
    )
    options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
    with grpc.secure_channel(city.address, credentials, options=options) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DidNotStart(f"The gateway ended at once. It said:\n{_last_words(city)}")
            try:
                answer = health.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
            except grpc.RpcError:
                time.sleep(0.05)
                continue
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            time.sleep(0.05)
    raise DidNotStart(f"The gateway is not serving after {_START_SECONDS:.0f} s. It said:\n{_last_words(city)}")


def _last_words(city: DemoCity) -> str:
    return "\n".join(city.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
