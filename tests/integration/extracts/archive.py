"""A register of crossings as long as a test needs, behind a real gateway: its own process, mTLS, policy and state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gateway.accountability.record import decode
from gateway.model.record import AuditRecord
from tests.integration.site import Site

READER, PURPOSE, DATASET = "transport-bureau", "transit-planning", "crossings"

_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: crossings
name: Crossings of gates
version: 1.0.0
status: active
team:
  members:
    - {role: owner, username: police}
    - {role: steward, username: gates@crossings.example, name: The gates}
servers:
  - {server: hub, type: local, path: crossings.FORMAT, format: FORMAT}
schema:
  - name: crossings
    properties:
      - {name: card, logicalType: string, classification: direct-identifier, required: true}
      - {name: gate, logicalType: string, classification: quasi-identifier, required: true}
      - {name: number, logicalType: integer, classification: quasi-identifier, required: true}
      - {name: crossed_at, logicalType: timestamp, classification: quasi-identifier, required: true}
      - {name: band, logicalType: string, classification: quasi-identifier, required: true}
customProperties:
  - property: purposeGateway
    value:
      name_zh: 闸机通行记录
      collected_for: [urban-mobility]
      privacy_unit: {kind: vehicle, field: card}
      fields:
        band: {keys: [young, old]}
      disclosures:
        all:
          kind: extract
          description: Every crossing, under a pseudonym of the card.
          fields: {card: pseudonymize, gate: keep, number: keep, crossed_at: {generalize: day}}
          filters: [gate]
          waive_noise: "The crossings are made up."
        some:
          kind: extract
          description: The same, of those cards that agreed.
          fields: {card: pseudonymize, number: keep}
          waive_noise: "The crossings are made up."
        capped:
          kind: extract
          description: The same, so many at most.
          fields: {card: pseudonymize, number: keep}
          max_rows: 1000
          waive_noise: "The crossings are made up."
        coins:
          kind: extract
          description: One crossing of each card, with a band that is drawn by coins.
          fields: {card: pseudonymize, band: {perturb: {epsilon: 0.3}}}
          waive_noise: "The crossings are made up."
        crowds:
          kind: extract
          description: Crossings at gates that enough cards share.
          fields: {gate: keep, band: keep}
          filters: [gate]
          anonymity: {k: 5}
          waive_noise: "The crossings are made up."
"""


def crossings(rows: int, *, gates: tuple[str, ...] = ("east", "west")) -> pa.Table:
    """So many crossings: `number` counts them, and each card crosses about ten times."""
    numbers = np.arange(rows)
    return pa.table(
        {
            "card": pa.array(np.char.mod("c%08d", numbers * 7919 % max(1, rows // 10))),
            "gate": pa.array(np.array(gates)[numbers % len(gates)]),
            "number": pa.array(numbers),
            "crossed_at": pa.array(np.datetime64("2026-01-01T00:00", "us") + numbers.astype("timedelta64[s]")),
            "band": pa.array(np.where(numbers % 3 == 0, "young", "old")),
        }
    )


@dataclass(frozen=True)
class Archive:
    """A deployment over one register."""

    site: Site

    def file(self, kind: str = "parquet") -> Path:
        """The register."""
        return self.site.data / f"{DATASET}.{kind}"

    def records(self) -> list[AuditRecord]:
        """The log's records of disclosures, in order."""
        with closing(sqlite3.connect(self.site.folder / "state.sqlite")) as state:
            rows = state.execute("SELECT record FROM audit_entries ORDER BY entry_index").fetchall()
        return [decode(record) for (record,) in rows if b'"outcome"' in record]

    def left(self) -> list[tuple[int, int, int]]:
        """Of each batch on record: the entry, the number, and how many rows."""
        with closing(sqlite3.connect(self.site.folder / "state.sqlite")) as state:
            return state.execute(
                "SELECT entry_index, segment, length(tokens) / 16 FROM audit_manifests ORDER BY 1, 2"
            ).fetchall()


def lay_out(site: Site, table: pa.Table | None, kind: str = "parquet", row_group: int = 50_000) -> Archive:
    """Put the register and its policy where a site that is not started has its own."""
    data = site.folder / "data"
    data.mkdir()
    settings = site.folder / "gateway.toml"
    settings.write_text(settings.read_text().replace(f'root = "{site.data}"', f'root = "{data}"'))
    site.data = data
    (site.policies / "contracts" / "crossings.yaml").write_text(_CONTRACT.replace("FORMAT", kind))
    with (site.policies / "grants.csv").open("a", encoding="utf-8") as grants:
        for disclosure in ("all", "capped", "coins", "crowds"):
            asked = f"{DATASET}/{disclosure}, extract, hangzhou, {PURPOSE}"
            grants.write(f"p, g-{disclosure}, {READER}, {asked}, , allow\n")
    archive = Archive(site)
    if table is not None and kind == "parquet":
        pq.write_table(table, archive.file(), row_group_size=row_group)
    elif table is not None:
        pa_csv.write_csv(table, archive.file("csv"))
    return archive


def setting(site: Site, section: str, line: str) -> None:
    """Add a line to a section of a site's settings, before it starts."""
    settings = site.folder / "gateway.toml"
    text = settings.read_text()
    header = f"[{section}]\n"
    settings.write_text(text.replace(header, f"{header}{line}\n") if header in text else f"{text}\n{header}{line}\n")


@contextmanager
def serving(archive: Archive) -> Iterator[Archive]:
    """Run the gateway."""
    archive.site.start()
    try:
        yield archive
    finally:
        archive.site.kill()


def asked(**changed: Any) -> dict[str, Any]:
    """The words of an extract."""
    return {"dataset": DATASET, "disclosure": "all", "purpose": PURPOSE, **changed}
