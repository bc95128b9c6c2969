"""Nobody stands alone in an extract: no class of rows below k or l, none beyond t, and the receipt counts who stayed.

Asked for over TLS and counted anew by people, not rows: from the delivered rows, whose amounts tell the test whose bill
each is, and from the source, which says what should have left. Each count is also taken of what a broken gateway
gives: one that counts rows, one that looks at no sensitive field, and one that keeps rows back and does not say so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.kernels.anonymity.census import Census, Demand, Verdicts
from seeds.generator import City as SeededCity
from tests.privacy.detectors import Row, alike_classes, far_classes, people_of, small_classes, unaccounted
from tests.privacy.told import ANONYMITY, BUREAU, K, L, T, Told

MEETS_L, MEETS_T = {"alike", "all-three"}, {"far", "all-three"}
"""The disclosures that promise the one or the other; all promise k."""


Bills = Mapping[tuple[Any, ...], Row]
"""All bills of the city, by class, diagnosis and amount, with the people they are of."""


@pytest.fixture(scope="module")
def bills(seeded: tuple[Path, SeededCity]) -> Bills:
    names = ["resident_id", "insurance_class", "community", "diagnosis", "amount_fen"]
    rows = pq.read_table(seeded[0] / "hospital_bills.parquet", columns=names).to_pylist()
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        alike = (row["insurance_class"], "/".join(row["community"].split("/")[:2]))
        found[*alike, row["diagnosis"], row["amount_fen"]] = Row(alike, row["resident_id"], row["diagnosis"])
    assert len(found) == len(rows) > 700, "the amount tells whose bill it is"
    return found


@pytest.fixture(scope="module")
def truth(bills: Bills) -> list[Row]:
    """All that the extract would hold if nothing stayed."""
    return list(bills.values())


def delivered(rows: list[dict[str, Any]], bills: Bills) -> list[Row]:
    """What a recipient sees, and whose rows they are. A row of a class that it is not of has nobody."""
    names = ("insurance_class", "community", "diagnosis", "amount_fen")
    return [bills[tuple(row[name] for name in names)] for row in rows]


def worth_leaving(truth: list[Row], name: str) -> set[tuple[Any, ...]]:
    """The classes that keep the promises of a disclosure, found one by one."""
    kept = set()
    for alike in people_of(truth):
        rows = [row for row in truth if row.alike == alike]
        failing = small_classes(rows, K)
        failing += alike_classes(rows, L) if name in MEETS_L else 0
        failing += far_classes(rows, truth, T) if name in MEETS_T else 0
        if not failing:
            kept.add(alike)
    return kept


def test_the_city_puts_the_gateway_to_the_test(truth: list[Row]) -> None:
    by_k = [row for row in truth if row.alike in worth_leaving(truth, "alone")]
    assert 0 < small_classes(truth, K) < len(people_of(truth))
    assert 0 < alike_classes(by_k, L) < len(people_of(by_k))
    assert 0 < far_classes(by_k, truth, T) < len(people_of(by_k))
    # some classes would do by their rows, and do not by their people
    rows = Counter(row.alike for row in truth)
    assert any(rows[alike] >= K > len(people) for alike, people in people_of(truth).items())
    assert all(worth_leaving(truth, name) for name in ANONYMITY)


@pytest.mark.parametrize("name", ANONYMITY)
def test_no_class_is_too_small_too_alike_or_too_far(told: Told, bills: Bills, truth: list[Row], name: str) -> None:
    rows, receipt = told.crowd(name)
    seen = delivered(rows, bills)
    assert small_classes(seen, K) == 0
    if name in MEETS_L:
        assert alike_classes(seen, L) == 0
    if name in MEETS_T:
        assert far_classes(seen, truth, T) == 0
    # what leaves is what keeps the promises, whole, and nothing else
    kept = worth_leaving(truth, name)
    expected = [row for row in truth if row.alike in kept]
    assert Counter(seen) == Counter(expected)
    assert unaccounted(receipt, len(seen), len(truth)) == 0
    assert receipt.withheld_rows == len(truth) - len(expected) > 0


def told_besides(some: list[dict[str, Any]], everything: list[dict[str, Any]]) -> int:
    """How many rows of a narrower answer are in no row of the whole one: what asking twice gives away."""
    bill = itemgetter("diagnosis", "amount_fen")
    return sum((Counter(map(bill, some)) - Counter(map(bill, everything))).values())


NARROWED: dict[str, dict[str, Any]] = {
    "no quasi-identifier": {"fields": ("diagnosis", "amount_fen")},
    "one of them": {"fields": ("insurance_class", "diagnosis", "amount_fen")},
    "one district": {"region": "hangzhou/xihu"},
}


@pytest.mark.parametrize("how", NARROWED)
def test_whoever_asks_for_less_gets_no_row_more(told: Told, how: str) -> None:
    everything, whole = told.crowd("all-three")
    some, part = told.crowd("all-three", **NARROWED[how])
    assert 0 < len(some) <= len(everything)
    assert told_besides(some, everything) == 0
    # how many stayed tells nothing either of what was asked
    assert part.withheld_rows == whole.withheld_rows > 0
    if "fields" in NARROWED[how]:
        assert len(some) == len(everything)


def test_a_gateway_that_judges_by_what_is_asked_is_found(heard: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    everything, _ = heard.crowd("alone")
    demand(monkeypatch, quasi_identifiers=("insurance_class",))
    assert told_besides(heard.crowd("alone", **NARROWED["one of them"])[0], everything) > 0


def test_the_receipt_that_is_read_later_says_the_same(told: Told) -> None:
    _, receipt = told.crowd("all-three")
    with told.connect(BUREAU) as gateway:
        assert gateway.receipt(receipt.receipt_id).withheld_rows == receipt.withheld_rows > 0


def count_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every row for another person's."""
    sound, rows = Census.add, iter(range(1 << 40))

    def add(self: Census, batch: pa.RecordBatch, tags: bytes) -> None:
        made = (hashlib.md5(next(rows).to_bytes(8), usedforsecurity=False).digest() for _ in range(batch.num_rows))
        sound(self, batch, b"".join(made))

    monkeypatch.setattr(Census, "add", add)


def demand(monkeypatch: pytest.MonkeyPatch, **less: Any) -> None:
    """Ask less of a class than the contract does."""
    sound = Census.__init__

    def begin(self: Census, asked: Demand, *more: Any, **named: Any) -> None:
        sound(self, replace(asked, **less), *more, **named)

    monkeypatch.setattr(Census, "__init__", begin)


def test_a_gateway_that_counts_rows_is_found(heard: Told, bills: Bills, monkeypatch: pytest.MonkeyPatch) -> None:
    count_rows(monkeypatch)
    assert small_classes(delivered(heard.crowd("alone")[0], bills), K) > 0


def test_one_person_of_many_illnesses_makes_nobody_diverse() -> None:
    class_ = [Row(("a",), str(person), "flu") for person in range(K)]
    several = [Row(("a",), "0", f"illness {number}") for number in range(L)]
    assert len({row.told for row in class_ + several}) > L
    assert alike_classes(class_ + several, L) == 1
    assert alike_classes([Row(("a",), str(person), str(person)) for person in range(L)], L) == 0
    # half of the class has what a tenth of all have
    rows = [
        Row((person < 10,), str(person), "rare" if person % 2 == 0 and person < 10 else "flu") for person in range(50)
    ]
    assert far_classes(rows, rows, 0.4 - 1e-6) == 1
    assert far_classes(rows, rows, 0.4) == 0


def test_a_gateway_that_is_one_person_short_is_found(
    heard: Told, bills: Bills, monkeypatch: pytest.MonkeyPatch
) -> None:
    demand(monkeypatch, k=K - 1)
    assert small_classes(delivered(heard.crowd("alone")[0], bills), K) > 0


def test_a_gateway_that_looks_at_no_sensitive_field_is_found(
    heard: Told, bills: Bills, truth: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    demand(monkeypatch, diversity={}, closeness={})
    seen = delivered(heard.crowd("all-three")[0], bills)
    assert small_classes(seen, K) == 0
    assert alike_classes(seen, L) > 0
    assert far_classes(seen, truth, T) > 0


def test_a_gateway_that_does_not_say_what_stayed_is_found(
    heard: Told, truth: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Census.verdicts

    def verdicts(self: Census) -> Verdicts:
        found = sound(self)
        return replace(found, tally=replace(found.tally, rows_withheld=found.tally.rows_withheld - 1))

    monkeypatch.setattr(Census, "verdicts", verdicts)
    rows, receipt = heard.crowd("alone")
    assert unaccounted(receipt, len(rows), len(truth)) == 1
