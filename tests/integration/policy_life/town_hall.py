"""A gateway that follows what officers publish, officers with keys, and a second process over the same state."""

from __future__ import annotations

import base64
import io
import json
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import gateway.client as gw
from gateway.adapters.dev_ca import write_private
from gateway.cli.app import run
from tests.integration.site import ROOT, Site, free_port, institutions_of, values_of

AUTHOR = ("data-bureau", "chen.jie")
SECOND = ("data-bureau", "sun.hao")
REVIEWER = ("audit-bureau", "wu.min")
DISTRICT = ("police-xiacheng", "zhao.lei")
KEEPER = ("human-resources-bureau", "qian.li")

COLOUR = (
    "p, g-colour-check, verifiers, health_codes/colour-check, lookup, hangzhou, health-code-check, "
    "until=2036-12-31;max_keys=1, allow"
)


@dataclass(frozen=True)
class Done:
    """A command that ran."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Twin(Site):
    """Another process of a site: settings and port of its own, and the same state, keys and certificates."""

    @property
    def config(self) -> Path:
        return self.folder / "twin.toml"

    @property
    def log(self) -> Path:
        return self.folder / "twin.log"

    def prepare(self) -> None:
        self.port = free_port()
        self.config.write_text(self._settings())


@dataclass
class TownHall:
    """A site whose policy officers publish."""

    site: Site
    keys: dict[tuple[str, str], Ed25519PrivateKey] = field(default_factory=dict)

    def officer(self, who: tuple[str, str], site: Site | None = None) -> gw.Officer:
        """The connection of an officer; close it."""
        return (site or self.site).officer(*who)

    def twin(self) -> Site:
        """Another process over the same state; start and stop it."""
        site = self.site
        twin = Twin(
            site.folder, site.policies, site.data, site.institutions, authority=site.authority, follow=site.follow
        )
        twin.prepare()
        return twin

    def key_file(self, who: tuple[str, str]) -> Path:
        """The officer's private key in a file."""
        path = self.site.folder / f"{who[1]}.officer.pem"
        if not path.exists():
            pem = self.keys[who].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_private(path, pem)
        return path

    def connection_file(self, who: tuple[str, str]) -> Path:
        """What the commands take to connect as somebody."""
        institution, person = who
        token = self.site.folder / f"{institution}.{person}.token"
        write_private(token, self.site.token(institution, person).encode())
        file = self.site.folder / f"{institution}.{person}.toml"
        file.write_text(
            f'address = "{self.site.target}"\nca = "ca.pem"\ncertificate = "{institution}.pem"\n'
            f'key = "{institution}.key"\ntoken_file = "{token.name}"\n'
        )
        return file

    def command(self, who: tuple[str, str], *arguments: str, input_: str = "") -> Done:
        """Run a command of the gateway as somebody, with --connect."""
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(input_.encode()))
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run([*arguments, "--connect", str(self.connection_file(who))])
        finally:
            sys.stdin = before
        return Done(code, out.getvalue(), err.getvalue())

    def said(self, who: tuple[str, str], *arguments: str) -> Any:
        """What a command that works says in JSON."""
        done = self.command(who, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def open_town_hall(folder: Path, data: Path, cool_down_hours: int = 0) -> TownHall:
    """Make a town hall; its site is prepared and not started."""
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    keys = {who: Ed25519PrivateKey.generate() for who in (AUTHOR, SECOND, DISTRICT)}
    (policies / "officers.yaml").write_text(officers(keys, cool_down_hours))
    names = {*institutions_of(policies), AUTHOR[0], REVIEWER[0], DISTRICT[0], KEEPER[0]}
    site = Site(folder / "site", policies, data, tuple(sorted(names)), follow="published")
    site.prepare()
    return TownHall(site, keys)


def officers(keys: Mapping[tuple[str, str], Ed25519PrivateKey], cool_down_hours: int) -> str:
    """The officers' file: two for the whole city, a reviewer, and one of a district and a dataset."""
    reach = {
        AUTHOR: ("[propose, approve, publish, review]", "hangzhou", '["*"]'),
        SECOND: ("[propose, approve, publish, review]", "hangzhou", '["*"]'),
        REVIEWER: ("[review]", "hangzhou", '["*"]'),
        DISTRICT: ("[propose, approve]", "hangzhou/xiacheng", "[health_cases]"),
    }
    lines = [f"cool_down_hours: {cool_down_hours}", "officers:"]
    for (institution, person), (powers, region, datasets) in reach.items():
        lines += [f"  - institution: {institution}", f"    person: {person}", f"    powers: {powers}"]
        lines += [f"    region: {region}", f"    datasets: {datasets}"]
        key = keys.get((institution, person))
        if key is not None:
            public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            lines.append(f"    key: {base64.b64encode(public).decode()}")
    return "\n".join(lines) + "\n"


def changed(files: Mapping[str, bytes], name: str, old: str, new: str) -> dict[str, bytes]:
    """The files with one text replaced, which must be there."""
    assert old.encode() in files[name]
    return {**files, name: files[name].replace(old.encode(), new.encode())}


def passed(hall: TownHall, files: Mapping[str, bytes], note: str = "a change") -> str:
    """Propose, have the second officer approve, and publish; return the digest in force then."""
    with hall.officer(AUTHOR) as author, hall.officer(SECOND) as second:
        proposal = author.propose(files, note)
        second.approve(proposal, hall.keys[SECOND])
        return author.publish(proposal.id).digest


@dataclass
class Passer:
    """Calls one process every few milliseconds, and keeps digests with their times, failures, and the slowest call."""

    site: Site
    resident: str
    digests: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to call, in a thread of its own."""
        self.thread = threading.Thread(target=self._go, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End after the call under way."""
        self.over.set()
        self.thread.join(30)

    def until(self, digest: str, seconds: float = 10.0) -> float:
        """Wait until an answer is of this policy; return when that was."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for at, seen in tuple(self.digests):
                if seen == digest:
                    return at
            time.sleep(0.01)
        raise AssertionError(f"{digest[:8]} was not seen; {self.failures[:1]}")

    def _go(self) -> None:
        with self.site.connect("verifier-metro") as gateway:
            while not self.over.wait(0.02):
                began = time.monotonic()
                try:
                    answer = gateway.lookup(
                        "health_codes",
                        "colour-check",
                        purpose="health-code-check",
                        by="resident_id",
                        values=[self.resident],
                    )
                    self.digests.append((time.monotonic(), answer.receipt.policy_digest))
                except gw.GatewayError as error:
                    self.failures.append(error.reason)
                self.slowest = max(self.slowest, time.monotonic() - began)


def a_resident(data: Path) -> str:
    """Somebody with a health code."""
    return values_of(data, "health_codes", "resident_id")[0]
