"""A Spark of the gateway's own: one process beside it, with stated memory and cores, that ends with the gateway."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from gateway.adapters.spark.channels import Endpoint
from gateway.model.errors import ErrorReason, Fault

_MAIN = "org.apache.spark.sql.connect.service.SparkConnectServer"
_LOOPBACK = "127.0.0.1"

# The end of the gateway closes the shell's standard input, however it ends; and that ends Spark.
_WITH_US = 'exec 3<&0; "$@" </dev/null 3<&- & child=$!; { cat <&3 >/dev/null; kill $child; } & wait $child'


@dataclass(frozen=True, slots=True)
class LocalSpark:
    """A Spark of the gateway's own, with so many cores and so much memory (mebibytes).

    What does not fit in memory goes into `folder`, encrypted with a key that only the process has; None: the folder of
    temporary files. It needs Java 17 or newer: of JAVA_HOME, or else of PATH. `start_seconds` is how long its start may
    take.
    """

    cores: int = 2
    memory_mib: int = 2048
    folder: Path | None = None
    call_seconds: float = 60.0
    statement_seconds: float = 600.0
    start_seconds: float = 120.0


class LocalServer:
    """The process of a `LocalSpark`. It listens on the loopback, and answers who knows its token, drawn for it."""

    def __init__(self, told: LocalSpark) -> None:
        """Start it, and wait until it listens.

        Raises:
            Fault: SOURCE_UNAVAILABLE if it does not start, for lack of Java or memory.
        """
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="spark-", dir=told.folder))
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        self._process: subprocess.Popen[bytes] | None = None
        port, token = _free_port(), secrets.token_urlsafe(32)
        self.endpoint = Endpoint(_LOOPBACK, port, token, None, told.call_seconds, told.statement_seconds)
        try:
            self._process = self._started(told, port, token)
            self._wait(port, time.monotonic() + told.start_seconds)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process is at work."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process and remove what it left."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _started(self, told: LocalSpark, port: int, token: str) -> subprocess.Popen[bytes]:
        home = Path(pyspark.__file__).parent
        settings = {
            "spark.master": f"local[{told.cores}]",
            "spark.driver.memory": f"{told.memory_mib}m",
            # an answer, or a part that is read by itself, is held until it was sent
            "spark.driver.maxResultSize": f"{told.memory_mib // 2}m",
            "spark.driver.bindAddress": _LOOPBACK,
            "spark.driver.host": _LOOPBACK,
            "spark.connect.grpc.binding.address": _LOOPBACK,
            "spark.connect.grpc.binding.port": str(port),
            "spark.ui.enabled": "false",
            "spark.authenticate": "true",
            "spark.io.encryption.enabled": "true",
            "spark.local.dir": str(self._folder),
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.sql.shuffle.partitions": str(told.cores),
            "spark.sql.artifact.isolation.enabled": "false",
            "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={self._folder} -XX:+ExitOnOutOfMemoryError",
            # no line of a log, in which values could stand
            "spark.log.level": "OFF",
        }
        command = [str(home / "bin" / "spark-submit"), "--class", _MAIN]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
        environment |= {
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": _LOOPBACK,
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": os.pathsep.join(path for path in (os.environ.get("PYTHONPATH"), str(home.parent)) if path),
        }
        return subprocess.Popen(
            ["/bin/sh", "-c", _WITH_US, "sh", *command, "spark-internal"],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait(self, port: int, until: float) -> None:
        process = self._process
        while process is not None and process.poll() is None and time.monotonic() < until:
            with suppress(OSError), socket.create_connection((_LOOPBACK, port), timeout=1):
                return
            time.sleep(0.1)
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])
