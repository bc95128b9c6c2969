"""Rehearsal rows are what the contract declares, and about nobody."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.canonical import canonicalize
from gateway.kernels.rehearsal import BATCH_ROWS, rehearsal
from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.policy.snapshot import load

POLICY = load(Path(__file__).parents[3] / "policies")
REGIONS = [path for path in POLICY.regions.paths() if not POLICY.regions.children(path)]
WEIGHTS = [2**power % 11 for power in range(17, 0, -1)]
CHECKS = "10X98765432"


def table(dataset: str, rows: int = 2_000, seed: int = 1) -> pa.Table:
    return pa.Table.from_batches(rehearsal(POLICY.contracts[dataset], REGIONS, rows, seed))


def values(made: pa.Table, name: str) -> list[Any]:
    return list(made.column(name).to_pylist())


@pytest.mark.parametrize("dataset", sorted(POLICY.contracts))
def test_every_field_is_as_its_contract_declares_it(dataset: str) -> None:
    contract, made = POLICY.contracts[dataset], table(dataset)
    assert made.num_rows == 2_000
    assert made.schema.names == list(contract.fields)
    for spec in contract.fields.values():
        column = made.column(spec.name)
        assert column.type == ARROW_TYPES[spec.type]
        assert column.null_count == 0 or spec.nullable
        told = [one for one in values(made, spec.name) if one is not None]
        assert all(spec.type.holds(one) for one in told)
        if spec.name == contract.region_field:
            assert set(told) <= set(REGIONS)
        elif spec.keys is not None and set(told) - set(REGIONS):
            assert set(told) == set(spec.keys)
        if spec.bounds is not None:
            assert all(spec.bounds.lower <= one <= spec.bounds.upper for one in told)


def is_valid_resident_id(text: str) -> bool:
    """By GB 11643-1999, written down anew."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(text[:17], WEIGHTS, strict=True)) % 11] == text[17]


def test_identifiers_have_the_form_of_real_ones_and_are_never_valid() -> None:
    assert is_valid_resident_id("11010519491231002X"), "the example of the standard"
    made = table("residents", 20_000)
    ids = [str(one) for one in values(made, "resident_id")]
    assert len(set(ids)) == 20_000
    assert all(re.fullmatch(r"9901[0-9]{2}(19|20)[0-9]{6}[0-9]{4}", one) for one in ids)
    assert not any(map(is_valid_resident_id, ids))
    phones = [str(one) for one in values(made, "phone") if one is not None]
    assert all(re.fullmatch(r"10[0-9]{9}", one) for one in phones)
    for name, form in (("resident_id", CanonicalForm.RESIDENT_ID), ("phone", CanonicalForm.PHONE)):
        column = made.column(name).combine_chunks()
        assert canonicalize(column, form).to_pylist() == column.to_pylist(), "they are in canonical form already"


def test_plates_and_firm_codes_have_the_form_of_real_ones_and_are_nobodys() -> None:
    contract = POLICY.contracts["residents"]
    fields = {
        name: replace(spec, canonical={"resident_id": CanonicalForm.PLATE}.get(name, CanonicalForm.FIRM_CODE))
        for name, spec in contract.fields.items()
        if name in ("resident_id", "firm_code")
    }
    formed = replace(contract, fields=MappingProxyType({**contract.fields, **fields}))
    made = pa.Table.from_batches(rehearsal(formed, REGIONS, 20_000, 1))
    plates = values(made, "resident_id")
    assert len(set(plates)) == 20_000
    assert all(re.fullmatch("琼Z[0-9A-HJ-NP-Z]{5}", one) for one in plates)
    firms = [str(one) for one in values(made, "firm_code") if one is not None]
    assert len(firms) > 1_000 and all(re.fullmatch("91990100[0-9]{9}[0-9A-HJ-NPQRTUWXY]", one) for one in firms)
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    assert not any(
        (sum(alphabet.index(letter) * 3**place for place, letter in enumerate(one[:17])) + alphabet.index(one[17])) % 31
        == 0
        for one in firms
    )
    for name, spec in fields.items():
        column = made.column(name).combine_chunks()
        assert canonicalize(column, spec.canonical).to_pylist() == column.to_pylist()


def test_the_same_seed_gives_the_same_and_another_gives_others() -> None:
    assert table("subsidies").equals(table("subsidies"))
    one, other = (set(values(table("subsidies", seed=seed), "resident_id")) for seed in (1, 2))
    assert len(one & other) < len(one) // 20


def test_datasets_of_one_seed_join() -> None:
    people = set(values(table("residents"), "resident_id"))
    assert set(values(table("hospital_bills"), "resident_id")) <= people
    assert set(values(table("residents"), "firm_code")) & set(values(table("enterprises"), "firm_code"))


def test_what_must_not_repeat_does_not() -> None:
    assert len(set(values(table("hospital_bills"), "bill_id"))) == 2_000
    assert len(set(values(table("health_codes"), "resident_id"))) == 2_000, "a primary key"
    visits = table("health_cases")
    rows = zip(*(values(visits, name) for name in ("case_id", "place", "visited_at")), strict=True)
    assert len(set(rows)) == 2_000


def test_a_predicate_is_true_for_some_and_false_for_others() -> None:
    assert {True, False} == set(values(table("subsidies"), "eligible"))


def nullable(contract: DataContract) -> DataContract:
    fields = {name: replace(spec, nullable=True) for name, spec in contract.fields.items()}
    return replace(contract, fields=MappingProxyType(fields))


def test_what_may_be_missing_is_missing_now_and_then_and_a_subject_never() -> None:
    contract = nullable(POLICY.contracts["hospital_bills"])
    made = pa.Table.from_batches(rehearsal(contract, REGIONS, 2_000, 1))
    assert made.column("resident_id").null_count == 0
    assert all(0 < made.column(name).null_count < 400 for name in ("diagnosis", "billed_on", "amount_fen", "community"))


def test_bounds_are_reached_and_kept() -> None:
    contract = POLICY.contracts["hospital_bills"]
    narrow = replace(contract.fields["amount_fen"], bounds=Bounds(3, 5))
    contract = replace(contract, fields=MappingProxyType({**contract.fields, "amount_fen": narrow}))
    made = pa.Table.from_batches(rehearsal(contract, REGIONS, 500, 1))
    assert set(values(made, "amount_fen")) == {3, 4, 5}


def test_batches_go_on_where_the_last_ended() -> None:
    sizes = [batch.num_rows for batch in rehearsal(POLICY.contracts["parcels"], REGIONS, BATCH_ROWS + 5, 1)]
    assert sizes == [BATCH_ROWS, 5]
    made = table("parcels", BATCH_ROWS + 5)
    assert len(set(values(made, "parcel_id"))) == BATCH_ROWS + 5


def test_it_is_columnar_and_fast() -> None:
    began = time.perf_counter()
    rows = sum(batch.num_rows for batch in rehearsal(POLICY.contracts["residents"], REGIONS, 400_000, 1))
    assert rows == 400_000
    # a second in itself; the bound is for a busy machine, and far below what a loop over rows takes
    assert time.perf_counter() - began < 10
