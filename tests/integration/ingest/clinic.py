"""Visits to clinics, which the clinics push: the contract, rows of it, and a deployment that collects them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import gateway.client as gw
from tests.integration.site import ROOT, Site, institutions_of

PURPOSE = "medical-settlement"
CITY = timedelta(hours=8)
STREETS = ("hangzhou/xihu/beishan", "hangzhou/xihu/lingyin", "hangzhou/xihu/xixi")
DEPARTMENTS = ("fever", "general", "surgery")

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: clinic_visits
name: Visits to clinics
version: 1.0.0
status: active
team:
  members:
    - {role: owner, username: health-commission}
    - {role: steward, username: clinics@tests.example, name: The tests}
servers:
  - {server: hub, type: local, path: pushed/clinic_visits/, format: parquet}
schema:
  - name: clinic_visits
    properties:
      - {name: visit_id, logicalType: string, classification: other, required: true, primaryKey: true}
      - {name: resident_id, logicalType: string, classification: direct-identifier, required: true}
      - {name: street, logicalType: string, classification: quasi-identifier, required: true}
      - {name: department, logicalType: string, classification: sensitive, required: true}
      - {name: fee_fen, logicalType: integer, classification: sensitive}
      - {name: weight, logicalType: number, classification: sensitive}
      - {name: visited_at, logicalType: timestamp, classification: sensitive, required: true}
slaProperties:
  - {property: retention, value: 90, unit: d, element: clinic_visits.visited_at}
  - {property: latency, value: 24, unit: h}
customProperties:
  - property: purposeGateway
    value:
      collected_for: [medical-settlement]
      privacy_unit: {kind: resident, field: resident_id}
      region_field: street
      fields:
        resident_id: {canonical: resident-id}
        department: {keys: [fever, general, surgery]}
        fee_fen: {bounds: [0, 1000000]}
      disclosures:
        visits-in:
          kind: ingest
          description: What clinics report of each visit.
          ingest: {}
        visit:
          kind: lookup
          description: A visit by its number.
          fields:
            visit_id: keep
            street: keep
            department: keep
            fee_fen: keep
            weight: keep
            visited_at: {generalize: day}
          lookup_keys: [visit_id]
          lookup_by: [key]
          waive_noise: "A bill is settled to the fen."
        visits:
          kind: extract
          description: All visits, for settling.
          fields: {visit_id: keep, street: keep, department: keep, fee_fen: keep}
          waive_noise: "Bills are settled to the fen."
        by-unit:
          kind: release
          description: Visits by department.
          statistics:
            {group_by: [department], values: [], max_groups: 2, max_rows: 2, max_epsilon: 1.0, slot_ms: 50}
"""

GRANTS = """
p, g-clinic-in, xihu-clinic, clinic_visits/visits-in, ingest, hangzhou/xihu, medical-settlement, , allow
p, g-other-clinic-in, binjiang-clinic, clinic_visits/visits-in, ingest, hangzhou/binjiang, medical-settlement, , allow
p, g-visit, medical-insurance-bureau, clinic_visits/visit, lookup, hangzhou, medical-settlement, max_keys=100, allow
p, g-by-unit, medical-insurance-bureau, clinic_visits/by-unit, release, hangzhou, medical-settlement, , allow
p, g-visits, medical-insurance-bureau, clinic_visits/visits, extract, hangzhou, medical-settlement, , allow
"""


def city_now() -> datetime:
    """Now on the city's clocks."""
    return datetime.now(UTC).replace(tzinfo=None) + CITY


def visit(number: int, **changed: Any) -> dict[str, Any]:
    """One row that fits."""
    row = {
        "visit_id": f"v-{number}",
        "resident_id": f"33010219900101{number % 10000:04}",
        "street": STREETS[number % 3],
        "department": DEPARTMENTS[number % 3],
        "fee_fen": number % 1000,
        "weight": 60.5 + number % 7,
        "visited_at": city_now().replace(microsecond=0) - timedelta(hours=1),
    }
    return row | changed


def visits(count: int, start: int = 0) -> list[dict[str, Any]]:
    """So many rows that fit."""
    return [visit(number) for number in range(start, start + count)]


def wrong_visits(start: int) -> dict[str, dict[str, Any]]:
    """Rows that do not fit, by reason and field."""
    bad: tuple[tuple[str, dict[str, Any]], ...] = (
        ("missing department", {"department": None}),
        ("unknown_key department", {"department": "dentist"}),
        ("out_of_bounds fee_fen", {"fee_fen": 1_000_001}),
        ("out_of_bounds weight", {"weight": float("nan")}),
        ("malformed resident_id", {"resident_id": "33010219900101000"}),
        ("unknown_region street", {"street": "hangzhou/atlantis"}),
        ("outside_region street", {"street": "hangzhou/binjiang/xixing"}),
        ("in_future visited_at", {"visited_at": city_now() + timedelta(hours=1)}),
        ("too_old visited_at", {"visited_at": city_now() - timedelta(days=92)}),
        ("too_long visit_id", {"visit_id": "v" * 4097}),
    )
    return {name: visit(start + number, **changed) for number, (name, changed) in enumerate(bad)}


def policies(folder: Path, contract: str = CONTRACT, grants: str = GRANTS) -> Path:
    """The product's policy, and what clinics push."""
    shutil.copytree(ROOT / "policies", folder)
    (folder / "contracts" / "clinic_visits.yaml").write_text(contract)
    with (folder / "grants.csv").open("a") as file:
        file.write(grants)
    return folder


def collecting(folder: Path, data: Path | None = None) -> Site:
    """A deployment, prepared and not started."""
    where = policies(folder / "policies")
    root = data or folder / "data"
    root.mkdir(exist_ok=True)
    site = Site(folder / "site", where, root, institutions_of(where))
    site.prepare()
    return site


def kept(site: Site) -> list[dict[str, Any]]:
    """Every row that lies in place, as any reader of the folder finds it."""
    files = sorted((site.data / "pushed" / "clinic_visits").glob("[!.]*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def left_over(site: Site) -> list[Path]:
    """What lies in the folder and is no file of a batch."""
    folder = site.data / "pushed" / "clinic_visits"
    return [path for path in folder.iterdir() if path.name.startswith(".batch-")]


def push(gateway: gw.Gateway, rows: Any, **how: Any) -> gw.Pushed:
    """Push rows as the clinic of Xihu does."""
    asked = {"purpose": PURPOSE, "region": "hangzhou/xihu"} | how
    return gateway.push("clinic_visits", "visits-in", rows, **asked)


def table(rows: list[dict[str, Any]], **types: pa.DataType) -> pa.Table:
    """Rows as Arrow, typed as the contract says where they say nothing else."""
    found = pa.Table.from_pylist(rows)
    schema = pa.schema([(one.name, types.get(one.name, one.type)) for one in found.schema])
    return found.cast(schema)
