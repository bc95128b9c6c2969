"""The lane of synthetic extracts through the product's own ports: what is charged, read, stored and given."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from gateway.adapters.synthesis import job as job_module
from gateway.adapters.synthesis.order_files import read_order
from gateway.lanes import syntheses
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Currency, Price
from gateway.model.plan import InBins
from gateway.model.record import Outcome
from gateway.model.request import SynthesisRequest
from gateway.model.synthesis import FileFormat, JobState, NoisedCounts
from gateway.pipeline import Refused
from tests.integration.house import House, context, housed
from tests.integration.site import Site, values_of

RESEARCH, PURPOSE = "zju-research", "academic-research"


def asked(**changed: Any) -> SynthesisRequest:
    whole: dict[str, Any] = {
        "context": context(PURPOSE),
        "dataset": "subsidies",
        "disclosure": "synthetic-applications",
        "fields": ("tier", "eligible", "amount_yuan"),
        "filters": (),
        "price": Price(Currency.RHO, Fraction(1, 50)),
        "rows": 300,
        **changed,
    }
    return SynthesisRequest(**whole)


def requested(house: House, **changed: Any) -> syntheses.Requested:
    made = syntheses.request(house.ports, house.peer(RESEARCH), asked(**changed))
    assert not isinstance(made, Refused), made
    return made


def done(house: House, job_id: str) -> syntheses.Standing:
    for _ in range(600):
        found = syntheses.look(house.ports, house.peer(RESEARCH), context(PURPOSE), job_id)
        assert not isinstance(found, Refused)
        if found.job.state is JobState.DONE:
            return found
        assert found.job.state in (JobState.QUEUED, JobState.RUNNING)
        time.sleep(0.05)
    raise AssertionError("the job is not done")


def test_it_is_charged_before_anything_is_read_and_recorded_before_anything_leaves(house: House) -> None:
    made = requested(house)
    events = house.diary.events
    assert events.index("charge") < events.index("aggregates")
    assert events.count("aggregates") == 3 and "rows" not in events
    assert (made.paid, made.receipt.record.loss, made.receipt.record.replay) == (True, made.counts.loss, False)
    assert made.receipt.record.grouped_by == ("eligible", "tier", "amount_yuan")
    done(house, made.job.order.id)
    before = len(house.audit.records)
    opened = syntheses.download(house.ports, house.peer(RESEARCH), context(PURPOSE), made.job.order.id, 0)
    assert not isinstance(opened, Refused)
    # the entry is there before a byte is asked for
    (entry,) = house.audit.records[before:]
    assert (entry.outcome, entry.release_id, entry.replay, entry.rows) == (
        Outcome.COMPLETED, made.counts.id, True, 300,
    )  # fmt: skip
    assert len(b"".join(opened.delivery)) == opened.job.file.bytes if opened.job.file else False
    opened.delivery.close()


def test_nothing_leaves_where_the_log_fails(house: House) -> None:
    made = requested(house)
    done(house, made.job.order.id)
    house.audit.failing_from = len(house.audit.records)
    for call in (
        lambda: syntheses.download(house.ports, house.peer(RESEARCH), context(PURPOSE), made.job.order.id, 0),
        lambda: syntheses.report(house.ports, house.peer(RESEARCH), context(PURPOSE), made.job.order.id),
    ):
        with pytest.raises(Fault) as caught:
            call()
        assert caught.value.reason is ErrorReason.AUDIT_UNAVAILABLE


def test_what_fails_between_charge_and_store_is_finished_by_the_same_request(house: House) -> None:
    house.source.failing = RuntimeError("a row of somebody's")
    with pytest.raises(Fault) as caught:
        requested(house)
    assert caught.value.reason is ErrorReason.RELEASE_FAILED
    with closing(sqlite3.connect(house.site.folder / "state.sqlite")) as state:
        assert state.execute("SELECT count(*) FROM synthesis_jobs").fetchall() == [(0,)]
    assert len(house.clock.woke_at) == 1  # the failure waited for its slot
    house.source.failing = None
    made = requested(house)
    assert not made.paid and made.job.state is JobState.QUEUED


def test_stored_counts_are_never_taken_again(house: House) -> None:
    first = requested(house)
    read = house.diary.events.count("aggregates")
    again = requested(house, format=FileFormat.CSV, rows=None)
    assert again.counts == first.counts and not again.paid
    assert house.diary.events.count("aggregates") == read
    other = requested(house, price=Price(Currency.RHO, Fraction(1, 40)))
    assert other.paid and other.counts.id != first.counts.id and other.counts.seed != first.counts.seed


def test_an_institution_holds_so_many_files_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntheses, "MOST_HELD", 1)
    requested(house)
    refused = syntheses.request(house.ports, house.peer(RESEARCH), asked(price=Price(Currency.RHO, Fraction(1, 40))))
    assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.RATE_EXCEEDED
    assert house.diary.events.count("charge") == 1


def test_who_asks_at_one_time_gets_no_more_places_than_there_are(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntheses, "MOST_HELD", 2)
    requested(house, rows=1)
    gate = threading.Barrier(4)

    def ask(rows: int) -> bool:
        gate.wait()
        told = syntheses.request(house.ports, house.peer(RESEARCH), asked(rows=rows))
        assert not isinstance(told, Refused) or told.refusal.reason is ErrorReason.RATE_EXCEEDED
        return not isinstance(told, Refused)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, range(10, 14))) == 1
    assert house.ports.registers.syntheses.held_by(RESEARCH) == 2


def test_files_that_take_more_disk_than_a_job_may_fail_it_and_leave_nothing(new_site: Site) -> None:
    new_site.config.write_text(new_site.config.read_text() + "\n[synthesis]\njob_disk_mib = 1\n")
    with housed(new_site) as house:
        job_id = requested(house, rows=150_000, format=FileFormat.CSV).job.order.id
        for _ in range(600):
            job = house.ports.registers.syntheses.job(job_id)
            assert job is not None and job.state is not JobState.DONE
            if job.state is JobState.FAILED:
                break
            time.sleep(0.05)
        assert job is not None and (job.failure, job.file) == ("out-of-disk", None)
        assert not list((new_site.folder / "synthetic").iterdir())


def exact_tables(house: House, counts: NoisedCounts) -> list[dict[str, int]]:
    """What each count would be without noise and without bounds, by field, for fields that are counted as they are."""
    fields = [field.key.field for field in counts.fields if not isinstance(field.key.by, InBins)]
    data = pq.read_table(house.site.data / "subsidies.parquet", columns=fields)
    return [
        {str(key): sum(value == key for value in data.column(field.key.field).to_pylist()) for key in field.key.keys}
        for field in counts.fields
        if field.key.field in fields
    ]


def test_the_worker_is_given_noised_counts_and_nothing_else(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seen: list[dict[str, bytes]] = []
    work = job_module.Job._work

    def looked_at(self: job_module.Job, own: Path, deadline: float) -> None:
        seen.append({file.name: file.read_bytes() for file in own.iterdir()})
        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        for name, data in seen[-1].items():
            (copy / name).write_bytes(data)
        work(self, own, deadline)

    monkeypatch.setattr(job_module.Job, "_work", looked_at)
    made = requested(house)
    done(house, made.job.order.id)
    (files,) = seen
    assert files.keys() == {"order.json", "counts.npz"}
    order = read_order(tmp_path / "copy")
    # its counts are the stored ones, to the last cell, and the stored ones carry noise of the scale that was paid for
    for marginal, table in zip(order.marginals, made.counts.tables, strict=True):
        assert marginal.fields == table.fields
        assert marginal.counts.reshape(-1).tolist() == list(table.values)
        assert marginal.variance == table.mechanism.variance(table.scale) and table.scale > 5
    assert leaks(files, house) == []
    words = json.loads(files["order.json"])
    assert words.keys() == {"columns", "marginals", "loss", "seed", "rows", "total", "format", "about"}
    assert words["about"].keys() == {"counts", "dataset", "disclosure", "region", "privacy_unit", "data_version"}
    assert {name for column in words["columns"] for name in column} <= {"name", "type", "keys", "edges", "decimals"}


def leaks(files: dict[str, bytes], house: House) -> list[str]:
    """The values of people that are in files: of identifiers, of codes, and of the first days of payments."""
    personal = {
        value
        for name in ("resident_id", "application_id", "firm_code", "community")
        for value in values_of(house.site.data, "subsidies", name)
    }
    text = b"\n".join(files.values()).decode("utf-8", "replace")
    return [value for value in personal if value in text]


def test_a_planted_leak_is_found(house: House) -> None:
    (victim, *_) = values_of(house.site.data, "subsidies", "resident_id")
    assert leaks({"order.json": f'{{"about": {{"note": "{victim}"}}}}'.encode()}, house) == [victim]


def test_counts_without_noise_would_be_noticed(house: House) -> None:
    made = requested(house)
    exact = next(one for one, field in zip(exact_tables(house, made.counts), made.counts.fields, strict=False)
                 if field.key.field == "eligible")  # fmt: skip
    table = next(one for one in made.counts.tables if one.fields == ("eligible", "tier"))
    noised = np.array(table.values).reshape(2, -1).sum(axis=1)
    # the noise of four cells is above 10: both sums are exact by chance in two of a thousand runs
    assert noised.tolist() != list(exact.values())
    assert all(abs(one - other) < 12 * table.scale for one, other in zip(noised, exact.values(), strict=True))


def test_who_may_not_ask_learns_of_nothing(house: House) -> None:
    made = requested(house)
    peer = house.peer("police")
    calls = (syntheses.look, syntheses.cancel, syntheses.report)
    answers = [
        call(house.ports, peer, context(PURPOSE), name) for name in (made.job.order.id, "0" * 64) for call in calls
    ]
    assert {told(answer) for answer in answers} == {(ErrorReason.RELEASE_NOT_FOUND, None, ())}
    assert syntheses.look(house.ports, house.peer(RESEARCH), context(PURPOSE), made.job.order.id)


def told(answer: object) -> tuple[object, ...]:
    assert isinstance(answer, Refused)
    return (answer.refusal.reason, answer.refusal.nearest, answer.refusal.violations)
