"""A gateway as the product composes it, over ports of the audit's own where they are ports.

The audit asks the same question thousands of times. The product would answer it once, give the stored release again,
and hold every answer to a slot. The audit's ledger forgets, and its clock does not wait: both are ports, and all that
stands between the channel and them is the product's. What is measured of time, and of the ledger itself, is measured
with the product's own clock and ledger.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.adapters.source_duckdb import DuckDBSource
from gateway.model.budget import Charge
from gateway.pipeline import Ports
from gateway.ports import Source
from gateway.server.app import Server
from gateway.server.desk import Desk
from gateway.server.observation import Observer
from gateway.server.services import services
from gateway.settings import read_settings
from gateway.wiring import open_gateway, server_config
from tests.integration.house import WatchedClock, edit
from tests.integration.site import ROOT, Site
from tests.privacy.audit.canaries import AMOUNT, KEYS, MAX_GROUPS, MAX_ROWS, WIDE
from tests.privacy.audit.rooms import ROOMS

INSTITUTION, PURPOSE = "zju-research", "academic-research"

_CONTRACT = f"""apiVersion: v3.1.0
kind: DataContract
id: canaries
name: Canaries
version: 1.0.0
status: active
domain: audit
description: {{purpose: To be asked by the audit of releases.}}
team:
  members:
    - {{role: owner, username: human-resources-bureau, name: Human resources bureau}}
    - {{role: steward, username: audit@test.example, name: The audit}}
servers:
  - {{server: hub, type: local, path: canaries.parquet, format: parquet}}
schema:
  - name: canaries
    dataGranularityDescription: One row a record.
    properties:
      - {{name: person, logicalType: string, classification: direct-identifier}}
      - {{name: cell, logicalType: string, classification: other}}
      - {{name: amount, logicalType: integer, classification: other}}
      - {{name: wide, logicalType: integer, classification: other}}
      - {{name: score, logicalType: number, classification: other}}
customProperties:
  - property: purposeGateway
    value:
      collected_for: [{PURPOSE}]
      privacy_unit: {{kind: resident, field: person}}
      fields:
        cell: {{keys: [{", ".join(KEYS)}]}}
        amount: {{bounds: [{AMOUNT[0]}, {AMOUNT[1]}]}}
        wide: {{bounds: [{WIDE[0]}, {WIDE[1]}]}}
      disclosures:
        by-cell:
          kind: release
          description: For the audit.
          filters: [score]
          statistics:
            {{group_by: [cell], values: [amount, wide], max_groups: {MAX_GROUPS}, max_rows: {MAX_ROWS},
              max_epsilon: 10.0, slot_ms: SLOT}}
"""


_ROOMS = f"""apiVersion: v3.1.0
kind: DataContract
id: rooms
name: Rooms
version: 1.0.0
status: active
domain: audit
description: {{purpose: To be asked by the audit of releases for how long answers take.}}
team:
  members:
    - {{role: owner, username: human-resources-bureau, name: Human resources bureau}}
    - {{role: steward, username: audit@test.example, name: The audit}}
servers:
  - {{server: hub, type: local, path: rooms.parquet, format: parquet}}
schema:
  - name: rooms
    dataGranularityDescription: One row a record.
    properties:
      - {{name: person, logicalType: string, classification: direct-identifier}}
      - {{name: room, logicalType: string, classification: other}}
      - {{name: side, logicalType: string, classification: other}}
      - {{name: amount, logicalType: integer, classification: other}}
customProperties:
  - property: purposeGateway
    value:
      collected_for: [{PURPOSE}]
      privacy_unit: {{kind: resident, field: person}}
      fields:
        room: {{keys: [{", ".join(ROOMS)}]}}
        amount: {{bounds: [{AMOUNT[0]}, {AMOUNT[1]}]}}
      disclosures:
        by-room:
          kind: release
          description: For the audit.
          filters: [side]
          statistics:
            {{group_by: [room], values: [amount], max_groups: {MAX_GROUPS}, max_rows: {MAX_ROWS},
              max_epsilon: 10.0, slot_ms: SLOT}}
"""


def audit_site(folder: Path, data: Path, *, slot_ms: int = 1, cap: float = 1000) -> Site:
    """A deployment of the product's policy and two contracts more, prepared and not started.

    `cap` is that of each dataset of the audit, in epsilon at the policy's delta; nothing else caps what it asks for.
    """
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    grants = ""
    for what, contract in (("canaries/by-cell", _CONTRACT), ("rooms/by-room", _ROOMS)):
        dataset, _, disclosure = what.partition("/")
        (policies / "contracts" / f"{dataset}.yaml").write_text(contract.replace("SLOT", str(slot_ms)))
        grants += f"p, g-audit-{disclosure}, {INSTITUTION}, {what}, release, hangzhou, {PURPOSE}, , allow\n"
    edit(policies / "grants.csv", "\np, g-address-cleaning,", f"\n{grants}p, g-address-cleaning,")
    most = "1000"
    edit(
        policies / "budgets.yaml",
        *("\n  resident: 12.0", f"\n  resident: {most}"),
        *("\n  subsidies: 9.0", f"\n  subsidies: 9.0\n  canaries: {cap}\n  rooms: {cap}"),
        *("\n  zju-research: 9.0", f"\n  zju-research: {most}"),
        *("persons:\n  default: 6.0", f"persons:\n  default: {most}"),
    )
    site = Site(folder / "site", policies, data, (INSTITUTION,))
    site.prepare()
    edit(
        site.config,
        "[server]\n",
        "[server]\nmax_institution_releases = 512\nmax_institution_calls = 512\nmax_calls = 512\n",
    )
    return site


class ForgetfulLedger:
    """A ledger that charges nothing and stores nothing, so that every release is made anew."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    def charge(self, release_id: str, accounts: Sequence[Any], loss: Any) -> Charge:
        """Let everybody have everything."""
        return Charge(release_id, loss.rho, fresh=True, delta=loss.delta)

    def stored(self, release_id: str) -> None:
        """Know of no release."""

    def store(self, release: Any) -> Any:
        """Take a release for the one that stands."""
        return release

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class SwitchedSource:
    """A source over several states of the data, one at a time, as if the others had never been."""

    def __init__(self, source: Source, others: Sequence[Source]) -> None:
        self._sources = (source, *others)
        self.state = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sources[self.state], name)


@dataclass
class Audited:
    """A gateway that serves in this process, and its ports, for tests to exchange."""

    port: int
    ports: Ports
    source: SwitchedSource


@contextmanager
def audited(config: Path, states: Sequence[Path] = (), **exchanged: Any) -> Iterator[Audited]:
    """Serve as the settings of a deployment say, until the end of the block.

    `states` are folders of data that the source can be switched to, after the site's own. `exchanged` are ports, or
    functions that make one of the product's; left out, the clock does not wait and the ledger
    forgets; None leaves the product's own.
    """
    settings = read_settings(config)
    with ExitStack() as stack:
        gateway = stack.enter_context(open_gateway(settings))
        others = [DuckDBSource(state) for state in states]
        for other in others:
            stack.callback(other.close)
        source = SwitchedSource(gateway.ports.source, others)
        ports = replace(gateway.ports, source=_any(source))
        for name, make in {"clock": WatchedClock, "ledger": ForgetfulLedger, **exchanged}.items():
            if make is not None:
                ports = replace(ports, **{name: make(getattr(ports, name))})
        listening = replace(server_config(settings), address="127.0.0.1:0")
        server = Server(
            listening,
            services(Desk(ports, listening.max_batch_bytes), gateway.office),
            lambda peer: ports.identities.identify(peer, ports.clock.now()).institution,
            Observer(CollectorRegistry(), io.StringIO()),
        )
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        stack.callback(loop.close)
        stack.callback(thread.join, 10)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        stack.callback(lambda: asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30))
        yield Audited(port, ports, source)


def _any(port: Any) -> Any:
    return port
