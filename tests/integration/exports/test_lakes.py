"""A dataset of a lake is exported by the Spark that reads it: the very rows of an extract."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.spark.sessions import Session
from gateway.model.errors import Fault
from gateway.model.record import Outcome
from tests.integration.exports.register import asked, bag, exported, given, making, streamed
from tests.integration.house import House, edit, housed
from tests.integration.site import Site


@pytest.fixture
def lake(new_site: Site, register: pa.Table, spark: Session, tmp_path: Path) -> Iterator[House]:
    """The register in a lake, read and exported by the Spark that the tests have running, called as another's is."""
    assert spark._server is not None
    endpoint = spark._server.endpoint
    token = tmp_path / "token"
    token.write_text(str(endpoint.token))
    token.chmod(0o600)
    remote = f'remote = "127.0.0.1:{endpoint.port}"\ntoken_file = "{token}"\n'
    root = f'root = "file://{new_site.data}"\nlisting_seconds = 0\nsettle_seconds = 0\n'
    with new_site.config.open("a", encoding="utf-8") as settings:
        settings.write(f'\n[data.spark.city-lake]\n{root}{remote}\n[exports]\nfolder = "exported"\n{remote}')
    edit(
        new_site.policies / "contracts" / "residents.yaml",
        "{server: hub, type: local, path: residents/",
        "{server: city-lake, type: custom, path: residents/",
    )
    with housed(new_site) as house:
        yield house


def test_an_export_of_a_lake_has_the_very_rows_of_an_extract(lake: House) -> None:
    request = asked()
    expected = streamed(lake, request)
    export = exported(lake, request)
    files = [pq.read_table(BytesIO(given(lake, request, export, number))) for number in range(len(export.files))]
    assert bag(pa.concat_tables(files)) == bag(expected)
    assert expected.num_rows == export.rows > 0


def test_files_of_a_lake_that_change_on_the_way_end_it(lake: House) -> None:
    parts = iter(making(lake, asked()))
    next(parts)
    file = lake.site.data / "residents" / "2.parquet"
    pq.write_table(pq.read_table(file).slice(1), file)
    with pytest.raises(Fault, match="SOURCE_UNAVAILABLE"):
        list(parts)
    assert lake.audit.records[-1].outcome is Outcome.ABORTED
    assert not list((lake.site.folder / "exported").iterdir())
