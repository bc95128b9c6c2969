"""A deployment in a folder of its own: a real `gateway serve` process on loopback, with mTLS and person tokens.

Nothing is replaced: certificates, tokens, keys, state, policy and data are what an operator would have.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

import gateway.client as gw
from gateway.adapters.dev_ca import AUDIENCE, ISSUER, Credentials, DevelopmentAuthority, write_private
from gateway.adapters.keys.ring import FileKeyRing
from gateway.model.party import Peer
from tests.integration.nursery import Running, nursery

ROOT = Path(__file__).resolve().parents[2]
SERVE = ("-m", "gateway", "serve")
SECRET = b"a secret of the test site alone"


def utc_now() -> datetime:
    """The instant, naive UTC, as the gateway has it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class Site:
    """One deployment. `start` and `stop` may be called again and again; the state stays in the folder."""

    folder: Path
    policies: Path
    data: Path
    institutions: tuple[str, ...]
    authority: DevelopmentAuthority = field(default_factory=lambda: DevelopmentAuthority(utc_now()))
    process: Running | None = None
    port: int = 0
    metrics_port: int = 0
    http_port: int = 0
    follow: str = "folder"
    command: tuple[str, ...] = SERVE

    def prepare(self) -> None:
        """Write certificates, keys and settings."""
        self.folder.mkdir(parents=True, exist_ok=True)
        now = utc_now()
        self._write("ca.pem", self.authority.ca_pem)
        self._write("issuer.pem", self.authority.issuer_pem)
        self._credentials("server", self.authority.server(now))
        self._credentials("probe", self.authority.client("probe", now, uris=[]))
        for institution in self.institutions:
            self._credentials(institution, self.authority.client(institution, now))
        write_private(self.folder / "secret", SECRET)
        if not (self.folder / "keys.json").exists():
            FileKeyRing.create(self.folder / "keys.json", SECRET, 2**15)
        self.port = self.port or free_port()
        self._write("gateway.toml", self._settings().encode())

    def copy(self, folder: Path, policies: Path) -> Site:
        """Return another deployment, not started, of equal credentials, keys and state, under a policy of its own."""
        shutil.copytree(self.folder, folder)
        made = replace(self, folder=folder, policies=policies, process=None, port=free_port())
        made._write("gateway.toml", made._settings().encode())
        return made

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "gateway.toml"

    @property
    def log(self) -> Path:
        """What the process wrote to its standard streams, all starts together."""
        return self.folder / "gateway.log"

    def start(self, timeout: float = 60.0, *, fresh: bool = False) -> None:
        """Start the process and wait until it serves: from the nursery that is in use, or a fresh one.

        Another command than the product's own is always fresh.
        """
        parent = None if fresh or self.command != SERVE else nursery()
        self.process = self._fresh() if parent is None else parent.serve(self.config, self.log)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway did not start:\n{self.log.read_text()[-4000:]}")
            if self._listens():
                return
            time.sleep(0.02)
        raise AssertionError("the gateway did not start in time")

    def stop(self) -> int:
        """End the process in order and return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process = None
        return code

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def reload(self) -> None:
        """Have the process read the policy folder anew."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    @property
    def target(self) -> str:
        """Where the gateway listens."""
        return f"localhost:{self.port}"

    def token(self, institution: str, person: str = "li.wei", life: timedelta = timedelta(hours=1)) -> str:
        """A person's token."""
        return self.authority.token(institution, person, utc_now(), life)

    def connect(self, institution: str, person: str = "li.wei") -> gw.Gateway:
        """A connection of a person of an institution; close it."""
        return gw.connect(
            self.target,
            certificate=self.folder / f"{institution}.pem",
            key=self.folder / f"{institution}.key",
            ca=self.folder / "ca.pem",
            token=self.token(institution, person),
        )

    def officer(self, institution: str, person: str) -> gw.Officer:
        """A connection of an officer, or of a register's keeper; close it."""
        return gw.connect_officer(
            self.target,
            certificate=self.folder / f"{institution}.pem",
            key=self.folder / f"{institution}.key",
            ca=self.folder / "ca.pem",
            token=self.token(institution, person),
        )

    def peer(self, institution: str, person: str = "li.wei", life: timedelta = timedelta(hours=1)) -> Peer:
        """A caller as the edge sees one, whose token lives so long."""
        return Peer((self.folder / f"{institution}.pem").read_bytes(), self.token(institution, person, life))

    def _fresh(self) -> Running:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self.command, "--config", str(self.config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def _credentials(self, name: str, credentials: Credentials) -> None:
        self._write(f"{name}.pem", credentials.certificate_pem)
        write_private(self.folder / f"{name}.key", credentials.private_key_pem)

    def _write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _settings(self) -> str:
        names = ", ".join(f'"{name}"' for name in self.institutions)
        metrics = f'metrics_listen = "127.0.0.1:{self.metrics_port}"' if self.metrics_port else ""
        http = f"""
[http]
listen = "127.0.0.1:{self.http_port}"
url = "https://localhost:{self.http_port}"
"""
        return f"""{http if self.http_port else ""}
[server]
listen = "127.0.0.1:{self.port}"
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"
grace_seconds = 2
reflection = true
{metrics}

[identity]
institutions = [{names}]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
token_keys = ["issuer.pem"]

[data]
root = "{self.data}"

[policy]
folder = "{self.policies}"
follow = "{self.follow}"

[state]
file = "state.sqlite"

[keys]
file = "keys.json"
secret_file = "secret"

[health]
certificate = "probe.pem"
key = "probe.key"
server_ca = "ca.pem"
"""


def institutions_of(policies: Path) -> tuple[str, ...]:
    """Every institution that a policy names: as a recipient that is no role, an officer's, or a register's keeper."""
    names: set[str] = set()
    roles: set[str] = set()
    for line in (policies / "grants.csv").read_text().splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if cells[0] == "p" and re.fullmatch(r"[a-z0-9-]+", cells[2]):
            names.add(cells[2])
        elif cells[0] == "g":
            names.add(cells[1])
            roles.add(cells[2])
    for name, pattern in (("officers.yaml", r"institution: ([a-z0-9-]+)"), ("registers.yaml", r"keepers: \[(.*)\]")):
        if (path := policies / name).exists():
            for found in re.findall(pattern, path.read_text("utf-8")):
                names |= {one.strip() for one in found.split(",")}
    return tuple(sorted(names - roles))


def values_of(data: Path, dataset: str, field: str) -> list[str]:
    """The values of a field in the city's own table, in its order, without those that are missing."""
    column = pq.read_table(data / f"{dataset}.parquet", columns=[field]).column(0)
    return [str(value) for value in column.to_pylist() if value is not None]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
