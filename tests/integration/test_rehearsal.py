"""The product's own policy, served over rehearsal data: what developers run, whole, without a row of anybody's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import gateway.client as gw
from gateway.cli.app import run
from tests.integration.site import ROOT, Site, institutions_of

ROWS = 3_000
DATASETS = ("health_codes", "parking_stays")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway under the product's policy, over two datasets that were made up."""
    folder = tmp_path_factory.mktemp("rehearsal")
    policies, data = folder / "policies", folder / "data"
    shutil.copytree(ROOT / "policies", policies)
    data.mkdir()
    for dataset in DATASETS:
        words = ["contract", "rehearse", dataset, "--policies", str(policies), "--rows", str(ROWS), "--seed", "3"]
        assert run([*words, "--out", str(data / f"{dataset}.parquet")]) == 0
    site = Site(folder / "site", policies, data, institutions_of(policies))
    site.prepare()
    site.start()
    yield site
    assert site.stop() == 0, site.log.read_text()[-4000:]


def made(stage: Site, dataset: str) -> Path:
    return stage.data / f"{dataset}.parquet"


def test_a_lookup_finds_whom_the_contract_made_up(stage: Site) -> None:
    row = pq.read_table(made(stage, "health_codes")).slice(7, 1).to_pylist()[0]
    with stage.connect("verifier-metro") as gateway:
        answer = gateway.lookup(
            "health_codes", "colour-check", purpose="health-code-check", by="resident_id", values=[row["resident_id"]]
        )
    (table,) = answer.subjects
    assert table.to_pylist() == [{"colour": row["colour"], "assessed_on": row["assessed_on"]}]
    gw.verify_receipt(answer.receipt)


def test_an_extract_gives_every_row(stage: Site) -> None:
    with stage.connect("transport-bureau") as gateway:
        extract = gateway.extract("parking_stays", "bay-guidance", purpose="parking-guidance")
        table = extract.read_all()
    assert table.num_rows == ROWS
    whole = pq.read_table(made(stage, "parking_stays")).select(table.schema.names)
    came, there = (sorted(map(str, rows.to_pylist())) for rows in (table, whole))
    assert came == there


def test_what_was_not_made_up_is_not_there(stage: Site) -> None:
    with stage.connect("government-service-centre") as gateway, pytest.raises(gw.Unavailable) as missing:
        gateway.lookup("residents", "newborn-entry", purpose="newborn-one-visit", by="resident_id", values=["1"])
    assert missing.value.reason == "SOURCE_UNAVAILABLE"
