"""A Spark of the gateway's own, one for all tests of a worker, and a lake that they write to."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from gateway.adapters.spark.server import LocalSpark
from gateway.adapters.spark.sessions import Session, Sessions
from gateway.adapters.spark.source import Lake, SparkSource
from gateway.model.contract import DataContract
from gateway.model.storage import SourceKind, SourceSpec
from tests.integration.source.spark.lakes import COLUMNS, Files


@pytest.fixture(scope="session")
def sessions() -> Iterator[Sessions]:
    made = Sessions({"lake": LocalSpark(cores=2, memory_mib=1024)})
    yield made
    made.close()


@pytest.fixture(scope="session")
def session(sessions: Sessions) -> Session:
    return sessions.of("lake")


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema) -> Files:
    return Files(tmp_path_factory.mktemp("lake's"), schema)


@pytest.fixture(scope="session")
def source(sessions: Sessions, lake: Files) -> SparkSource:
    """It looks at the lake at each asking, and at what was written this moment."""
    return SparkSource({"lake": Lake(f"file://{lake.folder}", 0.0, 0.0)}, sessions)


@pytest.fixture(scope="session")
def make_lake_contract(make_contract: Callable[..., DataContract]) -> Callable[..., DataContract]:
    """Make a contract over a folder of the lake, with the fields of the files' contracts."""

    def make(name: str, names: tuple[str, ...] = COLUMNS) -> DataContract:
        contract = make_contract("t.parquet", names=names)
        ratio = replace(contract.fields["ratio"], decimals=2) if "ratio" in names else None
        fields = contract.fields if ratio is None else {**contract.fields, "ratio": ratio}
        source = SourceSpec(SourceKind.SPARK, f"{name}/", lake="lake")
        return replace(contract, source=source, fields=fields, digest=f"{name} {names}", dataset=name)

    return make
