"""The demo's folder: a synthetic city, a policy to edit, keys, and everything that a gateway needs to serve it."""

from __future__ import annotations

import secrets
import shutil
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters.dev_ca import AUDIENCE, ISSUER, write_private
from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.demo.identities import LIFE, Credentials, Trust
from gateway.cli.mistake import Mistake

CAST: Mapping[str, str] = {
    "police": "wang.fang",
    "health-commission": "li.na",
    "open-data-portal": "nightly-job",
    "verifier-metro": "gate-7",
    "enterprise-service-bureau": "chen.jing",
    "zju-research": "zhao.lei",
    "contest-team-a": "wu.min",
    "audit-bureau": "sun.yu",
    "hotel-lakeside": "front-desk",
    "street-wulin": "grid-desk",
    "civil-affairs-bureau": "he.qin",
    "data-bureau": "chen.jie",
    "cockpit-hangzhou": "duty-officer",
    "cockpit-wulin": "duty-officer",
}
"""Who plays: an institution, and the person who calls for it."""

MARKER = "READ-ME-FIRST.txt"
_ANOTHER = "Name another with --folder."
_NOTE = f"""\
Made by `gateway demo`, for trying the gateway on this machine and for nothing else.

The certificates and tokens here come from a development authority that exists in this folder alone, and end after
{LIFE.days} days. Trust them nowhere else. The city is synthetic: nobody in it exists. `gateway demo` replaces this
whole folder when it runs again.

gateway.toml   the settings: gateway serve --config gateway.toml
city/          the data, as Parquet
policies/      who may get what, for which purpose: edit it, and try
trust/         the development authority's certificate, the token issuer's public key
server/        the gateway's certificate and key
probe/         the certificate that `gateway health` asks with; it names no institution
clients/       for each institution: certificate, key, and a person's token
secret, keys   the secret that opens the key file, and the key file
state.sqlite3  budgets, releases and the audit log (made at the first start)
gateway.log    what the gateway said while the demo ran
"""


@dataclass(frozen=True, slots=True)
class DemoCity:
    """A prepared folder."""

    folder: Path
    settings: Path
    address: str
    clients: Mapping[str, Credentials]
    people: int
    rows: Mapping[str, int]

    def table(self, name: str) -> Path:
        """Where the raw rows of a dataset lie: the inside."""
        return self.folder / "city" / f"{name}.parquet"

    @property
    def log(self) -> Path:
        """The file that the gateway's output goes to."""
        return self.folder / "gateway.log"


def prepare(folder: Path, people: int, port: int) -> DemoCity:
    """Make the folder anew, with a city of so many people, for a gateway on this port of 127.0.0.1.

    Raises:
        Mistake: the folder holds something else, the sources of the city are missing, or it is too small.
    """
    policies = _policies()
    _clear(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / MARKER).write_text(_NOTE, encoding="utf-8")
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")  # keys and tokens are nobody's to commit
    shutil.copytree(policies, folder / "policies")
    rows = _generate(folder, people)
    trust = Trust.establish(folder, datetime.now(UTC).replace(tzinfo=None))
    trust.server()
    trust.probe()
    clients = {institution: trust.client(institution, person) for institution, person in CAST.items()}
    secret = secrets.token_hex(32).encode()
    write_private(folder / "secret", secret)
    FileKeyRing.create(folder / "keys", secret)
    settings = folder / "gateway.toml"
    settings.write_text(_settings(port), encoding="utf-8")
    return DemoCity(folder, settings, f"127.0.0.1:{port}", clients, people, rows)


def _policies() -> Path:
    try:
        import seeds
    except ImportError:
        raise Mistake(
            "the demo needs the project's folders seeds/ and policies/", "Run it in the repository."
        ) from None
    return Path(seeds.__file__ or "").resolve().parent.parent / "policies"


def _clear(folder: Path) -> None:
    """Remove what an earlier demo made; never anything else."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Mistake(f"{folder} is not a folder", _ANOTHER)
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise Mistake(f"{folder} holds something that no demo made", _ANOTHER)
    _see_that_nobody_serves(folder)
    shutil.rmtree(folder)


def _see_that_nobody_serves(folder: Path) -> None:
    """Refuse to take the state from under a gateway that still serves from the folder."""
    try:
        settings = tomllib.loads((folder / "gateway.toml").read_text(encoding="utf-8"))
        host, _, port = settings["server"]["listen"].rpartition(":")
        socket.create_connection((host, int(port)), 1).close()
    except (OSError, ValueError, KeyError):
        return
    raise Mistake(f"something listens on {host}:{port}, as the gateway of {folder} would", f"Stop it. {_ANOTHER}")


def _generate(folder: Path, people: int) -> Mapping[str, int]:
    from seeds.generator import generate

    try:
        city = generate(folder / "city", people=people, regions=folder / "policies" / "regions.yaml")
    except ValueError as error:
        raise Mistake(f"--people: {error}") from None
    return city.rows


def _settings(port: int) -> str:
    institutions = ", ".join(f'"{name}"' for name in CAST)
    return f"""\
# Settings of the demo's gateway; docs/reference/settings.md explains each. Paths are relative to this file's folder.
# Certificates and tokens come from this folder's development authority. Replace both before anybody relies on it.

[server]
listen = "127.0.0.1:{port}"
certificate = "server/cert.pem"
key = "server/key.pem"
client_ca = "trust/ca.pem"
grace_seconds = 2.0
reflection = true

[identity]
institutions = [{institutions}]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
token_keys = ["trust/token-issuer.pem"]

[data]
root = "city"
memory_limit_mib = 512

[policy]
folder = "policies"
follow = "folder"

[state]
file = "state.sqlite3"

[keys]
file = "keys"
secret_file = "secret"

[health]
certificate = "probe/cert.pem"
key = "probe/key.pem"
server_ca = "trust/ca.pem"
"""
