"""Exports by a real Spark: the very rows of an extract, as files, once they are on record and never before."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from io import BytesIO
from itertools import combinations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.kernels.tags import TAG_BYTES
from gateway.model.filter import Condition, Operator
from gateway.model.record import Outcome
from tests.integration.exports.register import asked, bag, exported, given, streamed
from tests.integration.house import House


def tags_of(house: House, entry: int) -> Counter[bytes]:
    """The subjects in the manifest of a disclosure."""
    tokens = b"".join(tokens for index, _, tokens in house.audit.manifests if index == entry)
    return Counter(tokens[place : place + TAG_BYTES] for place in range(0, len(tokens), TAG_BYTES))


@pytest.mark.parametrize(
    ("disclosure", "filters", "region"),
    [
        ("treated", (), ""),
        ("standing", (), ""),
        ("treated", (Condition("sex", Operator.EQUAL, ("F",)),), "hangzhou/xihu"),
        ("treated", (Condition("community", Operator.IN, ("nowhere",)),), ""),
        (
            "treated",
            (Condition("sex", Operator.IN, ("M", "nothing")), Condition("firm_code", Operator.GREATER, ("5",))),
            "",
        ),
    ],
    ids=["all", "standing", "region", "none", "several"],
)
def test_an_export_has_the_very_rows_of_an_extract(
    exporting: House, disclosure: str, filters: tuple[Condition, ...], region: str
) -> None:
    request = asked(disclosure=disclosure, filters=filters)
    request = replace(request, context=replace(request.context, region=region))
    expected = streamed(exporting, request)
    begun, ended = exporting.audit.records[-2:]
    export = exported(exporting, request)
    files = [given(exporting, request, export, number) for number in range(len(export.files))]
    tables = [pq.read_table(BytesIO(data)) for data in files]
    found = pa.concat_tables(tables) if tables else expected.slice(0, 0)
    assert found.schema.equals(expected.schema)
    assert bag(found) == bag(expected)
    assert export.rows == expected.num_rows
    for told, data, table in zip(export.files, files, tables, strict=True):
        assert (told.bytes, told.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert told.rows == table.num_rows
    started, completed = exporting.audit.records[2:4]
    assert (started.outcome, completed.outcome) == (Outcome.STARTED, Outcome.COMPLETED)
    same = ("fields", "obligations", "data_version", "grant", "filtered_on", "noise_waived", "policy_digest", "region")
    assert [getattr(started, name) for name in same] == [getattr(begun, name) for name in same]
    assert (completed.rows, completed.completes) == (ended.rows, export.opened.entry)
    streams = {index for index, _, _ in exporting.audit.manifests} - {export.opened.entry}
    assert tags_of(exporting, export.opened.entry) == sum((tags_of(exporting, one) for one in streams), Counter())


def test_where_a_row_stands_tells_nothing_of_where_it_stood(exporting: House, register: pa.Table) -> None:
    request = asked(fields=("sex", "community", "firm_code"))
    orders = [register.select(["sex", "firm_code", "community"]).slice(0, 1000).to_pylist()]
    for _ in range(2):
        export = exported(exporting, request)
        first = pq.read_table(BytesIO(given(exporting, request, export, 0)))
        orders.append(first.select(["sex", "firm_code", "community"]).slice(0, 1000).to_pylist())
    for one, other in combinations(orders, 2):
        # so few rows of a thousand stand where they stood by chance that more are no chance: 1.4 % are alike anyhow
        assert sum(a == b for a, b in zip(one, other, strict=True)) < 200
