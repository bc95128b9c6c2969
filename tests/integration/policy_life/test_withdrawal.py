"""Whoever withdraws a consent is in no batch of a running extract that is read a second later."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.client.registers import NewConsent
from gateway.model.plan import RowPlan
from gateway.ports import CONSENT_LAG
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
from tests.integration.policy_life.town_hall import KEEPER, TownHall, open_town_hall
from tests.integration.site import values_of

BATCH = 4


@pytest.fixture
def slow_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the source read in small batches, each after a while, so that a small extract runs for seconds."""
    read = DuckDBSource.rows

    def slowly(source: DuckDBSource, plan: RowPlan, _: int) -> Iterator[pa.RecordBatch]:
        for batch in read(source, plan, BATCH):
            for start in range(0, batch.num_rows, BATCH):
                time.sleep(0.15)
                yield batch.slice(start, BATCH)

    monkeypatch.setattr(DuckDBSource, "rows", slowly)


@pytest.fixture
def hall(tmp_path: Path, seeded: tuple[Path, Any], slow_reads: None) -> Iterator[TownHall]:
    """A town hall whose gateway runs in this process, over its real port."""
    hall = open_town_hall(tmp_path, seeded[0])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with open_gateway(read_settings(hall.site.config)) as gateway:
        asyncio.run_coroutine_threadsafe(gateway.server.start(), loop).result(30)
        yield hall
        asyncio.run_coroutine_threadsafe(gateway.server.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_a_running_extract_lets_go_of_those_who_withdraw(hall: TownHall) -> None:
    subjects = values_of(hall.site.data, "job_applicants", "resident_id")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    agreed = [NewConsent(one, "recruitment-fair", "form 1", bytes(32), yesterday) for one in subjects]
    withdrawn_at = 0.0
    arrived: list[tuple[float, int]] = []
    with hall.officer(KEEPER) as keeper, hall.site.connect("hotel-lakeside") as gateway:
        for start in range(0, len(agreed), 100):
            keeper.record_consents("job-fair", agreed[start : start + 100])
        extract = gateway.extract("job_applicants", "fair-list", purpose="recruitment-fair", timeout=120)
        for batch in extract:
            arrived.append((time.monotonic(), batch.num_rows))
            if not withdrawn_at:
                for one in agreed:
                    keeper.withdraw_consent("job-fair", one.id)
                withdrawn_at = time.monotonic()
        ended = time.monotonic()
    assert arrived[0][1] > 0
    # what was read within the lag may still arrive; a batch is read ahead of the one that is sent
    late = withdrawn_at + CONSENT_LAG + 0.5
    assert sum(rows for at, rows in arrived if at > late) == 0
    assert ended > late + 1.0, "the extract was over before the withdrawals could show"
    assert 0 < sum(rows for _, rows in arrived) < len(subjects)
    assert isinstance(extract, gw.Extract) and extract.complete
