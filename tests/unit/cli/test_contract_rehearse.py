"""Rehearsal files pass the source's own check, and no file is replaced unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.plan import RowPlan, RowScope
from gateway.model.storage import SourceKind, SourceSpec
from gateway.policy.snapshot import load
from tests.unit.cli.conftest import Desk

POLICIES = Path(__file__).parents[3] / "policies"


def made(desk: Desk, dataset: str, out: Path, *options: str) -> int:
    return desk.run("contract", "rehearse", dataset, "--policies", str(POLICIES), "--out", str(out), *options)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("dataset", ["health_cases", "subsidies"])
def test_the_source_takes_the_file_and_reads_every_row(desk: Desk, dataset: str, kind: str) -> None:
    contract = load(POLICIES).contracts[dataset]
    contract = replace(contract, source=SourceSpec(SourceKind(kind), f"{dataset}.{kind}"))
    assert made(desk, dataset, desk.data / f"{dataset}.{kind}", "--rows", "500", "--seed", "7") == 0, desk.err
    source = DuckDBSource(desk.data)
    source.verify(contract)
    plan = RowPlan(contract, tuple(contract.fields), RowScope(None, None, ()), None)
    assert sum(batch.num_rows for batch in source.rows(plan, 1_000)) == 500
    source.close()


def test_the_same_seed_gives_the_same_file(desk: Desk) -> None:
    for name in ("one.parquet", "two.parquet"):
        assert made(desk, "parcels", desk.data / name, "--rows", "300") == 0
    assert (desk.data / "one.parquet").read_bytes() == (desk.data / "two.parquet").read_bytes()
    assert made(desk, "parcels", desk.data / "two.parquet", "--rows", "300", "--seed", "2", "--force") == 0
    assert (desk.data / "one.parquet").read_bytes() != (desk.data / "two.parquet").read_bytes()


def test_it_says_where_a_file_is_not_what_the_contract_reads(desk: Desk) -> None:
    assert made(desk, "parcels", desk.data / "x.csv", "--rows", "3") == 0
    assert "a gateway does not serve this file" in desk.err
    assert "nobody in it exists" in desk.out


@pytest.mark.parametrize(
    ("dataset", "name", "options", "said"),
    [
        ("parcels", "x.xlsx", (), "neither Parquet nor CSV"),
        ("parcel", "x.parquet", (), "Did you mean 'parcels'?"),
        ("parcels", "x.parquet", ("--rows", "0"), "--rows is out of range"),
        ("parcels", "x.parquet", ("--seed", "-1"), "--seed is out of range"),
        ("parcels", "there.parquet", (), "--force"),
    ],
    ids=["extension", "dataset", "rows", "seed", "there"],
)
def test_mistakes_are_told_and_nothing_is_written(
    desk: Desk, dataset: str, name: str, options: tuple[str, ...], said: str
) -> None:
    desk.write("untouched", "there.parquet")
    before = sorted(path.name for path in desk.data.iterdir())
    assert made(desk, dataset, desk.data / name, *options) == 2
    assert said in desk.err
    assert sorted(path.name for path in desk.data.iterdir()) == before
    assert (desk.data / "there.parquet").read_text() == "untouched"
