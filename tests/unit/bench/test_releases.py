"""What the benchmark of releases rests on: its visits, its clock, and that all parties bound people alike."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from bench.releases import deployment, others, visits
from bench.releases.serving import UnheldClock
from gateway.adapters.clock_system import SystemClock
from gateway.model.contract import CanonicalForm
from gateway.model.spelling import SPELLINGS


def test_visits_are_the_same_again_and_need_bounds(tmp_path: Path) -> None:
    first, second = (pq.read_table(visits.write_visits(_folder(tmp_path, name), 20_000)) for name in ("a", "b"))
    assert first.equals(second)
    assert first.num_rows == 20_000
    spelled = pc.match_substring_regex(first["person"], f"^{SPELLINGS[CanonicalForm.RESIDENT_ID]}$")
    assert pc.all(spelled).as_py()
    assert set(first["place"].to_pylist()) <= set(visits.PLACES)
    assert pc.min(first["amount"]).as_py() >= 0
    assert visits.LARGEST < pc.max(first["amount"]).as_py() < visits.BEYOND
    cells = first.group_by(["person", "place"]).aggregate([([], "count_all")])
    assert pc.max(cells["count_all"]).as_py() > visits.MAX_VISITS
    assert pc.max(cells.group_by("person").aggregate([([], "count_all")])["count_all"]).as_py() > visits.MAX_PLACES


def test_every_person_has_a_number_of_its_own() -> None:
    numbers = visits.identifiers(range(visits.MOST_PERSONS - 5_000, visits.MOST_PERSONS))
    assert len(numbers.unique()) == 5_000
    with pytest.raises(ValueError, match="people"):
        visits.write_visits(Path(), (visits.MOST_PERSONS + 1) * visits.ROWS_PER_PERSON)


def test_all_parties_bound_people_alike() -> None:
    text = (Path(deployment.__file__).parent / "policy" / "visits.yaml").read_text(encoding="utf-8")
    declared = yaml.safe_load(text)["customProperties"][0]["value"]
    assert declared["fields"]["amount"]["bounds"] == [0, visits.LARGEST]
    bounds = declared["disclosures"][deployment.DISCLOSURE]["statistics"]
    assert (bounds["max_groups"], bounds["max_rows"]) == (visits.MAX_PLACES, visits.MAX_VISITS)
    assert (others.LARGEST, others.MAX_PLACES, others.MAX_VISITS) == (1_000, visits.MAX_PLACES, visits.MAX_VISITS)
    assert tuple(others.PLACES) == visits.PLACES


def test_the_clock_that_does_not_wait_is_otherwise_the_system_s() -> None:
    clock = UnheldClock(SystemClock())
    start = clock.monotonic()
    clock.sleep_until(start + 3_600)
    assert clock.monotonic() - start < 3_000
    assert abs(clock.monotonic() - time.monotonic()) < 60


def _folder(above: Path, name: str) -> Path:
    folder = above / name
    folder.mkdir()
    return folder
