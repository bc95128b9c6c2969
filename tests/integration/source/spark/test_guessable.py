"""Whether counting would undo tokens, Spark finds as the embedded engine does on the very same files."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.spark.source import SparkSource
from gateway.model.contract import DataContract
from gateway.model.plan import RowScope
from gateway.model.storage import SourceKind, SourceSpec
from tests.integration.source.reference import Row
from tests.integration.source.spark.lakes import COLUMNS, Files

pytestmark = pytest.mark.timeout(600)

SCOPES = {
    "everything": RowScope(None, None, ()),
    "a region": RowScope("city/a", None, ()),
    "who consents": RowScope(None, "consent", ()),
}
SHARES: dict[str, Sequence[str | None]] = {
    "two values": ["a"] * 150 + ["b"] * 50,
    "a value each": [f"v{number}" for number in range(200)],
    "alike": [f"v{number % 10}" for number in range(200)],
    "one that stands out": ["a"] * 100 + [f"v{number}" for number in range(100)],
    "two values of those who consent": [
        f"v{number}" if number % 3 else "a" if number % 12 else "b" for number in range(200)
    ],
    "one and NULLs": ["a"] * 20 + [None] * 180,
    "nothing": [],
}


def _rows(values: Sequence[str | None]) -> list[Row]:
    """Rows with these categories; every third is elsewhere, and of somebody who consents."""
    blank: Row = dict.fromkeys(COLUMNS)
    return [
        {
            **blank,
            "subject": f"s{place}",
            "region": "city/b" if place % 3 == 0 else "city/a",
            "category": value,
            "consent": place % 3 == 0,
        }
        for place, value in enumerate(values)
    ]


def test_spark_finds_what_the_embedded_engine_finds(
    source: SparkSource, lake: Files, make_lake_contract: Callable[..., DataContract]
) -> None:
    contract = make_lake_contract("counted")
    files = replace(contract, source=SourceSpec(SourceKind.PARQUET, "counted/"), digest="counted by the other")
    found: dict[tuple[str, str], bool] = {}
    for share, values in SHARES.items():
        lake.fill("counted", _rows(values))
        with closing(DuckDBSource(lake.folder)) as embedded:
            for name, scope in SCOPES.items():
                known = embedded.guessable(files, "category", scope)
                assert source.guessable(contract, "category", scope) == known, (share, name)
                found[share, name] = known
    # that both said the same is worth something where it is not always the same
    assert found["two values", "everything"]
    assert not found["a value each", "everything"]
    assert found["two values of those who consent", "who consents"]
    assert not found["two values of those who consent", "a region"]
