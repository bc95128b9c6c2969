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
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.budget import Charge
from gateway.pipeline import Ports
from gateway.ports import Source
from gateway.server.app import Server
from gateway.server.desk import Desk
from gateway.server.observation import Observer
from gateway.server.services import services
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway, server_config
from tests.integration.house import WatchedClock, edit
from tests.integration.site import ROOT, Site
from tests.privacy.audit.canaries import AMOUNT, KEYS, MAX_GROUPS, MAX_ROWS, PASSES, WIDE
from tests.privacy.audit.hermits import DELTA
from tests.privacy.audit.rooms import ROOMS

INSTITUTION, PURPOSE = "zju-research", "academic-research"


def _contract(dataset: str, properties: str, fields: str, disclosure: str, answers: str) -> str:
    """A contract of one table of persons and one release. `properties` are pairs of a name and a logical type."""
    declared = (one.split(":") for one in properties.split())
    columns = "\n".join(f"      - {{name: {name}, logicalType: {kind}, {_CLASS[name]}}}" for name, kind in declared)
    return f"""apiVersion: v3.1.0
kind: DataContract
id: {dataset}
name: {dataset.capitalize()}
version: 1.0.0
status: active
domain: audit
description: {{purpose: To be asked by the audit of releases.}}
team:
  members:
    - {{role: owner, username: human-resources-bureau, name: Human resources bureau}}
    - {{role: steward, username: audit@test.example, name: The audit}}
servers:
  - {{server: hub, type: local, path: {dataset}.parquet, format: parquet}}
schema:
  - name: {dataset}
    dataGranularityDescription: One row a record.
    properties:
{columns}
customProperties:
  - property: purposeGateway
    value:
      collected_for: [{PURPOSE}]
      privacy_unit: {{kind: resident, field: person}}
      fields: {{{fields}}}
      disclosures:
        {disclosure}:
          kind: release
          description: For the audit.
          {answers}
"""


_CLASS = defaultdict(lambda: "classification: other", person="classification: direct-identifier")
_BOUNDS = f"amount: {{bounds: [{AMOUNT[0]}, {AMOUNT[1]}]}}"
_SPEC = f"max_groups: {MAX_GROUPS}, max_rows: {MAX_ROWS}, max_epsilon: 10.0, slot_ms: SLOT"

_CONTRACTS = {
    "canaries/by-cell": _contract(
        "canaries",
        "person:string cell:string amount:integer wide:integer score:number",
        f"cell: {{keys: [{', '.join(KEYS)}]}}, {_BOUNDS}, wide: {{bounds: [{WIDE[0]}, {WIDE[1]}]}}",
        "by-cell",
        "filters: [score]\n          "
        f"statistics: {{group_by: [cell], values: [amount, wide], {_SPEC}, joined_rows: 40}}",
    ),
    "passes/of-person": _contract(
        "passes",
        "person:string kind:string",
        f"kind: {{keys: [{', '.join(PASSES)}]}}",
        "of-person",
        f"statistics: {{group_by: [kind], {_SPEC}, joined_rows: 1}}",
    ),
    "rooms/by-room": _contract(
        "rooms",
        "person:string room:string side:string amount:integer",
        f"room: {{keys: [{', '.join(ROOMS)}]}}, {_BOUNDS}",
        "by-room",
        f"filters: [side]\n          statistics: {{group_by: [room], values: [amount], {_SPEC}}}",
    ),
    "hermits/by-den": _contract(
        "hermits",
        "person:string den:string",
        "",
        "by-den",
        f"statistics: {{found_keys: [den], delta: {DELTA}, {_SPEC}}}",
    ),
}
"""By what is asked for."""


def audit_site(folder: Path, data: Path, *, slot_ms: int = 1, cap: float = 1000) -> Site:
    """A deployment of the product's policy and four contracts more, prepared and not started.

    `cap` is that of each dataset of the audit, in epsilon at the policy's delta; nothing else caps what it asks for.
    """
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    grants = ""
    for what, contract in _CONTRACTS.items():
        dataset, _, disclosure = what.partition("/")
        (policies / "contracts" / f"{dataset}.yaml").write_text(contract.replace("SLOT", str(slot_ms)))
        grants += f"p, g-audit-{disclosure}, {INSTITUTION}, {what}, release, hangzhou, {PURPOSE}, , allow\n"
    edit(policies / "grants.csv", "\np, g-address-cleaning,", f"\n{grants}p, g-address-cleaning,")
    most, datasets = "1000", [what.partition("/")[0] for what in _CONTRACTS]
    edit(
        policies / "budgets.yaml",
        *("\n  resident: 12.0", f"\n  resident: {most}"),
        *("\n  subsidies: 9.0", "\n  subsidies: 9.0" + "".join(f"\n  {name}: {cap}" for name in datasets)),
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
            services(Desk(ports, listening.max_batch_bytes), gateway.office, gateway.ingest),
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
