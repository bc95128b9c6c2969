"""A small dataset of permits to park, a source over the folder that holds it, and engines to ask about any rows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.parts import Room
from gateway.model.contract import Bounds, DataContract
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.values import FieldType
from tests.contracts import plain_contract, plain_fields
from tests.integration.source.engine_bench import Bench

TYPES = {
    "subject": FieldType.STRING,
    "region": FieldType.STRING,
    "amount": FieldType.INT64,
    "category": FieldType.STRING,
    "score": FieldType.INT64,
    "consent": FieldType.BOOL,
    "ratio": FieldType.DOUBLE,
    "day": FieldType.DATE,
    "moment": FieldType.TIMESTAMP,
}
ARROW: dict[str, pa.DataType] = {
    "subject": pa.string(),
    "region": pa.string(),
    "amount": pa.int64(),
    "category": pa.string(),
    "score": pa.int64(),
    "consent": pa.bool_(),
    "ratio": pa.float64(),
    "day": pa.date32(),
    "moment": pa.timestamp("us"),
}


@pytest.fixture(scope="session")
def make_contract() -> Callable[..., DataContract]:
    """Make a contract over a file: path, kind, names of fields."""

    def make(path: str, kind: SourceKind = SourceKind.PARQUET, names: tuple[str, ...] = tuple(TYPES)) -> DataContract:
        fields = plain_fields({name: TYPES[name] for name in names}, Bounds(-(2**63), 2**63 - 1))
        region = "region" if "region" in names else None
        return plain_contract("permits", SourceSpec(kind, path), fields, unit="subject", region=region)

    return make


@pytest.fixture(scope="session")
def schema() -> pa.Schema:
    return pa.schema(list(ARROW.items()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data's"
    folder.mkdir()
    return folder


@pytest.fixture
def source(root: Path) -> Iterator[DuckDBSource]:
    source = DuckDBSource(root, memory_limit="256MB", threads=2)
    yield source
    source.close()


@pytest.fixture(scope="session")
def bench(
    tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema, make_contract: Callable[..., DataContract]
) -> Iterator[Bench]:
    """An engine over a table that each test writes anew."""
    bench = Bench(tmp_path_factory.mktemp("aggregates"), schema, make_contract)
    yield bench
    bench.source.close()


@pytest.fixture(scope="session")
def small(bench: Bench) -> Iterator[DuckDBSource]:
    """An engine over the same table whose memory holds ten rows: it goes through more of them in parts."""
    source = DuckDBSource(bench.folder, memory_limit="256MB", threads=2)
    source._room = Room(1_000)
    yield source
    source.close()
