"""Rows that departments push: what comes in, what is turned away and why, and that a batch is kept once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import gateway.client as gw
from tests.integration.ingest.clinic import CITY, collecting, kept, left_over, push, visit, visits, wrong_visits
from tests.integration.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that clinics push to."""
    site = collecting(tmp_path_factory.mktemp("clinic"))
    site.start()
    yield site
    assert site.stop() == 0, site.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def clinic(site: Site) -> Iterator[gw.Gateway]:
    """The clinic's connection."""
    with site.connect("xihu-clinic") as gateway:
        yield gateway


def test_a_dataset_that_nothing_was_pushed_to_is_empty(site: Site) -> None:
    with site.connect("medical-insurance-bureau") as reader:
        assert reader.extract("clinic_visits", "visits", purpose="medical-settlement").read_all().num_rows == 0


@pytest.mark.parametrize("encoding", ["arrow", "rows"])
def test_rows_that_fit_are_kept_and_the_others_are_told_with_their_reasons(
    site: Site, clinic: gw.Gateway, encoding: str
) -> None:
    start = 100_000 if encoding == "arrow" else 200_000
    good, wrong = visits(20, start), wrong_visits(start + 50)
    rows = [*good[:10], *wrong.values(), *good[10:], good[0] | {"fee_fen": 1}]
    how: dict[str, str] = {"encoding": encoding}
    pushed = push(clinic, rows, **how)
    assert (pushed.accepted, pushed.rejected) == (20, len(wrong) + 1)
    told = {one.row: f"{one.reason} {one.field}" for one in pushed.rejected_rows}
    assert told == dict(enumerate(wrong, start=10)) | {len(rows) - 1: "repeated "}
    assert sum(pushed.counts.values()) == pushed.rejected
    found = {row["visit_id"]: row for row in kept(site) if row["visit_id"] in {one["visit_id"] for one in rows}}
    assert found == {row["visit_id"]: row for row in good}
    gw.verify_receipt(pushed.receipt)
    assert (pushed.receipt.rows, pushed.receipt.rejected_rows) == (20, len(wrong) + 1)
    assert pushed.receipt.batch == pushed.batch_id


def test_the_same_batch_again_is_answered_as_it_was_and_another_under_its_id_is_refused(
    site: Site, clinic: gw.Gateway
) -> None:
    name, rows = str(uuid.uuid4()), [*visits(5, 300_000), visit(300_009, department=None)]
    first = push(clinic, rows, batch_id=name)
    again = push(clinic, rows, batch_id=name)
    assert again.repeated and not first.repeated
    assert (again.accepted, again.counts, again.rejected_rows) == (5, {"missing": 1}, first.rejected_rows)
    assert (again.kept_at, again.receipt) == (first.kept_at, first.receipt)
    with pytest.raises(gw.AlreadyUsed, match="BATCH_ID_REUSED"):
        push(clinic, rows[:5], batch_id=name)
    with pytest.raises(gw.AlreadyUsed, match="BATCH_ID_REUSED"):
        push(clinic, rows, batch_id=name, all_or_nothing=True)
    assert sum(row["visit_id"] == "v-300000" for row in kept(site)) == 1


def test_what_was_kept_before_is_not_kept_again_however_it_is_spelled(site: Site, clinic: gw.Gateway) -> None:
    push(clinic, visits(4, 400_000))
    pushed = push(clinic, visits(6, 400_000))
    assert (pushed.accepted, pushed.counts) == (2, {"kept_before": 4})
    fullwidth = visit(1, visit_id="ｖ-400000")
    assert push(clinic, [fullwidth]).counts == {"kept_before": 1}


def test_a_column_that_is_not_collected_refuses_the_batch_at_the_door(site: Site, clinic: gw.Gateway) -> None:
    before = kept(site)
    rows = [row | {"phone": "13800000000"} for row in visits(3, 500_000)]
    with pytest.raises(gw.Refused, match="FIELD_NOT_COLLECTED") as caught:
        push(clinic, rows)
    assert caught.value.violations == (("columns[7]", "is not collected"),)
    assert caught.value.nearest is not None and set(caught.value.nearest.fields) == set(visit(0))
    assert "phone" not in str(caught.value) and "13800000000" not in site.log.read_text()
    assert kept(site) == before
    with pytest.raises(gw.InvalidRequest, match="must be of type int64"):
        push(clinic, [row | {"fee_fen": "12"} for row in visits(3, 500_000)])
    with pytest.raises(gw.InvalidRequest, match="must have department"):
        push(clinic, [{key: row[key] for key in row if key != "department"} for row in visits(3, 500_000)])


def test_what_may_be_missing_may_be_left_out(site: Site, clinic: gw.Gateway) -> None:
    rows = [{key: row[key] for key in row if key != "weight"} for row in visits(3, 550_000)]
    assert push(clinic, rows).accepted == 3
    assert [row["weight"] for row in kept(site) if row["visit_id"] == "v-550000"] == [None]


def test_all_or_nothing_keeps_nothing_for_one_row_and_leaves_the_id_free(site: Site, clinic: gw.Gateway) -> None:
    name, rows = str(uuid.uuid4()), [*visits(3, 600_000), visit(600_003, department="dentist")]
    with pytest.raises(gw.NotNow, match="BATCH_REJECTED") as caught:
        push(clinic, rows, batch_id=name, all_or_nothing=True)
    assert caught.value.violations == (("rows[3].department", "is rejected: unknown-key"),)
    assert "dentist" not in str(caught.value)
    assert push(clinic, rows[:3], batch_id=name, all_or_nothing=True).accepted == 3


def test_only_who_is_granted_may_push_and_only_where(site: Site, clinic: gw.Gateway) -> None:
    with pytest.raises(gw.Refused, match="REGION_NOT_GRANTED"):
        push(clinic, visits(1, 700_000), region="hangzhou")
    with pytest.raises(gw.Refused, match="PURPOSE_NOT_GRANTED"):
        push(clinic, visits(1, 700_000), purpose="epidemic-tracing")
    with site.connect("medical-insurance-bureau") as reader, pytest.raises(gw.Refused, match="NOT_GRANTED"):
        push(reader, visits(1, 700_000))
    # a part of what is granted, and rows of the rest are turned away
    pushed = push(clinic, visits(3, 700_000), region="hangzhou/xihu/xixi")
    assert (pushed.accepted, pushed.counts) == (1, {"outside_region": 2})
    # who pushes reads nothing
    with pytest.raises(gw.Refused):
        clinic.lookup("clinic_visits", "visit", purpose="medical-settlement", by="visit_id", values=["v-700000"])


def test_concurrent_pushes_of_one_id_keep_it_once_and_all_get_its_answer(site: Site, clinic: gw.Gateway) -> None:
    name, rows = str(uuid.uuid4()), visits(50, 800_000)

    def again(_: int) -> gw.Pushed | str:
        try:
            return push(clinic, rows, batch_id=name)
        except gw.CapExceeded as full:  # more at a time than an institution may
            return full.reason

    with ThreadPoolExecutor(6) as pool:
        found = [one for one in pool.map(again, range(12)) if isinstance(one, gw.Pushed)]
    assert len(found) >= 2 and sum(not one.repeated for one in found) == 1
    assert {one.receipt.receipt_id for one in found} == {found[0].receipt.receipt_id}
    assert sum(row["visit_id"].startswith("v-8000") for row in kept(site)) == 50


def test_two_who_push_the_same_rows_at_once_keep_them_once(site: Site, clinic: gw.Gateway) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: push(clinic, visits(400, 900_000)), range(2)))
    assert sorted(one.accepted for one in found) == [0, 400]
    assert sum(row["visit_id"].startswith("v-900") for row in kept(site)) == 400


def test_a_dictionary_and_narrow_integers_are_cast_by_the_client_without_loss(site: Site, clinic: gw.Gateway) -> None:
    table = pa.Table.from_pylist(visits(3, 950_000))
    place = table.schema.get_field_index("department")
    table = table.set_column(place, "department", table.column("department").dictionary_encode())
    place = table.schema.get_field_index("fee_fen")
    table = table.set_column(place, "fee_fen", table.column("fee_fen").cast(pa.int16()))
    assert push(clinic, table).accepted == 3
    assert not left_over(site)


def test_an_offer_says_what_is_collected(clinic: gw.Gateway) -> None:
    (offer,) = clinic.describe(purpose="medical-settlement")
    assert offer.kind == "ingest"
    assert {(one.field, one.type, one.required) for one in offer.collects} >= {
        ("visit_id", "string", True), ("fee_fen", "int64", False), ("visited_at", "timestamp", True),
    }  # fmt: skip
    assert any(said.startswith("collects visit_id, resident_id, street") for said in offer.conditions)


def test_the_log_holds_the_beginning_and_the_end_of_a_batch_and_no_value(site: Site, clinic: gw.Gateway) -> None:
    pushed = push(clinic, [*visits(2, 960_000), visit(960_005, visit_id="v-secret-960005", department="dentist")])
    record = pushed.receipt.log_entry.record.decode()
    assert '"completes":' in record and '"batch":' in record
    assert "v-9600" not in record and "dentist" not in record
    assert "v-secret" not in Path(site.log).read_text()


def on_the(instant: datetime) -> datetime:
    """The hour in which an instant lies."""
    return instant.replace(minute=0, second=0, microsecond=0)


def test_every_accepted_row_is_read_once_through_the_gateway(site: Site, clinic: gw.Gateway) -> None:
    rows = visits(60, 970_000)
    sent = [push(clinic, rows[start : start + 25]) for start in (0, 20, 40)]
    assert [(one.accepted, one.rejected) for one in sent] == [(25, 0), (20, 5), (15, 5)]
    with site.connect("medical-insurance-bureau") as reader:
        names = [row["visit_id"] for row in rows]
        looked_up = reader.lookup("clinic_visits", "visit", purpose="medical-settlement", by="visit_id", values=names)
        assert [one.column("visit_id").to_pylist() for one in looked_up.subjects] == [[name] for name in names]
        extract = reader.extract("clinic_visits", "visits", purpose="medical-settlement").read_all()
        statistic = reader.release(
            "clinic_visits", "by-unit", statistics=[gw.count()], epsilon=0.3, purpose="medical-settlement"
        )
    now = datetime.now(UTC)
    fresh, (daily,) = looked_up.freshness, statistic.freshness
    assert (fresh.dataset, fresh.promised_hours, fresh.stale) == ("clinic_visits", 24, False)
    assert fresh.as_of is not None and fresh.as_of in (on_the(now), on_the(now - timedelta(minutes=1)))
    assert daily.as_of is not None and (daily.as_of + CITY).hour == (daily.as_of + CITY).minute == 0
    assert sorted(map(str, extract.column("visit_id").to_pylist())) == sorted(row["visit_id"] for row in kept(site))
