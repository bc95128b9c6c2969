"""A city whose register of residents is a folder of files, and a Spark that exports it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.exports.folder import ExportFolders
from gateway.adapters.keys.elsewhere import KeyFileElsewhere
from gateway.adapters.spark.exports import SparkExports
from gateway.adapters.spark.server import LocalSpark
from gateway.adapters.spark.sessions import Session, Sessions
from gateway.ports.exports import Exports
from tests.integration.exports.register import DISCLOSURES, GRANTS
from tests.integration.house import House, edit, housed
from tests.integration.site import Site

_FILES = 3


@pytest.fixture(scope="session")
def spark() -> Iterator[Session]:
    sessions = Sessions({"lake": LocalSpark(cores=2, memory_mib=1024)})
    yield sessions.of("lake")
    sessions.close()


@pytest.fixture
def register(new_site: Site, tmp_path: Path) -> pa.Table:
    """The register of residents in some files, which discloses in these tests' ways."""
    new_site.data = shutil.copytree(new_site.data, tmp_path / "lake", copy_function=os.link)
    whole = pq.read_table(new_site.data / "residents.parquet")
    (new_site.data / "residents").mkdir()
    rows = -(-whole.num_rows // _FILES)
    for number in range(_FILES):
        pq.write_table(whole.slice(number * rows, rows), new_site.data / f"residents/{number}.parquet")
    edit(new_site.policies / "grants.csv", "\np, g-address-cleaning,", "\n" + GRANTS + "p, g-address-cleaning,")
    edit(
        new_site.policies / "contracts" / "residents.yaml",
        "path: residents.parquet",
        "path: residents/",
        "\n      disclosures:\n",
        DISCLOSURES,
    )
    new_site.prepare()
    return whole


@pytest.fixture
def folder(tmp_path: Path) -> ExportFolders:
    return ExportFolders(tmp_path / "exports")


@pytest.fixture
def exporting(new_site: Site, register: pa.Table, folder: ExportFolders, spark: Session) -> Iterator[House]:
    """The product's ports, watched, with Spark to export by."""
    with housed(new_site) as house:
        elsewhere = KeyFileElsewhere(new_site.folder / "keys.json", new_site.folder / "secret")
        exports = Exports(SparkExports(new_site.data, lambda: spark), folder, elsewhere, timedelta(hours=1))
        yield replace(house, ports=replace(house.ports, exports=exports))
