"""A Spark of the gateway's own: one process beside it, with stated memory and cores, that ends with the gateway."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pyspark

from gateway.adapters.spark.channels import Endpoint
from gateway.adapters.spark.held_port import LOOPBACK, HeldPort
from gateway.model.errors import ErrorReason, Fault

_MAIN = "org.apache.spark.sql.connect.service.SparkConnectServer"

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
    """The process of a `LocalSpark`. It listens on the loopback, and answers who knows its token, drawn for it.

    The token tells it who calls; that it is the one that is called, the port does, which is nobody else's from when
    this is made until it is closed, whether the process lives or not.
    """

    def __init__(self, told: LocalSpark) -> None:
        """Start it, and wait until it listens, and nobody else can. Nothing is sent to the port before.

        Raises:
            Fault: SOURCE_UNAVAILABLE if it does not start, for lack of Java or memory, or as somebody listens there.
        """
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="spark-", dir=told.folder))
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        self._process: subprocess.Popen[bytes] | None = None
        self._left = ExitStack()
        self._left.callback(shutil.rmtree, self._folder, ignore_errors=True)
        try:
            self._sockets = Path(tempfile.mkdtemp(prefix="spark-", dir=_short_folder()))
            self._left.callback(shutil.rmtree, self._sockets, ignore_errors=True)
            self._port = self._left.enter_context(closing(HeldPort()))
        except OSError:
            self._left.close()
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        token = secrets.token_urlsafe(32)
        self.endpoint = Endpoint(LOOPBACK, self._port.number, token, None, told.call_seconds, told.statement_seconds)
        try:
            self._process = self._started(told, token)
            self._wait(time.monotonic() + told.start_seconds)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process is at work."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process, remove what it left, and let go of its port: who calls it has to be done."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._left.close()

    def _started(self, told: LocalSpark, token: str) -> subprocess.Popen[bytes]:
        home = Path(pyspark.__file__).parent
        settings = {
            "spark.master": f"local[{told.cores}]",
            "spark.driver.memory": f"{told.memory_mib}m",
            # an answer, or a part that is read by itself, is held until it was sent
            "spark.driver.maxResultSize": f"{told.memory_mib // 2}m",
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.host": LOOPBACK,
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": str(self._port.number),
            # on that port or on none
            "spark.connect.grpc.port.maxRetries": "0",
            "spark.ui.enabled": "false",
            "spark.authenticate": "true",
            "spark.io.encryption.enabled": "true",
            # rows go to the workers through a socket in a folder that no other user can enter
            "spark.python.unix.domain.socket.enabled": "true",
            "spark.python.unix.domain.socket.dir": str(self._sockets),
            "spark.local.dir": str(self._folder),
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.sql.shuffle.partitions": str(told.cores),
            "spark.sql.artifact.isolation.enabled": "false",
            "spark.driver.extraJavaOptions": " ".join(
                # -UsePerfData: else a file for everybody to see stands in /tmp
                (f"-Djava.io.tmpdir={self._folder}", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
            ),
            # no line of a log, in which values could stand
            "spark.log.level": "OFF",
        }
        command = [str(home / "bin" / "spark-submit"), "--class", _MAIN]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
        environment |= {
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": LOOPBACK,
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

    def _wait(self, until: float) -> None:
        process = self._process
        while process is not None and process.poll() is None and time.monotonic() < until:
            if self._port.belongs_to(process.pid):
                return
            time.sleep(0.1)
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def _short_folder() -> str:
    """A folder of temporary files in which the name of a socket is not too long: 107 bytes, of which Spark takes 43."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) < 48 else "/tmp"
