"""One answer to an extract whose rows must blend in: who asks for a part of it gets that part, and learns no more."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.record import AuditRecord
from gateway.stages import blend
from seeds.generator import City as SeededCity
from tests.integration.house import House, context, delivered, edit, tracing
from tests.integration.site import ROOT, Site, institutions_of

K = 6
ASKING, PURPOSE = "cleaning-contractor", "data-cleaning"
BUREAU, SETTLING = "medical-insurance-bureau", "medical-settlement"
RESIDENTS = """
      disclosures:
        at-work:
          kind: extract
          description: Who works for whom.
          fields:
            sex: keep
            firm_code: keep
          filters: [sex, firm_code]
          max_rows: {cap}
          waive_noise: "For the test."
          anonymity: {{k: 6, also: [firm_code]}}

        at-home:
          kind: extract
          description: Who lives where.
          fields:
            sex: keep
            community: {{generalize: district}}
          waive_noise: "For the test."
          anonymity: {{k: 3}}
"""
BILLS = """
      disclosures:
        drawn:
          kind: extract
          description: Bills with randomised amounts.
          fields:
            insurance_class: keep
            billed_on: {generalize: month}
            community: {generalize: district}
            amount_fen: {perturb: {epsilon: 0.001}}
          filters: [insurance_class]
          waive_noise: "For the test."
          anonymity: {k: 3, also: [insurance_class]}
"""
GRANTS = (
    f"p, g-test-work, {ASKING}, residents/at-work, extract, hangzhou, {PURPOSE}, until=2036-03-31, allow\n"
    f"p, g-test-home, {ASKING}, residents/at-home, extract, hangzhou, {PURPOSE}, until=2036-03-31, allow\n"
    f"p, g-test-drawn, {BUREAU}, hospital_bills/drawn, extract, hangzhou, {SETTLING}, until=2036-03-31, allow\n"
)
NOBODY = "91330100NOBODY0000"
Staff = Counter[tuple[str, str]]


@pytest.fixture
def new_site(tmp_path: Path, seeded: tuple[Path, SeededCity]) -> Iterator[Site]:
    """A deployment over tables of its own, which a test may change; some paths of regions in them are malformed."""
    policies, tables = tmp_path / "policies", tmp_path / "tables"
    shutil.copytree(ROOT / "policies", policies)
    shutil.copytree(seeded[0], tables)
    residents = pq.read_table(tables / "residents.parquet")
    paths = [str(path) for path in residents.column("community").to_pylist()]
    for row in range(0, len(paths), 20):
        paths[row] = "/".join([*paths[row].split("/")[:2], "New Town", "c01"])
    place = residents.schema.get_field_index("community")
    pq.write_table(
        residents.set_column(place, residents.schema.field(place), pa.array(paths, residents.schema.field(place).type)),
        tables / "residents.parquet",
    )
    site = Site(tmp_path / "site", policies, tables, institutions_of(policies))
    site.prepare()
    yield site
    site.kill()


@pytest.fixture
def staff(new_site: Site) -> Staff:
    """How many women and men each firm has, under a policy that lets as many rows go as women may leave."""
    rows = pq.read_table(new_site.data / "residents.parquet", columns=["sex", "firm_code"]).to_pylist()
    staff = Counter((row["sex"], row["firm_code"]) for row in rows if row["firm_code"])
    unknown = Counter((row["sex"], "") for row in rows if not row["firm_code"])
    women = sum(count for (sex, _), count in (staff + unknown).items() if sex == "F" and count >= K)
    edit(new_site.policies / "grants.csv", "\np, g-address-cleaning,", "\n" + GRANTS + "p, g-address-cleaning,")
    contracts = new_site.policies / "contracts"
    edit(contracts / "residents.yaml", "\n      disclosures:\n", RESIDENTS.format(cap=women))
    edit(contracts / "hospital_bills.yaml", "\n      disclosures:\n", BILLS)
    return staff


def ask(house: House, disclosure: str, region: str = "", **asked: Any) -> tuple[pa.Table, AuditRecord]:
    drawn = disclosure == "drawn"
    request = tracing(
        context=replace(context(SETTLING if drawn else PURPOSE), region=region),
        dataset="hospital_bills" if drawn else "residents",
        disclosure=disclosure,
        **asked,
    )
    delivery = delivered(pipeline.rows(house.ports, house.peer(BUREAU if drawn else ASKING), request))
    with closing(delivery):
        table = pa.Table.from_batches([part.records for part in delivery], delivery.schema)
    return table, delivery.completion.record


def among(field: str, *values: str) -> Condition:
    return Condition(field, Operator.IN, values)


WOMEN = among("sex", "F")


def seen(table: pa.Table, *names: str) -> Counter[tuple[Any, ...]]:
    return Counter(zip(*(table.column(name).to_pylist() for name in names or table.schema.names), strict=True))


def test_a_firm_with_one_woman_is_like_one_that_is_not_there(staff: Staff, house: House) -> None:
    few = next(firm for (sex, firm), count in sorted(staff.items()) if sex == "F" and count == 1)
    answers = [ask(house, "at-work", filters=(WOMEN, among("firm_code", firm)))[1] for firm in (few, NOBODY)]
    assert [(one.rows, one.batches, one.withheld_rows) for one in answers] == [(0, 0, answers[0].withheld_rows)] * 2


def test_the_cap_counts_what_leaves_and_nothing_that_stays(staff: Staff, house: House) -> None:
    # as many women leave as the cap allows, and more are in the table
    women, record = ask(house, "at-work", filters=(WOMEN,))
    assert women.num_rows == record.rows > 0
    assert "limit-rows" in record.obligations
    with pytest.raises(Fault) as raised:
        ask(house, "at-work")
    assert raised.value.reason is ErrorReason.CAP_EXCEEDED


def test_batches_are_cut_of_what_leaves(staff: Staff, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blend, "BATCH_ROWS", 100)
    request = tracing(context=context(PURPOSE), dataset="residents", disclosure="at-home")
    delivery = delivered(pipeline.rows(house.ports, house.peer(ASKING), request))
    with closing(delivery):
        parts = [part.records for part in delivery]
    assert {part.num_rows for part in parts[:-1]} == {100} and 0 < parts[-1].num_rows <= 100
    assert len(parts) == delivery.completion.record.batches > 10
    monkeypatch.undo()
    assert seen(pa.Table.from_batches(parts)) == seen(ask(house, "at-home")[0])


def test_a_region_takes_no_row_that_does_not_say_where_it_lies(staff: Staff, house: House) -> None:
    whole, _ = ask(house, "at-home")
    rows = seen(whole)
    nowhere = sum(count for (_, place), count in rows.items() if place is None)
    assert nowhere > K
    found: Counter[tuple[Any, ...]] = Counter()
    for district in sorted({place for _, place in rows if place is not None}):
        found += seen(ask(house, "at-home", district)[0])
    assert found == Counter({row: count for row, count in rows.items() if row[1] is not None})


def test_a_drawn_field_lets_one_row_of_each_person_go_whether_or_not_it_was_asked_for(
    staff: Staff, house: House
) -> None:
    names = ("insurance_class", "billed_on", "community")
    whole, record = ask(house, "drawn", fields=(*names, "amount_fen"))
    without, other = ask(house, "drawn", fields=names)
    assert seen(whole, *names) == seen(without, *names)
    assert record.withheld_rows == other.withheld_rows > 0
    parts: Counter[tuple[Any, ...]] = Counter()
    for one in sorted({str(one) for one in whole.column("insurance_class").to_pylist()}):
        parts += seen(ask(house, "drawn", fields=names, filters=(among("insurance_class", one),))[0], *names)
    assert parts == seen(whole, *names)


def test_rows_of_a_table_that_was_exchanged_leave_under_no_verdict(
    staff: Staff, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blend, "BATCH_ROWS", 10)
    file = house.site.data / "residents.parquet"
    request = tracing(context=context(PURPOSE), dataset="residents", disclosure="at-home")
    delivery = delivered(pipeline.rows(house.ports, house.peer(ASKING), request))
    # counted, and not read again yet
    table = pq.read_table(file)
    pq.write_table(table.take(list(range(0, table.num_rows, 40))), file.with_suffix(".new"))
    os.replace(file.with_suffix(".new"), file)
    with closing(delivery), pytest.raises(Fault) as raised:
        next(iter(delivery))
    assert raised.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED
