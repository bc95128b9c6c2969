"""A real gateway over the benchmarks' register: its own process, mTLS, the product's policy and its defaults."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pyarrow as pa

from bench.register import write_register
from tests.integration.site import ROOT, Site

DEPARTMENT = "bench-department"
PURPOSE = "transit-planning"
DATASET = "register"

Writer = Callable[[Path, int, Path], pa.Table]
"""Writes a register into a folder, for the regions of a file, and returns some of it."""

_OWN_POLICY = Path(__file__).resolve().parent / "policy"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A serving gateway, and the first 100,000 rows of its register at most."""

    site: Site
    rows: int
    sample: pa.Table

    @property
    def pid(self) -> int:
        """The gateway's process."""
        assert self.site.process is not None
        return self.site.process.pid


@contextmanager
def deployed(rows: int, write: Writer = write_register, settings: Mapping[str, str] = {}) -> Iterator[Deployment]:
    """Make a register of so many rows, and serve it until the block ends. `settings` are lines to add to sections."""
    with TemporaryDirectory(prefix="gateway-bench-") as name:
        folder = Path(name)
        policies = folder / "policies"
        shutil.copytree(ROOT / "policies", policies)
        shutil.copy(_OWN_POLICY / "register.yaml", policies / "contracts")
        with (policies / "grants.csv").open("a", encoding="utf-8") as grants:
            grants.write((_OWN_POLICY / "grants.csv").read_text(encoding="utf-8"))
        data = folder / "data"
        data.mkdir()
        sample = write(data, rows, policies / "regions.yaml")
        site = Site(folder / "site", policies, data, (DEPARTMENT,))
        site.prepare()
        written = site.config.read_text(encoding="utf-8")
        for section, line in settings.items():
            written = written.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
        site.config.write_text(written, encoding="utf-8")
        try:
            site.start()
            yield Deployment(site, rows, sample)
        finally:
            site.kill()


def credentials(site: Site) -> grpc.ChannelCredentials:
    """Return the department's channel credentials, for channels that the client does not make."""
    return grpc.ssl_channel_credentials(
        (site.folder / "ca.pem").read_bytes(),
        (site.folder / f"{DEPARTMENT}.key").read_bytes(),
        (site.folder / f"{DEPARTMENT}.pem").read_bytes(),
    )
