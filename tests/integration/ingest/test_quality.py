"""Quality that travels: what was counted at the door last month stands beside every answer, the same to everybody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import gateway.client as gw
from gateway.model.quality import last_month
from tests.integration.ingest.clinic import CONTRACT, PURPOSE, collecting, push, visit, visits
from tests.integration.site import Site, utc_now

SENT, MISSING, WRONG = 8_000, 240, 1_000
"""3 and 12.5 of a hundred: between two steps, further from either than noise reaches."""


def set_back(site: Site, instant: datetime) -> None:
    """Have every batch been kept at another time."""
    with closing(sqlite3.connect(site.folder / "state.sqlite")) as state, state:
        state.execute("UPDATE batches SET kept_at = ?", (instant.isoformat(sep=" "),))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway whose clinic pushed last month, and whose contract lets quality be told."""
    site = collecting(tmp_path_factory.mktemp("clinic"))
    contract = site.policies / "contracts" / "clinic_visits.yaml"
    assert CONTRACT.count("ingest: {}") == 1
    contract.write_text(CONTRACT.replace("ingest: {}", "ingest: {quality: monthly}"))
    site.start()
    rows = visits(SENT - MISSING - WRONG)
    rows += [visit(SENT + number, department=None) for number in range(MISSING)]
    rows += [visit(2 * SENT + number, department="dentist") for number in range(WRONG)]
    with site.connect("xihu-clinic") as clinic:
        pushed = push(clinic, rows)
        assert pushed.counts == {"missing": MISSING, "unknown_key": WRONG}
    yield site
    site.stop()


def told(site: Site) -> list[gw.Freshness]:
    """What stands beside an answer of each kind, whatever it finds."""
    with site.connect("medical-insurance-bureau") as reader:
        found = reader.lookup("clinic_visits", "visit", purpose=PURPOSE, by="visit_id", values=["v-1"])
        nobody = reader.lookup("clinic_visits", "visit", purpose=PURPOSE, by="visit_id", values=["v-none"])
        with reader.extract("clinic_visits", "visits", purpose=PURPOSE) as extract:
            extract.read_all()
        released = reader.release("clinic_visits", "by-unit", [gw.count()], purpose=PURPOSE, epsilon=0.3)
    return [found.freshness, nobody.freshness, extract.freshness, *released.freshness]


def test_this_months_rows_tell_nothing_yet_and_last_months_do(site: Site) -> None:
    assert [one.quality for one in told(site)] == [None] * 4
    site.stop()
    month = last_month(utc_now())
    set_back(site, month.begins + timedelta(days=3))
    site.start()
    answers = {one.quality for one in told(site)}
    assert answers == {gw.DataQuality(month.day, 95, 75, 99, 99)}, "the same beside rows, no rows and statistics"
    site.stop()
    set_back(site, month.begins - timedelta(seconds=1))
    site.start()
    assert [one.quality for one in told(site)] == [None] * 4


def test_where_the_contract_does_not_say_so_nothing_is_told(tmp_path: Path) -> None:
    site = collecting(tmp_path)
    site.start()
    try:
        with site.connect("xihu-clinic") as clinic:
            push(clinic, visits(SENT))
        site.stop()
        set_back(site, last_month(utc_now()).begins + timedelta(days=3))
        site.start()
        assert [one.quality for one in told(site)] == [None] * 4
    finally:
        site.stop()
